// SPDX-License-Identifier: Apache-2.0
// A process in the foreground: its signals, its terminal, its end.
#pragma once

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::runtime {

struct AttendOptions {
  int timeout_ms = -1;  // -1: none; then the child is sent SIGTERM
  // From a SIGTERM, SIGHUP or SIGINT to SIGKILL, which a second one brings at once; -1: never. A
  // SIGINT that was typed does not count: programs live on with it.
  int grace_ms = -1;
  bool has_reaper = false;  // the child is ours, and passes signals on (runtime/reaper.h)
};

// How the process in the foreground ended.
struct ForegroundEnd {
  ExitStatus status;
  bool is_timed_out = false;
};

// Blocks all signals of this process and keeps them for the one in the foreground. Made before
// that starts, so that no signal is lost. One per process, one thread.
class Foreground {
 public:
  [[nodiscard]] static Result<Foreground> prepare();

  // Until the child ends: passes signals on, relays between our terminal (in raw mode meanwhile,
  // with its window size followed) and `console_master` if there is one.
  [[nodiscard]] Result<ForegroundEnd> attend(Child& child, UniqueFd console_master,
                                             const AttendOptions& options = {});

 private:
  explicit Foreground(UniqueFd signals) : signals_(std::move(signals)) {}
  UniqueFd signals_;
};

}  // namespace crunlite::runtime
