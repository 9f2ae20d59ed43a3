// SPDX-License-Identifier: Apache-2.0
// The rules that `make check` holds this tree to, each a pure function over one file's text.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace crunlite::check {

// A file of the tree: its path below the root of the tree, and what it holds.
struct File {
  std::string path;
  std::string text;
};

// A broken rule. Line 0 stands for the file as a whole.
struct Finding {
  std::string path;
  int line = 0;
  std::string message;

  bool operator==(const Finding&) const = default;
};
using Findings = std::vector<Finding>;

// Which modules each module may include, itself among them, as the Makefile's LAYER_ lines say.
using Layers = std::map<std::string, std::set<std::string>, std::less<>>;
[[nodiscard]] Layers parse_layers(std::string_view makefile);

// C++ sources: includes point at lower layers only, nothing banned is used, files, functions and
// lines are short, and headers say what they are for.
[[nodiscard]] Findings check_includes(const File& file, const Layers& layers);
[[nodiscard]] Findings check_bans(const File& file);
[[nodiscard]] Findings check_functions(const File& file);
[[nodiscard]] Findings check_header(const File& file);

// Every text that people write here: licence, length, blanks, open ends.
[[nodiscard]] Findings check_text(const File& file);

// Documents: the files they link to or name are there, and so are the tests they name.
struct Tree {
  std::set<std::string, std::less<>> paths;  // files and directories
  std::set<std::string, std::less<>> tests;  // "Suite.Name"
};
void collect_tests(const File& file, Tree& tree);
[[nodiscard]] Findings check_document(const File& file, const Tree& tree);

// What kind of file a path is, by its name and first line.
[[nodiscard]] bool is_cpp(const File& file);
[[nodiscard]] bool is_script(const File& file);  // scripts and makefiles
[[nodiscard]] bool is_document(const File& file);

}  // namespace crunlite::check
