// SPDX-License-Identifier: Apache-2.0
#include "runtime/state_dir.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr const char* kStateFile = "state.json";
constexpr const char* kConfigFile = "config.json";
constexpr const char* kPendingSocket = "start.sock.new";
constexpr mode_t kPrivateDir = 0700;
constexpr mode_t kPrivateFile = 0600;

bool is_id_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '+' || c == '-' || c == '.';
}

// sun_path holds 107 bytes; the directory's descriptor makes any path short enough.
struct sockaddr_un start_address(const StateDir& dir, std::string_view name) {
  struct sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = cat("/proc/self/fd/", dir.fd(), "/", name);
  memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

Result<DirFd> open_root(const std::string& root) {
  return sys::open(root.c_str(), O_PATH | O_DIRECTORY);
}

// Nothing when the init is gone or a zombie, or another process has its pid.
std::optional<ProcessStat> read_living_init(const ContainerState& state) {
  if (state.pid <= 0) return {};
  const Result<ProcessStat> stat = read_process_stat(state.pid);
  const bool is_alive = stat.has_value() && stat->start_ticks == state.start_ticks &&
                        stat->state != 'Z' && stat->state != 'X';
  return is_alive ? std::optional(*stat) : std::nullopt;
}

}  // namespace

oci::State oci_state(const ContainerState& state, ContainerStatus status) {
  oci::State out;
  out.oci_version = oci::kOciVersion;
  out.id = state.id;
  out.status = status;
  out.pid = status == ContainerStatus::kStopped ? 0 : state.pid;
  out.bundle = state.bundle;
  out.annotations = state.annotations;
  return out;
}

Status check_container_id(const std::string& id) {
  if (id.empty()) return fail(Kind::kInvalid, "container ID: is empty");
  if (id.size() > limits::kContainerIdBytes || id.size() > limits::kNameBytes) {
    return fail(Kind::kInvalid, "container ID: is longer than ", limits::kNameBytes, " bytes");
  }
  if (id == "." || id == ".." || !std::all_of(id.begin(), id.end(), is_id_character)) {
    return fail(Kind::kInvalid, "container ID ", quote(id),
                ": may hold letters, digits and _ + - . only");
  }
  return {};
}

std::string default_root() {
  if (::geteuid() == 0) return "/run/crun-lite";
  const char* runtime_dir = ::getenv("XDG_RUNTIME_DIR");
  if (runtime_dir != nullptr && runtime_dir[0] == '/') return cat(runtime_dir, "/crun-lite");
  return cat("/tmp/crun-lite-", ::geteuid());
}

Result<StateDir> StateDir::create(const std::string& root, const ContainerState& state) {
  DirFd root_fd = TRY(make_host_dirs(root, kPrivateDir), "--root ", root);
  Status made = sys::mkdirat(root_fd.get(), state.id.c_str(), kPrivateDir);
  if (!made.has_value() && made.error().errnum == EEXIST) {
    return fail(Kind::kExists, "container with id exists: ", state.id);
  }
  TRY(std::move(made), "make state directory ", root, "/", state.id);
  Result<DirFd> dir = sys::openat(root_fd.get(), state.id.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir.has_value()) {
    (void)sys::unlinkat(root_fd.get(), state.id.c_str(), AT_REMOVEDIR);  // it is empty
    return std::unexpected(with_context(dir.error(), "open state directory ", root, "/", state.id));
  }
  StateDir out(std::move(root_fd), std::move(*dir), state.id);
  Status written = out.lock(0);
  if (written.has_value()) written = out.write(state);
  if (written.has_value()) return out;
  (void)out.remove();  // the first error is the one to tell
  return std::unexpected(std::move(written).error());
}

Result<StateDir> StateDir::open(const std::string& root, const std::string& id) {
  TRY(check_container_id(id));
  Result<DirFd> root_fd = open_root(root);
  Result<DirFd> dir = root_fd.has_value() ? sys::openat(root_fd->get(), id.c_str(),
                                                        O_RDONLY | O_DIRECTORY | O_NOFOLLOW)
                                          : Result<DirFd>(std::unexpected(root_fd.error()));
  if (dir.has_value()) return StateDir(std::move(*root_fd), std::move(*dir), id);
  if (dir.error().errnum == ENOENT) {
    return fail(Kind::kNotFound, "container ", quote(id), " does not exist");
  }
  return std::unexpected(with_context(dir.error(), "container ", quote(id)));
}

