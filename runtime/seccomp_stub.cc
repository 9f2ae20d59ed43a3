// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp_stub.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>

#include <algorithm>
#include <array>

namespace crunlite::runtime {
namespace {

constexpr uint32_t kX32Bit = 0x40000000;   // __X32_SYSCALL_BIT
constexpr uint32_t kArmPrivate = 0xf0000;  // __ARM_NR_BASE: calls of the architecture itself

// Numbers of one architecture that are newer than what the profile names: above `last`, to `end`.
struct NewerCalls {
  uint32_t architecture = 0;  // AUDIT_ARCH_*
  uint32_t last = 0;
  uint32_t end = UINT32_MAX;
};

bool refuses_unknown(const oci::Seccomp& profile) {
  const std::string& action = profile.default_action;
  if (action == "SCMP_ACT_ERRNO") return profile.default_errno_ret.value_or(EPERM) != ENOSYS;
  return action.starts_with("SCMP_ACT_KILL") || action == "SCMP_ACT_TRAP";
}

// The highest number that the profile names; negative ones are libseccomp's own.
int highest_call(const oci::Seccomp& profile, uint32_t architecture, uint32_t end) {
  int highest = -1;
  for (const oci::SeccompSyscall& rule : profile.syscalls) {
    for (const std::string& name : rule.names) {
      const int number = seccomp_syscall_resolve_name_arch(architecture, name.c_str());
      if (number >= 0 && static_cast<uint32_t>(number) <= end) highest = std::max(highest, number);
    }
  }
  return highest;
}

NewerCalls range_of(uint32_t token) {
  switch (token) {
    case SCMP_ARCH_X86_64: return {.architecture = AUDIT_ARCH_X86_64, .end = kX32Bit - 1};
    case SCMP_ARCH_X32: return {.architecture = AUDIT_ARCH_X86_64};
    case SCMP_ARCH_ARM: return {.architecture = AUDIT_ARCH_ARM, .end = kArmPrivate - 1};
    default: return {.architecture = token};
  }
}

void append(std::string& out, const std::array<struct sock_filter, 6>& block) {
  out.append(reinterpret_cast<const char*>(block.data()), sizeof block);
}

}  // namespace

std::string unknown_calls_stub(const oci::Seccomp& profile,
                               const std::vector<uint32_t>& architectures) {
  std::string stub;
  if (!refuses_unknown(profile)) return stub;
  constexpr uint32_t kArch = offsetof(struct seccomp_data, arch);
  constexpr uint32_t kNumber = offsetof(struct seccomp_data, nr);
  for (uint32_t token : architectures) {
    NewerCalls calls = range_of(token);
    const int last = highest_call(profile, token, calls.end);
    if (last < 0) continue;
    calls.last = static_cast<uint32_t>(last);
    if (token == SCMP_ARCH_X32) calls.last |= kX32Bit;
    append(stub, {{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kArch),
                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls.architecture, 0, 4),
                   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNumber),
                   BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, calls.last, 0, 2),
                   BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, calls.end, 1, 0),
                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)}});
  }
  return stub;
}

}  // namespace crunlite::runtime
