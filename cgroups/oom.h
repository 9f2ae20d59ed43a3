// SPDX-License-Identifier: Apache-2.0
// OomWatch: tells when processes of a group are killed for want of memory.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cgroups/group.h"

namespace crunlite::cgroups {

// Owned by one process and thread. On v1 by an eventfd (cgroup.event_control), on cgroup2 by
// memory.events, which the kernel marks as changed.
class OomWatch {
 public:
  // Nothing where no controller counts the group's memory.
  [[nodiscard]] static Result<std::optional<OomWatch>> open(const Group& group);

  // To wait for with poll(2).
  [[nodiscard]] int fd() const { return event_.is_open() ? event_.get() : counts_.get(); }
  [[nodiscard]] short events() const;
  // After fd() was ready: how many times since the last call. Nothing once the group is gone; then
  // there is no more to wait for.
  [[nodiscard]] std::optional<uint64_t> take();

 private:
  OomWatch() = default;

  UniqueFd counts_;  // memory.oom_control, or memory.events
  UniqueFd event_;   // v1
  uint64_t seen_ = 0;
};

}  // namespace crunlite::cgroups
