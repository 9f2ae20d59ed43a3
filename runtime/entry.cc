// SPDX-License-Identifier: Apache-2.0
// The entry point of the static program: what runtime/self.h describes, before the C library
// starts. Its start costs half a millisecond on virtual machines (CPUID traps, relocation, page
// faults), which the process that is replaced at once need not pay.
//
// Nothing here may use the C library, a relocation, or thread-local storage (so no stack
// protector). On any failure the program starts as usual, and main() tries again and reports.
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

#include <fcntl.h>
#include <linux/mount.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

namespace {

constexpr long kAtFdcwd = -100;
constexpr long kAtEmptyPath = 0x1000;
constexpr size_t kMaxPathBytes = 4096;
constexpr size_t kMaxVariables = 4096;
constexpr char kPathVariable[] = "_CRUN_LITE_PROGRAM=";  // as runtime/self.cc reads it

// The layout of the kernel's struct statfs on this architecture.
struct FileSystem {
  long before[10];
  long flags;
  long after[4];
};
constexpr long kReadOnly = 1;  // ST_RDONLY

[[gnu::always_inline]] inline long call(long number, long a, long b, long c, long d = 0,
                                        long e = 0) {
  long result = number;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  asm volatile("syscall"
               : "+a"(result)
               : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
               : "rcx", "r11", "memory");
  return result;
}

[[gnu::always_inline]] inline long address(const void* pointer) {
  return reinterpret_cast<long>(pointer);
}

[[gnu::always_inline]] inline bool is_same(const char* text, const char* word) {
  while (*text != '\0' && *text == *word) {
    text++;
    word++;
  }
  return *text == *word;
}

// Whether a verb that puts a process of ours into a container is among the words.
[[gnu::always_inline]] inline bool enters_container(char** args) {
  for (char** word = args; *word != nullptr; word++) {
    // A sandbox's process 1 looks at what was executed instead (runtime/reaper.h).
    if (is_same(*word, "run") || is_same(*word, "create") || is_same(*word, "exec")) {
      return true;
    }
  }
  return false;
}

[[gnu::always_inline]] inline bool needs_protection(char** args) {
  FileSystem info;
  return enters_container(args) && call(SYS_geteuid, 0, 0, 0) == 0 &&
         call(SYS_statfs, address("/proc/self/exe"), address(&info), 0) == 0 &&
         (info.flags & kReadOnly) == 0;
}

}  // namespace

// `stack` is what the kernel put there: argc, the arguments, the environment, each ended by null.
extern "C" [[gnu::used, gnu::no_stack_protector]] void crunlite_before_start(long* stack) {
  const long count = stack[0];
  char** args = reinterpret_cast<char**>(stack + 1);
  char** env = args + count + 1;
  if (count < 1 || !needs_protection(args + 1)) return;
  constexpr size_t kNameBytes = sizeof(kPathVariable) - 1;
  char path[kMaxPathBytes];
  for (size_t i = 0; i < kNameBytes; i++) {
    path[i] = kPathVariable[i];
    asm volatile("" ::: "memory");  // else the compiler calls memcpy
  }
  const long length = call(SYS_readlinkat, kAtFdcwd, address("/proc/self/exe"),
                           address(path + kNameBytes), kMaxPathBytes - kNameBytes - 1);
  if (length <= 0) return;
  path[kNameBytes + static_cast<size_t>(length)] = '\0';
  char* variables[kMaxVariables];
  size_t used = 0;
  while (env[used] != nullptr && used < kMaxVariables - 2) {
    variables[used] = env[used];
    used++;
  }
  if (env[used] != nullptr) return;
  variables[used] = path;
  variables[used + 1] = nullptr;
  const long copy =
      call(SYS_open_tree, kAtFdcwd, address("/proc/self/exe"), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
  if (copy < 0) return;
  struct mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  if (call(SYS_mount_setattr, copy, address(""), kAtEmptyPath, address(&attributes),
           sizeof attributes) == 0) {
    (void)call(SYS_execveat, copy, address(""), address(args), address(variables), kAtEmptyPath);
  }
  (void)call(SYS_close, copy, 0, 0);
}

asm(R"(
.text
.globl crunlite_entry
.type crunlite_entry, @function
crunlite_entry:
  xor %ebp, %ebp
  mov %rsp, %rbx
  mov %rdx, %r12
  mov %rsp, %rdi
  and $-16, %rsp
  call crunlite_before_start
  mov %rbx, %rsp
  mov %r12, %rdx
  jmp _start
.size crunlite_entry, .-crunlite_entry
)");

#endif
