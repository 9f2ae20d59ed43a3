// SPDX-License-Identifier: Apache-2.0
#include "runtime/init.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "namespaces/network.h"
#include "namespaces/overlay.h"
#include "namespaces/rootfs.h"
#include "namespaces/time.h"
#include "runtime/console.h"
#include "runtime/hooks.h"
#include "runtime/launch.h"
#include "runtime/private_layer.h"
#include "runtime/sources.h"
#include "runtime/state_dir.h"
#include "runtime/sysctl.h"

namespace crunlite::runtime {
namespace {

constexpr int kFailedStatus = 125;

// One birth: the plan, what came from the parent, and what grows on the way.
class Init {
 public:
  Init(const ContainerPlan& plan, InitResources& resources) : plan_(plan), from_(resources) {}

  // All steps; returns only with an error.
  Error live() {
    Status ready = become_ready();
    if (ready.has_value()) ready = wait_for_start();
    if (ready.has_value()) ready = run_start_hooks();
    if (!ready.has_value()) return ready.error();
    return execute(plan_.process, executable_, agent_);
  }

  void report(const Error& error) { (void)from_.channel.send_failure(error); }  // nobody else left

 private:
  Status become_ready() {
    TRY(join_cgroups());
    TRY(enter_namespaces());
    TRY(build_root());
    TRY(configure_namespaces());
    TRY(run_runtime_hooks());
    TRY(open_terminal());
    if (plan_.namespaces.makes(CLONE_NEWNS)) TRY(switch_root());
    if (from_.new_keyring) join_new_keyring();
    TRY(prepare_agent());
    TRY(let_go_of_host());
    executable_ = TRY(become_user(plan_.process, std::move(from_.proc), console_.slave.get()));
    // Its memory holds what the container must not read; execve makes the program's own dumpable.
    TRY(sys::prctl(PR_SET_DUMPABLE, 0));
    return {};
  }

  // From here on only paths of the container are used.
  Status let_go_of_host() {
    from_.root.reset();
    from_.joined.clear();
    from_.bind_sources.clear();
    from_.host_devices.clear();
    from_.host_null.reset();
    early_mounts_.clear();
    return close_all_but(
        plan_.process,
        {from_.channel.fd(), from_.start_listener.get(), from_.proc.get(), console_.slave.get(),
         agent_.socket.get(), from_.hook_files.out.get(), from_.hook_files.err.get()});
  }

  Status prepare_agent() {
    if (!from_.seccomp_agent.is_open()) return {};
    oci::State state = from_.hook_state;
    state.status = ContainerStatus::kCreated;
    const std::string self = TRY(sys::readlinkat(from_.proc.get(), "self"), "/proc/self");
    state.pid = parse_number<int>(self).value_or(0);
    agent_.message = agent_message(state, state.pid, plan_.process.seccomp_metadata);
    agent_.socket = std::move(from_.seccomp_agent);
    return {};
  }

  // v1 hierarchies are joined by the process itself: the kernel then waits for no RCU period.
  Status join_cgroups() {
    for (UniqueFd& tasks : from_.cgroup_tasks) {
      TRY(sys::write_all(tasks.get(), "0"), "join cgroup");
    }
    from_.cgroup_tasks.clear();
    return {};
  }

  Status enter_namespaces() {
    const NamespacePlan& spaces = plan_.namespaces;
    UniqueFd time_offsets;
    if (spaces.makes(CLONE_NEWTIME)) {
      time_offsets = TRY(namespaces::open_time_offsets(from_.proc.get()));
    }
    if (spaces.makes(CLONE_NEWUSER)) {
      TRY(from_.channel.expect(Step::kProceed, limits::kSyncTimeoutMs), "wait for the id maps");
      TRY(become_namespace_root());
    }
    // A procfs shows the pid namespace of its maker, who needs rights over that namespace: it is
    // made before a foreign user namespace takes them away.
    if (spaces.joins(CLONE_NEWUSER)) TRY(make_proc_early());
    TRY(join_namespaces());
    if (spaces.joins(CLONE_NEWUSER)) {
      TRY(become_namespace_root());
      TRY(sys::unshare(static_cast<int>(made_after_joining_user())), "unshare namespaces");
    } else if (spaces.makes(CLONE_NEWCGROUP)) {
      TRY(sys::unshare(CLONE_NEWCGROUP), "unshare the cgroup namespace");
    }
    if (!spaces.makes(CLONE_NEWTIME)) return {};
    return namespaces::enter_new_time_namespace(from_.proc.get(), time_offsets.get(),
                                                plan_.time_offsets);
  }

