// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch.h"

#include <errno.h>
#include <linux/capability.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <unistd.h>

#include <algorithm>

#include "base/path.h"
#include "base/sys.h"
#include "namespaces/id_map.h"
#include "runtime/console.h"
#include "runtime/reaper.h"

namespace crunlite::runtime {
namespace {

constexpr unsigned kFirstFreeFd = 3;
constexpr int kFailedStatus = 125;

// "oom_score_adj" of this process through the host's /proc: nothing there is the container's.
Status write_oom_score(const ProcessPlan& plan, int proc) {
  if (!plan.oom_score_adj.has_value()) return {};
  const std::string self = TRY(sys::readlinkat(proc, "self"), "/proc/self");
  UniqueFd file = TRY(sys::openat2(proc, cat(self, "/oom_score_adj").c_str(), O_WRONLY,
                                   RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS),
                      "process.oomScoreAdj");
  return in_context(sys::write_all(file.get(), cat(*plan.oom_score_adj)),
                    "process.oomScoreAdj: set ", *plan.oom_score_adj);
}

// While we have the rights to; lower limits wait for set_rlimits, since they could stop ourselves.
Status raise_hard_limits(const ProcessPlan& plan) {
  for (const RlimitPlan& limit : plan.rlimits) {
    struct rlimit present = TRY(sys::getrlimit(limit.resource), limit.field);
    if (limit.value.rlim_max <= present.rlim_max) continue;
    present.rlim_max = limit.value.rlim_max;
    TRY(sys::setrlimit(limit.resource, present), limit.field);
  }
  return {};
}

Status set_rlimits(const ProcessPlan& plan) {
  for (const RlimitPlan& limit : plan.rlimits) {
    TRY(sys::setrlimit(limit.resource, limit.value), limit.field);
  }
  return {};
}

// What the program inherits as its standard streams, its user must be able to open again through
// /proc/self/fd; files of the host are left as they are.
void give_streams_to(uid_t uid) {
  for (int fd = 0; fd <= 2; fd++) {
    const Result<struct stat> info = sys::fstat(fd);
    if (!info.has_value() || info->st_uid == uid) continue;
    if (!S_ISFIFO(info->st_mode) && !S_ISSOCK(info->st_mode)) continue;
    (void)sys::fchownat(fd, "", uid, static_cast<gid_t>(-1), AT_EMPTY_PATH);  // best effort
  }
}

Status set_groups(const ProcessPlan& plan) {
  const oci::User& user = plan.user;
  if (plan.attributes.keeps_groups) return {};
  const std::vector<gid_t> groups(user.additional_gids.begin(), user.additional_gids.end());
  Status set = sys::setgroups(groups);
  if (set.has_value() || !groups.empty()) {
    return in_context(std::move(set), "process.user.additionalGids");
  }
  // A user namespace of an ordinary user forbids setgroups(2); nothing was asked for.
  return set.error().errnum == EPERM ? Status() : set;
}

Status set_identity(const ProcessPlan& plan) {
  if (plan.capabilities.has_value()) {
    TRY(drop_bounding(*plan.capabilities));
  } else {
    TRY(drop_bounding({}));
  }
  TRY(set_groups(plan));
  TRY(sys::setresgid(plan.user.gid), "process.user.gid: ", plan.user.gid);
  // The permitted set must outlive the change of ids, until the wanted sets are set.
  TRY(sys::prctl(PR_SET_KEEPCAPS, 1));
  TRY(sys::setresuid(plan.user.uid), "process.user.uid: ", plan.user.uid);
  TRY(sys::prctl(PR_SET_KEEPCAPS, 0));
  return {};
}

// The namespace's only user is the one of the outer namespace that we are, whoever that is called
// inside.
Status enter_inner_user_namespace(const namespaces::IdMaps& maps, int proc) {
  TRY(sys::unshare(CLONE_NEWUSER), "unshare the user namespace");
  const std::string self = TRY(sys::readlinkat(proc, "self"), "/proc/self");
  TRY(write_existing(proc, cat(self, "/setgroups"), "deny"), "/proc/self/setgroups");
  TRY(write_existing(proc, cat(self, "/uid_map"), namespaces::id_map_text(maps.uids)),
      "process.user.uid");
  return in_context(write_existing(proc, cat(self, "/gid_map"), namespaces::id_map_text(maps.gids)),
                    "process.user.gid");
}

// A path of the host may have come in through a descriptor (CVE-2024-21626): the kernel says so.
Status check_working_directory(const std::string& cwd) {
  const Result<std::string> where = sys::getcwd();
  if (where.has_value() && where->starts_with('/')) return {};
  return fail(Kind::kInvalid, "process.cwd: ", quote(cwd), " is outside of the container");
}

Status enter_working_directory(const std::string& cwd) {
  TRY(sys::chdir(cwd.c_str()), "process.cwd: ", quote(cwd));
  return check_working_directory(cwd);
}

// The program starts as if nobody had been before it.
void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  (void)sys::sigprocmask(SIG_SETMASK, none);  // cannot fail with these arguments
  for (int number = 1; number < NSIG; number++) ::signal(number, SIG_DFL);
}

// All but the descriptors that were to be kept are closed by execve.
Status close_other_fds(int preserve_fds) {
  const unsigned first = kFirstFreeFd + static_cast<unsigned>(preserve_fds);
  TRY(sys::close_range(first, ~0U, CLOSE_RANGE_CLOEXEC), "close descriptors");
  for (unsigned fd = kFirstFreeFd; fd < first; fd++) {
    TRY(sys::set_cloexec(static_cast<int>(fd), false), "--preserve-fds: descriptor ", fd);
  }
  return {};
}

// Without no_new_privs only CAP_SYS_ADMIN may load a filter or enter a Landlock domain. It is kept
// until then, so that both come last and judge no system call of ours but those that drop it again.
CapabilitySets capabilities_until_filter(const ProcessPlan& plan) {
  CapabilitySets sets = plan.capabilities.value_or(CapabilitySets{});
  const bool loads = !plan.seccomp.program.empty() || plan.attributes.landlock.has_value();
  if (plan.no_new_privileges || !loads) return sets;
  constexpr uint64_t kSysAdmin = uint64_t{1} << CAP_SYS_ADMIN;
  sets.permitted |= kSysAdmin;
  sets.effective |= kSysAdmin;
  return sets;
}

Status set_filter(const ProcessPlan& plan, const SeccompAgent& agent) {
  if (plan.seccomp.program.empty()) return {};
  if (plan.seccomp.notifies) return load_notifying_filter(plan.seccomp, agent);
  return in_context(sys::seccomp_set_filter(plan.seccomp.program, plan.seccomp.flags),
                    "linux.seccomp: load");
}

Status load_filter(const ProcessPlan& plan, const SeccompAgent& agent) {
  if (plan.no_new_privileges) TRY(sys::prctl(PR_SET_NO_NEW_PRIVS, 1), "process.noNewPrivileges");
  const std::optional<LandlockPlan>& landlock = plan.attributes.landlock;
  if (landlock.has_value()) {
    TRY(enter_landlock(*landlock), "annotations[\"", kLandlockAnnotation, "\"]");
  }
  if (plan.seccomp.program.empty() && !landlock.has_value()) return {};
  TRY(set_filter(plan, agent));
  if (plan.no_new_privileges) return {};
  return apply_capabilities(plan.capabilities.value_or(CapabilitySets{}));
}

// What process 1 and the program's child of it share until the program is executed.
struct ProgramStart {
  const ProcessPlan& plan;
  const Executable& executable;
  const oci::Strings& env;
  bool is_traced = false;
  Error error = {};
};

int start_program(void* argument) {
  auto& start = *static_cast<ProgramStart*>(argument);
  start.is_traced = ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0;
  Status status = sys::execve(start.executable.path.c_str(), start.plan.args, start.env);
  start.error = exec_error(start.plan.args[0], status.error().errnum);
  return kFailedStatus;
}

// Process 1 stays, under the same filter, and ends as the program does.
Error execute_below_reaper(const ProcessPlan& plan, const Executable& executable,
                           const oci::Strings& env, const SeccompAgent& agent) {
  Status ready = load_filter(plan, agent);
  if (!ready.has_value()) return ready.error();
  ProgramStart start{.plan = plan, .executable = executable, .env = env};
  const Result<pid_t> program = sys::clone_vfork(start_program, &start);
  if (!program.has_value()) {
    return with_context(program.error(), "start the program below process 1");
  }
  if (!start.error.message.empty()) return start.error;
  // Under a tracer of ours nobody else may trace; then the file is at least busy while we live.
  if (start.is_traced && !admit_program(*program)) {
    Error error = exec_error(plan.args[0], EACCES);
    error.message.append(": it is this runtime's own program");
    return error;
  }
  reap_until_end_of(*program);
}

Status prepare_streams(const ProcessPlan& plan, int slave) {
  if (slave >= 0) return take_console(slave, plan.user.uid);
  give_streams_to(plan.user.uid);
  return {};
}

}  // namespace

