// SPDX-License-Identifier: Apache-2.0
// C++ source as the style check sees it: lines, comments and strings blanked, functions found.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace crunlite::check {

// The same text with comments, the insides of literals and, where asked, preprocessor lines made
// blank: every character that remains keeps its line and column.
enum class Directives { kKeep, kBlank };
[[nodiscard]] std::string blank_out(std::string_view source, Directives directives);

// A function's definition, from the line where its declaration begins to its closing brace.
struct Function {
  std::string name;
  int first_line = 0;
  int last_line = 0;
};

// The functions at namespace or class scope. Lambdas count as part of what holds them.
[[nodiscard]] std::vector<Function> find_functions(std::string_view source);

struct Include {
  int line = 0;
  bool quoted = false;  // "base/text.h", not <string>
  std::string path;
};
[[nodiscard]] std::vector<Include> find_includes(std::string_view source);

// Columns as a reader counts them: UTF-8 sequences are one column each.
[[nodiscard]] size_t count_columns(std::string_view line);

}  // namespace crunlite::check
