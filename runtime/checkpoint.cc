// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "cgroups/group.h"
#include "namespaces/kinds.h"
#include "runtime/checkpoint_files.h"
#include "runtime/criu.h"
#include "runtime/state_dir.h"

namespace crunlite::runtime {
namespace {

constexpr mode_t kPrivateDir = 0700;
constexpr mode_t kPrivateFile = 0600;
constexpr std::string_view kLogName = "dump.log";

constexpr unsigned kFirstPtyMajor = 136;  // UNIX98_PTY_SLAVE_MAJOR and the seven after it
constexpr unsigned kLastPtyMajor = 143;

using Texts = std::vector<std::string>;

bool has(const Texts& texts, std::string_view wanted) {
  return std::ranges::find(texts, wanted) != texts.end();
}

// One dump, of a container whose lock is held.
class Dump {
 public:
  Dump(const CheckpointOptions& options, const ContainerState& state)
      : options_(options), state_(state), criu_(options.criu.flags) {}

  Status run(const ContainerPlan& plan) {
    const std::string program = TRY(find_criu(options_.criu.program));
    // What the tree is must not change while it is looked at: the pidfd tells whether it did.
    const UniqueFd init = TRY(open_init(state_));
    TRY(describe(plan));
    places_ = TRY(open_places(options_.criu, kLogName, true));
    const Result<Texts> before = names_in_images();
    Status dumped = dump(program);
    if (dumped.has_value() && !criu_.leave_running) dumped = await_end(init.get());
    if (dumped.has_value()) return {};
    remove_new_files(TRY(before));
    return std::unexpected(explain_by_log(std::move(dumped).error(), places_));
  }

 private:
  Status describe(const ContainerPlan& plan) {
    criu_.pid = state_.pid;
    mounts_ =
        parse_mount_lines(TRY(read_file(AT_FDCWD, of_init("mountinfo"), limits::kKernelFileBytes)));
    TRY(name_mounts(plan));
    TRY(name_streams());
    TRY(name_namespaces(plan));
    return name_freezer();
  }

  Status name_mounts(const ContainerPlan& plan) {
    for (const MountLine& line : mounts_) {
      if (line.place == "/") continue;
      if (origin_of(plan, line.place, &line).origin == MountOrigin::kOwn) continue;
      if (has(places_of_host_, line.place)) continue;  // one upon the other
      if (line.place.contains(']')) {
        return fail(Kind::kUnavailable, "mount ", quote(line.place), ": has a bracket in its name");
      }
      places_of_host_.push_back(line.place);
      criu_.external.push_back(cat("mnt[", line.place, "]:", line.place));
    }
    return {};
  }

  // Standard streams are other files after a restore: whatever they are then.
  Status name_streams() {
    for (size_t i = 0; i < kStreams; i++) {
      Result<std::string> link = sys::readlinkat(AT_FDCWD, of_init(cat("fd/", i)).c_str());
      streams_.push_back(link.value_or(""));  // closed
      if (!link.has_value() || !link->starts_with('/')) continue;
      if (std::optional<std::string> name = TRY(name_if_foreign(i))) {
        criu_.external.push_back(*name);
        streams_.back() = std::move(*name);
      }
    }
    return {};
  }

