// SPDX-License-Identifier: Apache-2.0
#include "runtime/create.h"

#include <errno.h>
#include <linux/magic.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "base/scope.h"
#include "base/sys.h"
#include "cgroups/hierarchy.h"
#include "namespaces/id_map.h"
#include "namespaces/net_devices.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/init.h"
#include "runtime/pidfd_receiver.h"
#include "runtime/security_modules.h"
#include "runtime/sources.h"
#include "runtime/visit.h"

namespace crunlite::runtime {
namespace {

constexpr int kFailedStatus = 125;
#ifdef __x86_64__
constexpr bool kCanShareMemory = true;
#else
constexpr bool kCanShareMemory = false;
#endif

// One birth from the parent's side; what was made is undone unless commit() is reached.
class Creation {
 public:
  Creation(const CreateOptions& options, ContainerPlan plan)
      : options_(options), plan_(std::move(plan)) {}

  Status prepare(const ConfigFile& config) {
    TRY(claim_id(config));
    TRY(compile_filter(config));
    TRY(make_cgroup());
    TRY(open_sources());
    resources_.hook_files = TRY(open_hook_files(plan_.annotations));
    TRY(open_namespaces());
    return listen_if_later();
  }

  Result<NewContainer> give_birth() {
    if (is_born_alone()) {
      TRY(bear_in_shared_memory());
      resources_ = {};
      return hand_over();
    }
    ChannelPair pair = TRY(make_channel_pair());
    channel_ = std::move(pair.parent);
    resources_.channel = std::move(pair.child);
    TRY(clone_init());
    HookFiles hook_files = std::move(resources_.hook_files);
    resources_ = {};  // init has its copies; a mount held here would outlive it
    resources_.hook_files = std::move(hook_files);
    TRY(accompany());
    return commit();
  }

 private:
  Status claim_id(const ConfigFile& config) {
    state_ = new_state(plan_, {options_.id, options_.bundle, options_.use_cgroups});
    state_.has_reaper = options_.has_reaper;
    if (options_.claimed == nullptr) {
      dir_.emplace(TRY(StateDir::create(options_.root, state_)));
    } else {
      dir_.emplace(std::move(*options_.claimed));
    }
    undo_.add([this] { (void)dir_->remove(); });  // the first error is the one to tell
    // With an init there was a container, whatever became of it (runtime.md#lifecycle).
    undo_.add([this] {
      if (state_.pid != 0) run_poststop(state_);
    });
    config_text_ = config.text;
    return options_.claimed != nullptr ? dir_->write(state_) : Status();
  }

  Status compile_filter(const ConfigFile& config) {
    if (options_.seccomp.make != nullptr) {
      plan_.process.seccomp = TRY(compile_cached(options_.seccomp, dir_->root_fd()));
      return {};
    }
    const auto& linux_config = config.config.linux_;
    if (!linux_config.has_value() || !linux_config->seccomp.has_value()) return {};
    plan_.process.seccomp = TRY(compile_cached(*linux_config->seccomp, dir_->root_fd()));
    plan_.process.seccomp_metadata = linux_config->seccomp->listener_metadata;
    resources_.seccomp_agent = TRY(connect_to_agent(*linux_config->seccomp));
    return {};
  }

  Status make_cgroup() {
    if (!options_.use_cgroups) return do_without_cgroup();
    const bool shows_own = has_cgroup_mount(plan_) && !plan_.namespaces.makes(CLONE_NEWCGROUP);
    const bool is_relative = !state_.cgroups_path.starts_with('/');
    hierarchy_ = TRY(cgroups::discover({.own_paths = shows_own || is_relative}));
    cgroups::GroupSpec spec;
    spec.path = state_.cgroups_path;
    spec.resources = &plan_.resources;
    spec.required = plan_.has_resources || !plan_.cgroups_path.empty();
    spec.devices_later = true;  // see record_init
    // Callers that read statistics name the path where they look for them.
    spec.statistics = !plan_.cgroups_path.empty() || has_cgroup_mount(plan_);
    spec.devices_optional = plan_.namespaces.has(CLONE_NEWUSER);
    Result<cgroups::Group> group = cgroups::Group::create(hierarchy_, spec);
    if (!group.has_value()) return do_without_limits(std::move(group).error());
    group_.emplace(std::move(*group));
    undo_.add([this] {
      (void)group_->kill(SIGKILL);  // the first error is the one to tell
      (void)group_->remove();
    });
    state_.cgroup = group_->record();
    resources_.cgroup_tasks = TRY(group_->take_join_fds());
    return expand_cgroup_mounts(hierarchy_, group_->record(), plan_);
  }

