// SPDX-License-Identifier: Apache-2.0
// Documents against the tree: links, paths and tests that are named must be there.
#include <algorithm>
#include <cctype>

#include "base/path.h"
#include "base/text.h"
#include "tests/check/rules.h"
#include "tests/check/source.h"

namespace crunlite::check {
namespace {

bool is_upper(char c) { return std::isupper(static_cast<unsigned char>(c)) != 0; }
bool is_alnum(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// "Suite.Name" as GoogleTest prints it; README.MD or v1.2 are no tests.
bool is_test_name(std::string_view word) {
  size_t dot = word.find('.');
  if (dot == std::string_view::npos || dot == 0 || dot + 1 >= word.size()) return false;
  std::string_view suite = word.substr(0, dot), name = word.substr(dot + 1);
  auto is_name = [](std::string_view part) {
    return is_upper(part[0]) && std::all_of(part.begin(), part.end(), is_alnum) &&
           std::any_of(part.begin(), part.end(), [](char c) { return !is_upper(c); });
  };
  return is_name(suite) && is_name(name);
}

bool is_tree_path(std::string_view word) {
  bool plain = std::all_of(word.begin(), word.end(), [](char c) {
    return is_alnum(c) || std::string_view("/._-").contains(c);
  });
  return plain && (word.starts_with("tests/") || word.starts_with("docs/") ||
                   word.starts_with("packaging/") || word.starts_with("bench/"));
}

bool is_outside(std::string_view target) {
  return target.empty() || target.starts_with('#') || target.contains("://") ||
         target.starts_with("mailto:");
}

// What stands between pairs of `open` and `close` on one line.
std::vector<std::string_view> enclosed(std::string_view line, std::string_view open, char close) {
  std::vector<std::string_view> found;
  for (size_t at = line.find(open); at != std::string_view::npos;) {
    size_t start = at + open.size();
    size_t end = line.find(close, start);
    if (end == std::string_view::npos) break;
    found.push_back(line.substr(start, end - start));
    at = line.find(open, end + 1);
  }
  return found;
}

std::string resolve(std::string_view document, std::string_view target) {
  target = target.substr(0, target.find_first_of("# "));
  std::string folder = split_path(document).parent;
  return clean_path(folder.empty() ? std::string(target) : cat(folder, '/', target));
}

bool exists(const Tree& tree, std::string_view path) {
  while (path.ends_with('/')) path.remove_suffix(1);
  return path == "." || tree.paths.contains(path);
}

}  // namespace

void collect_tests(const File& file, Tree& tree) {
  std::string code = blank_out(file.text, Directives::kKeep);
  for (std::string_view macro : {"TEST(", "TEST_F(", "TEST_P("}) {
    for (size_t at = code.find(macro); at != std::string::npos; at = code.find(macro, at + 1)) {
      size_t start = at + macro.size();
      size_t end = code.find(')', start);
      if (end == std::string::npos || (at > 0 && code[at - 1] != '\n')) continue;
      std::string_view arguments = std::string_view(code).substr(start, end - start);
      size_t comma = arguments.find(',');
      if (comma == std::string_view::npos) continue;
      tree.tests.insert(
          cat(trim(arguments.substr(0, comma)), '.', trim(arguments.substr(comma + 1))));
    }
  }
}

Findings check_document(const File& file, const Tree& tree) {
  Findings findings;
  int number = 0;
  bool quoted = false;  // inside of a block of code
  for (std::string_view line : split(file.text, '\n')) {
    number++;
    auto add = [&](const auto&... parts) {
      findings.push_back({file.path, number, cat(parts...)});
    };
    if (trim(line).starts_with("```")) quoted = !quoted;
    if (quoted) continue;
    for (std::string_view target : enclosed(line, "](", ')')) {
      if (is_outside(target) || exists(tree, resolve(file.path, target))) continue;
      add("the link to ", target, " is broken");
    }
    for (std::string_view word : enclosed(line, "`", '`')) {
      if (is_test_name(word) && !tree.tests.contains(word)) add("there is no test ", word);
      if (is_tree_path(word) && !exists(tree, word)) add("there is no ", word);
    }
  }
  return findings;
}

}  // namespace crunlite::check