  // A regular file, or /dev/null, on a mount that the container does not have.
  Result<std::optional<std::string>> name_if_foreign(size_t stream) {
    constexpr std::string_view kField = "\nmnt_id:\t";
    constexpr int kHex = 16;
    const std::string info =
        TRY(read_file(AT_FDCWD, of_init(cat("fdinfo/", stream)), limits::kKernelFileBytes));
    const size_t start = info.find(kField);
    if (start == std::string::npos) return std::optional<std::string>();
    const size_t from = start + kField.size();
    const auto id =
        parse_number<uint64_t>(std::string_view(info).substr(from, info.find('\n', from) - from));
    const bool is_own = std::ranges::any_of(
        mounts_, [&](const MountLine& line) { return std::optional(line.id) == id; });
    if (is_own || !id.has_value()) return std::optional<std::string>();
    const struct stat file =
        TRY(sys::fstatat(AT_FDCWD, of_init(cat("fd/", stream)).c_str(), 0), "stream ", stream);
    std::array<char, 2 * sizeof(uint64_t)> digits{};
    const auto in_hex = [&](uint64_t number) {
      const auto end = std::to_chars(digits.begin(), digits.end(), number, kHex).ptr;
      return std::string(digits.begin(), end);
    };
    const bool is_terminal = S_ISCHR(file.st_mode) && major(file.st_rdev) >= kFirstPtyMajor &&
                             major(file.st_rdev) <= kLastPtyMajor;
    if (is_terminal) return std::optional<std::string>();  // a matter of --shell-job
    return std::optional(cat("file[", in_hex(*id), ":", in_hex(file.st_ino), "]"));
  }

  Status name_namespaces(const ContainerPlan& plan) {
    const std::pair<uint64_t, std::string_view> kinds[] = {{CLONE_NEWNET, kNetworkKey},
                                                           {CLONE_NEWPID, kPidKey}};
    for (const auto& [flag, key] : kinds) {
      if (!plan.namespaces.joins(flag)) continue;
      const std::string name(namespaces::proc_name(flag));
      const struct stat file = TRY(sys::fstatat(AT_FDCWD, of_init(cat("ns/", name)).c_str(), 0));
      criu_.external.push_back(cat(name, "[", file.st_ino, "]:", key));
    }
    return {};
  }

  // A frozen tree must be thawed by CRIU itself, which then freezes it again.
  Status name_freezer() {
    if (!state_.cgroup.has_value()) return {};
    const cgroups::Group group = TRY(cgroups::Group::open(*state_.cgroup));
    if (group.is_empty() || !group.is_frozen().value_or(false)) return {};
    for (const cgroups::GroupDir& dir : state_.cgroup->dirs) {
      const bool has_freezer = dir.unified || has(dir.controllers, "freezer");
      if (!has_freezer) continue;
      criu_.freeze_cgroup = cat(dir.mount_point, "/", dir.path);
      return {};
    }
    return {};
  }

  Status dump(const std::string& program) {
    TRY(write_description());
    places_.name_in(criu_, kLogName);
    // The images hold the container's memory.
    CriuService service = TRY(CriuService::start(program, {}, [] {
      ::umask(S_IRWXG | S_IRWXO);
      return Status();
    }));
    TRY(service.ask(CriuRequest::kDump, criu_, [](CriuEvent&) { return Status(); }));
    return {};
  }

  Status write_description() {
    const int images = places_.images.get();
    TRY(write_atomic(images, kDescriptorsFile, write_texts(streams_), kPrivateFile,
                     Durability::kVolatile));
    return write_atomic(images, kMountsFile, write_texts(places_of_host_), kPrivateFile,
                        Durability::kVolatile);
  }

  // CRIU has killed it; whoever made it reaps it.
  Status await_end(int init) {
    if (TRY(sys::wait_ready(init, POLLIN, limits::kKillWaitMs))) return {};
    return fail(Kind::kLimit, "init does not end after the checkpoint");
  }

  Result<Texts> names_in_images() {
    Texts names;
    for (sys::DirEntry& entry : TRY(sys::list_dir(places_.images.get()))) {
      names.push_back(std::move(entry.name));
    }
    return names;
  }

  void remove_new_files(const Texts& before) {
    for (const std::string& name : names_in_images().value_or(Texts())) {
      if (name == kLogName || has(before, name)) continue;
      (void)sys::unlinkat(places_.images.get(), name.c_str(), 0);  // the first error is told
    }
  }

  [[nodiscard]] std::string of_init(std::string_view name) const {
    return cat("/proc/", state_.pid, "/", name);
  }

