// SPDX-License-Identifier: Apache-2.0
// Verbs that report what the process is: ids, capabilities, limits, namespaces, mounts.
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/text.h"
#include "tests/guest/verbs.h"

extern char** environ;

namespace crunlite::guest {
namespace {

int report_ids(const Call& call) {
  uid_t uid[3] = {};
  gid_t gid[3] = {};
  (void)::getresuid(&uid[0], &uid[1], &uid[2]);
  (void)::getresgid(&gid[0], &gid[1], &gid[2]);
  std::vector<gid_t> groups(65536);
  int count = ::getgroups(static_cast<int>(groups.size()), groups.data());
  std::string list = "[";
  for (int i = 0; i < count; i++) list += cat(i > 0 ? "," : "", groups[static_cast<size_t>(i)]);
  mode_t mask = ::umask(0);
  (void)::umask(mask);
  Line(call)
      .raw("uids", cat("[", uid[0], ",", uid[1], ",", uid[2], "]"))
      .raw("gids", cat("[", gid[0], ",", gid[1], ",", gid[2], "]"))
      .raw("groups", list + "]")
      .number("umask", mask)
      .write();
  return kGoOn;
}

// The value after "Name:" in /proc/self/status.
std::string status_field(std::string_view status, std::string_view name) {
  for (std::string_view line : split(status, '\n')) {
    if (line.starts_with(cat(name, ":"))) return std::string(trim(line.substr(name.size() + 1)));
  }
  return "";
}

int report_caps(const Call& call) {
  std::string status = slurp("/proc/self/status");
  Line line(call);
  line.text("inheritable", status_field(status, "CapInh"))
      .text("permitted", status_field(status, "CapPrm"))
      .text("effective", status_field(status, "CapEff"))
      .text("bounding", status_field(status, "CapBnd"))
      .text("ambient", status_field(status, "CapAmb"))
      .text("seccomp", status_field(status, "Seccomp"))
      .number("no_new_privs", ::prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))
      .number("securebits", ::prctl(PR_GET_SECUREBITS, 0, 0, 0, 0))
      .number("dumpable", ::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
  line.write();
  return kGoOn;
}

int report_status(const Call& call) {
  std::string status = slurp("/proc/self/status");
  Line line(call);
  for (std::string_view item : split(status, '\n')) {
    size_t colon = item.find(':');
    if (colon == std::string_view::npos) continue;
    line.text(item.substr(0, colon), trim(item.substr(colon + 1)));
  }
  line.write();
  return kGoOn;
}

constexpr std::pair<const char*, int> kLimits[] = {
    {"AS", RLIMIT_AS},           {"CORE", RLIMIT_CORE},         {"CPU", RLIMIT_CPU},
    {"DATA", RLIMIT_DATA},       {"FSIZE", RLIMIT_FSIZE},       {"LOCKS", RLIMIT_LOCKS},
    {"MEMLOCK", RLIMIT_MEMLOCK}, {"MSGQUEUE", RLIMIT_MSGQUEUE}, {"NICE", RLIMIT_NICE},
    {"NOFILE", RLIMIT_NOFILE},   {"NPROC", RLIMIT_NPROC},       {"RSS", RLIMIT_RSS},
    {"RTPRIO", RLIMIT_RTPRIO},   {"RTTIME", RLIMIT_RTTIME},     {"SIGPENDING", RLIMIT_SIGPENDING},
    {"STACK", RLIMIT_STACK}};

std::string limit_text(rlim_t value) { return value == RLIM_INFINITY ? "unlimited" : cat(value); }

int report_rlimits(const Call& call) {
  Line line(call);
  for (auto [name, resource] : kLimits) {
    struct rlimit limit{};
    (void)::getrlimit(static_cast<__rlimit_resource>(resource), &limit);
    line.text(name, cat(limit_text(limit.rlim_cur), " ", limit_text(limit.rlim_max)));
  }
  line.write();
  return kGoOn;
}

int report_cwd(const Call& call) {
  char buffer[4096] = "";
  const char* path = ::getcwd(buffer, sizeof buffer);
  Line(call).outcome(path == nullptr ? -1 : 0).text("path", path == nullptr ? "" : path).write();
  return kGoOn;
}

int report_env(const Call& call) {
  std::vector<std::string> variables;
  for (char** item = environ; item != nullptr && *item != nullptr; item++) {
    variables.emplace_back(*item);
  }
  Line(call).texts("list", variables).write();
  return kGoOn;
}

// What follows belongs to the report: tests that "," and the like pass unchanged put "--" first.
int report_args(const Call& call) {
  std::vector<std::string> words(call.args.begin(), call.args.end());
  Call plain{call.verb, {}};
  Line(plain).texts("list", words).write();
  return kGoOn;
}

int report_uts(const Call& call) {
  struct utsname name{};
  (void)::uname(&name);
  Line(call).text("hostname", name.nodename).text("domainname", name.domainname).write();
  return kGoOn;
}

int report_namespaces(const Call& call) {
  Line line(call);
  for (const char* kind : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
    line.text(kind, read_link(cat("/proc/self/ns/", kind).c_str()));
  }
  line.write();
  return kGoOn;
}

std::string mount_json(const std::vector<std::string_view>& fields, size_t dash) {
  std::string optional;
  for (size_t i = 6; i < dash; i++) optional += cat(i > 6 ? " " : "", fields[i]);
  return cat("{\"root\":", json_quote(fields[3]), ",\"destination\":", json_quote(fields[4]),
             ",\"options\":", json_quote(fields[5]), ",\"propagation\":", json_quote(optional),
             ",\"type\":", json_quote(fields[dash + 1]),
             ",\"source\":", json_quote(fields[dash + 2]),
             ",\"super\":", json_quote(fields[dash + 3]), "}");
}

int report_mounts(const Call& call) {
  std::string table = slurp("/proc/self/mountinfo");
  std::string list = "[";
  for (std::string_view row : split(table, '\n')) {
    std::vector<std::string_view> fields = split(row, ' ');
    size_t dash = 6;
    while (dash < fields.size() && fields[dash] != "-") dash++;
    if (dash + 3 >= fields.size()) continue;
    if (list.size() > 1) list.push_back(',');
    list += mount_json(fields, dash);
  }
  Line(call).raw("list", list + "]").write();
  return kGoOn;
}

int report_fds(const Call& call) {
  std::string table = "{";
  for (const std::string& name : names_in("/proc/self/fd")) {
    std::string target = read_link(cat("/proc/self/fd/", name).c_str());
    if (target.empty()) continue;  // the directory that was listed
    if (table.size() > 1) table.push_back(',');
    table += cat(json_quote(name), ":", json_quote(target));
  }
  Line(call).raw("table", table + "}").write();
  return kGoOn;
}

int report_pids(const Call& call) {
  Line(call)
      .number("pid", ::getpid())
      .number("ppid", ::getppid())
      .number("pgid", ::getpgid(0))
      .number("sid", ::getsid(0))
      .write();
  return kGoOn;
}

// Every process of this pid namespace: pid and command.
int report_processes(const Call& call) {
  std::vector<std::string> list;
  for (const std::string& name : names_in("/proc")) {
    if (!parse_number<int>(name).has_value()) continue;
    std::string words = slurp(cat("/proc/", name, "/cmdline").c_str());
    for (char& c : words) {
      if (c == '\0') c = ' ';
    }
    list.push_back(cat(name, " ", trim(words)));
  }
  Line(call).texts("list", list).write();
  return kGoOn;
}

constexpr Verb kVerbs[] = {
    {"ids", report_ids, "user, groups, umask"},
    {"caps", report_caps, "five capability sets, no_new_privs, seccomp mode"},
    {"status", report_status, "/proc/self/status"},
    {"rlimits", report_rlimits, "all resource limits, soft and hard"},
    {"cwd", report_cwd, "working directory"},
    {"env", report_env, "environment"},
    {"args", report_args, "[--] WORD...: its own arguments"},
    {"uts", report_uts, "host and domain name"},
    {"namespaces", report_namespaces, "inodes of the namespaces"},
    {"mounts", report_mounts, "/proc/self/mountinfo"},
    {"fds", report_fds, "open descriptors"},
    {"pids", report_pids, "pid, parent, process group, session"},
    {"processes", report_processes, "all processes of the pid namespace"},
};

}  // namespace

std::span<const Verb> identity_verbs() { return kVerbs; }

}  // namespace crunlite::guest
