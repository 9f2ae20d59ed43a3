// SPDX-License-Identifier: Apache-2.0
// Runs the command in the machine and carries its output and exit status to the host.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>

#include "tests/vm/guest.h"

namespace crunlite::vm {
namespace {

constexpr rlim_t kOpenFiles = 1 << 20;
constexpr int kPipeBytes = 1 << 18;

// One of the command's outputs on its way to the host.
struct Stream {
  UniqueFd source;  // closed once the command and all its children have closed their end
  UniqueFd port;
};

// The strings of a list whose items end with NUL.
std::vector<char*> items(std::string& list) {
  std::vector<char*> result;
  for (size_t at = 0; at < list.size(); at += strlen(&list[at]) + 1) result.push_back(&list[at]);
  result.push_back(nullptr);
  return result;
}

Stream make_stream(Port port, UniqueFd& write_end) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) give_up("pipe");
  write_end.reset(ends[1]);
  fcntl(ends[0], F_SETPIPE_SZ, kPipeBytes);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  return {.source = UniqueFd(ends[0]), .port = open_port(port)};
}

// Starts the command in its own session; -1 and errno where it cannot be executed.
pid_t start(char* const* arguments, const std::string& folder, int out, int err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&files, err, STDERR_FILENO);
  posix_spawn_file_actions_addchdir_np(&files, folder.c_str());
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_t how;
  posix_spawnattr_init(&how);
  posix_spawnattr_setsigmask(&how, &none);
  posix_spawnattr_setsigdefault(&how, &all);
  posix_spawnattr_setflags(&how,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t child = -1;
  int failed = posix_spawnp(&child, arguments[0], &files, &how, arguments, environ);
  posix_spawnattr_destroy(&how);
  posix_spawn_file_actions_destroy(&files);
  errno = failed;
  return failed == 0 ? child : -1;
}

// Moves what is there; true if something was.
bool move_bytes(Stream& stream) {
  static std::array<char, 1 << 16> block;
  ssize_t got = read(stream.source.get(), block.data(), block.size());
  if (got > 0) write_all(stream.port.get(), {block.data(), static_cast<size_t>(got)});
  if (got == 0) stream.source.reset();
  return got > 0;
}

// Reaps the command, and as process 1 any orphan. -1 while the command runs.
int reap(pid_t child) {
  int status = 0;
  while (pid_t pid = waitpid(getpid() == 1 ? -1 : child, &status, WNOHANG)) {
    if (pid < 0) return -1;
    if (pid == child) {
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
  }
  return -1;
}

// Until the command has ended and its pipes are drained. Whoever still holds a pipe open then is a
// process that the command left behind, for which nobody waits.
int follow(pid_t child, int signals, std::array<Stream, 2>& streams) {
  for (int status = -1;;) {
    std::array<pollfd, 3> wait = {{{streams[0].source.get(), POLLIN, 0},
                                   {streams[1].source.get(), POLLIN, 0},
                                   {signals, POLLIN, 0}}};
    if (status < 0) poll(wait.data(), wait.size(), -1);
    bool moved = false;
    for (Stream& stream : streams) {
      if (stream.source.is_open() && move_bytes(stream)) moved = true;
    }
    if (status >= 0 && !moved) return status;
    signalfd_siginfo info = {};
    (void)!read(signals, &info, sizeof info);  // only says that waitpid has news
    if (status < 0) status = reap(child);
  }
}

void set_process_up(std::string& environment) {
  clearenv();
  for (char* item : items(environment)) {
    if (item != nullptr && strchr(item, '=') != nullptr) putenv(item);
  }
  rlimit files = {.rlim_cur = kOpenFiles, .rlim_max = kOpenFiles};
  setrlimit(RLIMIT_NOFILE, &files);
  umask(022);
}

}  // namespace

void run_agent() {
  std::string command = read_file("/run/vm/command");
  std::string environment = read_file("/run/vm/environment");
  set_process_up(environment);
  sigset_t child_ended;
  sigemptyset(&child_ended);
  sigaddset(&child_ended, SIGCHLD);
  sigprocmask(SIG_BLOCK, &child_ended, nullptr);
  UniqueFd signals(signalfd(-1, &child_ended, SFD_NONBLOCK | SFD_CLOEXEC));
  UniqueFd out, err;
  std::array<Stream, 2> streams = {make_stream(kOut, out), make_stream(kErr, err)};
  std::vector<char*> arguments = items(command);
  pid_t child = start(arguments.data(), read_file("/run/vm/folder"), out.get(), err.get());
  if (child < 0) {
    int number = errno;
    write_all(streams[1].port.get(),
              std::string("vm-run: ") + arguments[0] + ": " + strerror(number) + "\n");
    finish(number == ENOENT ? 127 : 126);
  }
  out.reset();
  err.reset();
  int status = follow(child, signals.get(), streams);
  for (Stream& stream : streams) stream.port.reset();
  finish(status);
}

}  // namespace crunlite::vm
