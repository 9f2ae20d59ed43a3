// SPDX-License-Identifier: Apache-2.0
#include "base/process.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/path.h"

namespace crunlite {
namespace {

constexpr int kFirstFd = 3;  // above stdin, stdout and stderr

// posix_spawn's file actions, and the first error of making them.
class FileActions {
 public:
  FileActions() { note(posix_spawn_file_actions_init(&actions_)); }
  FileActions(const FileActions&) = delete;
  FileActions& operator=(const FileActions&) = delete;
  ~FileActions() { (void)posix_spawn_file_actions_destroy(&actions_); }

  void dup_to(int fd, int to) { note(posix_spawn_file_actions_adddup2(&actions_, fd, to)); }
  void open_null(int to) {
    note(posix_spawn_file_actions_addopen(&actions_, to, "/dev/null", O_RDONLY, 0));
  }
  // Also those that somebody else opened without close-on-exec.
  void close_all_but(std::vector<int> kept) {
    std::ranges::sort(kept);
    int next = kFirstFd;
    for (int fd : kept) {
      for (; next < fd; next++) note(posix_spawn_file_actions_addclose(&actions_, next));
      next = std::max(next, fd + 1);
    }
    note(posix_spawn_file_actions_addclosefrom_np(&actions_, next));
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }
  [[nodiscard]] int problem() const { return problem_; }

