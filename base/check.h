// SPDX-License-Identifier: Apache-2.0
// CHECK: for our own bugs only; it stays on in release builds and aborts with file and line.
#pragma once

namespace crunlite {

[[noreturn]] void check_failed(const char* file, int line, const char* condition) noexcept;

}  // namespace crunlite

#define CHECK(condition)                                        \
  do {                                                          \
    if (!(condition)) [[unlikely]] {                            \
      ::crunlite::check_failed(__FILE__, __LINE__, #condition); \
    }                                                           \
  } while (false)