  // The clone made only the pid namespace then, so that the others belong to the joined one.
  [[nodiscard]] uint64_t made_after_joining_user() const {
    return plan_.namespaces.made & ~uint64_t{CLONE_NEWPID | CLONE_NEWUSER | CLONE_NEWTIME};
  }

  // A namespace may belong to the host's user namespace or to the one that is joined; the rights
  // over the first end, those over the second begin with joining that.
  Status join_namespaces() {
    const std::vector<JoinedNamespace>& spaces = plan_.namespaces.joined;
    const bool joins_user = plan_.namespaces.joins(CLONE_NEWUSER);
    std::vector<size_t> refused;
    for (size_t i = 0; i < spaces.size(); i++) {
      if (plan_.namespaces.is_inherited(spaces[i].flag)) continue;
      if (spaces[i].flag == CLONE_NEWUSER) continue;
      Status joined = join(i);
      const bool is_later = joins_user && !joined.has_value() && joined.error().errnum == EPERM;
      if (is_later) refused.push_back(i);
      if (!is_later) TRY(std::move(joined));
    }
    for (size_t i = 0; i < spaces.size(); i++) {
      if (spaces[i].flag == CLONE_NEWUSER) TRY(join(i));
    }
    for (size_t i : refused) TRY(join(i));
    return {};
  }

  Status join(size_t index) {
    const JoinedNamespace& space = plan_.namespaces.joined[index];
    return in_context(sys::setns(from_.joined[index].get(), static_cast<int>(space.flag)),
                      space.field, ": join ", quote(space.path));
  }

  Status become_namespace_root() {
    const bool has_maps = plan_.namespaces.makes(CLONE_NEWUSER);
    if (has_maps && !namespaces::maps_container_id(plan_.id_maps.gids, 0)) return {};
    TRY(sys::setresgid(0), "become root of the user namespace");
    if (has_maps && !namespaces::maps_container_id(plan_.id_maps.uids, 0)) return {};
    return in_context(sys::setresuid(0), "become root of the user namespace");
  }

  Status make_proc_early() {
    early_mounts_.resize(plan_.mounts.size());
    for (size_t i = 0; i < plan_.mounts.size(); i++) {
      if (plan_.mounts[i].type != "proc") continue;
      early_mounts_[i] = TRY(namespaces::make_filesystem(plan_.mounts[i]));
    }
    return {};
  }

  Status build_root() {
    if (plan_.namespaces.joins(CLONE_NEWNS)) return enter_joined_root();
    const unsigned long wanted = plan_.root_propagation.flag;
    const bool follows_host = wanted == MS_SLAVE || wanted == MS_SHARED;
    TRY(namespaces::set_root_propagation(follows_host ? MS_SLAVE : MS_PRIVATE));
    if (from_.opens_sources) TRY(open_sources(plan_, from_));
    if (plan_.private_layer.has_value()) TRY(make_private_layer(*plan_.private_layer));
    TRY(attach_root());
    if (plan_.private_layer.has_value()) {
      TRY(make_entries(from_.root.get(), plan_.private_layer->entries));
    }
    for (size_t i = 0; i < plan_.mounts.size(); i++) TRY(make_mount(i));
    TRY(make_devices());
    TRY(make_working_directory());
    return {};
  }