  Status do_without_limits(Error error) {
    if (!options_.limits_optional) {
      error.message.append(options_.limits_hint);
      return std::unexpected(std::move(error));
    }
    log_warning("no limit is set: ", error.message, ", ignoring");
    state_.cgroups_path.clear();
    return expand_cgroup_mounts(hierarchy_, {}, plan_);
  }

  Status do_without_cgroup() {
    if (plan_.has_resources) {
      return fail(Kind::kInvalid, "linux.resources: limits need cgroups, which are disabled");
    }
    if (!has_cgroup_mount(plan_)) return {};
    hierarchy_ = TRY(cgroups::discover());
    return expand_cgroup_mounts(hierarchy_, {}, plan_);
  }

  // All that init takes over from the host is opened here, with the host's rights, if there are
  // any.
  Status open_sources() {
    resources_.has_runtime_hooks =
        !plan_.hooks.prestart.empty() || !plan_.hooks.create_runtime.empty();
    resources_.new_keyring = options_.new_keyring;
    resources_.hook_state = oci_state(state_, ContainerStatus::kCreating);
    resources_.proc = TRY(sys::open("/proc", O_PATH | O_DIRECTORY), "/proc");
    if (TRY(sys::file_system_magic(resources_.proc.get())) != PROC_SUPER_MAGIC) {
      return fail(Kind::kUnavailable, "/proc of the host is no procfs");
    }
    resources_.opens_sources = init_opens_sources_ = init_opens_sources(plan_);
    return resources_.opens_sources ? Status() : runtime::open_sources(plan_, resources_);
  }

  Status open_namespaces() {
    for (const JoinedNamespace& space : plan_.namespaces.joined) {
      resources_.joined.push_back(
          TRY(sys::open(space.path.c_str(), O_RDONLY), space.field, ": ", quote(space.path)));
    }
    return {};
  }

  Status listen_if_later() {
    if (!options_.starts_later) return {};
    resources_.start_listener = TRY(listen_for_start(*dir_));
    return {};
  }

  // Whether init needs nothing of us on its way to the program. Then it may share our memory: to
  // copy that, and to fault it in once more, takes longer than all that init does. Never where the
  // container's processes or an ordinary user could get hold of it (docs/decisions/0009).
  [[nodiscard]] bool is_born_alone() const {
    const NamespacePlan& spaces = plan_.namespaces;
    const oci::Hooks& hooks = plan_.hooks;
    const bool has_hooks = !hooks.prestart.empty() || !hooks.create_runtime.empty() ||
                           !hooks.create_container.empty() || !hooks.start_container.empty();
    return kCanShareMemory && !options_.starts_later && options_.pid_file.empty() && !has_hooks &&
           !plan_.process.terminal && !plan_.process.has_reaper && !init_opens_sources_ &&
           spaces.makes(CLONE_NEWPID) && !spaces.has(CLONE_NEWUSER) && !needs_company();
  }

  // A process enters a time namespace only where nobody shares its memory; the others are things
  // that we do between the clone and the program.
  [[nodiscard]] bool needs_company() const {
    return plan_.namespaces.has(CLONE_NEWTIME) || !plan_.net_devices.empty() ||
           plan_.process.seccomp.notifies || plan_.annotations.contains(kPidfdAnnotation);
  }

  Status bear_in_shared_memory() {
    sys::Clone3 options = clone_options();
    options.pid = &state_.pid;
    for_init_ = new InitResources(resources_.twin());  // never destroyed: see there
    Result<sys::Cloned> cloned = sys::clone3_vfork(options, &Creation::live_alone, this);
    adopt_init(TRY(std::move(cloned), "clone the container's init"));
    return failure_.has_value() ? std::unexpected(std::move(*failure_)) : Status();
  }

