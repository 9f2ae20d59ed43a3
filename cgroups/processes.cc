// SPDX-License-Identifier: Apache-2.0
#include "cgroups/processes.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "base/limits.h"
#include "base/sys.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"

namespace crunlite::cgroups {
namespace {

constexpr int kFreezeTimeoutMs = 10'000;

// Counts down to a deadline.
class Deadline {
 public:
  explicit Deadline(int timeout_ms) : end_ms_(sys::monotonic_ms() + timeout_ms) {}
  [[nodiscard]] int left_ms() const {
    return static_cast<int>(std::max<int64_t>(end_ms_ - sys::monotonic_ms(), 0));
  }

 private:
  int64_t end_ms_;
};

// A moment where the kernel offers nothing to wait for.
void pause_briefly() { (void)sys::wait_ready(-1, 0, 1); }

// The pids of one cgroup, without those below it.
Status list_here(int cgroup, std::vector<pid_t>& pids) {
  Result<std::string> text = read_control(cgroup, kProcs);
  if (!text.has_value()) {
    // EOPNOTSUPP: a threaded cgroup, whose processes count for the one above. ENOENT, ENODEV:
    // removed meanwhile.
    int errnum = text.error().errnum;
    if (errnum == EOPNOTSUPP || errnum == ENOENT || errnum == ENODEV) return {};
    return std::unexpected(text.error());
  }
  for (const std::string& word : words_of(*text)) {
    pid_t pid = parse_number<pid_t>(word).value_or(0);
    if (pid > 0) pids.push_back(pid);
  }
  if (pids.size() > limits::kCgroupProcesses) {
    return fail(Kind::kLimit, "more than ", limits::kCgroupProcesses, " processes");
  }
  return {};
}

Status list_below(int cgroup, std::vector<pid_t>& pids) {
  struct Level {
    DirFd dir;
    std::vector<std::string> names;
  };
  std::vector<Level> levels;
  levels.push_back({TRY(open_cgroup(cgroup, "")), TRY(list_children(cgroup))});
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.names.empty()) {
      levels.pop_back();
      continue;
    }
    std::string name = std::move(level.names.back());
    level.names.pop_back();
    Result<DirFd> inner = open_cgroup(level.dir.get(), name);
    if (!inner.has_value()) continue;  // removed meanwhile
    if (levels.size() >= limits::kCgroupDepth) {
      return fail(Kind::kLimit, "cgroups nested deeper than ", limits::kCgroupDepth);
    }
    TRY(list_here(inner->get(), pids));
    Result<std::vector<std::string>> names = list_children(inner->get());
    if (names.has_value()) levels.push_back({std::move(*inner), std::move(*names)});
  }
  return {};
}

struct Target {
  pid_t pid;
  UniqueFd pidfd;
};

// Descriptors of the processes there. A pid may have been used anew between the list and its
// opening; so those count that a second list still shows: whoever lives then is in the cgroup.
Result<std::vector<Target>> open_processes(int cgroup) {
  std::vector<Target> targets;
  for (pid_t pid : TRY(list_processes(cgroup))) {
    Result<UniqueFd> pidfd = sys::pidfd_open(pid);
    if (pidfd.has_value()) {
      targets.push_back({pid, std::move(*pidfd)});
    } else if (pidfd.error().errnum != ESRCH && pidfd.error().errnum != EINVAL) {
      return std::unexpected(with_context(pidfd.error(), "process ", pid));
    }
  }
  std::vector<pid_t> present = TRY(list_processes(cgroup));
  std::ranges::sort(present);
  std::erase_if(targets, [&](const Target& target) {
    return !std::ranges::binary_search(present, target.pid);
  });
  return targets;
}

Status signal_target(const Target& target, int signal) {
  Status sent = sys::pidfd_send_signal(target.pidfd.get(), signal);
  if (sent.has_value() || sent.error().errnum == ESRCH) return {};
  return std::unexpected(with_context(sent.error(), "signal process ", target.pid));
}

// Waits until "key value" stands in cgroup.events; false when the time is over.
Result<bool> wait_for_event(int cgroup, std::string_view key, char value, int timeout_ms) {
  UniqueFd events = TRY(sys::openat(cgroup, kEvents, O_RDONLY | O_NOFOLLOW), kEvents);
  Deadline deadline(timeout_ms);
  std::string wanted = cat(key, " ", value);
  for (;;) {
    std::array<char, 512> buffer{};
    Result<size_t> length = sys::pread(events.get(), buffer, 0);
    // ENODEV: the cgroup was removed, so nothing is in it.
    if (!length.has_value() && length.error().errnum == ENODEV) return true;
    if (!length.has_value()) return std::unexpected(with_context(length.error(), kEvents));
    std::string_view text(buffer.data(), *length);
    for (std::string_view line : split(text, '\n')) {
      if (line == wanted) return true;
    }
    int left_ms = deadline.left_ms();
    if (left_ms == 0) return false;
    // The kernel wakes with POLLPRI whenever the file has changed since it was read.
    (void)TRY(sys::wait_ready(events.get(), POLLPRI, left_ms));
  }
}