  Status attach_root() {
    if (from_.root.is_open()) return namespaces::attach_root(from_.root.get());
    const namespaces::MountPlan& mount = *plan_.root_mount;
    Result<MountFd> detached = namespaces::make_filesystem(mount);
    if (detached.has_value()) {
      from_.root = std::move(*detached);
      return namespaces::attach_root(from_.root.get());
    }
    Error error = std::move(detached).error();
    if (error.kind == Kind::kUnavailable) return mount_old_overlay(mount);
    // The caller may have another root file system to offer.
    if (plan_.private_layer.has_value()) error.kind = Kind::kUnavailable;
    return std::unexpected(std::move(error));
  }

  // A kernel before 6.5 and many layers: only mount(2) takes a list that long, and it needs a
  // place; the bundle's root directory is one, seen by this mount namespace alone.
  Status mount_old_overlay(const namespaces::MountPlan& overlay) {
    TRY(namespaces::mount_overlay_at(overlay, plan_.root_path));
    from_.root = TRY(sys::open_tree(AT_FDCWD, plan_.root_path.c_str(), 0), plan_.root_path);
    return {};
  }

  Status make_mount(size_t index) {
    const namespaces::MountPlan& mount = plan_.mounts[index];
    if (mount.options.is_remount) return namespaces::change_mount(from_.root.get(), mount);
    MountFd tree = std::move(from_.bind_sources[index]);
    if (!tree.is_open() && !early_mounts_.empty()) tree = std::move(early_mounts_[index]);
    if (!tree.is_open()) tree = TRY(make_filesystem(mount));
    return namespaces::attach_mount(from_.root.get(), mount, std::move(tree));
  }

  Result<MountFd> make_filesystem(const namespaces::MountPlan& mount) {
    Result<MountFd> made = namespaces::make_filesystem(mount);
    if (made.has_value() || !plan_.private_layer.has_value()) return made;
    return make_substitute(mount, std::move(made).error());
  }

  Status make_devices() {
    if (!plan_.has_default_dev) return {};
    const mode_t old_mask = ::umask(0);
    Status made;
    for (size_t i = 0; made.has_value() && i < plan_.devices.size(); i++) {
      const int host_copy = from_.host_devices.empty() ? -1 : from_.host_devices[i].get();
      made = namespaces::make_device(from_.root.get(), plan_.devices[i], host_copy);
    }
    if (made.has_value()) made = namespaces::make_device_links(from_.root.get());
    ::umask(old_mask);
    return made;
  }

  // As other runtimes do; on a read-only image the change of directory says what is missing.
  Status make_working_directory() {
    (void)make_dirs_in_root(from_.root.get(), plan_.process.cwd, 0755);
    return {};
  }

  Status configure_namespaces() {
    if (!plan_.hostname.empty()) TRY(sys::sethostname(plan_.hostname), "hostname");
    if (!plan_.domainname.empty()) TRY(sys::setdomainname(plan_.domainname), "domainname");
    TRY(write_sysctls(plan_.sysctl, from_.proc.get()));
    if (!plan_.namespaces.makes(CLONE_NEWNET)) return {};
    return namespaces::bring_loopback_up();
  }

  Status run_runtime_hooks() {
    if (from_.has_runtime_hooks) {
      TRY(from_.channel.send(Step::kMountsReady));
      TRY(from_.channel.expect(Step::kHooksDone, -1), "wait for hooks");
    }
    if (plan_.hooks.create_container.empty() && plan_.hooks.start_container.empty()) return {};
    // Hooks are told the pid that the host knows: that of the host's procfs.
    const std::string self = TRY(sys::readlinkat(from_.proc.get(), "self"), "/proc/self");
    from_.hook_state.pid = parse_number<int>(self).value_or(0);
    return run_hooks(plan_.hooks.create_container, "createContainer", from_.hook_state,
                     from_.hook_files.output());
  }

  Status open_terminal() {
    if (!plan_.process.terminal) return {};
    console_ = TRY(open_console(from_.root.get(), plan_.process.console_size));
    if (plan_.namespaces.makes(CLONE_NEWNS)) {
      TRY(bind_console(from_.root.get(), console_.slave.get()));
    }
    TRY(from_.channel.send(Step::kConsole, console_.master.get()));
    console_.master.reset();
    return {};
  }

