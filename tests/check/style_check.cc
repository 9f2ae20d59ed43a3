// SPDX-License-Identifier: Apache-2.0
// style_check [FOLDER]: reads the tree once, prints each broken rule as `path:line: what`, and ends
// with 1 if there was one.
#include <dirent.h>
#include <stdio.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/check/rules.h"

namespace crunlite::check {
namespace {

constexpr size_t kMaxFileBytes = 4 << 20;

struct Reading {
  std::vector<File> files;
  Tree tree;
};

// What people wrote here: no hidden folder but .ci, nothing built, no corpus of a fuzzer.
bool is_skipped(const std::string& name) {
  if (name == ".ci" || name.starts_with(".clang") || name == ".gitignore") return false;
  return name.starts_with('.') || name == "build" || name == "corpus";
}

bool is_text(std::string_view text) { return text.find('\0') == std::string_view::npos; }

// Reads the files of one folder, and adds the folders in it to those still to be read.
Status read_folder(int root, const std::string& path, std::vector<std::string>& folders,
                   Reading& reading) {
  int flags = O_RDONLY | O_DIRECTORY;
  UniqueFd folder = TRY(open_beneath(root, path.empty() ? "." : path, flags), path);
  for (const sys::DirEntry& entry : TRY(sys::list_dir(folder.get()), path)) {
    if (entry.name == ".git" || (path.empty() && entry.name == "build")) continue;
    std::string inner = path.empty() ? entry.name : cat(path, '/', entry.name);
    reading.tree.paths.insert(inner);
    if (is_skipped(entry.name)) continue;
    if (entry.type == DT_DIR) folders.push_back(inner);
    if (entry.type != DT_REG) continue;
    std::string text = TRY(read_file(folder.get(), entry.name, kMaxFileBytes), inner);
    if (is_text(text)) reading.files.push_back({inner, std::move(text)});
  }
  return {};
}

Result<Reading> read_tree(const std::string& root) {
  Reading reading;
  UniqueFd top = TRY(sys::open(root.c_str(), O_RDONLY | O_DIRECTORY), root);
  std::vector<std::string> folders = {""};
  while (!folders.empty()) {
    std::string path = std::move(folders.back());
    folders.pop_back();
    TRY(read_folder(top.get(), path, folders, reading));
  }
  std::sort(reading.files.begin(), reading.files.end(),
            [](const File& a, const File& b) { return a.path < b.path; });
  return reading;
}

void append(Findings& all, Findings more) {
  all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

Findings check_file(const File& file, const Layers& layers, const Tree& tree) {
  Findings findings = check_text(file);
  if (is_document(file)) append(findings, check_document(file, tree));
  if (!is_cpp(file)) return findings;
  append(findings, check_includes(file, layers));
  append(findings, check_bans(file));
  append(findings, check_functions(file));
  append(findings, check_header(file));
  return findings;
}

Result<Findings> check_tree(const std::string& root) {
  Reading reading = TRY(read_tree(root));
  Layers layers;
  for (const File& file : reading.files) {
    if (file.path == "Makefile") layers = parse_layers(file.text);
    if (file.path.starts_with("tests/")) collect_tests(file, reading.tree);
  }
  if (layers.empty()) return fail(Kind::kInvalid, root, "/Makefile: no LAYER_ line in it");
  Findings findings;
  for (const File& file : reading.files) append(findings, check_file(file, layers, reading.tree));
  return findings;
}

}  // namespace
}  // namespace crunlite::check

int main(int argc, char** argv) {
  auto findings = crunlite::check::check_tree(argc > 1 ? argv[1] : ".");
  if (!findings.has_value()) {
    fprintf(stderr, "style_check: %s\n", findings.error().message.c_str());
    return 2;
  }
  for (const auto& finding : *findings) {
    printf("%s:%d: %s\n", finding.path.c_str(), finding.line, finding.message.c_str());
  }
  return findings->empty() ? 0 : 1;
}
