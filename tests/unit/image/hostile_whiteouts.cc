// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

TarBuilder whiteout(const std::string& path) { return TarBuilder().file(path); }

// Names that must be refused before anything else is looked at.
HostileCases name_cases_of_whiteouts() {
  const std::string long_name(255, 'n');
  return {
      {.name = "WhiteoutOfNothing",
       .blob = of(whiteout(".wh.")),
       .refused = "name: a whiteout of \"\""},
      {.name = "WhiteoutOfNothingBelow",
       .blob = of(whiteout("d/.wh.")),
       .refused = "name: a whiteout of \"\""},
      {.name = "WhiteoutOfDot",
       .blob = of(whiteout(".wh..")),
       .refused = "name: a whiteout of \".\""},
      {.name = "WhiteoutOfDotDot",
       .blob = of(whiteout(".wh...")),
       .refused = "name: a whiteout of \"..\""},
      {.name = "WhiteoutOfDotDotBelow",
       .blob = of(whiteout("d/.wh...")),
       .refused = "name: a whiteout of \"..\""},
      {.name = "WhiteoutLeavesByDotDot",
       .blob = of(whiteout("../.wh.sentinel")),
       .refused = "name: contains \"..\""},
      {.name = "WhiteoutHasATooLongName",
       .blob = of(whiteout(".wh." + long_name)),
       .refused = "name: a part is longer",
       .kind = Kind::kLimit},
      {.name = "EntryBelowAWhiteout",
       .blob = of(TarBuilder().dir(".wh.d").file(".wh.d/f", "x")),
       .refused = "name: lies below a whiteout"},
      {.name = "HardLinkToAWhiteout",
       .blob = of(whiteout(".wh.f").hardlink("h", ".wh.f")),
       .refused = "does not exist"},
  };
}

// `base` for most cases below.
std::string base() {
  return TarBuilder()
      .file("d/old", "old")
      .file("d/sub/old", "old")
      .file("f", "old")
      .symlink("out", "../sentinel")
      .str();
}