  // In the child.
  static int live_alone(void* argument) {
    auto& creation = *static_cast<Creation*>(argument);
    Status recorded = creation.record_init(creation.state_.pid);
    creation.failure_ = recorded.has_value() ? live_as_init(creation.plan_, *creation.for_init_)
                                             : std::move(recorded).error();
    return kFailedStatus;
  }

  [[nodiscard]] sys::Clone3 clone_options() {
    sys::Clone3 options;
    // The cgroup namespace is made by init when it is in its cgroups, which it then hides; that of
    // the clocks too, which are set first.
    options.flags = plan_.namespaces.made & ~uint64_t{CLONE_NEWCGROUP | CLONE_NEWTIME};
    if (plan_.namespaces.joins(CLONE_NEWUSER)) options.flags &= CLONE_NEWPID;
    if (group_.has_value() && group_->unified_fd() >= 0) {
      options.flags |= CLONE_INTO_CGROUP;
      options.cgroup_fd = group_->unified_fd();
    }
    return options;
  }

  void adopt_init(sys::Cloned cloned) {
    init_ = Child(cloned.pid, std::move(cloned.pidfd));
    undo_.add([this] { init_.kill_and_reap(); });
    state_.pid = cloned.pid;
  }

  Status clone_init() {
    const sys::Clone3 options = clone_options();
    TRY(hide_from_joined_pids());
    NamespaceVisit visit;
    Status entered = visit.enter(plan_.namespaces, resources_.joined);
    Result<sys::Cloned> cloned =
        entered.has_value() ? sys::clone3(options) : std::unexpected(std::move(entered).error());
    if (cloned.has_value() && cloned->pid == 0) {
      // Copies of ours would keep the lock, and would hide our death from init.
      channel_.close();
      dir_.reset();
      run_init(plan_, resources_);
    }
    Status left = visit.leave();
    adopt_init(TRY(std::move(cloned), "clone the container's init"));
    return left;
  }

  // Seen by the processes of a joined pid namespace from its first instant, init must not be looked
  // into. With a user namespace it could not write its own files below /proc then.
  Status hide_from_joined_pids() {
    const NamespacePlan& spaces = plan_.namespaces;
    if (!spaces.joins(CLONE_NEWPID) || spaces.has(CLONE_NEWUSER)) return {};
    return in_context(sys::prctl(PR_SET_DUMPABLE, 0), "hide from the pid namespace");
  }

  // From the clone to the point where init waits for its start.
  Status accompany() {
    Status done = walk_steps();
    if (done.has_value() || !channel_.is_peer_gone()) return done;
    return std::unexpected(explain_death(init_, std::move(done).error()));
  }

  Status walk_steps() {
    const pid_t pid = TRY(init_below_proc());
    if (plan_.namespaces.makes(CLONE_NEWUSER)) {
      TRY(namespaces::write_id_maps(pid, plan_.id_maps));
      TRY(channel_.send(Step::kProceed));
    }
    TRY(record_init(pid));
    TRY(move_net_devices(pid));
    TRY(run_runtime_hooks());
    TRY(take_console());
    TRY(channel_.expect(Step::kReady, ready_timeout_ms()));
    return {};
  }

  // What takes time and need only be done before the program starts, while init is at work.
  Status record_init(pid_t below_proc) {
    state_.start_ticks = TRY(read_process_stat(below_proc)).start_ticks;
    if (group_.has_value()) {
      TRY(group_->attach_devices());
      state_.cgroup = group_->record();
    }
    TRY(dir_->write(state_));
    return config_text_.empty() ? Status() : dir_->write_config(config_text_);
  }

  // Before init is killed, with which the namespace and virtual devices in it would vanish.
  Status move_net_devices(pid_t pid) {
    if (plan_.net_devices.empty()) return {};
    std::string path = cat("/proc/", pid, "/ns/net");
    for (const JoinedNamespace& space : plan_.namespaces.joined) {
      if (space.flag == CLONE_NEWNET) path = space.path;
    }
    device_move_.emplace(TRY(namespaces::DeviceMove::prepare(
        TRY(sys::open(path.c_str(), O_RDONLY), "linux.netDevices: ", path))));
    undo_.add([this] {
      Status back = device_move_->give_back();
      if (!back.has_value()) log_warning(back.error().message);
    });
    return device_move_->move(plan_.net_devices);
  }