bool has_file(int cgroup, const char* name) {
  return sys::fstatat(cgroup, name, AT_SYMLINK_NOFOLLOW).has_value();
}

Result<bool> is_freezer_state(int cgroup, std::string_view wanted) {
  return trim(TRY(read_control(cgroup, kFreezerState))) == wanted;
}

}  // namespace

Result<std::vector<pid_t>> list_processes(int cgroup) {
  std::vector<pid_t> pids;
  TRY(list_here(cgroup, pids));
  TRY(list_below(cgroup, pids));
  return pids;
}

Status signal_processes(int cgroup, int signal) {
  Status first_failure;
  for (const Target& target : TRY(open_processes(cgroup))) {
    Status sent = signal_target(target, signal);
    // One that may not be signalled does not spare the others.
    if (!sent.has_value() && first_failure.has_value()) first_failure = std::move(sent);
  }
  return first_failure;
}

Status kill_until_empty(int cgroup, int freezer, int timeout_ms) {
  Deadline deadline(timeout_ms);
  for (;;) {
    std::vector<Target> targets = TRY(open_processes(cgroup));
    for (const Target& target : targets) TRY(signal_target(target, SIGKILL));
    if (freezer >= 0) TRY(write_control(freezer, kFreezerState, "THAWED"));
    if (targets.empty() && TRY(list_processes(cgroup)).empty()) return {};
    if (deadline.left_ms() == 0) {
      return fail(Kind::kLimit, "processes are left after ", timeout_ms, " ms of killing");
    }
    if (targets.empty()) {
      pause_briefly();
      continue;
    }
    // The others are looked at when the first has ended; forks of the last moment are found then.
    (void)TRY(sys::wait_ready(targets.front().pidfd.get(), POLLIN, deadline.left_ms()));
  }
}

Result<bool> wait_until_empty(int cgroup, int timeout_ms) {
  if (has_file(cgroup, kEvents)) return wait_for_event(cgroup, "populated", '0', timeout_ms);
  Deadline deadline(timeout_ms);
  for (;;) {
    std::vector<pid_t> pids = TRY(list_processes(cgroup));
    if (pids.empty()) return true;
    if (deadline.left_ms() == 0) return false;
    Result<UniqueFd> pidfd = sys::pidfd_open(pids.front());
    if (!pidfd.has_value()) {
      pause_briefly();  // it ends just now, or has a pid in another namespace only
      continue;
    }
    if (TRY(sys::wait_ready(pidfd->get(), POLLIN, 0))) pause_briefly();
    (void)TRY(sys::wait_ready(pidfd->get(), POLLIN, deadline.left_ms()));
  }
}

Status set_frozen_unified(int cgroup, bool frozen) {
  TRY(write_control(cgroup, kFreeze, frozen ? "1" : "0"));
  // Thawing below a frozen parent is heard only when that is thawed: the wish is noted, no more.
  if (!frozen) return {};
  if (TRY(wait_for_event(cgroup, "frozen", '1', kFreezeTimeoutMs))) return {};
  TRY(write_control(cgroup, kFreeze, "0"));
  return fail(Kind::kLimit, "not frozen within ", kFreezeTimeoutMs, " ms");
}

Status set_frozen_legacy(int cgroup, bool frozen) {
  const char* wanted = frozen ? "FROZEN" : "THAWED";
  Deadline deadline(kFreezeTimeoutMs);
  for (;;) {
    // Written again and again: the kernel looks at tasks that resist (a fork, a vfork) only then.
    TRY(write_control(cgroup, kFreezerState, wanted));
    if (TRY(is_freezer_state(cgroup, wanted))) return {};
    if (deadline.left_ms() == 0) break;
    pause_briefly();
  }
  if (frozen) TRY(write_control(cgroup, kFreezerState, "THAWED"));
  return fail(Kind::kLimit, "not ", frozen ? "frozen" : "thawed", " within ", kFreezeTimeoutMs,
              " ms");
}

Result<bool> wait_thawed_unified(int cgroup, int timeout_ms) {
  return wait_for_event(cgroup, "frozen", '0', timeout_ms);
}

Result<bool> is_frozen_unified(int cgroup) {
  // "frozen 1" holds below a frozen parent too; cgroup.freeze alone while it is still freezing.
  if (TRY(read_key(cgroup, kEvents, "frozen")) == 1) return true;
  return TRY(read_number(cgroup, kFreeze)) == 1;
}

Result<bool> is_frozen_legacy(int cgroup) { return !TRY(is_freezer_state(cgroup, "THAWED")); }

}  // namespace crunlite::cgroups
