// SPDX-License-Identifier: Apache-2.0
// Measures the time stamp counter, which an emulated machine shares with the host but cannot
// measure itself while the host is busy.
#include <time.h>

#include <cstdint>

#include <x86intrin.h>

#include "tests/vm/guest.h"

namespace crunlite::vm {
namespace {

struct Sample {
  uint64_t ticks;
  uint64_t time_ns;
};

// The tightest of many pairs: the others were interrupted between their two clocks.
Sample sample() {
  Sample best = {};
  uint64_t narrowest = UINT64_MAX;
  for (int i = 0; i < 200; i++) {
    timespec now = {};
    uint64_t before = __rdtsc();
    clock_gettime(CLOCK_MONOTONIC_RAW, &now);
    uint64_t width = __rdtsc() - before;
    if (width >= narrowest) continue;
    narrowest = width;
    best.ticks = before + width / 2;
    best.time_ns =
        static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }
  return best;
}

}  // namespace

unsigned long tsc_khz() {
  Sample first = sample();
  timespec pause = {.tv_sec = 0, .tv_nsec = 30'000'000};
  nanosleep(&pause, nullptr);  // the time to be measured, not a wait for anything
  Sample last = sample();
  return (last.ticks - first.ticks) * 1'000'000 / (last.time_ns - first.time_ns);
}

}  // namespace crunlite::vm
