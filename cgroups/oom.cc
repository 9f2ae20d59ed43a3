// SPDX-License-Identifier: Apache-2.0
#include "cgroups/oom.h"

#include <poll.h>
#include <sys/eventfd.h>

#include <array>
#include <string_view>

#include "base/sys_files.h"
#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"

namespace crunlite::cgroups {
namespace {

// The number behind "oom_kill" in either file; nothing when the group is gone.
std::optional<uint64_t> count_kills(int file) {
  std::array<char, 512> buffer{};
  const Result<size_t> length = sys::pread(file, buffer, 0);
  if (!length.has_value()) return {};
  constexpr std::string_view kKey = "oom_kill ";
  const std::string_view text(buffer.data(), *length);
  for (std::string_view line : split(text, '\n')) {
    if (line.starts_with(kKey)) return parse_number<uint64_t>(line.substr(kKey.size()));
  }
  return 0;
}

}  // namespace

Result<std::optional<OomWatch>> OomWatch::open(const Group& group) {
  const int legacy = group.legacy_fd("memory");
  const int dir = legacy >= 0 ? legacy : group.unified_fd();
  if (dir < 0) return std::optional<OomWatch>();
  OomWatch watch;
  const char* name = legacy >= 0 ? kMemoryOomControl : kMemoryEvents;
  Result<UniqueFd> counts = sys::openat(dir, name, O_RDONLY | O_NOFOLLOW);
  if (!counts.has_value() && counts.error().kind == Kind::kNotFound) {
    return std::optional<OomWatch>();
  }
  watch.counts_ = TRY(std::move(counts), name);
  watch.seen_ = count_kills(watch.counts_.get()).value_or(0);
  if (legacy >= 0) {
    watch.event_ = TRY(sys::eventfd(0), "eventfd");
    TRY(write_control(legacy, kEventControl, cat(watch.event_.get(), " ", watch.counts_.get())));
  }
  return std::optional(std::move(watch));
}

short OomWatch::events() const { return event_.is_open() ? POLLIN : POLLPRI; }

std::optional<uint64_t> OomWatch::take() {
  uint64_t signalled = 0;
  if (event_.is_open()) {
    // It is also signalled when the cgroup is removed; the count below tells the difference.
    const std::span<char> bytes(reinterpret_cast<char*>(&signalled), sizeof signalled);
    (void)sys::read(event_.get(), bytes);  // nonblocking: there may be nothing yet
  }
  const std::optional<uint64_t> count = count_kills(counts_.get());
  if (!count.has_value()) return {};
  // v1 signals before it kills, and also where it may not kill.
  if (event_.is_open()) return signalled;
  const uint64_t fresh = *count - seen_;
  seen_ = *count;
  return fresh;
}

}  // namespace crunlite::cgroups
