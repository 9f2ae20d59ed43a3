// SPDX-License-Identifier: Apache-2.0
// What long work tells about itself while it runs, and how it is told to stop.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace crunlite::image {

// Given to whoever works long. Both may be empty. Called on the worker's caller's thread only.
struct Observer {
  // `total` is 0 where it is not known.
  std::function<void(std::string_view what, uint64_t done, uint64_t total)> progress;
  std::function<bool()> interrupted;

  void report(std::string_view what, uint64_t done, uint64_t total) const {
    if (progress) progress(what, done, total);
  }
  // Kind::kConflict "interrupted" when it is time to stop.
  [[nodiscard]] Status check() const {
    if (interrupted && interrupted()) return fail(Kind::kConflict, "interrupted");
    return {};
  }
};

// One line of a terminal that is written over and over, and wiped at the end. One thread.
class ProgressLine {
 public:
  // Writes to `fd`, where it is a terminal and `wanted`; otherwise nothing is ever written.
  ProgressLine(int fd, bool wanted);
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;
  ~ProgressLine() { clear(); }

  void show(std::string_view what, uint64_t done, uint64_t total);
  void clear();

 private:
  int fd_;
  bool on_ = false;
  bool shown_ = false;
  std::string last_what_;
  int64_t next_ms_ = 0;
};

// "layer 2 of 5: 12.0 MiB of 63.1 MiB (19 %)", cut to `columns`.
[[nodiscard]] std::string progress_text(std::string_view what, uint64_t done, uint64_t total,
                                        size_t columns);

}  // namespace crunlite::image
