// SPDX-License-Identifier: Apache-2.0
// Command lines by tables: long and short options, "--x=y" and "--x y". Any thread.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace crunlite {

struct OptionSpec {
  std::string_view name;        // without dashes
  char letter = '\0';           // short form, '\0': none
  std::string_view value = {};  // what the value is, for the help; empty: a flag
  std::string_view help = {};
  bool is_hidden = false;  // accepted for callers' sake, not shown
};

enum class Positionals {
  kAnywhere,   // options may follow them
  kEndOptions  // the first one ends the options: the rest belongs to another command
};

// What a command line said.
class Options {
 public:
  // Errors name the option: unknown, value missing, a flag's value not true or false.
  [[nodiscard]] static Result<Options> parse(std::span<const OptionSpec> specs,
                                             std::span<const std::string> args,
                                             Positionals positionals);

  [[nodiscard]] bool has(std::string_view name) const;  // a flag that is on, or a value given
  [[nodiscard]] std::string value(std::string_view name, std::string_view otherwise = "") const;
  [[nodiscard]] std::vector<std::string> values(std::string_view name) const;
  [[nodiscard]] const std::vector<std::string>& positionals() const { return positionals_; }
  // A whole number; the error names the option.
  [[nodiscard]] Result<int> number(std::string_view name, int otherwise) const;

 private:
  struct Scan;
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
  std::vector<std::string> positionals_;
};

// The lines of a help text, one an option, indented and aligned.
[[nodiscard]] std::string options_help(std::span<const OptionSpec> specs);

}  // namespace crunlite
