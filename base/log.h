// SPDX-License-Identifier: Apache-2.0
// The log of a program: lines on standard error, and in a file where callers asked for one. Only
// programs log; library code returns errors, but for what it survives. One thread.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "base/text.h"

namespace crunlite {

enum class LogLevel { kDebug, kInfo, kWarning, kError };

struct LogSettings {
  std::string program;   // put before each line on standard error
  std::string file;      // "": none
  bool is_json = false;  // lines of the file: {"level":...,"msg":...,"time":...}
  LogLevel level = LogLevel::kWarning;
};

// Opens the file for appending. Called once by main().
[[nodiscard]] Status open_log(const LogSettings& settings);

void log_line(LogLevel level, std::string_view text);

template <class... Parts>
void log_warning(const Parts&... parts) {
  log_line(LogLevel::kWarning, cat(parts...));
}
template <class... Parts>
void log_debug(const Parts&... parts) {
  log_line(LogLevel::kDebug, cat(parts...));
}

}  // namespace crunlite
