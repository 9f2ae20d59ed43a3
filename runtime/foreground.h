// SPDX-License-Identifier: Apache-2.0
// A process in the foreground: its signals, its terminal, its end.
#pragma once

#include <optional>

#include "base/process.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::runtime {

// Blocks all signals of this process and keeps them for the one in the foreground. Made before
// that starts, so that no signal is lost. One per process, one thread.
class Foreground {
 public:
  [[nodiscard]] static Result<Foreground> prepare();

  // Until the child ends: passes signals on, relays between our terminal (in raw mode meanwhile,
  // with its window size followed) and `console_master` if there is one, and returns how it ended;
  // nothing when `timeout_ms` (-1: none) is over, and the child then still runs.
  [[nodiscard]] Result<std::optional<ExitStatus>> attend(Child& child, UniqueFd console_master,
                                                         int timeout_ms = -1);

 private:
  explicit Foreground(UniqueFd signals) : signals_(std::move(signals)) {}
  UniqueFd signals_;
};

}  // namespace crunlite::runtime
