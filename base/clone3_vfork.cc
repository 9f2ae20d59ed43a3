// SPDX-License-Identifier: Apache-2.0
// clone3(2) into shared memory. The C library's clone() knows no cgroup to be born into, and a C
// function cannot return twice on one stack: hence a few instructions of our own.
#include <errno.h>
#include <linux/sched.h>
#include <sys/syscall.h>

#include "base/sys.h"

#ifdef __x86_64__

// Returns the child's pid or a negative errno in the parent; never in the child, which calls
// run(argument) on the stack of `args` and exits with what that returns.
extern "C" [[gnu::visibility("hidden")]] long crunlite_clone3(const struct clone_args* args,
                                                              size_t size, int (*run)(void*),
                                                              void* argument);
static_assert(SYS_clone3 == 435 && SYS_exit == 60);
asm(R"(
.text
.globl crunlite_clone3
.hidden crunlite_clone3
.type crunlite_clone3, @function
crunlite_clone3:
  .cfi_startproc
  mov %rcx, %r8
  mov $435, %eax
  syscall
  test %eax, %eax
  jz 1f
  ret
1:
  .cfi_undefined %rip
  xor %ebp, %ebp
  mov %r8, %rdi
  call *%rdx
  mov %eax, %edi
  mov $60, %eax
  syscall
  .cfi_endproc
.size crunlite_clone3, .-crunlite_clone3
)");

#endif

namespace crunlite::sys {

#ifdef __x86_64__

Result<Cloned> clone3_vfork(const Clone3& options, int (*run)(void*), void* argument) {
  constexpr size_t kStackBytes = 128 << 10;
  // Of our own stack, deeper parts of which have mostly been used before: no page is new.
  alignas(16) char stack[kStackBytes];
  int pidfd = -1;
  struct clone_args args{};
  args.flags = options.flags | CLONE_PIDFD | CLONE_VM | CLONE_VFORK;
  args.pidfd = reinterpret_cast<uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  args.stack = reinterpret_cast<uintptr_t>(stack);
  args.stack_size = sizeof stack;
  if (options.cgroup_fd >= 0) args.cgroup = static_cast<uint64_t>(options.cgroup_fd);
  if (options.pid != nullptr) {
    args.flags |= CLONE_PARENT_SETTID;
    args.parent_tid = reinterpret_cast<uintptr_t>(options.pid);
  }
  const long pid = crunlite_clone3(&args, sizeof args, run, argument);
  if (pid < 0) return std::unexpected(error_of(static_cast<int>(-pid)));
  return Cloned{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

#else

Result<Cloned> clone3_vfork(const Clone3&, int (*)(void*), void*) {
  return std::unexpected(error_of(ENOSYS));
}

#endif

}  // namespace crunlite::sys
