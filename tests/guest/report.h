// SPDX-License-Identifier: Apache-2.0
// What the probe says: one line of JSON for each verb, written to standard output at once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace crunlite::guest {

// One verb of the command line with its own arguments.
struct Call {
  std::string_view verb;
  std::span<char* const> args;

  // The argument, or "" where there are fewer.
  [[nodiscard]] const char* text(size_t index) const {
    return index < args.size() ? args[index] : "";
  }
  // The argument as a whole number (0x... too), or `otherwise` where it is none.
  [[nodiscard]] int64_t number(size_t index, int64_t otherwise = 0) const;
  // "verb arg arg", by which the reader finds the line.
  [[nodiscard]] std::string title() const;
};

// One line: {"call": "read /x", name: value, ...}. Bytes above 127 are written as U+0080 to U+00FF.
class Line {
 public:
  explicit Line(const Call& call);

  Line& text(std::string_view name, std::string_view value);
  Line& number(std::string_view name, int64_t value);
  Line& flag(std::string_view name, bool value);
  Line& texts(std::string_view name, const std::vector<std::string>& values);
  Line& raw(std::string_view name, std::string_view json);
  // "errno": 0 or the number of the last error, and "error": its name or "", by a call's result.
  Line& outcome(long result);
  void write();

 private:
  std::string json_;
};

[[nodiscard]] std::string json_quote(std::string_view text);
void write_all(int fd, std::string_view data);

// The whole file, at most 1 MiB; "" with errno set when it cannot be read.
[[nodiscard]] std::string slurp(const char* path);
[[nodiscard]] std::string slurp_fd(int fd);
[[nodiscard]] std::string read_link(const char* path);
[[nodiscard]] std::vector<std::string> names_in(const char* directory);

// A child as by fork(2); single-threaded programs only.
[[nodiscard]] int new_process();
// Waits for so long, woken by signals only through their handlers.
void wait_ms(int64_t milliseconds);

}  // namespace crunlite::guest
