// SPDX-License-Identifier: Apache-2.0
#include "runtime/exec.h"

#include <errno.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>

#include <optional>

#include "base/limits.h"
#include "base/log.h"
#include "base/sys.h"
#include "cgroups/group.h"
#include "oci/config_check.h"
#include "runtime/console.h"
#include "runtime/create.h"
#include "runtime/launch.h"
#include "runtime/plan.h"
#include "runtime/sync.h"

namespace crunlite::runtime {
namespace {

constexpr int kFailedStatus = 125;

// What the joining process needs; descriptors are inherited by the clone.
struct JoinResources {
  Channel channel;
  UniqueFd init;                       // pidfd of the container's init
  UniqueFd root;                       // its root directory
  UniqueFd proc;                       // the host's /proc
  std::vector<UniqueFd> cgroup_tasks;  // v1 `tasks` files to join
  uint64_t namespaces = 0;             // CLONE_NEW* to join
  UniqueFd seccomp_agent;              // where the filter notifies
  oci::State state;                    // what it is told
};

// The child's side.
class Joiner {
 public:
  Joiner(const ProcessPlan& plan, JoinResources& resources) : plan_(plan), from_(resources) {}

  Error live() {
    Status ready = become_ready();
    if (!ready.has_value()) return ready.error();
    return execute(plan_, executable_, agent_);
  }
  void report(const Error& error) { (void)from_.channel.send_failure(error); }  // nobody else left

 private:
  Status become_ready() {
    for (UniqueFd& tasks : from_.cgroup_tasks) {
      TRY(sys::write_all(tasks.get(), "0"), "join cgroup");
    }
    from_.cgroup_tasks.clear();
    TRY(join_namespaces());
    TRY(open_terminal());
    from_.init.reset();
    from_.root.reset();
    TRY(prepare_agent());
    TRY(close_all_but(
        plan_, {from_.channel.fd(), from_.proc.get(), console_.slave.get(), agent_.socket.get()}));
    executable_ = TRY(become_user(plan_, std::move(from_.proc), console_.slave.get()));
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    TRY(from_.channel.send(Step::kReady));
    TRY(from_.channel.expect(Step::kStart, limits::kSyncTimeoutMs), "wait for the runtime");
    return {};
  }

  Status prepare_agent() {
    if (!from_.seccomp_agent.is_open()) return {};
    const std::string self = TRY(sys::readlinkat(from_.proc.get(), "self"), "/proc/self");
    agent_.message =
        agent_message(from_.state, parse_number<int>(self).value_or(0), plan_.seccomp_metadata);
    agent_.socket = std::move(from_.seccomp_agent);
    return {};
  }

  Status join_namespaces() {
    const uint64_t kinds = from_.namespaces & ~uint64_t{CLONE_NEWPID};
    if (kinds != 0) {
      TRY(sys::setns(from_.init.get(), static_cast<int>(kinds)), "join the container");
    }
    if ((kinds & CLONE_NEWUSER) != 0) {
      // Without a root in there we go on as we are, with the capabilities of the namespace.
      (void)sys::setresgid(0);
      (void)sys::setresuid(0);
    }
    // The init may have changed its root since; its descriptor was opened before.
    TRY(sys::fchdir(from_.root.get()), "enter the container's root");
    return in_context(sys::chroot("."), "enter the container's root");
  }

  Status open_terminal() {
    if (!plan_.terminal) return {};
    console_ = TRY(open_console(from_.root.get(), plan_.console_size));
    TRY(from_.channel.send(Step::kConsole, console_.master.get()));
    console_.master.reset();
    return {};
  }