Status StateDir::lock(int timeout_ms) {
  const int64_t deadline = sys::monotonic_ms() + timeout_ms;
  for (int pause_ms = 1;; pause_ms = std::min(pause_ms * 2, 20)) {
    Status locked = sys::flock(dir_.get(), LOCK_EX | LOCK_NB);
    if (locked.has_value() && is_current()) return {};
    if (locked.has_value()) return fail(Kind::kNotFound, "container ", quote(id_), " is deleted");
    if (locked.error().errnum != EWOULDBLOCK) return locked;
    if (sys::monotonic_ms() >= deadline) {
      return fail(Kind::kConflict, "container ", quote(id_), " is busy");
    }
    (void)sys::wait_ready(-1, 0, pause_ms);  // flock has no waiting with a time limit
  }
}

// flock(2) cannot fail when it unlocks.
void StateDir::unlock() { (void)sys::flock(dir_.get(), LOCK_UN); }

// Whether the id still means this directory, and not a later one of the same name.
bool StateDir::is_current() const {
  const Result<struct stat> own = sys::fstat(dir_.get());
  const Result<struct stat> named = sys::fstatat(root_.get(), id_.c_str(), AT_SYMLINK_NOFOLLOW);
  return own.has_value() && named.has_value() && own->st_ino == named->st_ino &&
         own->st_dev == named->st_dev;
}

Result<ContainerState> StateDir::read() const {
  const std::string text =
      TRY(read_file(dir_.get(), kStateFile, limits::kStateBytes), "container ", quote(id_));
  ContainerState state =
      TRY(json::decode_text<ContainerState>(text), "container ", quote(id_), ": ", kStateFile);
  if (state.id != id_) return fail(Kind::kInvalid, "container ", quote(id_), ": foreign state");
  return state;
}

Status StateDir::write(const ContainerState& state) const {
  return in_context(write_atomic(dir_.get(), kStateFile, json::write(json::encode(state)),
                                 kPrivateFile, Durability::kVolatile),
                    "container ", quote(id_));
}

Status StateDir::write_config(const std::string& text) const {
  UniqueFd file = TRY(
      sys::openat(dir_.get(), kConfigFile, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kPrivateFile),
      kConfigFile);
  return in_context(sys::write_all(file.get(), text), kConfigFile);
}

Status StateDir::replace_config(const std::string& text) const {
  return in_context(
      write_atomic(dir_.get(), kConfigFile, text, kPrivateFile, Durability::kVolatile),
      kConfigFile);
}

Result<std::string> StateDir::read_config() const {
  return in_context(read_file(dir_.get(), kConfigFile, limits::kConfigBytes), "container ",
                    quote(id_));
}

Status StateDir::remove() const {
  if (!is_current()) return {};
  return in_context(remove_tree(root_.get(), id_), "remove state directory");
}

