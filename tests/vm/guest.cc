// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/guest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>

namespace crunlite::vm {
namespace {

constexpr int kPortWaitMs = 10'000;

[[noreturn]] void end_machine() {
  sync();
  reboot(RB_AUTOBOOT);
  for (;;) pause();
}

// Ports are named /dev/vport<bus>p<number>.
std::string find_port(Port port) {
  std::string suffix = "p" + std::to_string(port);
  for (const std::string& name : names_in("/dev")) {
    if (name.starts_with("vport") && name.ends_with(suffix)) return "/dev/" + name;
  }
  return {};
}

}  // namespace

void say(std::string_view text) {
  std::string line = "vminit: " + std::string(text) + "\n";
  UniqueFd log(open("/dev/kmsg", O_WRONLY | O_CLOEXEC));
  write_all(log.is_open() ? log.get() : STDERR_FILENO, line);
}

void give_up(std::string_view what) {
  int number = errno;
  say(std::string(what) + ": " + strerror(number));
  end_machine();
}

void finish(int status) {
  UniqueFd port = open_port(kStatus);
  write_all(port.get(), std::to_string(status) + "\n");
  port.reset();
  end_machine();
}

std::string read_file(const std::string& path) {
  UniqueFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.is_open()) give_up("open " + path);
  std::string text;
  char block[16384];
  for (;;) {
    ssize_t got = read(file.get(), block, sizeof block);
    if (got < 0) give_up("read " + path);
    if (got == 0) return text;
    text.append(block, static_cast<size_t>(got));
  }
}

void write_file(const std::string& path, std::string_view text, int mode) {
  UniqueFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (!file.is_open()) give_up("create " + path);
  write_all(file.get(), text);
}

void make_folders(const std::string& path) {
  for (size_t end = path.find('/', 1);; end = path.find('/', end + 1)) {
    std::string part = path.substr(0, end);
    if (mkdir(part.c_str(), 0755) != 0 && errno != EEXIST) give_up("mkdir " + part);
    if (end == std::string::npos) return;
  }
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir(path.c_str()), closedir);
  while (dirent* entry = folder ? readdir(folder.get()) : nullptr) {
    std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(std::move(name));
  }
  return names;
}

std::string kernel_argument(std::string_view name) {
  std::string line = " " + read_file("/proc/cmdline");
  std::string wanted = " " + std::string(name) + "=";
  size_t start = line.find(wanted);
  if (start == std::string::npos) return {};
  start += wanted.size();
  return line.substr(start, line.find_first_of(" \n", start) - start);
}

UniqueFd open_port(Port port) {
  UniqueFd changes(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (inotify_add_watch(changes.get(), "/dev", IN_CREATE) < 0) give_up("watch /dev");
  for (;;) {
    if (std::string path = find_port(port); !path.empty()) {
      UniqueFd file(open(path.c_str(), O_WRONLY | O_CLOEXEC));
      if (!file.is_open()) give_up("open " + path);
      return file;
    }
    pollfd wait = {.fd = changes.get(), .events = POLLIN, .revents = 0};
    if (poll(&wait, 1, kPortWaitMs) <= 0) give_up("wait for port " + std::to_string(port));
    char events[4096];
    (void)!read(changes.get(), events, sizeof events);  // which name came is found out above
  }
}

void write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t done = write(fd, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return;  // the reader is gone; the machine ends by its status or time-out
    bytes.remove_prefix(static_cast<size_t>(done));
  }
}

}  // namespace crunlite::vm
