// SPDX-License-Identifier: Apache-2.0
#include "base/sys_attributes.h"

#include <errno.h>
#include <linux/landlock.h>
#include <sched.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <memory>

#include "base/sys.h"

namespace crunlite::sys {
namespace {

Status status_of(long result) {
  return result < 0 ? Status(std::unexpected(error_of(errno))) : Status();
}

// A mask of bits as the kernel reads it, in words.
std::vector<unsigned long> mask_of(const std::vector<uint32_t>& numbers) {
  constexpr size_t kBits = sizeof(unsigned long) * CHAR_BIT;
  std::vector<unsigned long> mask;
  for (uint32_t number : numbers) {
    mask.resize(std::max(mask.size(), number / kBits + 1));
    mask[number / kBits] |= 1UL << (number % kBits);
  }
  return mask;
}

}  // namespace

Status sched_setattr(const SchedulerAttributes& attributes) {
  static_assert(sizeof(SchedulerAttributes) == 56);
  return status_of(::syscall(SYS_sched_setattr, 0, &attributes, 0));
}

Status sched_setaffinity(const std::vector<uint32_t>& processors) {
  const std::vector<unsigned long> mask = mask_of(processors);
  return status_of(
      ::syscall(SYS_sched_setaffinity, 0, mask.size() * sizeof(unsigned long), mask.data()));
}

Status ioprio_set(int io_class, int priority) {
  constexpr int kProcess = 1;      // IOPRIO_WHO_PROCESS
  constexpr int kClassShift = 13;  // IOPRIO_CLASS_SHIFT
  return status_of(::syscall(SYS_ioprio_set, kProcess, 0, (io_class << kClassShift) | priority));
}

Status personality(unsigned long persona) { return status_of(::personality(persona)); }

Status set_mempolicy(int mode, const std::vector<uint32_t>& nodes) {
  const std::vector<unsigned long> mask = mask_of(nodes);
  // The kernel reads one bit less than it is told.
  const size_t bits = mask.empty() ? 0 : mask.size() * sizeof(unsigned long) * CHAR_BIT + 1;
  return status_of(::syscall(SYS_set_mempolicy, mode, mask.empty() ? nullptr : mask.data(), bits));
}

Result<int> landlock_abi() {
  const long version =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  if (version < 0) return std::unexpected(error_of(errno));
  return static_cast<int>(version);
}

Result<UniqueFd> landlock_create_ruleset(uint64_t handled_files) {
  const uint64_t attributes = handled_files;  // the first member, all that the first version had
  const long fd = ::syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
  if (fd < 0) return std::unexpected(error_of(errno));
  return UniqueFd(static_cast<int>(fd));
}

Status landlock_add_path(int ruleset, uint64_t allowed, int path) {
  struct landlock_path_beneath_attr attributes{};
  attributes.allowed_access = allowed;
  attributes.parent_fd = path;
  return status_of(
      ::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &attributes, 0));
}

Status landlock_restrict_self(int ruleset) {
  return status_of(::syscall(SYS_landlock_restrict_self, ruleset, 0));
}

}  // namespace crunlite::sys
