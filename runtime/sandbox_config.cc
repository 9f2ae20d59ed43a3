// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_config.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "oci/default_config.h"
#include "oci/seccomp_profile.h"

namespace crunlite::runtime {
namespace {

constexpr std::string_view kHostname = "sandbox";
constexpr uint32_t kTtyGroup = 5;
constexpr std::string_view kResolvConf = "/etc/resolv.conf";

bool has_id(const std::vector<IdRange>& ranges, uint32_t id) {
  return std::any_of(ranges.begin(), ranges.end(), [id](const IdRange& range) {
    return id >= range.first && id - range.first < range.size;
  });
}

// What an image says about its process; nullptr without one.
const oci::Process* image_process(const SandboxFacts& facts) {
  if (!facts.image.has_value() || !facts.image->process.has_value()) return nullptr;
  return &*facts.image->process;
}

// Who runs the command.
Result<oci::ResolvedUser> choose_user(const SandboxFacts& facts) {
  const SandboxOptions& options = facts.options;
  const SandboxHost& host = facts.host;
  oci::ResolvedUser user;
  if (!options.user.empty()) {
    user = TRY(oci::resolve_user(options.user, facts.users), "--user");
  } else if (options.source == SandboxSource::kHost) {
    user.uid = host.uid;
    user.gid = host.gid;
    user.home = host.variable("HOME");
  } else if (const oci::Process* image = image_process(facts)) {
    const oci::User& wanted = image->user;
    user = oci::resolve_user(cat(wanted.uid), facts.users).value_or(oci::ResolvedUser());
    user.uid = wanted.uid;
    user.gid = wanted.gid;
    user.additional_gids = wanted.additional_gids;
  } else {
    user = TRY(oci::resolve_user("0", facts.users));
  }
  if (has_single_id(host)) {
    user.additional_gids.clear();  // there is one group alone
  } else if (!has_id(host.uids, user.uid) || !has_id(host.gids, user.gid)) {
    return fail(Kind::kInvalid, "--user: ", user.uid, ":", user.gid,
                " is not in this user namespace");
  }
  return user;
}

void set_variable(oci::Strings& env, std::string_view name, std::string_view value) {
  std::erase_if(env, [name](const std::string& entry) {
    return entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=';
  });
  env.push_back(cat(name, "=", value));
}

void set_default(oci::Strings& env, std::string_view name, std::string_view value) {
  if (!find_variable(env, name).has_value()) set_variable(env, name, value);
}

oci::Strings make_env(const SandboxFacts& facts, const oci::ResolvedUser& user) {
  const SandboxHost& host = facts.host;
  oci::Strings env;
  if (const oci::Process* image = image_process(facts)) env = image->env;
  const bool is_host = facts.options.source == SandboxSource::kHost;
  if (is_host && !host.variable("PATH").empty()) set_default(env, "PATH", host.variable("PATH"));
  set_default(env, "PATH", oci::kDefaultPath.substr(oci::kDefaultPath.find('=') + 1));
  set_default(env, "HOME", user.home.empty() ? "/" : user.home);
  const std::string term = host.variable("TERM");
  if (!term.empty() || facts.options.terminal) {
    set_default(env, "TERM", term.empty() ? "xterm" : term);
  }
  for (const std::string& entry : facts.options.env) {
    const size_t equals = entry.find('=');
    const std::string_view name = std::string_view(entry).substr(0, equals);
    if (equals != std::string::npos) {
      set_variable(env, name, std::string_view(entry).substr(equals + 1));
    } else if (const auto value = find_variable(host.env, name)) {
      set_variable(env, name, *value);
    }
  }
  return env;
}

// The caller's directory, unless the sandbox has another one in its place.
std::string choose_workdir(const SandboxFacts& facts) {
  const SandboxOptions& options = facts.options;
  if (!options.workdir.empty()) return options.workdir;
  const oci::Process* image = image_process(facts);
  if (image != nullptr && !image->cwd.empty()) return image->cwd;
  const std::string& cwd = facts.host.cwd;
  const bool is_bound =
      std::any_of(options.binds.begin(), options.binds.end(), [&](const SandboxBind& bind) {
        return is_within(cwd, bind.destination) && bind.source == bind.destination;
      });
  const bool is_visible = options.source == SandboxSource::kHost && !is_fresh(cwd);
  return is_bound || is_visible ? cwd : "/";
}

Result<oci::Process> make_process(const SandboxFacts& facts) {
  const SandboxOptions& options = facts.options;
  const oci::ResolvedUser user = TRY(choose_user(facts));
  oci::Process process;
  process.terminal = options.terminal;
  process.args = options.args;
  const oci::Process* image = image_process(facts);
  if (process.args.empty() && image != nullptr) process.args = image->args;
  if (process.args.empty()) return fail(Kind::kInvalid, "no command is given");
  process.user = {
      .uid = user.uid, .gid = user.gid, .umask = {}, .additional_gids = user.additional_gids};
  process.env = make_env(facts, user);
  process.cwd = choose_workdir(facts);
  process.capabilities = oci::capabilities_of(oci::image_capabilities());
  process.no_new_privileges = true;
  return process;
}

bool is_device(const FileSeen& file) { return S_ISCHR(file.mode) || S_ISBLK(file.mode); }

oci::Mount mount_of(const SandboxBind& bind, const FileView& files) {
  oci::Mount mount{.destination = bind.destination,
                   .type = "bind",
                   .source = bind.source,
                   .options = {"rbind", "rnosuid"}};
  if (!bind.is_writable) mount.options.emplace_back("rro");
  if (!is_device(files.look(bind.source))) mount.options.emplace_back("rnodev");
  return mount;
}

// proc, dev and what lies in it, sys.
void add_kernel_mounts(const SandboxFacts& facts, std::vector<oci::Mount>& mounts) {
  const bool has_user_namespace = needs_user_namespace(facts.host);
  for (oci::Mount& mount : oci::default_mounts()) {
    if (mount.type == "cgroup" && (!facts.options.limits.any() || has_user_namespace)) continue;
    const bool has_tty_group = !has_single_id(facts.host) && has_id(facts.host.gids, kTtyGroup);
    // Whatever nodes the command makes are dead, there and everywhere; ours are bound.
    if (mount.destination == "/dev") mount.options.emplace_back("nodev");
    if (mount.type == "devpts" && !has_tty_group) std::erase(mount.options, "gid=5");
    if (mount.type == "sysfs" && facts.options.host_network && has_user_namespace) {
      // A sysfs of one's own needs a network namespace of one's own.
      mount = {"/sys", "bind", "/sys", {"rbind", "rnosuid", "rnoexec", "rnodev", "rro"}};
    }
    mounts.push_back(std::move(mount));
  }
}

void add_fresh_directories(std::vector<oci::Mount>& mounts) {
  const auto add = [&mounts](std::string_view destination, std::string_view mode) {
    mounts.push_back({.destination = std::string(destination),
                      .type = "tmpfs",
                      .source = "tmpfs",
                      .options = {"nosuid", "nodev", cat("mode=", mode)}});
  };
  add("/run", "755");
  add("/tmp", "1777");
  add("/var/tmp", "1777");
}

// Names are resolved in the sandbox as on the host.
void add_name_resolution(const SandboxFacts& facts, SandboxPlan& plan) {
  const std::string& resolv_conf = facts.host.resolv_conf;
  if (!facts.options.host_network || resolv_conf.empty()) return;
  if (facts.options.source != SandboxSource::kHost) {
    using Type = CopiedEntry::Type;
    plan.layer.entries.push_back({.type = Type::kReplaced, .path = std::string(kResolvConf)});
    plan.layer.entries.push_back({.type = Type::kReplaced, .path = "/etc/hosts"});
  } else if (is_fresh(resolv_conf)) {
    const SandboxBind bind{.source = resolv_conf, .destination = resolv_conf};
    plan.config.mounts.push_back(mount_of(bind, facts.files));
  }
}

oci::Resources make_resources(const SandboxFacts& facts) {
  constexpr uint64_t kPeriodUs = 100'000;
  constexpr uint64_t kMillion = 1'000'000;
  const SandboxLimits& limits = facts.options.limits;
  oci::Resources resources;
  resources.devices = {oci::deny_all_devices()};
  for (const SandboxBind& bind : facts.options.binds) {
    const FileSeen file = facts.files.look(bind.source);
    if (!is_device(file)) continue;
    resources.devices.push_back({.allow = true,
                                 .type = S_ISCHR(file.mode) ? "c" : "b",
                                 .major = major(file.device),
                                 .minor = minor(file.device),
                                 .access = bind.is_writable ? "rw" : "r"});
  }
  if (limits.memory_bytes) resources.memory.emplace().limit = limits.memory_bytes;
  if (limits.cpu_millionths) {
    oci::Cpu& cpu = resources.cpu.emplace();
    cpu.period = kPeriodUs;
    cpu.quota = static_cast<int64_t>(*limits.cpu_millionths / (kMillion / kPeriodUs));
  }
  // Process 1, which is ours, does not count.
  if (limits.processes) resources.pids.emplace().limit = *limits.processes + 1;
  return resources;
}

std::vector<oci::IdMapping> identity(const std::vector<IdRange>& ranges) {
  std::vector<oci::IdMapping> maps;
  for (const IdRange& range : ranges) maps.push_back({range.first, range.first, range.size});
  return maps;
}

void add_user_namespace(const SandboxFacts& facts, const oci::User& user, oci::Linux& os,
                        std::optional<namespaces::IdMaps>& inner_ids) {
  os.namespaces.push_back({"user", ""});
  if (!has_single_id(facts.host)) {
    os.uid_mappings = identity(facts.host.uids);
    os.gid_mappings = identity(facts.host.gids);
    return;
  }
  // Root there is the caller: a devpts needs a root.
  os.uid_mappings = {{.container_id = 0, .host_id = facts.host.uid, .size = 1}};
  os.gid_mappings = {{.container_id = 0, .host_id = facts.host.gid, .size = 1}};
  if (user.uid == 0 && user.gid == 0) return;
  inner_ids = {.uids = {{.container_id = user.uid, .host_id = 0, .size = 1}},
               .gids = {{.container_id = user.gid, .host_id = 0, .size = 1}}};
}

oci::Linux make_linux(const SandboxFacts& facts, const oci::User& user,
                      std::optional<namespaces::IdMaps>& inner_ids) {
  oci::Linux os;
  os.namespaces = {{"pid", ""}, {"ipc", ""}, {"uts", ""}, {"mount", ""}, {"cgroup", ""}};
  if (!facts.options.host_network) os.namespaces.push_back({"network", ""});
  os.resources = make_resources(facts);
  os.masked_paths = oci::default_masked_paths();
  os.readonly_paths = oci::default_readonly_paths();
  if (needs_user_namespace(facts.host)) add_user_namespace(facts, user, os, inner_ids);
  return os;
}

std::string root_path(const SandboxFacts& facts) {
  if (facts.image.has_value() && facts.image->root.has_value()) return facts.image->root->path;
  return facts.options.source == SandboxSource::kDirectory ? facts.options.name : "/";
}

}  // namespace

bool needs_users(const SandboxOptions& options) {
  return !options.user.empty() || options.source != SandboxSource::kHost;
}

oci::Seccomp sandbox_seccomp() {
  oci::Seccomp profile = oci::default_seccomp(oci::image_capabilities());
  const auto is_about_clone = [](const oci::SeccompSyscall& rule) {
    return rule.names == oci::Strings{"clone"} || rule.names == oci::Strings{"clone3"};
  };
  std::erase_if(profile.syscalls, is_about_clone);
  profile.syscalls.push_back(
      {.names = {"clone",     "clone3",         "fsconfig",   "fsmount",       "fsopen",
                 "fspick",    "listmount",      "mount",      "mount_setattr", "move_mount",
                 "open_tree", "open_tree_attr", "pivot_root", "setdomainname", "sethostname",
                 "setns",     "statmount",      "umount",     "umount2",       "unshare"},
       .action = "SCMP_ACT_ALLOW",
       .errno_ret = {},
       .args = {}});
  return profile;
}

Result<SandboxPlan> plan_sandbox(SandboxFacts facts) {
  SandboxPlan plan;
  oci::Config& config = plan.config;
  config.oci_version = oci::kOciVersion;
  oci::Process process = TRY(make_process(facts));
  config.linux_ = make_linux(facts, process.user, plan.inner_ids);
  config.process = std::move(process);
  config.root = oci::Root{.path = root_path(facts), .readonly = false};
  if (facts.options.source != SandboxSource::kHost) config.hostname = kHostname;
  plan.layer = std::move(facts.layers.layer);
  config.mounts = std::move(facts.layers.mounts);
  add_kernel_mounts(facts, config.mounts);
  add_fresh_directories(config.mounts);
  for (const SandboxBind& bind : facts.options.binds) {
    config.mounts.push_back(mount_of(bind, facts.files));
  }
  add_name_resolution(facts, plan);
  return plan;
}

}  // namespace crunlite::runtime