  // In a sandbox /proc may be that of the pid namespace around it, where init has another number.
  // A caller who may mount has a fresh one.
  [[nodiscard]] Result<pid_t> init_below_proc() const {
    if (!init_opens_sources_) return state_.pid;
    const std::string self = TRY(sys::readlinkat(AT_FDCWD, "/proc/self"), "/proc/self");
    return self == cat(::getpid()) ? Result<pid_t>(state_.pid) : pid_below_proc(init_.pidfd());
  }

  // createContainer hooks have deadlines of their own.
  [[nodiscard]] int ready_timeout_ms() const {
    return plan_.hooks.create_container.empty() ? limits::kSyncTimeoutMs : -1;
  }

  Status run_runtime_hooks() {
    if (plan_.hooks.prestart.empty() && plan_.hooks.create_runtime.empty()) return {};
    TRY(channel_.expect(Step::kMountsReady, limits::kSyncTimeoutMs));
    const oci::State state = oci_state(state_, ContainerStatus::kCreating);
    const HookOutput output = resources_.hook_files.output();
    TRY(run_hooks(plan_.hooks.prestart, "prestart", state, output));
    TRY(run_hooks(plan_.hooks.create_runtime, "createRuntime", state, output));
    return channel_.send(Step::kHooksDone);
  }

  Status take_console() {
    if (!plan_.process.terminal) return {};
    Message message = TRY(channel_.expect(Step::kConsole, ready_timeout_ms()));
    if (!message.fd.is_open()) return fail(Kind::kBug, "the terminal did not come along");
    if (!options_.console_socket.empty()) {
      return send_console(options_.console_socket, message.fd.get());
    }
    follow_window_size(message.fd.get());
    console_master_ = std::move(message.fd);
    return {};
  }

  Result<NewContainer> commit() {
    if (!options_.pid_file.empty()) {
      TRY(write_pid_file(options_.pid_file, state_.pid));
      undo_.add([this] { (void)::unlink(options_.pid_file.c_str()); });
    }
    TRY(send_pidfd(plan_.annotations, init_.pidfd()));
    if (options_.starts_later) TRY(offer_start(*dir_));
    TRY(channel_.send(Step::kCommit));
    return hand_over();
  }

  NewContainer hand_over() {
    undo_.commit();
    return NewContainer{.dir = std::move(*dir_),
                        .state = std::move(state_),
                        .init = std::move(init_),
                        .channel = std::move(channel_),
                        .console_master = std::move(console_master_)};
  }