 private:
  void note(int errnum) {
    if (problem_ == 0) problem_ = errnum;
  }
  posix_spawn_file_actions_t actions_{};
  int problem_ = 0;
};

// posix_spawn's attributes: the new program blocks no signals, whatever we wait for by signalfd.
class NoBlockedSignals {
 public:
  NoBlockedSignals() {
    (void)posix_spawnattr_init(&attributes_);  // these three cannot fail with valid arguments
    sigset_t none;
    sigemptyset(&none);
    (void)posix_spawnattr_setsigmask(&attributes_, &none);
    (void)posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGMASK);
  }
  NoBlockedSignals(const NoBlockedSignals&) = delete;
  NoBlockedSignals& operator=(const NoBlockedSignals&) = delete;
  ~NoBlockedSignals() { (void)posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

std::vector<char*> pointers_to(const std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  pointers.reserve(strings.size() + 1);
  // posix_spawn does not write through these; its declaration is older than const.
  for (const std::string& text : strings) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// One stream of run(): the read end and what came so far.
struct Stream {
  UniqueFd fd;
  std::string* text;
};

Status take_output(Stream& stream, size_t max_bytes) {
  std::array<char, 16384> buffer{};
  size_t length = TRY(sys::read(stream.fd.get(), buffer));
  if (length == 0) stream.fd.reset();
  if (stream.text->size() + length > max_bytes) {
    return fail(Kind::kLimit, "wrote more than ", max_bytes, " bytes");
  }
  stream.text->append(buffer.data(), length);
  return {};
}

Status collect(Stream& out, Stream& err, size_t max_bytes, int64_t deadline) {
  while (out.fd.is_open() || err.fd.is_open()) {
    std::array<struct pollfd, 2> items = {{{out.fd.get(), POLLIN, 0}, {err.fd.get(), POLLIN, 0}}};
    int64_t left = deadline < 0 ? -1 : std::max<int64_t>(0, deadline - sys::monotonic_ms());
    int ready = ::poll(items.data(), items.size(), static_cast<int>(left));
    if (ready < 0 && errno != EINTR) return std::unexpected(sys::error_of(errno));
    if (ready == 0) return fail(Kind::kLimit, "took too long");
    if (items[0].revents != 0) TRY(take_output(out, max_bytes));
    if (items[1].revents != 0) TRY(take_output(err, max_bytes));
  }
  return {};
}

}  // namespace

ExitStatus exit_status_of(const siginfo_t& info) {
  if (info.si_code == CLD_EXITED) return {.code = info.si_status, .signal = 0};
  return {.code = 0, .signal = info.si_status};
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this == &other) return *this;
  kill_and_reap();
  pid_ = std::exchange(other.pid_, -1);
  pidfd_ = std::move(other.pidfd_);
  return *this;
}

Child::~Child() { kill_and_reap(); }

Result<std::optional<ExitStatus>> Child::wait(int timeout_ms) {
  if (timeout_ms >= 0 && !TRY(sys::wait_ready(pidfd_.get(), POLLIN, timeout_ms))) {
    return std::optional<ExitStatus>();
  }
  siginfo_t info = TRY(sys::waitid(pidfd_.get(), WEXITED), "wait for process ", pid_);
  pid_ = -1;
  pidfd_.reset();
  return std::optional(exit_status_of(info));
}

void Child::kill_and_reap() {
  if (!pidfd_.is_open()) return;
  (void)sys::pidfd_send_signal(pidfd_.get(), SIGKILL);  // it may have ended already
  (void)sys::waitid(pidfd_.get(), WEXITED);             // somebody may have reaped it
  pid_ = -1;
  pidfd_.reset();
}

UniqueFd Child::release() {
  pid_ = -1;
  return std::move(pidfd_);
}

std::vector<std::string> own_environment() {
  std::vector<std::string> env;
  for (char** entry = environ; *entry != nullptr; entry++) env.emplace_back(*entry);
  return env;
}

Result<pid_t> pid_below_proc(int pidfd) {
  constexpr std::string_view kField = "\nPid:\t";
  constexpr size_t kMaxBytes = 65536;
  const std::string path = cat("/proc/self/fdinfo/", pidfd);
  const std::string info = TRY(read_file(AT_FDCWD, path, kMaxBytes));
  const size_t field = info.find(kField);
  std::string_view rest = std::string_view(info).substr(std::min(field, info.size()));
  rest.remove_prefix(std::min(kField.size(), rest.size()));
  const std::optional<pid_t> pid = parse_number<pid_t>(rest.substr(0, rest.find('\n')));
  if (pid.value_or(0) > 0) return *pid;  // 0: not to be seen there, -1: it has ended
  return fail(Kind::kNotFound, path, ": names no process");
}

Result<Child> spawn(const SpawnOptions& options) {
  if (options.args.empty()) return fail(Kind::kBug, "spawn: no program");
  FileActions actions;
  if (options.stdin_fd < 0) {
    actions.open_null(0);
  } else {
    actions.dup_to(options.stdin_fd, 0);
  }
  // Both sources are moved above 2 first, so that neither overwrites the other's.
  UniqueFd out = TRY(sys::dup_cloexec(options.stdout_fd));
  UniqueFd err = TRY(sys::dup_cloexec(options.stderr_fd));
  actions.dup_to(out.get(), 1);
  actions.dup_to(err.get(), 2);
  // A dup of a descriptor onto itself clears its close-on-exec flag in the child.
  for (int fd : options.pass_fds) actions.dup_to(fd, fd);
  actions.close_all_but(options.pass_fds);
  if (actions.problem() != 0) {
    return std::unexpected(
        with_context(sys::error_of(actions.problem()), "run ", options.args[0], ": descriptors"));
  }
  NoBlockedSignals attributes;
  std::vector<char*> args = pointers_to(options.args);
  std::vector<char*> env = options.env ? pointers_to(*options.env) : std::vector<char*>();
  const char* program = options.program.empty() ? args[0] : options.program.c_str();
  pid_t pid = -1;
  int errnum = posix_spawnp(&pid, program, actions.get(), attributes.get(), args.data(),
                            options.env ? env.data() : environ);
  if (errnum != 0) {
    return std::unexpected(with_context(sys::error_of(errnum), "run ", program));
  }
  Result<UniqueFd> pidfd = sys::pidfd_open(pid);
  if (!pidfd.has_value()) {
    (void)sys::kill(pid, SIGKILL);  // without a pidfd it could not be watched
    (void)::waitpid(pid, nullptr, 0);
    return std::unexpected(with_context(pidfd.error(), "watch ", options.args[0]));
  }
  return Child(pid, std::move(*pidfd));
}

Result<RunOutput> run(const RunOptions& options) {
  RunOutput output;
  sys::Pipe out = TRY(sys::pipe2());
  sys::Pipe err = TRY(sys::pipe2());
  UniqueFd input;
  SpawnOptions with_pipes = options.spawn;
  if (!options.input.empty()) {
    input = TRY(sys::memfd_create("input", 0));
    TRY(sys::write_all(input.get(), options.input));
    if (::lseek(input.get(), 0, SEEK_SET) < 0) return std::unexpected(sys::error_of(errno));
    with_pipes.stdin_fd = input.get();
  }
  with_pipes.stdout_fd = options.out_fd >= 0 ? options.out_fd : out.write_end.get();
  with_pipes.stderr_fd = options.err_fd >= 0 ? options.err_fd : err.write_end.get();
  Child child = TRY(spawn(with_pipes));
  out.write_end.reset();
  err.write_end.reset();
  int64_t deadline = options.timeout_ms < 0 ? -1 : sys::monotonic_ms() + options.timeout_ms;
  Stream out_stream{std::move(out.read_end), &output.out};
  Stream err_stream{std::move(err.read_end), &output.err};
  TRY(collect(out_stream, err_stream, options.max_output_bytes, deadline), options.spawn.args[0]);
  int64_t left = deadline < 0 ? -1 : std::max<int64_t>(0, deadline - sys::monotonic_ms());
  std::optional<ExitStatus> status = TRY(child.wait(static_cast<int>(left)));
  if (!status.has_value()) return fail(Kind::kLimit, options.spawn.args[0], ": took too long");
  output.status = *status;
  return output;
}

}  // namespace crunlite
