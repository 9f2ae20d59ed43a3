// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox.h"

#include <unistd.h>

#include <optional>

#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/helper.h"
#include "runtime/lifecycle.h"
#include "runtime/sandbox_config.h"
#include "runtime/sandbox_host.h"
#include "runtime/sandbox_layers.h"
#include "runtime/state_dir.h"

namespace crunlite::runtime {
namespace {

// "sandbox-4711-9f86d081": names the state directory and the cgroup.
Result<std::string> make_id() {
  constexpr size_t kRandomBytes = 4;
  std::string random(kRandomBytes, '\0');
  UniqueFd source = TRY(sys::open("/dev/urandom", O_RDONLY), "/dev/urandom");
  if (TRY(sys::read(source.get(), random)) != kRandomBytes) {
    return fail(Kind::kSystem, "/dev/urandom: ended early");
  }
  return cat("sandbox-", ::getpid(), "-", hex(random));
}

// A missing file is an empty one.
std::string read_in_root(int root, const std::string& path) {
  const Result<UniqueFd> file = open_in_root(root, path, O_RDONLY | O_NONBLOCK);
  if (!file.has_value()) return "";
  return read_fd(file->get(), limits::kPasswdBytes).value_or("");
}

bool is_opaque(int directory) {
  for (const char* name : {"trusted.overlay.opaque", "user.overlay.opaque"}) {
    if (sys::fgetxattr(directory, name).value_or("") == "y") return true;
  }
  return false;
}

// What the topmost layer that has the file shows of it; a whiteout is no regular file.
std::string read_in_layers(const std::vector<std::string>& layers, const std::string& path) {
  for (const std::string& layer : layers) {
    const Result<DirFd> root = sys::open(layer.c_str(), O_PATH | O_DIRECTORY);
    if (!root.has_value()) continue;
    const Result<struct stat> info = sys::fstatat(root->get(), path.c_str(), AT_SYMLINK_NOFOLLOW);
    if (info.has_value()) return S_ISREG(info->st_mode) ? read_in_root(root->get(), path) : "";
    const Result<UniqueFd> parent =
        open_in_root(root->get(), split_path(path).parent, O_RDONLY | O_DIRECTORY);
    if (parent.has_value() && is_opaque(parent->get())) return "";
  }
  return "";
}

Result<oci::UserDatabase> users_of_directory(const std::string& directory) {
  DirFd root = TRY(sys::open(directory.c_str(), O_PATH | O_DIRECTORY), quote(directory));
  return oci::UserDatabase{.passwd = read_in_root(root.get(), "etc/passwd"),
                           .group = read_in_root(root.get(), "etc/group")};
}

// As the layers show them, of which the topmost comes first.
Result<oci::UserDatabase> users_of_layers(const oci::Mount& overlay) {
  oci::UserDatabase users;
  const std::vector<std::string> layers = TRY(lower_directories(overlay));
  users.passwd = read_in_layers(layers, "etc/passwd");
  users.group = read_in_layers(layers, "etc/group");
  return users;
}

// The statuses of a shell: what was found but cannot be executed has another one.
std::optional<int> status_of_exec_error(const Error& error) {
  if (!error.message.starts_with("exec: ")) return {};
  return error.kind == Kind::kNotFound ? kNotFound : kNotExecutable;
}

// One sandbox, from nothing to nothing.
class Sandbox {
 public:
  Sandbox(const SandboxOptions& options, const SandboxSettings& settings, Foreground& foreground)
      : options_(options), settings_(settings), foreground_(foreground) {}

  Result<int> live() {
    id_ = TRY(make_id());
    host_ = TRY(look_at_host(
        {.mounts = options_.source == SandboxSource::kHost, .resolv_conf = options_.host_network}));
    layer_options_.scratch = cat(settings_.root, "/", id_);
    layer_options_.user_namespace = needs_user_namespace(host_) || !host_.is_initial_user_namespace;
    switch (options_.source) {
      case SandboxSource::kHost: return live_on_host();
      case SandboxSource::kDirectory: return live_on_directory();
      case SandboxSource::kImage: return live_on_image();
    }
    return fail(Kind::kBug, "a sandbox of no source");
  }

 private:
  Result<int> live_on_host() {
    oci::UserDatabase users;
    if (needs_users(options_)) users = TRY(users_of_directory("/"));
    if (host_.may_mount) {
      Result<int> status = attempt({.options = options_,
                                    .host = host_,
                                    .files = files_,
                                    .layers = overlay_host(host_, layer_options_, files_),
                                    .users = users,
                                    .image = {}});
      const bool is_refused = !status.has_value() && status.error().kind == Kind::kUnavailable;
      if (!is_refused) return status;
      log_warning("the host's root has no room for a writable layer, it is taken in pieces: ",
                  status.error().message);
    }
    std::vector<std::string> own_places;
    if (has_single_id(host_)) own_places = {host_.cwd, host_.variable("HOME")};
    std::erase_if(own_places, [](const std::string& path) { return !path.starts_with('/'); });
    return attempt({.options = options_,
                    .host = host_,
                    .files = files_,
                    .layers = piece_host_together(host_, layer_options_, files_, own_places),
                    .users = users,
                    .image = {}});
  }