  const ProcessPlan& plan_;
  JoinResources& from_;
  Console console_;
  Executable executable_;
  SeccompAgent agent_;
};

Result<ContainerState> running_state(const ExecOptions& options) {
  const StateDir dir = TRY(StateDir::open(options.root, options.id));
  ContainerState state = TRY(dir.read());
  const ContainerStatus status = TRY(status_of(dir, state));
  if (status == ContainerStatus::kRunning || status == ContainerStatus::kCreated) return state;
  if (status == ContainerStatus::kPaused && options.ignores_pause) return state;
  if (status == ContainerStatus::kPaused) {
    return fail(Kind::kConflict,
                "cannot exec in a paused container (use --ignore-paused to override)");
  }
  if (status == ContainerStatus::kStopped) {
    return fail(Kind::kConflict, "cannot exec in a stopped container");
  }
  return fail(Kind::kConflict, "cannot exec in a container in the ", oci::to_text(status),
              " state");
}

Result<ConfigFile> saved_config(const std::string& root, const std::string& id) {
  const StateDir dir = TRY(StateDir::open(root, id));
  ConfigFile file;
  file.text = TRY(dir.read_config());
  file.config = TRY(oci::parse_config(file.text), "container ", quote(id), ": saved config.json");
  return file;
}

// The parent's side.
class Joining {
 public:
  Joining(const ExecOptions& options, ProcessPlan plan)
      : options_(options), plan_(std::move(plan)) {}

  Status prepare(const ContainerState& state) {
    TRY(open_container(state));
    const StateDir dir = TRY(StateDir::open(options_.root, options_.id));
    const ConfigFile file = TRY(saved_config(options_.root, options_.id));
    const auto& linux_config = file.config.linux_;
    if (!linux_config.has_value()) return {};
    TRY(plan_container_attributes(*linux_config, file.config.annotations, plan_.attributes));
    TRY(share_core_cookie(state));
    TRY(check_kernel_has(plan_.attributes));
    if (!linux_config->seccomp.has_value()) return {};
    plan_.seccomp = TRY(compile_cached(*linux_config->seccomp, dir.root_fd()));
    plan_.seccomp_metadata = linux_config->seccomp->listener_metadata;
    resources_.seccomp_agent = TRY(connect_to_agent(*linux_config->seccomp));
    resources_.state = oci_state(state, ContainerStatus::kRunning);
    return {};
  }

  Result<ExecProcess> join(const ContainerState& state) {
    ChannelPair pair = TRY(make_channel_pair());
    channel_ = std::move(pair.parent);
    resources_.channel = std::move(pair.child);
    if ((state.namespaces & CLONE_NEWPID) != 0) {
      TRY(sys::setns(resources_.init.get(), CLONE_NEWPID), "join the pid namespace");
    }
    // Seen from inside from its first instant, it must not be looked into.
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    if (plan_.attributes.initial_processors.has_value()) {
      TRY(sys::sched_setaffinity(*plan_.attributes.initial_processors),
          "process.execCPUAffinity.initial");
    }
    TRY(clone_child(state));
    resources_ = {};
    Status done = accompany();
    if (!done.has_value()) {
      return std::unexpected(channel_.is_peer_gone() ? explain_death(child_, done.error())
                                                     : done.error());
    }
    return ExecProcess{.child = std::move(child_), .console_master = std::move(console_master_)};
  }

 private:
  Status open_container(const ContainerState& state) {
    resources_.init = TRY(open_init(state));
    resources_.root =
        TRY(sys::open(cat("/proc/", state.pid, "/root").c_str(), O_PATH | O_DIRECTORY),
            "the container's root");
    resources_.proc = TRY(sys::open("/proc", O_PATH | O_DIRECTORY), "/proc");
    resources_.namespaces = state.namespaces;
    if (!state.cgroup.has_value()) return {};
    group_.emplace(TRY(cgroups::Group::open(*state.cgroup)));
    resources_.cgroup_tasks = TRY(group_->take_join_fds());
    return {};
  }

  // The container's processes share one; the child inherits ours.
  Status share_core_cookie(const ContainerState& state) {
    if (!plan_.attributes.new_core_cookie) return {};
    plan_.attributes.new_core_cookie = false;
    return share_core_cookie_of(state.pid);
  }

