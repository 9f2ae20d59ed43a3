// SPDX-License-Identifier: Apache-2.0
// System calls that set attributes of the calling process, which few containers ask for; as
// base/sys.h. Any thread, for that thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::sys {

// sched_setattr(2); as the kernel's struct sched_attr, which glibc does not declare.
struct SchedulerAttributes {
  uint32_t size = 56;
  uint32_t policy = 0;
  uint64_t flags = 0;
  int32_t nice = 0;
  uint32_t priority = 0;
  uint64_t runtime = 0;
  uint64_t deadline = 0;
  uint64_t period = 0;
  uint32_t util_min = 0;
  uint32_t util_max = 1024;
};
[[nodiscard]] Status sched_setattr(const SchedulerAttributes& attributes);
[[nodiscard]] Status sched_setaffinity(const std::vector<uint32_t>& processors);
[[nodiscard]] Status ioprio_set(int io_class, int priority);
[[nodiscard]] Status personality(unsigned long persona);
// `mode` with its flags; no node is an empty mask.
[[nodiscard]] Status set_mempolicy(int mode, const std::vector<uint32_t>& nodes);

// landlock(7)
[[nodiscard]] Result<int> landlock_abi();  // ENOSYS, EOPNOTSUPP: the kernel has none
[[nodiscard]] Result<UniqueFd> landlock_create_ruleset(uint64_t handled_files);
[[nodiscard]] Status landlock_add_path(int ruleset, uint64_t allowed, int path);
[[nodiscard]] Status landlock_restrict_self(int ruleset);

}  // namespace crunlite::sys
