// SPDX-License-Identifier: Apache-2.0
// What no source of crun-lite may use, why, and what stands in its place.
#include <algorithm>
#include <cctype>
#include <initializer_list>

#include "base/text.h"
#include "tests/check/rules.h"
#include "tests/check/source.h"

namespace crunlite::check {
namespace {

// `pattern` is a whole word of the code, with "(" where only a call counts. A path is exempt if it
// begins or ends with one of `allowed`.
struct Ban {
  std::string_view pattern;
  std::string_view reason;
  std::string_view instead;
  std::initializer_list<std::string_view> allowed{};
};

const Ban kBans[] = {
    {"system(", "runs a shell on text that may hold anything", "spawn() of base/process.h"},
    {"popen(", "runs a shell on text that may hold anything", "spawn() of base/process.h"},
    {"strcpy(", "knows no bound", "std::string"},
    {"strcat(", "knows no bound", "std::string or cat()"},
    {"sprintf(", "knows no bound", "cat()"},
    {"vsprintf(", "knows no bound", "cat()"},
    {"strtok(", "keeps state between calls", "split()"},
    {"atoi(", "takes any text for a number", "parse_number()"},
    {"atol(", "takes any text for a number", "parse_number()"},
    {"strtol(", "reports errors by errno and skips blanks", "parse_number()"},
    {"strtoul(", "takes -1, reports errors by errno", "parse_number()"},
    {"strtoull(", "takes -1, reports errors by errno", "parse_number()"},
    {"std::stoi", "throws", "parse_number()"},
    {"std::stol", "throws", "parse_number()"},
    {"std::stoul", "throws", "parse_number()"},
    {"std::stoull", "throws", "parse_number()"},
    {"std::stod", "throws", "parse_millionths()"},
    {"usleep(", "a sleep is a race that waits to be lost", "wait for the event: sys::wait_ready"},
    {"sleep(", "a sleep is a race that waits to be lost", "wait for the event: sys::wait_ready"},
    {"sleep_for(", "a sleep is a race that waits to be lost", "wait for the event"},
    {"nanosleep(",
     "a sleep is a race that waits to be lost",
     "wait for the event: sys::wait_ready",
     {"tests/vm/tsc.cc"}},
    {"dup(", "the copy leaks into every program that is executed", "sys::dup_cloexec"},
    {"dup2(", "the copy leaks into every program that is executed", "sys::dup3"},
    {"fork(", "has no pidfd and no namespaces", "sys::clone3, or spawn() of base/process.h"},
    {"vfork(", "shares the parent's memory", "sys::clone3, or spawn() of base/process.h"},
    {"exit(",
     "runs destructors of nobody and handlers of everybody",
     "return from main(), sys::exit_child",
     {"main.cc"}},
    {"::close(", "may close what some owner closes again", "UniqueFd", {"base/unique_fd.h"}},
    {"close(fd", "may close what some owner closes again", "UniqueFd"},
    {"errno",
     "is overwritten before its reader comes",
     "the Error that sys:: returns, or sys::error_of(errno) right behind a library's call",
     {"base/", "tests/vm/", "tests/guest/", "tests/inject/"}},
    {"O_TRUNC", "truncates what a link points at, whatever it is", "O_EXCL, or write_atomic()"},
    {"realpath(", "its answer is old before it is used", "open_in_root()"},
    {"mktemp(", "names a file that another may make first", "TempDir"},
    {"tmpnam(", "names a file that another may make first", "TempDir"},
    {"rand(", "is neither random nor repeatable", "sys::, or a seeded engine in tests"},
    {"dynamic_cast", "needs run-time type information", "std::variant"},
    {"typeid", "needs run-time type information", "std::variant"},
    {"setenv(", "changes a global that threads read", "the environment given to execve"},
    {"goto", "jumps over destructors' owners", "a function, or Defer"},
};

struct HeaderBan {
  std::string_view header;
  std::string_view reason;
};

constexpr HeaderBan kHeaderBans[] = {
    {"iostream", "costs a static program 0.9 MB: use base/log.h, or write to a descriptor"},
    {"fstream", "resolves paths by string and hides errors: use base/path.h"},
    {"sstream", "costs a static program 0.9 MB: use cat()"},
    {"iomanip", "costs a static program 0.9 MB: use cat()"},
    {"regex", "recurses without bound: parse by hand, or by RE2"},
    {"filesystem", "resolves paths by string, which race: use base/path.h"},
};

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

bool is_allowed(const Ban& ban, std::string_view path) {
  return std::any_of(ban.allowed.begin(), ban.allowed.end(), [&](std::string_view part) {
    return path.starts_with(part) || path.ends_with(part);
  });
}

// A member of that name, or a wrapper of ours, is something else. What a library leaves in errno
// is taken at once or not at all.
bool is_own(std::string_view before) {
  return before.ends_with('.') || before.ends_with("->") || before.ends_with("sys::") ||
         before.ends_with("error_of(");
}

bool uses(std::string_view line, std::string_view pattern) {
  for (size_t at = line.find(pattern); at != std::string_view::npos;
       at = line.find(pattern, at + 1)) {
    size_t end = at + pattern.size();
    bool starts = at == 0 || !is_word(line[at - 1]);
    bool ends = pattern.ends_with('(') || end >= line.size() || !is_word(line[end]);
    if (starts && ends && !is_own(line.substr(0, at))) return true;
  }
  return false;
}

}  // namespace

Findings check_bans(const File& file) {
  Findings findings;
  std::string code = blank_out(file.text, Directives::kKeep);
  int number = 0;
  for (std::string_view line : split(code, '\n')) {
    number++;
    if (trim(line).empty() || line.starts_with("#include")) continue;
    for (const Ban& ban : kBans) {
      if (!uses(line, ban.pattern) || is_allowed(ban, file.path)) continue;
      findings.push_back({file.path, number,
                          cat(ban.pattern, " is banned, it ", ban.reason, ": use ", ban.instead)});
    }
  }
  for (const Include& include : find_includes(file.text)) {
    for (const HeaderBan& ban : kHeaderBans) {
      if (include.quoted || include.path != ban.header) continue;
      findings.push_back({file.path, include.line, cat("<", ban.header, "> ", ban.reason)});
    }
  }
  return findings;
}

}  // namespace crunlite::check