  Status clone_child(const ContainerState& state) {
    const int cgroup = group_.has_value() ? group_->unified_fd() : -1;
    Status cloned = clone_into(cgroup);
    // A container that runs a manager of cgroups of its own has its processes further below.
    if (cgroup < 0 || cloned.has_value() || cloned.error().errnum != EBUSY) return cloned;
    UniqueFd inner = TRY(group_->open_cgroup_of(state.pid), "the cgroup of the container's init");
    return clone_into(inner.get());
  }

  Status clone_into(int cgroup) {
    sys::Clone3 options;
    if (cgroup >= 0) {
      options.flags = CLONE_INTO_CGROUP;
      options.cgroup_fd = cgroup;
    }
    sys::Cloned cloned = TRY(sys::clone3(options), "clone a process into the container");
    if (cloned.pid == 0) {
      channel_.close();
      run_child();
    }
    child_ = Child(cloned.pid, std::move(cloned.pidfd));
    return {};
  }

  [[noreturn]] void run_child() noexcept {
    Joiner joiner(plan_, resources_);
    const Error error = joiner.live();
    joiner.report(error);
    sys::exit_child(kFailedStatus);
  }

  Status accompany() {
    if (plan_.terminal) TRY(take_console());
    TRY(channel_.expect(Step::kReady, ready_timeout_ms()));
    if (!options_.pid_file.empty()) TRY(write_pid_file(options_.pid_file, child_.pid()));
    Status started = channel_.send(Step::kStart);
    if (started.has_value()) started = channel_.expect_end(limits::kStartTimeoutMs);
    // The file would name a process that is no more.
    if (!started.has_value() && !options_.pid_file.empty()) {
      (void)sys::unlinkat(AT_FDCWD, options_.pid_file.c_str(), 0);
    }
    return started;
  }

  // Born into a frozen cgroup, the process does nothing until that is thawed.
  [[nodiscard]] int ready_timeout_ms() const {
    return options_.ignores_pause ? -1 : limits::kSyncTimeoutMs;
  }

  Status take_console() {
    Message message = TRY(channel_.expect(Step::kConsole, ready_timeout_ms()));
    if (!message.fd.is_open()) return fail(Kind::kBug, "the terminal did not come along");
    if (!options_.console_socket.empty()) {
      return send_console(options_.console_socket, message.fd.get());
    }
    follow_window_size(message.fd.get());
    console_master_ = std::move(message.fd);
    return {};
  }

  const ExecOptions& options_;
  ProcessPlan plan_;
  std::optional<cgroups::Group> group_;
  JoinResources resources_;
  Channel channel_;
  Child child_;
  UniqueFd console_master_;
};

Status add_capabilities(ProcessPlan& plan, const oci::Strings& names) {
  for (const std::string& name : names) {
    if (!plan.capabilities.has_value()) plan.capabilities.emplace();
    TRY(add_capability(*plan.capabilities, name), "--cap");
  }
  return {};
}

}  // namespace

Result<oci::Process> process_template(const std::string& root, const std::string& id) {
  ConfigFile file = TRY(saved_config(root, id));
  if (!file.config.process.has_value()) {
    return fail(Kind::kInvalid, "container ", quote(id), ": saved config.json: process: missing");
  }
  return std::move(*file.config.process);
}

Result<ExecProcess> exec_process(const oci::Process& process, const ExecOptions& options) {
  const ContainerState state = TRY(running_state(options));
  TRY(oci::check_process(process));
  ProcessPlan plan = TRY(plan_process(process, "process"));
  if (!plan.terminal && !options.console_socket.empty()) {
    return fail(Kind::kInvalid, "--console-socket: the process has no terminal");
  }
  TRY(add_capabilities(plan, options.capabilities));
  if (plan.capabilities.has_value() && (state.namespaces & CLONE_NEWUSER) == 0) {
    for (const std::string& name : restrict_to(*plan.capabilities, own_bounding_set())) {
      log_warning("process.capabilities: ", name, " cannot be granted here, ignoring");
    }
  }
  plan.preserve_fds = options.preserve_fds;
  Joining joining(options, std::move(plan));
  TRY(joining.prepare(state));
  return joining.join(state);
}

}  // namespace crunlite::runtime