  const CreateOptions& options_;
  ContainerPlan plan_;
  ContainerState state_;
  std::string config_text_;
  std::optional<StateDir> dir_;
  cgroups::Hierarchy hierarchy_;
  std::optional<cgroups::Group> group_;
  InitResources resources_;
  std::optional<namespaces::DeviceMove> device_move_;
  bool init_opens_sources_ = false;
  InitResources* for_init_ = nullptr;  // while init shares our memory, and
  std::optional<Error> failure_;       // what it could not do then
  Channel channel_;
  Child init_;
  UniqueFd console_master_;
  Rollback undo_;  // last, so that it runs while all of the above still is there
};

void run_later_hooks(const std::vector<oci::Hook>& hooks, std::string_view name,
                     const ContainerState& state, ContainerStatus status) {
  if (hooks.empty()) return;
  Result<HookFiles> files = open_hook_files(state.annotations);
  if (!files.has_value()) log_warning(files.error().message, ", ignoring");
  run_hooks_to_the_end(hooks, name, oci_state(state, status),
                       files.has_value() ? files->output() : HookOutput{});
}

Status check_terminal(const ContainerPlan& plan, const CreateOptions& options) {
  const bool has_socket = !options.console_socket.empty();
  if (plan.process.terminal && options.starts_later && !has_socket) {
    return fail(Kind::kInvalid, "process.terminal: a terminal needs --console-socket");
  }
  if (!plan.process.terminal && has_socket) {
    return fail(Kind::kInvalid, "--console-socket: process.terminal is not set");
  }
  return {};
}

}  // namespace

Result<ConfigFile> load_config(const std::string& bundle, const std::string& name) {
  ConfigFile file;
  const std::string path = cat(bundle, "/", name);
  file.text = TRY(read_file(AT_FDCWD, path, limits::kConfigBytes));
  file.config = TRY(oci::parse_config(file.text), path);
  return file;
}

Result<NewContainer> create_container(const ConfigFile& config, const CreateOptions& options) {
  TRY(check_container_id(options.id));
  ContainerPlan plan = TRY(plan_container(config.config, options.bundle));
  TRY(check_terminal(plan, options));
  TRY(check_kernel_has(plan.process.attributes));
  TRY(check_mount_label(plan.mount_label));
  plan.process.preserve_fds = options.preserve_fds;
  plan.process.has_reaper = options.has_reaper;
  plan.process.dies_with_parent = options.dies_with_parent;
  plan.process.inner_ids = options.inner_ids;
  plan.private_layer = options.private_layer;
  if (plan.process.capabilities.has_value() && !plan.namespaces.has(CLONE_NEWUSER)) {
    for (const std::string& name : restrict_to(*plan.process.capabilities, own_bounding_set())) {
      log_warning("process.capabilities: ", name, " cannot be granted here, ignoring");
    }
  }
  Creation creation(options, std::move(plan));
  TRY(creation.prepare(config));
  return creation.give_birth();
}

Status start_new(NewContainer& container) {
  if (container.channel.is_open()) {  // else it has started already
    TRY(container.channel.send(Step::kStart));
    // startContainer hooks have deadlines of their own; a dead init closes the channel.
    TRY(container.channel.expect_end(-1));
  }
  TRY(check_executed(container.state));
  run_poststart(container.state);
  container.dir.unlock();
  return {};
}

Status check_executed(const ContainerState& state) {
  if (state.has_reaper) return {};
  const Result<ProcessStat> stat = read_process_stat(state.pid);
  const bool died_before = stat.has_value() && stat->start_ticks == state.start_ticks &&
                           stat->state == 'Z' && stat->is_before_exec();
  if (!died_before) return {};
  return fail(Kind::kSystem, "the container's init died before it executed the program");
}

void run_poststart(const ContainerState& state) {
  run_later_hooks(state.later_hooks.poststart, "poststart", state, ContainerStatus::kRunning);
}

void run_poststop(const ContainerState& state) {
  run_later_hooks(state.later_hooks.poststop, "poststop", state, ContainerStatus::kStopped);
}

ContainerState new_state(const ContainerPlan& plan, const ContainerIdentity& identity) {
  ContainerState state;
  state.id = identity.id;
  state.bundle = identity.bundle;
  state.created = rfc3339(now_unix_ns());
  state.owner = ::geteuid();
  state.namespaces = plan.namespaces.made;
  for (const JoinedNamespace& space : plan.namespaces.joined) state.namespaces |= space.flag;
  state.annotations = plan.annotations;
  state.later_hooks.poststart = plan.hooks.poststart;
  state.later_hooks.poststop = plan.hooks.poststop;
  if (identity.use_cgroups) {
    state.cgroups_path =
        plan.cgroups_path.empty() ? default_cgroups_path(identity.id) : plan.cgroups_path;
  }
  return state;
}

std::string default_cgroups_path(const std::string& id) { return cat("/crun-lite-", id); }

Status write_pid_file(const std::string& path, pid_t pid) {
  const SplitPath split = split_path(path);
  const std::string parent = split.parent.empty() ? "." : split.parent;
  DirFd dir = TRY(sys::open(parent.c_str(), O_PATH | O_DIRECTORY), "--pid-file ", path);
  return in_context(write_atomic(dir.get(), split.name, cat(pid), 0644, Durability::kVolatile),
                    "--pid-file ", path);
}

Error explain_death(Child& child, Error error) {
  Result<std::optional<ExitStatus>> status = child.wait(limits::kKillWaitMs);
  if (!status.has_value() || !status->has_value()) return error;
  error.kind = Kind::kSystem;
  error.message = (*status)->signal != 0
                      ? cat("the container's init was ended by signal ", (*status)->signal)
                      : cat("the container's init left with status ", (*status)->code);
  return error;
}

}  // namespace crunlite::runtime
