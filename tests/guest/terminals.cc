// SPDX-License-Identifier: Apache-2.0
// Verbs about terminals.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/guest/verbs.h"

namespace crunlite::guest {
namespace {

std::string descriptor_json(int fd) {
  struct termios modes{};
  bool terminal = ::tcgetattr(fd, &modes) == 0;
  struct stat info{};
  (void)::fstat(fd, &info);
  return cat("{\"terminal\":", terminal,
             ",\"path\":", json_quote(read_link(cat("/proc/self/fd/", fd).c_str())),
             ",\"iflag\":", modes.c_iflag, ",\"oflag\":", modes.c_oflag,
             ",\"lflag\":", modes.c_lflag, ",\"onlcr\":", (modes.c_oflag & ONLCR) != 0,
             ",\"uid\":", info.st_uid, ",\"device\":\"", major(info.st_rdev), ":",
             minor(info.st_rdev), "\"}");
}

int report_tty(const Call& call) {
  struct winsize size{};
  (void)::ioctl(0, TIOCGWINSZ, &size);
  UniqueFd controlling(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  Line line(call);
  line.raw("0", descriptor_json(0)).raw("1", descriptor_json(1)).raw("2", descriptor_json(2));
  line.number("rows", size.ws_row)
      .number("columns", size.ws_col)
      .flag("controlling", controlling.is_open())
      .flag("foreground", ::tcgetpgrp(0) == ::getpgrp());
  line.write();
  return kGoOn;
}

// `winch`: says "ready", waits for SIGWINCH, reports the new size. At most 10 s.
int wait_for_resize(const Call& call) {
  sigset_t set;
  (void)sigemptyset(&set);
  (void)sigaddset(&set, SIGWINCH);
  (void)::sigprocmask(SIG_BLOCK, &set, nullptr);
  write_all(1, "ready\n");
  struct timespec limit = {10, 0};
  int number = ::sigtimedwait(&set, nullptr, &limit);
  struct winsize size{};
  (void)::ioctl(0, TIOCGWINSZ, &size);
  Line(call)
      .flag("signalled", number == SIGWINCH)
      .number("rows", size.ws_row)
      .number("columns", size.ws_col)
      .write();
  return kGoOn;
}

// One line of standard input, as the terminal hands it over.
int read_line(const Call& call) {
  std::string text;
  for (char c = 0; c != '\n' && text.size() < 4096;) {
    ssize_t length = ::read(0, &c, 1);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) break;
    text.push_back(c);
  }
  Line(call).text("data", text).write();
  return kGoOn;
}

constexpr Verb kVerbs[] = {
    {"tty", report_tty, "terminal of standard input, output, error"},
    {"winch", wait_for_resize, "waits for a new window size"},
    {"line", read_line, "reads a line of standard input"},
};

}  // namespace

std::span<const Verb> terminal_verbs() { return kVerbs; }

}  // namespace crunlite::guest
