// SPDX-License-Identifier: Apache-2.0
#include "runtime/restore.h"

#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/limits.h"
#include "base/path.h"
#include "base/scope.h"
#include "base/sys.h"
#include "cgroups/hierarchy.h"
#include "namespaces/kinds.h"
#include "runtime/cgroup_mounts.h"
#include "runtime/checkpoint_files.h"
#include "runtime/console.h"
#include "runtime/criu.h"
#include "runtime/hooks.h"
#include "runtime/restore_stage.h"
#include "runtime/sources.h"

namespace crunlite::runtime {
namespace {

constexpr std::string_view kLogName = "restore.log";

using Texts = std::vector<std::string>;

// An image is code that runs with the rights it had. Nobody but us may have written it.
Status check_owner(int images) {
  const struct stat info = TRY(sys::fstat(images));
  if (info.st_uid == ::geteuid() && (info.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return fail(Kind::kDenied, "others than the caller may write there");
}

// A file of the image directory; nothing where another runtime has not written it.
Result<std::optional<std::string>> read_image_file(int images, const char* name) {
  Result<std::string> text = read_file(images, name, limits::kStateBytes);
  if (text.has_value()) return std::optional(std::move(*text));
  if (text.error().kind == Kind::kNotFound) return std::optional<std::string>();
  return std::unexpected(with_context(std::move(text).error(), name));
}

// One restore; what was made is undone unless the end is reached.
class Restoration {
 public:
  Restoration(const RestoreOptions& options, ContainerPlan plan)
      : options_(options), plan_(std::move(plan)), criu_(options.criu.flags) {}

  Result<NewContainer> run(const ConfigFile& config) {
    const std::string program = TRY(find_criu(options_.criu.program));
    places_ = TRY(open_places(options_.criu, kLogName, false));
    TRY(check_owner(places_.images.get()), "--image-path ", options_.criu.image_path);
    TRY(claim_id(config));
    TRY(make_cgroup());
    TRY(open_sources(plan_, resources_));
    TRY(read_image(), "--image-path ", options_.criu.image_path);
    TRY(open_namespaces());
    TRY(restore(program));
    return hand_over();
  }

 private:
  Status claim_id(const ConfigFile& config) {
    state_ = new_state(plan_, {options_.id, options_.bundle, options_.use_cgroups});
    config_text_ = config.text;
    dir_.emplace(TRY(StateDir::create(options_.root, state_)));
    undo_.add([this] { (void)dir_->remove(); });  // the first error is the one to tell
    undo_.add([this] {
      if (state_.pid != 0) run_poststop(state_);
    });
    return {};
  }

  Status make_cgroup() {
    if (!options_.use_cgroups) {
      if (plan_.has_resources) {
        return fail(Kind::kInvalid, "linux.resources: limits need cgroups, which are disabled");
      }
      if (!has_cgroup_mount(plan_)) return {};
      return expand_cgroup_mounts(TRY(cgroups::discover()), {}, plan_);
    }
    const cgroups::Hierarchy hierarchy = TRY(cgroups::discover());
    cgroups::GroupSpec spec;
    spec.path = state_.cgroups_path;
    spec.resources = &plan_.resources;
    spec.required = plan_.has_resources || !plan_.cgroups_path.empty();
    spec.devices_later = true;  // CRIU makes nodes that the container may only use
    spec.devices_optional = plan_.namespaces.has(CLONE_NEWUSER);
    group_.emplace(TRY(cgroups::Group::create(hierarchy, spec)));
    undo_.add([this] {
      (void)group_->kill(SIGKILL);  // the first error is the one to tell
      (void)group_->remove();
    });
    state_.cgroup = group_->record();
    TRY(dir_->write(state_));
    return expand_cgroup_mounts(hierarchy, group_->record(), plan_);
  }

  Status read_image() {
    const int images = places_.images.get();
    if (const auto text = TRY(read_image_file(images, kDescriptorsFile))) {
      TRY(replace_streams(TRY(parse_descriptors(*text))));
    }
    Texts places;
    if (const auto text = TRY(read_image_file(images, kMountsFile))) {
      places = TRY(parse_mount_places(*text));
    }
    stage_.plan = &plan_;
    stage_.resources = &resources_;
    stage_.group = group_.has_value() && !group_->is_empty() ? &*group_ : nullptr;
    stage_.mounts = TRY(plan_staged_mounts(plan_, places));
    for (size_t i = 0; i < stage_.mounts.size(); i++) {
      criu_.external.push_back(cat("mnt[", stage_.mounts[i].place, "]:", stage_.source_of(i)));
    }
    return {};
  }

  Status replace_streams(const Texts& names) {
    for (size_t i = 0; i < names.size(); i++) {
      if (!is_replaceable(names[i])) continue;
      streams_.push_back(TRY(sys::dup_cloexec(static_cast<int>(i))));
      // CRIU would open a file anew, and want it as long as the old one was; by its name without
      // the first character, as if that were a slash, it takes the descriptor as it is.
      const bool is_file = names[i].starts_with("file[");
      criu_.inherited.push_back(
          {.key = is_file ? names[i].substr(1) : names[i], .fd = streams_.back().get()});
    }
    return {};
  }

  Status open_namespaces() {
    for (const JoinedNamespace& space : plan_.namespaces.joined) {
      UniqueFd file =
          TRY(sys::open(space.path.c_str(), O_RDONLY), space.field, ": ", quote(space.path));
      if (space.flag == CLONE_NEWNET || space.flag == CLONE_NEWPID) {
        const std::string_view key = space.flag == CLONE_NEWNET ? kNetworkKey : kPidKey;
        criu_.inherited.push_back({.key = std::string(key), .fd = file.get()});
      } else {
        criu_.joined.push_back({.type = std::string(namespaces::proc_name(space.flag)),
                                .path = cat("/proc/", ::getpid(), "/fd/", file.get())});
      }
      joined_.push_back(std::move(file));
    }
    return {};
  }

  Status restore(const std::string& program) {
    criu_.restores = true;
    criu_.root = RestoreStage::root();
    places_.name_in(criu_, kLogName);
    std::vector<int> passed;
    for (const InheritedFd& one : criu_.inherited) passed.push_back(one.fd);
    CriuService service =
        TRY(CriuService::start(program, passed, [this] { return build_stage(stage_); }));
    resources_ = {};  // a mount held here would outlive the container
    Result<CriuReply> reply = service.ask(CriuRequest::kRestore, criu_,
                                          [this](CriuEvent& event) { return follow(event); });
    if (own_error_) return std::unexpected(std::move(reply).error());
    if (!reply.has_value()) {
      return std::unexpected(explain_by_log(std::move(reply).error(), places_));
    }
    if (reply->pid == state_.pid && init_.pid() > 0) return {};
    return fail(Kind::kSystem, "criu restored process ", reply->pid, " instead of ", state_.pid);
  }

  Status follow(CriuEvent& event) {
    Status done;
    if (event.script == "setup-namespaces") done = adopt_init(event.pid);
    if (event.script == "orphan-pts-master") done = take_console(std::move(event.fd));
    if (event.script == "post-restore") done = commit();
    own_error_ = own_error_ || !done.has_value();
    return done;
  }

  // There is one process yet: all others are born into its cgroups.
  Status adopt_init(pid_t pid) {
    if (pid <= 0) return fail(Kind::kSystem, "criu does not name the container's init");
    init_ = Child(pid, TRY(sys::pidfd_open(pid), "the container's init"));
    undo_.add([this] { init_.kill_and_reap(); });
    state_.pid = pid;
    state_.start_ticks = TRY(read_process_stat(pid)).start_ticks;
    TRY(dir_->write(state_));
    if (group_.has_value() && !group_->is_empty()) TRY(group_->attach(pid), "join cgroup");
    const oci::State state = oci_state(state_, ContainerStatus::kCreating);
    TRY(run_hooks(plan_.hooks.prestart, "prestart", state));
    return run_hooks(plan_.hooks.create_runtime, "createRuntime", state);
  }

  Status take_console(UniqueFd master) {
    if (!master.is_open()) return fail(Kind::kSystem, "criu sent no terminal");
    if (!options_.console_socket.empty()) {
      return send_console(options_.console_socket, master.get());
    }
    follow_window_size(master.get());
    console_master_ = std::move(master);
    return {};
  }

  // All is there, and nothing runs yet.
  Status commit() {
    if (init_.pid() <= 0) return fail(Kind::kSystem, "criu restored no namespaces");
    if (group_.has_value()) {
      TRY(group_->attach_devices());
      state_.cgroup = group_->record();
    }
    state_.is_restored = true;
    TRY(dir_->write(state_));
    TRY(dir_->write_config(config_text_));
    if (options_.pid_file.empty()) return {};
    TRY(write_pid_file(options_.pid_file, state_.pid));
    undo_.add([this] { (void)::unlink(options_.pid_file.c_str()); });
    return {};
  }

  NewContainer hand_over() {
    undo_.commit();
    return NewContainer{.dir = std::move(*dir_),
                        .state = std::move(state_),
                        .init = std::move(init_),
                        .channel = {},
                        .console_master = std::move(console_master_)};
  }

  const RestoreOptions& options_;
  ContainerPlan plan_;
  CriuOptions criu_;
  CriuPlaces places_;
  ContainerState state_;
  std::string config_text_;
  std::optional<StateDir> dir_;
  std::optional<cgroups::Group> group_;
  InitResources resources_;
  RestoreStage stage_;
  std::vector<UniqueFd> streams_;  // copies of ours, for the container
  std::vector<UniqueFd> joined_;
  Child init_;
  UniqueFd console_master_;
  bool own_error_ = false;  // CRIU has failed because we told it to
  Rollback undo_;           // last, so that it runs while all of the above still is there
};

}  // namespace

Result<NewContainer> restore_container(const ConfigFile& config, const RestoreOptions& options) {
  TRY(check_container_id(options.id));
  ContainerPlan plan = TRY(plan_container(config.config, options.bundle));
  TRY(check_checkpointable(plan));
  if (!plan.process.terminal && !options.console_socket.empty()) {
    return fail(Kind::kInvalid, "--console-socket: process.terminal is not set");
  }
  Restoration restoration(options, std::move(plan));
  return in_context(restoration.run(config), "restore ", options.id);
}

}  // namespace crunlite::runtime
