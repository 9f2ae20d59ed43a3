// SPDX-License-Identifier: Apache-2.0
#include "base/limits.h"
#include "base/text.h"
#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

// Links l0 -> l1 -> ... -> d, then a file below l0.
TarBuilder link_chain(int length) {
  TarBuilder tar;
  tar.dir("d");
  for (int i = 0; i < length; i++) {
    tar.symlink(cat("l", i), i + 1 < length ? cat("l", i + 1) : "d");
  }
  return tar.file("l0/f", "x");
}

std::vector<std::string> chain_tree(int length) {
  std::vector<std::string> lines = {"d/", "d/f = x"};
  for (int i = 0; i < length; i++) {
    lines.push_back(cat("l", i, " -> ", i + 1 < length ? cat("l", i + 1) : "d"));
  }
  return lines;
}

// Symbolic links on the way to an entry.
HostileCases parent_cases() {
  return {
      {.name = "ParentIsAnAbsoluteLinkOutside",
       .blob =
           [](const std::string& top) {
             return TarBuilder().symlink("l", top + "/sentinel").file("l/file", "evil").str();
           },
       .tree = {"{top}/sentinel/", "{top}/sentinel/file = evil", "l -> {top}/sentinel"}},
      {.name = "ParentIsARelativeLinkOutside",
       .blob = of(TarBuilder().symlink("l", "../sentinel").file("l/file", "evil")),
       .tree = {"l -> ../sentinel", "sentinel/", "sentinel/file = evil"}},
      {.name = "ParentIsADeepRelativeLinkOutside",
       .blob = of(TarBuilder().dir("a/b").symlink("a/b/l", "../../../../../../s").file("a/b/l/f")),
       .tree = {"a/", "a/b/", "a/b/l -> ../../../../../../s", "s/", "s/f"}},
      {.name = "ParentIsALinkThroughALinkOutside",
       .blob = of(TarBuilder().symlink("x", "..").symlink("y", "x/..").file("y/sentinel/file")),
       .tree = {"sentinel/", "sentinel/file", "x -> ..", "y -> x/.."}},
      {.name = "ParentIsADanglingLink",
       .blob = of(TarBuilder().symlink("l", "not/there").file("l/f", "x")),
       .tree = {"l -> not/there", "not/", "not/there/", "not/there/f = x"}},
      {.name = "ParentIsALinkToItself",
       .blob = of(TarBuilder().symlink("l", "l").file("l/f")),
       .refused = "too many symbolic links"},
      {.name = "ParentIsALoopOfLinks",
       .blob = of(TarBuilder().symlink("a", "b/x").symlink("b", "a/y").file("a/f")),
       .refused = "too many symbolic links"},
      {.name = "ParentIsTheLongestChainOfLinks",
       .blob = of(link_chain(10)),
       .tree = chain_tree(10)},
      {.name = "ParentIsATooLongChainOfLinks",
       .blob = of(link_chain(limits::kSymlinks + 1)),
       .refused = "too many symbolic links"},
      {.name = "ParentIsAMagicLink",
       .blob = of(TarBuilder().symlink("l", "/proc/self/root").file("l/etc/x", "x")),
       .tree = {"l -> /proc/self/root", "proc/", "proc/self/", "proc/self/root/",
                "proc/self/root/etc/", "proc/self/root/etc/x = x"}},
      {.name = "ParentIsALinkToAWorkingDirectory",
       .blob = of(TarBuilder().symlink("l", "/proc/self/cwd/").file("l/x", "x")),
       .tree = {"l -> /proc/self/cwd/", "proc/", "proc/self/", "proc/self/cwd/",
                "proc/self/cwd/x = x"}},
      {.name = "ParentIsAUsrMergeLink",
       .blob = of(TarBuilder().dir("usr/lib").symlink("lib", "usr/lib").file("lib/x", "x")),
       .tree = {"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/x = x"}},
      {.name = "ParentIsAFile",
       .blob = of(TarBuilder().file("a", "x").file("a/b", "y")),
       .refused = "parent \"a\": is not a directory"},
      {.name = "ParentIsALinkToAFile",
       .blob = of(TarBuilder().file("a", "x").symlink("l", "a").file("l/b", "y")),
       .refused = "parent \"a\": is not a directory"},
      {.name = "ParentIsAFifo",
       .blob = of(TarBuilder().fifo("a").file("a/b", "y")),
       .refused = "parent \"a\": is not a directory"},
      {.name = "ParentBecomesALinkAfterItsUse",
       .blob = of(TarBuilder().dir("a").file("a/x", "1").symlink("a", "/b").file("a/y", "2")),
       .tree = {"a -> /b", "b/", "b/y = 2"}},
      {.name = "GrandparentBecomesALinkAfterItsUse",
       .blob = of(TarBuilder().file("a/b/x", "1").symlink("a", "../sentinel").file("a/b/y", "2")),
       .tree = {"a -> ../sentinel", "sentinel/", "sentinel/b/", "sentinel/b/y = 2"}},
      {.name = "ParentLinkIsTurnedOutside",
       .blob = of(TarBuilder()
                      .dir("d")
                      .symlink("l", "d")
                      .file("l/x", "1")
                      .symlink("l", "../sentinel")
                      .file("l/y", "2")),
       .tree = {"d/", "d/x = 1", "l -> ../sentinel", "sentinel/", "sentinel/y = 2"}},
  };
}

