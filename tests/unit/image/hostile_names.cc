// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

std::string repeat(std::string_view part, size_t times) {
  std::string text;
  for (size_t i = 0; i < times; i++) text.append(part);
  return text;
}

// "a/a/.../a" of so many names.
std::string deep(size_t depth) { return repeat("a/", depth - 1) + "a"; }

std::vector<std::string> deep_tree(size_t depth) {
  std::vector<std::string> lines;
  for (size_t i = 1; i < depth; i++) lines.push_back(deep(i) + "/");
  lines.push_back(deep(depth));
  return lines;
}

// The lines of a path of 4095 bytes: each of its directories, and the file.
std::vector<std::string> tree_of_long_parts(const std::string& path) {
  std::vector<std::string> lines;
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    lines.push_back(path.substr(0, at + 1));
  }
  lines.push_back(path);
  return lines;
}

std::string with_nul(std::string text) {
  text.insert(1, 1, '\0');
  return text;
}

}  // namespace

namespace {

HostileCases dot_dot_cases() {
  return {
      {.name = "NameStartsWithDotDot",
       .blob = of(TarBuilder().file("../sentinel/file", "evil")),
       .refused = "name: contains \"..\""},
      {.name = "NameLeavesByDotDot",
       .blob = of(TarBuilder().file("a/../../sentinel/new", "evil")),
       .refused = "name: contains \"..\""},
      {.name = "NameStaysInsideByDotDot",
       .blob = of(TarBuilder().file("a/../b", "x")),
       .refused = "name: contains \"..\""},
      {.name = "NameIsDotDot", .blob = of(TarBuilder().dir("..", 0777)), .refused = "\"..\""},
      {.name = "NameEndsWithDotDot",
       .blob = of(TarBuilder().dir("a/").dir("a/../", 0777)),
       .refused = "\"..\""},
      {.name = "NameIsDotDotSlash", .blob = of(TarBuilder().dir("../", 0777)), .refused = "\"..\""},
      {.name = "NameHasManyDotDots",
       .blob = of(TarBuilder().file(repeat("../", 30) + "etc/passwd", "evil")),
       .refused = "\"..\""},
      {.name = "NameIsAbsolute",
       .blob = of(TarBuilder().file("/etc/x", "x")),
       .tree = {"etc/", "etc/x = x"}},
      {.name = "NameIsAbsoluteWithDotDot",
       .blob = of(TarBuilder().file("/../etc/x", "x")),
       .refused = "\"..\""},
      {.name = "NameHasManySlashes",
       .blob = of(TarBuilder().file("//a///b", "x")),
       .tree = {"a/", "a/b = x"}},
      {.name = "NameHasDots",
       .blob = of(TarBuilder().file("./././a/./b", "x")),
       .tree = {"a/", "a/b = x"}},
      {.name = "NameIsEmpty", .blob = of(TarBuilder().file("", "x")), .refused = "name: is empty"},
      {.name = "NameIsSlash", .blob = of(TarBuilder().file("/", {}, 0755)), .tree = {}},
  };
}

HostileCases name_size_cases() {
  const std::string long_part(250, 'n');
  const std::string long_path = repeat(long_part + "/", 16) + std::string(79, 'e');  // 4095
  const std::vector<std::string> long_tree = tree_of_long_parts(long_path);
  return {
      {.name = "NameHoldsNul",
       .blob =
           of(TarBuilder().entry({.name = "short", .size = 1}, "x", {{"path", with_nul("abc")}})),
       .tree = {"a = x"}},
      {.name = "NamePartHas255Bytes",
       .blob = of(TarBuilder().file(std::string(255, 'n'), "x")),
       .tree = {std::string(255, 'n') + " = x"}},
      {.name = "NamePartHas256Bytes",
       .blob = of(TarBuilder().file(std::string(256, 'n'), "x")),
       .refused = "name: a part is longer than 255",
       .kind = Kind::kLimit},
      {.name = "NameHas4095Bytes", .blob = of(TarBuilder().file(long_path)), .tree = long_tree},
      {.name = "NameHas4096Bytes",
       .blob = of(TarBuilder().file(long_path + "e")),
       .refused = "name: is longer than 4095",
       .kind = Kind::kLimit},
      {.name = "NameHas100000Bytes",
       .blob = of(TarBuilder().file(repeat("b/", 50'000))),
       .refused = "name: is longer than 4095",
       .kind = Kind::kLimit},
      {.name = "NameIs512Deep", .blob = of(TarBuilder().file(deep(512))), .tree = deep_tree(512)},
      {.name = "NameIs513Deep",
       .blob = of(TarBuilder().file(deep(513))),
       .refused = "name: is deeper than 512",
       .kind = Kind::kLimit},
      {.name = "NameHoldsNewlineAndEscape",
       .blob = of(TarBuilder().file("a\nb\x1b[31m", "x")),
       .tree = {"a\nb\x1b[31m = x"}},
      {.name = "NameIsNotUtf8",
       .blob = of(TarBuilder().file("\xe9t\xe9", "x")),
       .tree = {"\xe9t\xe9 = x"}},
      {.name = "PaxNameIsNotUtf8",
       .blob = of(TarBuilder().entry({.name = "s", .size = 1}, "x", {{"path", "\xe9t\xe9"}})),
       .tree = {"\xe9t\xe9 = x"}},
  };
}

HostileCases name_byte_cases() {
  return {
      {.name = "PaxNameIsUtf8",
       .blob = of(TarBuilder().entry({.name = "s", .size = 1}, "x", {{"path", "\xc3\xa9"}})),
       .tree = {"\xc3\xa9 = x"}},
      {.name = "PaxNameHasDotDot",
       .blob =
           of(TarBuilder().entry({.name = "s", .size = 1}, "x", {{"path", "../sentinel/file"}})),
       .refused = "\"..\""},
      {.name = "GnuLongNameHasDotDot",
       .blob = of(TarBuilder().special('L', "../sentinel/file").file("s", "x")),
       .refused = "\"..\""},
      {.name = "NameHasBackslashes",
       .blob = of(TarBuilder().file("..\\..\\C:\\x", "x")),
       .tree = {"..\\..\\C:\\x = x"}},
      {.name = "NameIsThreeDots", .blob = of(TarBuilder().file("...", "x")), .tree = {"... = x"}},
      {.name = "NameHasBlanksAround",
       .blob = of(TarBuilder().file(" .. ", "x")),
       .tree = {" ..  = x"}},
      {.name = "RootIsALink",
       .blob = of(TarBuilder().symlink("./", "../sentinel").file("new", "x")),
       .refused = "type: the root is not a directory"},
      {.name = "RootIsAFile",
       .blob = of(TarBuilder().file(".", "x")),
       .refused = "type: the root is not a directory"},
      {.name = "RootHasAMode",
       .blob = of(TarBuilder().dir("./", 0555).file("a", "x")),
       .tree = {"a = x"}},
      {.name = "NameIsTheSentinel",
       .blob =
           [](const std::string& top) {
             return TarBuilder().file(top + "/sentinel/file", "evil").str();
           },
       .tree = {"{top}/sentinel/", "{top}/sentinel/file = evil"}},
  };
}

}  // namespace

HostileCases name_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {dot_dot_cases, name_size_cases, name_byte_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace crunlite::image