  Status switch_root() {
    const int root = from_.root.get();
    TRY(namespaces::mask_paths(root, plan_.masked_paths, from_.host_null.get()));
    TRY(namespaces::make_paths_readonly(root, plan_.readonly_paths));
    if (plan_.root_readonly) {
      TRY(namespaces::set_mount_attributes(root, MOUNT_ATTR_RDONLY, 0, false), "root.readonly");
    }
    TRY(namespaces::enter_root(root));
    if (plan_.root_propagation.flag == 0) return {};
    return in_context(namespaces::set_mount_propagation(root, plan_.root_propagation.flag,
                                                        plan_.root_propagation.is_recursive),
                      "linux.rootfsPropagation");
  }

  // The mounts of a joined namespace are somebody else's: the root is only changed to.
  Status enter_joined_root() {
    from_.root = TRY(sys::open(plan_.root_path.c_str(), O_PATH | O_DIRECTORY), "root.path");
    TRY(sys::fchdir(from_.root.get()), "root.path");
    TRY(sys::chroot("."), "root.path");
    return {};
  }

  // So that the container shares no keys with whoever started it. Kernels without keyrings and
  // users without quota left go on without.
  void join_new_keyring() { (void)sys::join_session_keyring(cat("_ses.", from_.hook_state.id)); }

  Status wait_for_start() {
    if (!from_.channel.is_open()) return {};
    TRY(from_.channel.send(Step::kReady));
    TRY(from_.channel.expect(Step::kCommit, limits::kSyncTimeoutMs), "wait for the runtime");
    if (from_.start_listener.is_open()) return accept_start();
    TRY(from_.channel.expect(Step::kStart, -1), "wait for start");
    return {};
  }

  // start.sock lies in a directory that only our own user can enter.
  Status accept_start() {
    from_.channel.close();
    for (;;) {
      Channel caller(TRY(sys::accept4(from_.start_listener.get(), 0), "wait for start"));
      if (!caller.expect(Step::kStart, limits::kStartTimeoutMs).has_value()) continue;
      from_.channel = std::move(caller);
      return {};
    }
  }

  Status run_start_hooks() {
    from_.hook_state.status = ContainerStatus::kCreated;
    return run_hooks(plan_.hooks.start_container, "startContainer", from_.hook_state,
                     from_.hook_files.output());
  }

  const ContainerPlan& plan_;
  InitResources& from_;
  std::vector<MountFd> early_mounts_;  // beside plan_.mounts, where init makes them early
  Console console_;
  Executable executable_;
  SeccompAgent agent_;
};

std::vector<UniqueFd> same_numbers(const std::vector<UniqueFd>& descriptors) {
  std::vector<UniqueFd> same;
  same.reserve(descriptors.size());
  for (const UniqueFd& fd : descriptors) same.emplace_back(fd.get());
  return same;
}

}  // namespace

InitResources InitResources::twin() const {
  InitResources twin;
  twin.cgroup_tasks = same_numbers(cgroup_tasks);
  twin.joined = same_numbers(joined);
  twin.opens_sources = opens_sources;
  twin.root = MountFd(root.get());
  twin.bind_sources = same_numbers(bind_sources);
  twin.host_devices = same_numbers(host_devices);
  twin.host_null = MountFd(host_null.get());
  twin.proc = UniqueFd(proc.get());
  twin.hook_state = hook_state;
  twin.has_runtime_hooks = has_runtime_hooks;
  twin.new_keyring = new_keyring;
  return twin;
}

Error live_as_init(const ContainerPlan& plan, InitResources& resources) {
  Init init(plan, resources);
  return init.live();
}

void run_init(const ContainerPlan& plan, InitResources& resources) noexcept {
  Init init(plan, resources);
  const Error error = init.live();
  init.report(error);
  sys::exit_child(kFailedStatus);
}

}  // namespace crunlite::runtime