  Result<int> live_on_directory() {
    return attempt({.options = options_,
                    .host = host_,
                    .files = files_,
                    .layers = overlay_directory(options_.name, layer_options_),
                    .users = TRY(users_of_directory(options_.name), "--rootfs"),
                    .image = {}});
  }

  // The state directory holds the bundle, so that `delete` finds both if we die.
  Result<int> live_on_image() {
    ContainerState state;
    state.id = id_;
    StateDir dir = TRY(StateDir::create(settings_.root, state));
    Result<int> status = unpack_and_live(dir);
    if (dir.fd() < 0) return status;  // a container took it, and has removed it
    Status removed = dir.remove();
    if (!removed.has_value()) log_warning(removed.error().message);
    return status;
  }

  Result<int> unpack_and_live(StateDir& dir) {
    const std::string bundle = cat(layer_options_.scratch, "/bundle");
    const ExitStatus unpacked = TRY(unpack(bundle), "--image ", quote(options_.name));
    if (unpacked.signal != 0) return unpacked.shell_status();
    if (unpacked.code != 0) return kSandboxFailure;  // it has told why
    oci::Config config = TRY(load_config(bundle)).config;
    if (config.mounts.empty() || config.mounts[0].type != "overlay" || !config.process) {
      return fail(Kind::kBug, "--image: the bundle has no overlay");
    }
    // Its upper directory would be on a disk; the private layer stands where the bundle is.
    layer_options_.scratch = cat(bundle, "/upper");
    oci::UserDatabase users = TRY(users_of_layers(config.mounts[0]), "--image");
    return attempt({.options = options_,
                    .host = host_,
                    .files = files_,
                    .layers = TRY(overlay_layers_of(config.mounts[0], layer_options_), "--image"),
                    .users = std::move(users),
                    .image = std::move(config)},
                   &dir);
  }

  // Signals go to the helper, which removes what it has begun.
  Result<ExitStatus> unpack(const std::string& bundle) {
    SpawnOptions spawn_options;
    spawn_options.args = {
        TRY(find_helper("image")), "unpack", "--quiet", "--", options_.name, bundle};
    spawn_options.stdout_fd = STDERR_FILENO;  // standard output is the command's
    Child helper = TRY(spawn(spawn_options));
    return TRY(foreground_.attend(helper, UniqueFd())).status;
  }

  // Makes the container, unless the kernel refuses its root file system, and runs it. `claimed`:
  // the state directory, where it is there already.
  Result<int> attempt(SandboxFacts facts, StateDir* claimed = nullptr) {
    SandboxPlan plan = TRY(plan_sandbox(std::move(facts)));
    CreateOptions create;
    create.root = settings_.root;
    create.id = id_;
    create.bundle = std::string("/");
    // Without limits a pid namespace keeps the processes together, and no device node is alive but
    // those of /dev: a cgroup would add nothing but time.
    create.use_cgroups = settings_.use_cgroups && options_.limits.any();
    create.limits_optional = options_.best_effort;
    create.limits_hint = "; --best-effort goes on without limits";
    create.has_reaper = true;
    create.dies_with_parent = true;
    create.inner_ids = std::move(plan.inner_ids);
    create.private_layer = std::move(plan.layer);
    create.seccomp = {.name = "sandbox", .make = sandbox_seccomp};
    ConfigFile config;
    config.config = std::move(plan.config);
    create.claimed = claimed;
    Result<NewContainer> container = create_container(config, create);
    if (!container.has_value()) return fail_to_start(container.error());
    return run(*container);
  }

  Result<int> run(NewContainer& container) {
    Status started = start_new(container);
    if (!started.has_value()) {
      container.init.kill_and_reap();
      remove_ended(container.dir, container.state);
      return fail_to_start(started.error());
    }
    Result<ForegroundEnd> end =
        foreground_.attend(container.init, std::move(container.console_master),
                           {.timeout_ms = options_.timeout_ms,
                            .grace_ms = limits::kSandboxGraceMs,
                            .has_reaper = true});
    container.init.kill_and_reap();  // does nothing to one that has ended
    remove_ended(container.dir, container.state);
    if (!end.has_value()) return std::unexpected(std::move(end).error());
    if (!end->is_timed_out) return end->status.shell_status();
    log_warning("the command took longer than ", options_.timeout_ms, " ms and was ended");
    return kTimeOutStatus;
  }

  static Result<int> fail_to_start(const Error& error) {
    const std::optional<int> status = status_of_exec_error(error);
    if (!status.has_value()) return std::unexpected(error);
    log_line(LogLevel::kError, error.message);
    return *status;
  }

  const SandboxOptions& options_;
  const SandboxSettings& settings_;
  Foreground& foreground_;
  const FileView files_ = host_file_view();
  std::string id_;
  SandboxHost host_;
  LayerOptions layer_options_;
};

}  // namespace

Result<int> run_sandbox(const SandboxOptions& options, const SandboxSettings& settings) {
  Foreground foreground = TRY(Foreground::prepare());
  Sandbox sandbox(options, settings, foreground);
  return sandbox.live();
}

}  // namespace crunlite::runtime