Result<std::vector<std::string>> list_containers(const std::string& root) {
  std::vector<std::string> ids;
  Result<DirFd> dir = sys::open(root.c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir.has_value()) {
    if (dir.error().errnum == ENOENT) return ids;
    return std::unexpected(with_context(dir.error(), "--root ", root));
  }
  for (sys::DirEntry& entry : TRY(sys::list_dir(dir->get()), "--root ", root)) {
    const std::string state = cat(entry.name, "/", kStateFile);
    if (!sys::fstatat(dir->get(), state.c_str(), AT_SYMLINK_NOFOLLOW).has_value()) continue;
    ids.push_back(std::move(entry.name));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

Result<ProcessStat> read_process_stat(pid_t pid) {
  const std::string path = cat("/proc/", pid, "/stat");
  const std::string text = TRY(read_file(AT_FDCWD, path, limits::kKernelFileBytes));
  // The command's name stands in parentheses and may hold spaces and parentheses.
  const size_t end = text.rfind(')');
  if (end == std::string::npos) return fail(Kind::kSystem, path, ": malformed");
  const std::vector<std::string_view> fields =
      split(std::string_view(text).substr(end + 1), ' ');  // fields[1] is field 3
  constexpr size_t kState = 1;
  constexpr size_t kFlags = 7;
  constexpr size_t kStartTicks = 20;
  if (fields.size() <= kStartTicks) return fail(Kind::kSystem, path, ": malformed");
  return ProcessStat{.state = fields[kState].empty() ? '?' : fields[kState][0],
                     .start_ticks = parse_number<uint64_t>(fields[kStartTicks]).value_or(0),
                     .flags = parse_number<uint64_t>(fields[kFlags]).value_or(0)};
}

bool is_init_alive(const ContainerState& state) { return read_living_init(state).has_value(); }

Result<ContainerStatus> status_of(const StateDir& dir, const ContainerState& state) {
  if (state.pid == 0) {
    // The creator holds the lock while it works; without it, it has died half-way. The lock is
    // tried through another open file, since this one may hold it.
    DirFd probe = TRY(sys::openat(dir.fd(), ".", O_RDONLY | O_DIRECTORY));
    const bool is_free = sys::flock(probe.get(), LOCK_SH | LOCK_NB).has_value();
    return is_free ? ContainerStatus::kStopped : ContainerStatus::kCreating;
  }
  const std::optional<ProcessStat> init = read_living_init(state);
  if (!init.has_value()) return ContainerStatus::kStopped;
  // A frozen container is neither created nor running: it can be started or entered only later.
  if (state.cgroup.has_value() && cgroups::is_frozen(*state.cgroup).value_or(false)) {
    return ContainerStatus::kPaused;
  }
  const bool has_not_executed = init->is_before_exec() && !state.is_restored;
  const bool is_before_exec = has_not_executed || state.has_reaper;
  // A socket that is left behind by a `start` that died says nothing of a running program.
  if (is_before_exec && sys::fstatat(dir.fd(), kStartSocket, AT_SYMLINK_NOFOLLOW).has_value()) {
    return ContainerStatus::kCreated;
  }
  const bool is_creating = has_not_executed && !state.has_reaper;
  return is_creating ? ContainerStatus::kCreating : ContainerStatus::kRunning;
}

Result<UniqueFd> open_init(const ContainerState& state) {
  Result<UniqueFd> pidfd = state.pid > 0 ? sys::pidfd_open(state.pid)
                                         : Result<UniqueFd>(std::unexpected(sys::error_of(ESRCH)));
  // The pidfd is opened first: what is alive and has our start time now is what it refers to.
  if (!pidfd.has_value() || !is_init_alive(state)) {
    return fail(Kind::kConflict, "container ", quote(state.id), " is not running");
  }
  return pidfd;
}

Result<UniqueFd> listen_for_start(const StateDir& dir) {
  UniqueFd socket = TRY(sys::socket(AF_UNIX, SOCK_SEQPACKET, 0));
  const struct sockaddr_un address = start_address(dir, kPendingSocket);
  const mode_t old_mask = ::umask(0177);
  Status bound =
      sys::bind(socket.get(), reinterpret_cast<const struct sockaddr*>(&address), sizeof address);
  ::umask(old_mask);
  TRY(std::move(bound), kStartSocket);
  TRY(sys::listen(socket.get(), 1), kStartSocket);
  return socket;
}

Status offer_start(const StateDir& dir) {
  return in_context(sys::renameat2(dir.fd(), kPendingSocket, dir.fd(), kStartSocket, 0),
                    kStartSocket);
}

Result<UniqueFd> connect_for_start(const StateDir& dir) {
  UniqueFd socket = TRY(sys::socket(AF_UNIX, SOCK_SEQPACKET, 0));
  const struct sockaddr_un address = start_address(dir, kStartSocket);
  TRY(sys::connect(socket.get(), reinterpret_cast<const struct sockaddr*>(&address),
                   sizeof address),
      kStartSocket);
  return socket;
}

}  // namespace crunlite::runtime