  const CheckpointOptions& options_;
  const ContainerState& state_;
  CriuOptions criu_;
  CriuPlaces places_;
  std::vector<MountLine> mounts_;
  Texts places_of_host_;
  Texts streams_;
};

Result<DirFd> open_place(const std::string& path, bool make) {
  if (make) (void)TRY(make_host_dirs(path, kPrivateDir));
  return sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
}

// Where a namespace of a kind stands in linux.namespaces.
std::string field_of(const ContainerPlan& plan, uint64_t flag) {
  for (const JoinedNamespace& space : plan.namespaces.joined) {
    if (space.flag == flag) return space.field;
  }
  return "linux.namespaces";
}

}  // namespace

Result<CriuPlaces> open_places(const CriuSettings& settings, std::string_view log_name, bool make) {
  CriuPlaces places;
  places.images = TRY(open_place(settings.image_path, make), "--image-path ", settings.image_path);
  places.log_path = cat(settings.image_path, "/", log_name);
  if (settings.work_path.empty() || settings.work_path == settings.image_path) return places;
  places.work = TRY(open_place(settings.work_path, make), "--work-path ", settings.work_path);
  places.log_path = cat(settings.work_path, "/", log_name);
  return places;
}

void CriuPlaces::name_in(CriuOptions& options, std::string_view log_name) const {
  options.images_fd = images.get();
  options.work_fd = work.is_open() ? work.get() : -1;
  options.log_file = log_name;
}

Error explain_by_log(Error error, const CriuPlaces& places) {
  const int dir = places.work.is_open() ? places.work.get() : places.images.get();
  const SplitPath log = split_path(places.log_path);
  const std::string text = read_file(dir, log.name, limits::kKernelFileBytes).value_or("");
  const std::string said = last_errors(text);
  if (!said.empty()) error.message = said;
  if (error.message.empty()) error.message = "it does not say why";
  error.message = cat("criu failed: ", error.message);
  if (!text.empty()) error.message.append("\nlog file: ").append(places.log_path);
  return error;
}

Status check_checkpointable(const ContainerPlan& plan) {
  const NamespacePlan& spaces = plan.namespaces;
  if (!spaces.makes(CLONE_NEWNS)) {
    return fail(Kind::kUnavailable, field_of(plan, CLONE_NEWNS),
                ": checkpoints need a mount namespace of the container's own");
  }
  for (uint64_t flag : {CLONE_NEWUSER, CLONE_NEWCGROUP, CLONE_NEWTIME}) {
    if (!spaces.joins(flag)) continue;
    return fail(Kind::kUnavailable, field_of(plan, flag),
                ": containers that join such a namespace cannot be checkpointed");
  }
  return {};
}

Status checkpoint_container(const CheckpointOptions& options) {
  StateDir dir = TRY(StateDir::open(options.root, options.id));
  TRY(dir.lock(limits::kStartTimeoutMs));
  const ContainerState state = TRY(dir.read());
  const ContainerStatus status =
      state.pid == 0 ? ContainerStatus::kStopped : TRY(status_of(dir, state));
  if (status != ContainerStatus::kRunning && status != ContainerStatus::kPaused) {
    return fail(Kind::kConflict, "cannot checkpoint container ", quote(options.id),
                " that is not running: ", oci::to_text(status));
  }
  if (state.has_reaper) {
    return fail(Kind::kUnavailable, "container ", quote(options.id),
                ": the first process of a sandbox cannot be checkpointed");
  }
  const std::string text = TRY(dir.read_config());
  const oci::Config config = TRY(oci::parse_config(text), "saved config.json");
  const ContainerPlan plan = TRY(plan_container(config, state.bundle));
  TRY(check_checkpointable(plan));
  Dump dump(options, state);
  return in_context(dump.run(plan), "checkpoint ", options.id);
}

}  // namespace crunlite::runtime
