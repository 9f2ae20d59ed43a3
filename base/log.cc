// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <array>

#include "base/json.h"
#include "base/sys.h"

namespace crunlite {
namespace {

// What main() set. A log is the one thing that all code of a program shares; nothing is decided by
// it, and it is set once, before anything is logged.
struct Log {
  LogSettings settings;
  UniqueFd file;
};

Log& the_log() {
  static Log log;
  return log;
}

std::string_view level_name(LogLevel level) {
  constexpr std::array<std::string_view, 4> kNames = {"debug", "info", "warning", "error"};
  return kNames[static_cast<size_t>(level)];
}

std::string json_line(LogLevel level, std::string_view text) {
  json::Object line;
  line.emplace_back("level", json::Value(std::string(level_name(level))));
  line.emplace_back("msg", json::Value(std::string(text)));
  line.emplace_back("time", json::Value(rfc3339(now_unix_ns())));
  return json::write(json::Value(std::move(line)));
}

std::string text_line(LogLevel level, std::string_view text) {
  return cat("time=\"", rfc3339(now_unix_ns()), "\" level=", level_name(level),
             " msg=", json::write(json::Value(std::string(text))));
}

}  // namespace

Status open_log(const LogSettings& settings) {
  Log& log = the_log();
  log.settings = settings;
  log.file.reset();
  if (settings.file.empty()) return {};
  log.file = TRY(sys::open(settings.file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), "--log ",
                 settings.file);
  return {};
}

void log_line(LogLevel level, std::string_view text) {
  const Log& log = the_log();
  if (level < log.settings.level) return;
  // Nobody can be told that the log cannot be written.
  (void)sys::write_all(2, cat(log.settings.program, ": ",
                              level == LogLevel::kWarning ? "warning: " : "", text, "\n"));
  if (!log.file.is_open()) return;
  const std::string line = log.settings.is_json ? json_line(level, text) : text_line(level, text);
  (void)sys::write_all(log.file.get(), line + "\n");
}

}  // namespace crunlite
