// SPDX-License-Identifier: Apache-2.0
#include "image/progress.h"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>

#include "base/sys.h"

namespace crunlite::image {
namespace {

TEST(ProgressText, ShowsBytesAndPercent) {
  constexpr uint64_t kMiB = 1 << 20;
  EXPECT_EQ(progress_text("x", 3 * kMiB, 12 * kMiB, 80), "x: 3.0 MiB of 12.0 MiB (25 %)");
  EXPECT_EQ(progress_text("x", 3 * kMiB, 0, 80), "x: 3.0 MiB");
  EXPECT_EQ(progress_text("x", 3 * kMiB, kMiB, 80), "x: 3.0 MiB of 1.0 MiB (100 %)");
  EXPECT_EQ(progress_text("a long name", kMiB, kMiB, 6), "a long");
  EXPECT_TRUE(progress_text("x", UINT64_MAX / 2, UINT64_MAX, 80).ends_with("(50 %)"));
}

TEST(ProgressLine, WritesToTerminalsAlone) {
  Result<sys::Pipe> pipe = sys::pipe2(O_NONBLOCK);
  ASSERT_TRUE(pipe.has_value());
  {
    ProgressLine line(pipe->write_end.get(), true);
    line.show("x", 1, 2);
  }
  char buffer[64];
  EXPECT_FALSE(sys::read(pipe->read_end.get(), buffer).has_value());  // nothing is there
}

TEST(ProgressLine, IsRateLimitedAndWiped) {
  UniqueFd master(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  if (!master.is_open()) GTEST_SKIP() << "no pseudo-terminals here";
  ASSERT_TRUE(sys::unlock_pty(master.get()).has_value());
  UniqueFd terminal = *sys::pty_peer(master.get(), O_RDWR | O_NOCTTY | O_CLOEXEC);
  {
    ProgressLine line(terminal.get(), true);
    for (int i = 0; i < 1000; i++) line.show("x", 1, 2);
  }
  // The kernel hands bytes on in its own time.
  constexpr std::string_view kWiped = "\r\033[K";
  std::string text;
  char buffer[4096];
  while (!text.ends_with(kWiped) && sys::wait_ready(master.get(), POLLIN, 5000).value_or(false)) {
    text.append(buffer, *sys::read(master.get(), buffer));
  }
  size_t shown = 0;
  for (size_t at = text.find("x: "); at != std::string_view::npos; at = text.find("x: ", at + 1)) {
    shown++;
  }
  EXPECT_GE(shown, 1U);
  EXPECT_LE(shown, 5U);
  EXPECT_TRUE(text.ends_with(kWiped));
}

TEST(Observer, SaysWhenToStop) {
  Observer observer;
  EXPECT_TRUE(observer.check().has_value());
  bool stop = false;
  observer.interrupted = [&] { return stop; };
  EXPECT_TRUE(observer.check().has_value());
  stop = true;
  EXPECT_EQ(observer.check().error().kind, Kind::kConflict);
}

}  // namespace
}  // namespace crunlite::image