// Symbolic links in an entry's own place.
HostileCases place_cases() {
  return {
      {.name = "FileReplacesALinkOutside",
       .blob = of(TarBuilder().symlink("l", "../sentinel/file").file("l", "evil")),
       .tree = {"l = evil"}},
      {.name = "DirectoryReplacesALinkOutside",
       .blob = of(TarBuilder().symlink("l", "../sentinel").dir("l", 0777).file("l/file", "evil")),
       .tree = {"l/ 0777", "l/file = evil"}},
      {.name = "FifoReplacesALinkOutside",
       .blob = of(TarBuilder().symlink("l", "../sentinel/file").fifo("l")),
       .tree = {"l fifo"}},
      {.name = "LinkReplacesALink",
       .blob = of(TarBuilder().symlink("l", "../sentinel").symlink("l", "b")),
       .tree = {"l -> b"}},
      {.name = "LinkReplacesAFullDirectory",
       .blob = of(TarBuilder().file("d/e/f", "x").symlink("d", "../sentinel")),
       .tree = {"d -> ../sentinel"}},
      {.name = "LinkTargetIsEmpty",
       .blob = of(TarBuilder().symlink("l", "")),
       .refused = "symbolic link: its target is empty"},
      {.name = "LinkTargetIsTooLong",
       .blob = of(TarBuilder().symlink("l", std::string(4096, 't'))),
       .refused = "File name too long",
       .kind = Kind::kSystem},
      {.name = "LinkTargetHas4095Bytes",
       .blob = of(TarBuilder().symlink("l", std::string(4095, 't'))),
       .tree = {"l -> " + std::string(4095, 't')}},
  };
}

HostileCases hard_link_cases() {
  return {
      {.name = "HardLinkToAnAbsolutePathOutside",
       .blob =
           [](const std::string& top) {
             return TarBuilder().hardlink("h", top + "/sentinel/file").str();
           },
       .refused = "does not exist"},
      {.name = "HardLinkToPasswd",
       .blob = of(TarBuilder().hardlink("h", "/etc/passwd")),
       .refused = "hard link: \"/etc/passwd\": does not exist"},
      {.name = "HardLinkLeavesByDotDot",
       .blob = of(TarBuilder().hardlink("h", "../sentinel/file")),
       .refused = "hard link: name: contains \"..\""},
      {.name = "HardLinkThroughALinkOutside",
       .blob = of(TarBuilder().symlink("l", "../sentinel").hardlink("h", "l/file")),
       .refused = "does not exist"},
      {.name = "HardLinkThroughAnAbsoluteLinkOutside",
       .blob =
           [](const std::string& top) {
             return TarBuilder().symlink("l", top + "/sentinel").hardlink("h", "l/file").str();
           },
       .refused = "does not exist"},
      {.name = "HardLinkToALinkThenAFileThroughIt",
       .blob =
           of(TarBuilder().symlink("l", "../sentinel/file").hardlink("h", "l").file("h", "evil")),
       .tree = {"h = evil", "l -> ../sentinel/file"}},
      {.name = "HardLinkToItselfWhichIsMissing",
       .blob = of(TarBuilder().hardlink("h", "h")),
       .refused = "does not exist"},
      {.name = "HardLinkToItself",
       .blob = of(TarBuilder().file("f", "x").hardlink("f", "f")),
       .tree = {"f = x"}},
      {.name = "HardLinkTwice",
       .blob = of(TarBuilder().file("f", "x").hardlink("h", "f").hardlink("h", "f")),
       .tree = {"f = x x2", "h = x x2"}},
      {.name = "HardLinkToADirectory",
       .blob = of(TarBuilder().dir("d").hardlink("h", "d")),
       .refused = "is a directory"},
      {.name = "HardLinkToTheRoot",
       .blob = of(TarBuilder().hardlink("h", "./")),
       .refused = "hard link: to the root directory"},
      {.name = "HardLinkToNothing",
       .blob = of(TarBuilder().entry({.name = "h", .type = '1'})),
       .refused = "type: is none that a layer may hold"},
      {.name = "HardLinkReplacesTheDirectoryOfItsTarget",
       .blob = of(TarBuilder().file("d/f", "x").hardlink("d", "d/f")),
       .refused = "hard link: \"d/f\""},
      {.name = "HardLinkToATooLongName",
       .blob = of(TarBuilder().hardlink("h", std::string(300, 'n'))),
       .refused = "hard link: name: a part is longer",
       .kind = Kind::kLimit},
      {.name = "FileReplacesOneOfTwoNames",
       .blob = of(TarBuilder().file("a", "old").hardlink("b", "a").file("b", "new")),
       .tree = {"a = old", "b = new"}},
      {.name = "HardLinkWithData",
       .blob = of(TarBuilder().file("a", "x").entry(
           {.name = "b", .type = '1', .size = 4, .link = "a"}, "evil")),
       .refused = "tar: entry"},
  };
}

}  // namespace

HostileCases link_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {parent_cases, place_cases, hard_link_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace crunlite::image
