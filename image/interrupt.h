// SPDX-License-Identifier: Apache-2.0
// Notices SIGINT, SIGTERM and SIGHUP, so that long work ends by its own clean-up.
#pragma once

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::image {

// Owns the descriptor on which the blocked signals arrive; without globals and handlers. A signal
// that was ignored when the program began, as under nohup, stays ignored. One thread; others must
// be started later, so that they inherit the blocked signals.
class Interrupt {
 public:
  [[nodiscard]] static Result<Interrupt> install();

  // True once a signal has come. Asks the kernel at most every few milliseconds.
  [[nodiscard]] bool is_set();
  // Its number, 0 before.
  [[nodiscard]] int signal() const { return signal_; }

 private:
  explicit Interrupt(UniqueFd fd) : fd_(std::move(fd)) {}

  UniqueFd fd_;
  int signal_ = 0;
  int64_t next_look_ms_ = 0;
};

}  // namespace crunlite::image
