// SPDX-License-Identifier: Apache-2.0
#include "tests/check/source.h"

#include <algorithm>
#include <cctype>

#include "base/text.h"

namespace crunlite::check {
namespace {

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// Walks over a source once and blanks what is not code.
class Blanker {
 public:
  Blanker(std::string_view source, Directives directives)
      : text_(source), directives_(directives) {}

  std::string run() {
    while (at_ < text_.size()) step();
    return std::move(text_);
  }

 private:
  void step() {
    if (starts("//")) return blank_until("\n", 0);
    if (starts("/*")) return blank_until("*/", 2);
    char c = text_[at_];
    if (c == '"' && raw_prefix()) return blank_raw_string();
    if (c == '"') return blank_literal();
    if (c == '\'' && (at_ == 0 || !is_word(text_[at_ - 1]))) return blank_literal();
    if (c == '#' && directives_ == Directives::kBlank && first_on_line()) return blank_directive();
    at_++;
  }

  bool starts(std::string_view what) const { return text_.compare(at_, what.size(), what) == 0; }

  bool raw_prefix() const {
    return at_ > 0 && text_[at_ - 1] == 'R' && (at_ < 2 || !is_word(text_[at_ - 2]));
  }

  bool first_on_line() const {
    for (size_t i = at_; i > 0 && text_[i - 1] != '\n'; i--) {
      if (text_[i - 1] != ' ') return false;
    }
    return true;
  }

  void blank(size_t end) {
    for (end = std::min(end, text_.size()); at_ < end; at_++) {
      if (text_[at_] != '\n') text_[at_] = ' ';
    }
  }

  void blank_until(std::string_view end, size_t skip) {
    size_t found = text_.find(end, at_ + skip);
    blank(found == std::string::npos ? text_.size() : found + skip);
  }

  // The quotes stay, so that what stands around them keeps its shape.
  void blank_literal() {
    char quote = text_[at_++];
    size_t end = at_;
    while (end < text_.size() && text_[end] != quote && text_[end] != '\n') {
      end += text_[end] == '\\' ? 2 : 1;
    }
    blank(end);
    at_++;
  }

  void blank_raw_string() {
    size_t open = text_.find('(', at_);
    if (open == std::string::npos) return blank(text_.size());
    std::string end = cat(')', text_.substr(at_ + 1, open - at_ - 1), '"');
    size_t found = text_.find(end, open);
    at_++;
    blank(found == std::string::npos ? text_.size() : found + end.size() - 1);
    at_++;
  }

  void blank_directive() {
    size_t end = text_.find('\n', at_);
    while (end != std::string::npos && text_[end - 1] == '\\') end = text_.find('\n', end + 1);
    blank(end);
  }

  std::string text_;
  Directives directives_;
  size_t at_ = 0;
};

enum class Scope { kNamespace, kType, kFunction, kOther };

// Where the parameters of a template end: the index of their last `>`, or the end of the text.
size_t template_end(std::string_view text, size_t at) {
  int open = 0;
  for (; at < text.size(); at++) {
    if (text[at] == '<') open++;
    if (text[at] == '>' && --open == 0) break;
  }
  return at;
}

// A statement's text with everything inside of (), [] and template<> left out.
std::string outer_text(std::string_view statement) {
  std::string out;
  int depth = 0;
  for (size_t i = 0; i < statement.size(); i++) {
    if (depth == 0 && statement.substr(i).starts_with("template")) {
      i = template_end(statement, i);
      continue;
    }
    char c = statement[i];
    if (c == ')' || c == ']') depth--;
    if (depth == 0) out.push_back(c);
    if (c == '(' || c == '[') depth++;
  }
  return out;
}

bool has_word(std::string_view text, std::string_view word) {
  for (size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    bool starts = at == 0 || !is_word(text[at - 1]);
    bool ends = at + word.size() >= text.size() || !is_word(text[at + word.size()]);
    if (starts && ends) return true;
  }
  return false;
}

// `=` that gives a value: not a comparison, not the name of an operator.
bool has_assignment(std::string_view text) {
  for (size_t at = text.find('='); at != std::string_view::npos; at = text.find('=', at + 1)) {
    char before = at > 0 ? text[at - 1] : ' ';
    char after = at + 1 < text.size() ? text[at + 1] : ' ';
    bool compares = std::string_view("=!<>").contains(before) || after == '=';
    bool names = text.substr(0, at).ends_with("operator");
    if (!compares && !names) return true;
  }
  return false;
}

Scope scope_of(std::string_view statement) {
  std::string outer = outer_text(statement);
  if (has_word(outer, "namespace")) return Scope::kNamespace;
  if (outer.contains("extern \"") && !outer.contains('(')) return Scope::kNamespace;
  bool calls = outer.contains('(');
  for (std::string_view word : {"class", "struct", "union", "enum"}) {
    if (has_word(outer, word) && !calls) return Scope::kType;
  }
  return calls && !has_assignment(outer) ? Scope::kFunction : Scope::kOther;
}

// The word before the first parenthesis, with the names it is qualified by.
std::string function_name(std::string_view statement) {
  std::string outer = outer_text(statement);
  size_t end = std::min(outer.find('('), outer.size());
  while (end > 0 && outer[end - 1] == ' ') end--;
  size_t start = end;
  while (start > 0 &&
         (is_word(outer[start - 1]) || outer[start - 1] == ':' || outer[start - 1] == '~')) {
    start--;
  }
  return start == end ? "operator" : outer.substr(start, end - start);
}

// Follows the braces of a blanked source.
class FunctionFinder {
 public:
  explicit FunctionFinder(std::string_view code) : code_(code) {}