HostileCases effect_cases() {
  const std::vector<std::string> whole = {
      "d/", "d/old = old", "d/sub/", "d/sub/old = old", "f = old", "out -> ../sentinel"};
  return {
      {.name = "WhiteoutOfAFile",
       .blob = of(whiteout(".wh.f")),
       .tree = {"f whiteout"},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutOfADirectory",
       .blob = of(whiteout(".wh.d")),
       .tree = {"d whiteout"},
       .plain = {"f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutBelowADirectory",
       .blob = of(whiteout("d/.wh.sub")),
       .tree = {"d/", "d/sub whiteout"},
       .plain = {"d/", "d/old = old", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutOfWhatIsNotThere",
       .blob = of(whiteout(".wh.nobody").file("none/.wh.nobody").file("f/.wh.x")),
       .tree = {},
       .plain = whole,
       .base = base()},
      {.name = "WhiteoutOfALinkOutside",
       .blob = of(whiteout(".wh.out")),
       .tree = {"out whiteout"},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "f = old"},
       .base = base()},
      {.name = "WhiteoutThroughALinkOutside",
       .blob = of(whiteout("out/.wh.file").file("out/.wh..wh..opq")),
       .tree = {},
       .plain = whole,
       .base = base()},
      {.name = "WhiteoutThroughAnOwnLinkOutside",
       .blob =
           of(TarBuilder().symlink("l", "../sentinel").file("l/.wh.file").file("l/.wh..wh..opq")),
       .tree = {"l -> ../sentinel"}},
      {.name = "WhiteoutIsADirectory",
       .blob = of(TarBuilder().dir(".wh.f")),
       .tree = {"f whiteout"},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutIsALinkOutside",
       .blob = of(TarBuilder().symlink(".wh.f", "../sentinel/file")),
       .tree = {"f whiteout"},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutHasContent",
       .blob = of(TarBuilder().file(".wh.f", std::string(2000, 'x')).file("g", "new")),
       .tree = {"f whiteout", "g = new"},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "g = new", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutTwice",
       .blob = of(whiteout(".wh.f").file(".wh.f")),
       .tree = {"f whiteout"},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutInTheLowestLayer",
       .blob = of(whiteout(".wh.f").file("d/.wh.x").file("d/.wh..wh..opq").file("d/g", "x")),
       .tree = {"d/", "d/g = x"}},
  };
}

// A whiteout and a new thing of the same name in one layer: the new thing stays, the old goes.
HostileCases renewing_cases() {
  const std::vector<std::string> renewed = {"d/", "d/new = new", "f = old", "out -> ../sentinel"};
  const std::vector<std::string> opaque = {"d/ opaque", "d/new = new"};
  const std::vector<std::string> new_file = {
      "d/", "d/old = old", "d/sub/", "d/sub/old = old", "f = new", "out -> ../sentinel"};
  return {
      {.name = "WhiteoutThenANewDirectory",
       .blob = of(whiteout(".wh.d").dir("d").file("d/new", "new")),
       .tree = opaque,
       .plain = renewed,
       .base = base()},
      {.name = "WhiteoutThenAnImpliedDirectory",
       .blob = of(whiteout(".wh.d").file("d/new", "new")),
       .tree = opaque,
       .plain = renewed,
       .base = base()},
      {.name = "NewDirectoryThenItsWhiteout",
       .blob = of(TarBuilder().dir("d").file("d/new", "new").file(".wh.d")),
       .tree = opaque,
       .plain = renewed,
       .base = base()},
      {.name = "ImpliedDirectoryThenItsWhiteout",
       .blob = of(TarBuilder().file("d/new", "new").file(".wh.d")),
       .tree = opaque,
       .plain = renewed,
       .base = base()},
      {.name = "DeepNewFileThenTheWhiteoutOfItsGrandparent",
       .blob = of(TarBuilder().file("d/sub/new", "new").file(".wh.d")),
       .tree = {"d/ opaque", "d/sub/", "d/sub/new = new"},
       .plain = {"d/", "d/sub/", "d/sub/new = new", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "WhiteoutThenANewFile",
       .blob = of(whiteout(".wh.f").file("f", "new")),
       .tree = {"f = new"},
       .plain = new_file,
       .base = base()},
      {.name = "NewFileThenItsWhiteout",
       .blob = of(TarBuilder().file("f", "new").file(".wh.f")),
       .tree = {"f = new"},
       .plain = new_file,
       .base = base()},
      {.name = "FileReplacesADirectoryThenADirectoryAgain",
       .blob = of(TarBuilder().file("d", "x").dir("d").file("d/new", "new")),
       .tree = opaque,
       .plain = renewed,
       .base = base()},
  };
}

HostileCases opaque_cases() {
  const std::vector<std::string> root_hidden = {"d whiteout", "f whiteout", "new = new",
                                                "out whiteout"};
  return {
      {.name = "OpaqueDirectory",
       .blob = of(TarBuilder().dir("d").file("d/.wh..wh..opq").file("d/new", "new")),
       .tree = {"d/ opaque", "d/new = new"},
       .plain = {"d/", "d/new = new", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "OpaqueDirectoryAfterItsFiles",
       .blob = of(TarBuilder().dir("d").file("d/new", "new").file("d/.wh..wh..opq")),
       .tree = {"d/ opaque", "d/new = new"},
       .plain = {"d/", "d/new = new", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "OpaqueWithoutItsDirectory",
       .blob = of(TarBuilder().file("d/.wh..wh..opq")),
       .tree = {"d/ opaque"},
       .plain = {"d/", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "OpaqueRoot",
       .blob = of(TarBuilder().file(".wh..wh..opq").file("new", "new")),
       .tree = root_hidden,
       .plain = {"new = new"},
       .base = base()},
      {.name = "OpaqueRootAfterItsFiles",
       .blob = of(TarBuilder().file("new", "new").dir("d").file("d/x", "x").file(".wh..wh..opq")),
       .tree = {"d/ opaque", "d/x = x", "f whiteout", "new = new", "out whiteout"},
       .plain = {"d/", "d/x = x", "new = new"},
       .base = base()},
      {.name = "OpaqueRootThenADirectoryAgain",
       .blob = of(TarBuilder().file(".wh..wh..opq").file("d/new", "new")),
       .tree = {"d/ opaque", "d/new = new", "f whiteout", "out whiteout"},
       .plain = {"d/", "d/new = new"},
       .base = base()},
      {.name = "OpaqueThroughALink",
       .blob = of(TarBuilder().file("l/.wh..wh..opq").file("l/new", "new")),
       .tree = {"d/ opaque", "d/new = new"},
       .plain = {"d/", "d/new = new", "l -> d"},
       .base = TarBuilder().file("d/old", "old").symlink("l", "d").str()},
      {.name = "OpaqueOfAFile",
       .blob = of(TarBuilder().file("f/.wh..wh..opq")),
       .tree = {},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "OpaqueNameWithSlash",
       .blob = of(TarBuilder().dir("d/.wh..wh..opq/")),
       .tree = {"d/ opaque"},
       .plain = {"d/", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "EntryBelowTheOpaqueMark",
       .blob = of(TarBuilder().file("d/.wh..wh..opq/x", "x")),
       .tree = {},
       .plain = {"d/", "d/old = old", "d/sub/", "d/sub/old = old", "f = old", "out -> ../sentinel"},
       .base = base()},
      {.name = "AufsBookkeepingIsIgnored",
       .blob = of(TarBuilder()
                      .dir(".wh..wh.plnk")
                      .file(".wh..wh.plnk/12.34", "x")
                      .file(".wh..wh.aufs")
                      .dir(".wh..wh.orph")
                      .file("d/.wh..wh..opq.x")
                      .file("a", "x")),
       .tree = {"a = x"}},
  };
}

}  // namespace

HostileCases whiteout_cases() {
  HostileCases all;
  for (HostileCases (*some)() :
       {name_cases_of_whiteouts, effect_cases, renewing_cases, opaque_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

// Layers that need, or misuse, what lies in the layer below.
namespace {

HostileCases below_link_cases() {
  const std::string merged_usr =
      TarBuilder().dir("usr/lib").file("usr/lib/old", "old").symlink("lib", "usr/lib").str();
  return {
      {.name = "BelowIsAUsrMergeLink",
       .blob = of(TarBuilder().file("lib/new", "new").hardlink("usr/lib/same", "lib/new")),
       .tree = {"usr/", "usr/lib/", "usr/lib/new = new x2", "usr/lib/same = new x2"},
       .plain = {"lib -> usr/lib", "usr/", "usr/lib/", "usr/lib/new = new x2", "usr/lib/old = old",
                 "usr/lib/same = new x2"},
       .base = merged_usr},
      {.name = "BelowIsAUsrMergeLinkThatIsReplaced",
       .blob = of(TarBuilder().file("lib/1", "1").dir("lib").file("lib/2", "2")),
       .tree = {"lib/", "lib/2 = 2", "usr/", "usr/lib/", "usr/lib/1 = 1"},
       .plain = {"lib/", "lib/2 = 2", "usr/", "usr/lib/", "usr/lib/1 = 1", "usr/lib/old = old"},
       .base = merged_usr},
      {.name = "BelowIsAUsrMergeLinkThatIsWhitedOut",
       .blob = of(TarBuilder().file("lib/1", "1").file(".wh.lib").file("lib/2", "2")),
       .tree = {"lib/ opaque", "lib/2 = 2", "usr/", "usr/lib/", "usr/lib/1 = 1"},
       .plain = {"lib/", "lib/2 = 2", "usr/", "usr/lib/", "usr/lib/1 = 1", "usr/lib/old = old"},
       .base = merged_usr},
      {.name = "WhiteoutThroughAUsrMergeLink",
       .blob = of(TarBuilder().file("lib/.wh.old")),
       .tree = {"usr/", "usr/lib/", "usr/lib/old whiteout"},
       .plain = {"lib -> usr/lib", "usr/", "usr/lib/"},
       .base = merged_usr},
      {.name = "BelowIsALinkOutside",
       .blob = of(TarBuilder().file("l/file", "evil")),
       .tree = {"sentinel/", "sentinel/file = evil"},
       .plain = {"l -> ../sentinel", "sentinel/", "sentinel/file = evil"},
       .base = TarBuilder().symlink("l", "../sentinel").str()},
      {.name = "BelowIsALinkFarOutside",
       .blob = of(TarBuilder().file("a/b/l/f", "x")),
       .tree = {"s/", "s/f = x"},
       .plain = {"a/", "a/b/", "a/b/l -> /../../s", "s/", "s/f = x"},
       .base = TarBuilder().symlink("a/b/l", "/../../s").str()},
      {.name = "BelowIsALinkToItself",
       .blob = of(TarBuilder().file("l/f", "x")),
       .refused = "too many symbolic links",
       .base = TarBuilder().symlink("l", "l").str()},
      {.name = "BelowAndAboveAreALoopOfLinks",
       .blob = of(TarBuilder().symlink("b", "a").file("a/f", "x")),
       .refused = "too many symbolic links",
       .base = TarBuilder().symlink("a", "b").str()},
  };
}

HostileCases below_file_cases() {
  return {
      {.name = "BelowIsAFileInPlaceOfTheParent",
       .blob = of(TarBuilder().file("f/x", "x")),
       .refused = "parent \"f\": is not a directory",
       .base = TarBuilder().file("f", "x").str()},
      {.name = "BelowIsTheTargetOfAHardLink",
       .blob = of(TarBuilder().hardlink("new", "d/f")),
       .tree = {"d/ 0711", "d/f = old 4750 x2", "new = old 4750 x2"},
       .plain = {"d/ 0711", "d/f = old 4750 x2", "new = old 4750 x2"},
       .base = TarBuilder().dir("d", 0711).file("d/f", "old", 04750).str()},
      {.name = "BelowIsALinkThatIsTheTargetOfAHardLink",
       .blob = of(TarBuilder().hardlink("new", "l")),
       .tree = {"l -> ../sentinel/file", "new -> ../sentinel/file"},
       .base = TarBuilder().symlink("l", "../sentinel/file").str()},
      {.name = "BelowIsWhitedOutAndTheTargetOfAHardLink",
       .blob = of(TarBuilder().file(".wh.f").hardlink("new", "f")),
       .refused = "does not exist",
       .base = TarBuilder().file("f", "x").str()},
      {.name = "BelowIsHiddenAndTheTargetOfAHardLink",
       .blob = of(TarBuilder().file("d/.wh..wh..opq").hardlink("new", "d/f")),
       .refused = "does not exist",
       .base = TarBuilder().file("d/f", "x").str()},
      {.name = "BelowIsADirectoryAndTheTargetOfAHardLink",
       .blob = of(TarBuilder().hardlink("new", "d")),
       .refused = "hard link: \"d\": is",
       .base = TarBuilder().dir("d").str()},
      {.name = "ImpliedDirectoryKeepsItsModeFromBelow",
       .blob = of(TarBuilder().file("d/e/new", "new")),
       .tree = {"d/ 0711", "d/e/ 1777", "d/e/new = new"},
       .base = TarBuilder().dir("d", 0711).dir("d/e", 01777).str()},
      {.name = "FileReplacesADirectoryBelow",
       .blob = of(TarBuilder().file("d", "new")),
       .tree = {"d = new"},
       .base = TarBuilder().file("d/e/f", "old").str()},
      {.name = "DirectoryReplacesAFileBelow",
       .blob = of(TarBuilder().dir("f").file("f/new", "new")),
       .tree = {"f/", "f/new = new"},
       .base = TarBuilder().file("f", "old").str()},
  };
}

}  // namespace

HostileCases below_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {below_link_cases, below_file_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace crunlite::image
