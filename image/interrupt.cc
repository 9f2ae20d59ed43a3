// SPDX-License-Identifier: Apache-2.0
#include "image/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "base/sys.h"

namespace crunlite::image {
namespace {

constexpr int64_t kLookEveryMs = 20;

bool is_ignored(int number) {
  struct sigaction action{};
  return ::sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Result<Interrupt> Interrupt::install() {
  sigset_t mask;
  sigemptyset(&mask);
  for (int number : {SIGINT, SIGTERM, SIGHUP}) {
    if (!is_ignored(number)) sigaddset(&mask, number);
  }
  TRY(sys::sigprocmask(SIG_BLOCK, mask));
  return Interrupt(TRY(sys::signalfd(mask)));
}

bool Interrupt::is_set() {
  if (signal_ != 0) return true;
  int64_t now = sys::monotonic_ms();
  if (now < next_look_ms_) return false;
  next_look_ms_ = now + kLookEveryMs;
  Result<bool> ready = sys::wait_ready(fd_.get(), POLLIN, 0);
  if (!ready.has_value() || !*ready) return false;
  char buffer[sizeof(struct signalfd_siginfo)];
  Result<size_t> length = sys::read(fd_.get(), buffer);
  if (!length.has_value() || *length != sizeof buffer) return false;
  struct signalfd_siginfo info{};
  memcpy(&info, buffer, sizeof info);
  signal_ = static_cast<int>(info.ssi_signo);
  return true;
}

}  // namespace crunlite::image