Status close_all_but(const ProcessPlan& plan, std::vector<int> kept) {
  std::sort(kept.begin(), kept.end());
  unsigned next = kFirstFreeFd + static_cast<unsigned>(plan.preserve_fds);
  for (int fd : kept) {
    const auto number = static_cast<unsigned>(fd);
    if (fd < 0 || number < next) continue;
    if (number > next) TRY(sys::close_range(next, number - 1, 0), "close descriptors");
    next = number + 1;
  }
  return in_context(sys::close_range(next, ~0U, 0), "close descriptors");
}

Result<Executable> become_user(const ProcessPlan& plan, UniqueFd proc, int slave) {
  TRY(write_oom_score(plan, proc.get()));
  TRY(sys::setsid(), "new session");
  TRY(prepare_streams(plan, slave));
  TRY(raise_hard_limits(plan));
  TRY(set_attributes(plan.attributes, proc.get()));
  // With the rights of the container's root, and if that is not enough with those of the user.
  const bool entered = enter_working_directory(plan.cwd).has_value();
  if (plan.inner_ids.has_value()) TRY(enter_inner_user_namespace(*plan.inner_ids, proc.get()));
  proc.reset();
  TRY(set_identity(plan));
  if (!entered) TRY(enter_working_directory(plan.cwd));
  TRY(apply_capabilities(capabilities_until_filter(plan)));
  // Before we wait for the start: a parent that died earlier is noticed there. Changes of ids clear
  // it, so after them.
  if (plan.dies_with_parent) TRY(sys::prctl(PR_SET_PDEATHSIG, SIGKILL));
  if (plan.user.umask.has_value()) ::umask(*plan.user.umask);
  Executable executable = TRY(find_executable(plan.args[0], plan.env));
  executable.home = find_home(plan.user.uid, plan.env);
  return executable;
}

Error execute(const ProcessPlan& plan, const Executable& executable, const SeccompAgent& agent) {
  reset_signals();
  Status closed = close_other_fds(plan.preserve_fds);
  if (!closed.has_value()) return closed.error();
  Status limited = set_rlimits(plan);
  if (!limited.has_value()) return limited.error();
  oci::Strings env = plan.env;
  if (!executable.home.empty()) env.push_back(executable.home);
  if (plan.has_reaper) return execute_below_reaper(plan, executable, env, agent);
  Status ready = load_filter(plan, agent);
  if (!ready.has_value()) return ready.error();
  // Found above; the kernel has the last word.
  Status status = sys::execve(executable.path.c_str(), plan.args, env);
  return exec_error(plan.args[0], status.error().errnum);
}

}  // namespace crunlite::runtime
