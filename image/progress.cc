// SPDX-License-Identifier: Apache-2.0
#include "image/progress.h"

#include <unistd.h>

#include "base/sys.h"
#include "base/text.h"

namespace crunlite::image {
namespace {

constexpr int64_t kShowEveryMs = 100;
constexpr size_t kColumns = 80;
constexpr size_t kMinColumns = 20;

size_t columns_of(int fd) {
  Result<struct winsize> size = sys::window_size(fd);
  if (!size.has_value() || size->ws_col < kMinColumns) return kColumns;
  return size->ws_col;
}

}  // namespace

std::string progress_text(std::string_view what, uint64_t done, uint64_t total, size_t columns) {
  std::string text = cat(what, ": ", human_bytes(done));
  if (total > 0) {
    // A source that grows while it is read must not show 101 %.
    uint64_t percent =
        done >= total
            ? 100
            : static_cast<uint64_t>(static_cast<double>(done) * 100.0 / static_cast<double>(total));
    text += cat(" of ", human_bytes(total), " (", percent, " %)");
  }
  if (text.size() > columns) text.resize(columns);
  return text;
}

ProgressLine::ProgressLine(int fd, bool wanted) : fd_(fd), on_(wanted && ::isatty(fd) == 1) {}

void ProgressLine::show(std::string_view what, uint64_t done, uint64_t total) {
  if (!on_) return;
  int64_t now = sys::monotonic_ms();
  if (now < next_ms_ && what == last_what_) return;
  next_ms_ = now + kShowEveryMs;
  last_what_ = what;
  // One column is left free, or some terminals would wrap the line.
  std::string text = cat("\r", progress_text(what, done, total, columns_of(fd_) - 1), "\033[K");
  // A terminal that is gone is no reason to stop.
  (void)sys::write_all(fd_, text);
  shown_ = true;
}

void ProgressLine::clear() {
  if (!shown_) return;
  (void)sys::write_all(fd_, "\r\033[K");  // as above
  shown_ = false;
}

}  // namespace crunlite::image
