// SPDX-License-Identifier: Apache-2.0
#include "tests/check/rules.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"
#include "tests/check/source.h"

namespace crunlite::check {

namespace {

constexpr size_t kFileLines = 800;
constexpr int kFunctionLines = 70;
constexpr size_t kColumns = 100;
constexpr std::string_view kLicence = "SPDX-License-Identifier: Apache-2.0";
constexpr int kLicenceLine = 3;  // the last one that may hold it

std::string first_part(std::string_view path) { return std::string(split(path, '/')[0]); }

// The module whose layers bind a file: tests/unit/<module>/ is bound as the module itself is.
std::string module_of(std::string_view path, const Layers& layers) {
  std::vector<std::string_view> parts = split(path, '/');
  bool unit = parts.size() > 3 && parts[0] == "tests" && parts[1] == "unit";
  std::string name(unit ? parts[2] : parts[0]);
  return layers.contains(name) ? name : "";
}

// With the number of an issue behind it, as (#12), it is none; others are promises to nobody.
bool is_open_end(std::string_view line) {
  // In two halves, lest this file trips over itself.
  for (const std::string& word : {cat("TO", "DO"), cat("FIX", "ME")}) {
    size_t at = line.find(word);
    if (at == std::string_view::npos) continue;
    std::string_view after = line.substr(at + word.size());
    bool alone = at == 0 || std::isalnum(static_cast<unsigned char>(line[at - 1])) == 0;
    bool ended = after.empty() || std::isalnum(static_cast<unsigned char>(after[0])) == 0;
    if (alone && ended && !after.starts_with("(#")) return true;
  }
  return false;
}

bool wants_licence(const File& file) {
  return is_cpp(file) || is_script(file) || file.path.ends_with(".1") ||
         file.path.ends_with(".bash");
}

bool has_licence(std::string_view text) {
  std::vector<std::string_view> lines = split(text, '\n');
  auto end = lines.begin() + std::min<long>(kLicenceLine, static_cast<long>(lines.size()));
  return std::any_of(lines.begin(), end, [](auto line) { return line.contains(kLicence); });
}

// The comments at the head of a file, licence left out, as one text.
std::string head_comment(std::string_view text) {
  std::string comment;
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with("//")) break;
    if (line.contains(kLicence)) continue;
    comment += cat(trim(line.substr(2)), ' ');
  }
  return comment;
}

void check_line(const File& file, int number, std::string_view line, Findings& findings) {
  auto add = [&](const auto&... parts) { findings.push_back({file.path, number, cat(parts...)}); };
  bool counted = is_cpp(file) || is_script(file);
  if (size_t columns = count_columns(line); counted && columns > kColumns) {
    add("line of ", columns, " columns, ", kColumns, " is the limit");
  }
  if (line.ends_with(' ') || line.ends_with('\t') || line.ends_with('\r')) {
    add("blank at the end of the line");
  }
  if (is_open_end(line)) add("an open end without an issue: name it, as (#12)");
}

}  // namespace

bool is_cpp(const File& file) {
  return file.path.ends_with(".cc") || file.path.ends_with(".h") || file.path.ends_with(".cpp");
}

bool is_script(const File& file) {
  return file.text.starts_with("#!") || file.path.ends_with(".mk") || file.path == "Makefile";
}

bool is_document(const File& file) { return file.path.ends_with(".md"); }

Layers parse_layers(std::string_view makefile) {
  Layers layers;
  for (std::string_view line : split(makefile, '\n')) {
    if (!line.starts_with("LAYER_")) continue;
    size_t assign = line.find(":=");
    if (assign == std::string_view::npos) continue;
    std::string name(trim(line.substr(6, assign - 6)));
    std::string_view list = line.substr(assign + 2);
    for (std::string_view module : split(list.substr(0, list.find('#')), ' ')) {
      if (!trim(module).empty()) layers[name].insert(std::string(trim(module)));
    }
  }
  return layers;
}

Findings check_includes(const File& file, const Layers& layers) {
  Findings findings;
  std::string module = module_of(file.path, layers);
  for (const Include& include : find_includes(file.text)) {
    if (!include.quoted) continue;
    auto add = [&](const auto&... parts) {
      findings.push_back({file.path, include.line, cat(parts...)});
    };
    std::string other = first_part(include.path);
    if (!include.path.contains('/')) {
      add("\"", include.path, "\": write its path from the root of the tree");
    } else if (!module.empty() && layers.contains(other) &&
               !layers.find(module)->second.contains(other)) {
      add("\"", include.path, "\": ", module, " may not include ", other, ", see LAYER_", module,
          " in the Makefile");
    } else if (layers.contains(first_part(file.path)) && other == "tests") {
      add("\"", include.path, "\": a module may not include tests");
    }
  }
  return findings;
}

Findings check_functions(const File& file) {
  Findings findings;
  for (const Function& function : find_functions(file.text)) {
    int lines = function.last_line - function.first_line + 1;
    if (lines <= kFunctionLines) continue;
    findings.push_back(
        {file.path, function.first_line,
         cat(function.name, " has ", lines, " lines, ", kFunctionLines, " is the limit")});
  }
  return findings;
}

Findings check_header(const File& file) {
  if (!file.path.ends_with(".h")) return {};
  Findings findings;
  std::string comment = head_comment(file.text);
  bool sentence = comment.contains(". ") || comment.contains(": ");
  if (!sentence) {
    findings.push_back({file.path, 2, "a header begins with a sentence: what is it for?"});
  }
  if (!file.text.contains("\n#pragma once\n")) {
    findings.push_back({file.path, 1, "a header has a #pragma once"});
  }
  return findings;
}

Findings check_text(const File& file) {
  Findings findings;
  std::vector<std::string_view> lines = split(file.text, '\n');
  for (size_t i = 0; i < lines.size(); i++) {
    check_line(file, static_cast<int>(i) + 1, lines[i], findings);
  }
  auto add = [&](int line, const auto&... parts) {
    findings.push_back({file.path, line, cat(parts...)});
  };
  if (wants_licence(file) && !has_licence(file.text)) add(1, "no line `", kLicence, "`");
  bool counted = is_cpp(file) || is_script(file);
  if (counted && lines.size() > kFileLines + 1) {
    add(0, "file of ", lines.size() - 1, " lines, ", kFileLines, " is the limit");
  }
  if (!file.text.empty() && !file.text.ends_with('\n')) {
    add(static_cast<int>(lines.size()), "no end of line at the end of the file");
  }
  return findings;
}

}  // namespace crunlite::check
