// SPDX-License-Identifier: Apache-2.0
#include "base/sys_seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <vector>

#include "base/sys.h"

namespace crunlite::sys {
namespace {

// What both threads see. It lives as long as the memory does.
struct Handover {
  int socket = -1;
  std::string_view message;
  std::atomic<int> listener{-1};  // then the descriptor, or -2: there is none
  std::atomic<int> outcome{-1};   // then 0, or the errno of the sender
};

constexpr int kNoListener = -2;

// One message of a stream: the descriptor goes with its first byte.
int send_listener(const Handover& handover, int listener) {
  std::string_view rest = handover.message;
  while (!rest.empty()) {
    struct iovec data = {const_cast<char*>(rest.data()), rest.size()};
    alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    struct msghdr header{};
    header.msg_iov = &data;
    header.msg_iovlen = 1;
    if (rest.size() == handover.message.size()) {
      header.msg_control = control;
      header.msg_controllen = sizeof control;
      struct cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(sizeof(int));
      memcpy(CMSG_DATA(rights), &listener, sizeof listener);
    }
    const ssize_t sent = ::sendmsg(handover.socket, &header, MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent < 0) return errno;
    rest.remove_prefix(static_cast<size_t>(sent));
  }
  return 0;
}

int run_sender(void* argument) {
  auto& handover = *static_cast<Handover*>(argument);
  int listener = handover.listener.load();
  for (; listener == -1; listener = handover.listener.load()) ::sched_yield();
  handover.outcome.store(listener == kNoListener ? 0 : send_listener(handover, listener));
  return 0;
}

// Shares all with us but the filter. Its memory is never freed: nobody may wait for its end.
Status start_sender(Handover& handover) {
  constexpr size_t kStackBytes = 64 << 10;
  constexpr int kFlags =
      CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  auto top = reinterpret_cast<uintptr_t>(new char[kStackBytes]) + kStackBytes;
  constexpr uintptr_t kAlignment = 16;
  top -= top % kAlignment;
  const int started = ::clone(run_sender, reinterpret_cast<void*>(top), kFlags, &handover);
  return started < 0 ? Status(std::unexpected(error_of(errno))) : Status();
}

void pause_processor() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

}  // namespace

Status seccomp_set_notifying_filter(std::string_view program, unsigned flags, int socket,
                                    std::string_view message) {
  std::vector<struct sock_filter> filter(program.size() / sizeof(struct sock_filter));
  memcpy(filter.data(), program.data(), filter.size() * sizeof(struct sock_filter));
  struct sock_fprog fprog = {static_cast<unsigned short>(filter.size()), filter.data()};
  // The sender must stay outside, and there is no other thread that TSYNC could be for.
  flags = (flags & ~unsigned{SECCOMP_FILTER_FLAG_TSYNC}) | SECCOMP_FILTER_FLAG_NEW_LISTENER;
  auto* handover = new Handover;
  handover->socket = socket;
  handover->message = message;
  TRY(start_sender(*handover), "start a thread that sends the listener");
  const long listener = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog);
  const int error = errno;
  handover->listener.store(listener < 0 ? kNoListener : static_cast<int>(listener));
  while (handover->outcome.load() == -1) pause_processor();
  if (listener < 0) return std::unexpected(error_of(error));
  const int outcome = handover->outcome.load();
  if (outcome == 0) return {};
  return std::unexpected(with_context(error_of(outcome), "send the listener"));
}

bool has_seccomp_flag(unsigned flag) {
  // A filter at no address is looked at after the flags: EFAULT says that they are fine. This flag
  // is refused alone.
  constexpr unsigned kWaitKillable = 1U << 5;
  if (flag == kWaitKillable) flag |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
  return ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flag, nullptr) < 0 && errno == EFAULT;
}

}  // namespace crunlite::sys