  std::vector<Function> run() {
    for (size_t at = 0; at < code_.size(); at++) {
      char c = code_[at];
      if (c == '\n') line_++;
      if (c == '{') {
        open(at);
      } else if (c == '}') {
        close(at);
      } else if (inside_ == 0 && (c == ';' || ends_access(at))) {
        begin_statement(at + 1);
      } else if (inside_ == 0 && !std::isspace(static_cast<unsigned char>(c)) && blank_) {
        blank_ = false;
        statement_line_ = line_;
      }
    }
    return std::move(functions_);
  }

 private:
  // `public:` and its like, which are no part of the declaration behind them.
  bool ends_access(size_t at) const {
    std::string_view before = trim(code_.substr(statement_, at - statement_));
    return code_[at] == ':' && (before == "public" || before == "private" || before == "protected");
  }

  void begin_statement(size_t at) {
    statement_ = at;
    blank_ = true;
  }

  void open(size_t at) {
    if (inside_ > 0) {
      inside_++;
      return;
    }
    std::string_view statement = code_.substr(statement_, at - statement_);
    Scope scope = scope_of(statement);
    if (scope == Scope::kFunction || scope == Scope::kOther) {
      inside_ = 1;
      is_function_ = scope == Scope::kFunction;
      return;
    }
    begin_statement(at + 1);
  }

  void close(size_t at) {
    if (inside_ > 1) {
      inside_--;
      return;
    }
    if (inside_ == 0) return begin_statement(at + 1);
    inside_ = 0;
    // A constructor's `: member{value}, other{value} {` goes on after each of its braces.
    size_t next = code_.find_first_not_of(" \n", at + 1);
    if (next != std::string_view::npos && (code_[next] == ',' || code_[next] == '{')) return;
    if (is_function_) {
      std::string_view statement = code_.substr(statement_, at - statement_);
      functions_.push_back(
          {function_name(statement.substr(0, statement.find('{'))), statement_line_, line_});
    }
    begin_statement(at + 1);
  }

  std::string_view code_;
  std::vector<Function> functions_;
  int line_ = 1;
  size_t statement_ = 0;    // where the statement at hand begins,
  int statement_line_ = 1;  // its first line,
  bool blank_ = true;       // and whether nothing of it was seen yet
  int inside_ = 0;          // braces open in a function or an initializer
  bool is_function_ = false;
};

}  // namespace

std::string blank_out(std::string_view source, Directives directives) {
  return Blanker(source, directives).run();
}

std::vector<Function> find_functions(std::string_view source) {
  std::string code = blank_out(source, Directives::kBlank);
  return FunctionFinder(code).run();
}

std::vector<Include> find_includes(std::string_view source) {
  std::vector<Include> includes;
  int number = 0;
  for (std::string_view line : split(source, '\n')) {
    number++;
    if (!line.starts_with("#include ") || line.size() < 12) continue;
    char close = line[9] == '"' ? '"' : '>';
    size_t end = line.find(close, 10);
    if (end == std::string_view::npos) continue;
    includes.push_back({number, close == '"', std::string(line.substr(10, end - 10))});
  }
  return includes;
}

size_t count_columns(std::string_view line) {
  auto starts_character = [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; };
  return static_cast<size_t>(std::count_if(line.begin(), line.end(), starts_character));
}

}  // namespace crunlite::check
