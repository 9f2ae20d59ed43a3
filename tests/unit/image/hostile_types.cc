// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

TarBuilder typed(char type) {
  return TarBuilder().entry({.name = "a", .type = type, .size = 1}, "x");
}

HostileCases replacing_cases() {
  return {
      {.name = "FileReplacesAFullDirectory",
       .blob = of(TarBuilder().file("d/e/f").file("d/g").file("d", "x")),
       .tree = {"d = x"}},
      {.name = "FileReplacesADirectoryWithoutPermissions",
       .blob = of(TarBuilder().dir("d", 0).dir("d/e", 0).file("d/e/f", "x", 0).file("d", "y")),
       .tree = {"d = y"}},
      {.name = "DirectoryReplacesAFile",
       .blob = of(TarBuilder().file("d", "x").dir("d").file("d/f")),
       .tree = {"d/", "d/f"}},
      {.name = "FileTwice",
       .blob = of(TarBuilder().file("f", "longer text").file("f", "short", 0600)),
       .tree = {"f = short 0600"}},
      {.name = "DirectoryTwiceKeepsItsFiles",
       .blob = of(TarBuilder().dir("d", 0700).file("d/f").dir("d", 0711)),
       .tree = {"d/ 0711", "d/f"}},
      {.name = "FifoTwice", .blob = of(TarBuilder().fifo("p").fifo("p")), .tree = {"p fifo"}},
      {.name = "FileReplacesAFifo",
       .blob = of(TarBuilder().fifo("p").file("p", "x")),
       .tree = {"p = x"}},
      {.name = "ReadOnlyDirectoryDoesNotHinder",
       .blob = of(TarBuilder().dir("d", 0555).file("d/f", "x").dir("d/e", 0111).file("d/e/g", "y")),
       .tree = ::geteuid() == 0
                   ? std::vector<std::string>{"d/ 0555", "d/e/ 0111", "d/e/g = y", "d/f = x"}
                   : std::vector<std::string>{"d/ 0555", "d/e/ 0111", "d/f = x"}},
  };
}

HostileCases odd_type_cases() {
  return {
      {.name = "TypeIsUnknown", .blob = of(typed('Z')), .tree = {"a = x"}},
      {.name = "TypeIsNul", .blob = of(typed('\0')), .tree = {"a = x"}},
      {.name = "TypeIsContiguousFile", .blob = of(typed('7')), .tree = {"a = x"}},
      {.name = "TypeIsVolumeHeader",
       .blob = of(TarBuilder().entry({.name = "v", .type = 'V'}).file("b")),
       .tree = {"b"}},
      {.name = "TypeIsContinuedFile",
       .blob = of(typed('M')),
       .refused = "type: is none that a layer may hold"},
      {.name = "TypeIsListOfNames",
       .blob = of(TarBuilder().entry({.name = "a", .type = 'D'})),
       .tree = {"a/ 0644"}},
      {.name = "TypeIsGlobalHeader",
       .blob =
           of(TarBuilder()
                  .special('g', pax_text({{"path", "../sentinel/file"}, {"uid", "99999999999"}}))
                  .file("a", "x")),
       .tree = {"a = x"}},
      {.name = "ModeSaysSocket",
       .blob = of(TarBuilder().entry({.name = "a", .mode = 0140644})),
       .tree = {"a"}},
      {.name = "FileNameEndsWithSlash",
       .blob = of(TarBuilder().entry({.name = "a/", .mode = 0755})),
       .tree = {"a/"}},
  };
}

HostileCases device_cases() {
  bool root = ::geteuid() == 0;
  std::vector<std::string> none;
  std::vector<std::string> devices = {"d/", "d/b block 8:0 0600", "d/c char 1:3 0666"};
  return {
      {.name = "DeviceIsAWhiteout",
       .blob = of(TarBuilder().device("w", '3', 0, 0)),
       .refused = "device: 0:0 is overlayfs's whiteout"},
      {.name = "DeviceIsAWhiteoutOverAFile",
       .blob = of(TarBuilder().file("w", "x").device("w", '3', 0, 0)),
       .refused = "device: 0:0"},
      {.name = "DeviceMajorIsTooLarge",
       .blob = of(TarBuilder().device("c", '3', 4096, 0)),
       .refused = "device: 4096:0 is out of range"},
      {.name = "DeviceMinorIsTooLarge",
       .blob = of(TarBuilder().device("c", '3', 1, 1 << 20)),
       .refused = "device: 1:1048576 is out of range"},
      // A number that wraps to 0:0 in the kernel's form.
      {.name = "DeviceNumberWraps",
       .blob = of(TarBuilder().device("c", '3', int64_t{1} << 32, int64_t{1} << 32)),
       .refused = "device: "},
      {.name = "DeviceNumberIsNegative",
       .blob = of(TarBuilder().device("c", '3', -1, -1)),
       .refused = "device: "},
      {.name = "DevicesAreLeftOutWithoutOwnership",
       .blob = of(TarBuilder().device("c", '3', 1, 3).device("b", '4', 8, 0).file("f")),
       .tree = {"f"},
       .tune = [](LayerOptions& options) { options.ownership = Ownership::kIgnore; }},
      {.name = "DevicesAreMadeByRoot",
       .blob = of(
           TarBuilder()
               .entry(
                   {.name = "d/c", .type = '3', .mode = 0666, .device_major = 1, .device_minor = 3})
               .entry({.name = "d/b", .type = '4', .mode = 0600, .device_major = 8})),
       .tree = root ? devices : none,
       .needs = Needs::kRoot},
      {.name = "ParentIsADevice",
       .blob = of(TarBuilder().device("c", '3', 1, 3).file("c/f", "x")),
       .refused = "parent \"c\": is not a directory",
       .needs = Needs::kRoot},
      {.name = "FileReplacesADevice",
       .blob = of(TarBuilder().device("c", '3', 1, 3).file("c", "x")),
       .tree = {"c = x"}},
      {.name = "BlockDeviceZeroIsNoWhiteout",
       .blob = of(TarBuilder().entry({.name = "b", .type = '4', .mode = 0600})),
       .tree = {"b block 0:0 0600"},
       .needs = Needs::kRoot},
  };
}

}  // namespace

HostileCases type_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {replacing_cases, odd_type_cases, device_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace crunlite::image
