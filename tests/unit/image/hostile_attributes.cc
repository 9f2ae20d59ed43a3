// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

// A directory and a file with this attribute.
TarBuilder with_xattr(const std::string& name, const std::string& value) {
  PaxRecords pax = {{"SCHILY.xattr." + name, value}};
  return TarBuilder()
      .entry({.name = "d", .type = '5', .mode = 0755}, {}, pax)
      .entry({.name = "d/f", .size = 1}, "x", pax);
}

// cap_net_raw+ep, version 2, as the kernel keeps it.
std::string capability() {
  return std::string(
      "\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00", 20);
}

}  // namespace

// What attributes must not do shows in the tree: a directory that became opaque, say. Which
// attributes there are afterwards is tested in layer_test.cc.
HostileCases attribute_cases() {
  const std::vector<std::string> usual = {"d/", "d/f = x"};
  return {
      {.name = "XattrSaysOpaque",
       .blob = of(with_xattr("trusted.overlay.opaque", "y")),
       .tree = usual},
      {.name = "XattrSaysOpaqueForUsers",
       .blob = of(with_xattr("user.overlay.opaque", "y")),
       .tree = usual},
      {.name = "XattrSaysRedirect",
       .blob = of(with_xattr("trusted.overlay.redirect", "/etc")),
       .tree = usual},
      {.name = "XattrSaysRedirectForUsers",
       .blob = of(with_xattr("user.overlay.redirect", "/etc")),
       .tree = usual},
      {.name = "XattrSaysMetacopy",
       .blob = of(with_xattr("user.overlay.metacopy", "")),
       .tree = usual},
      {.name = "XattrSaysWhiteout",
       .blob = of(with_xattr("user.overlay.whiteout", "")),
       .tree = usual},
      {.name = "XattrIsASecurityLabel",
       .blob = of(with_xattr("security.selinux", "system_u:object_r:shadow_t:s0")),
       .tree = usual},
      {.name = "XattrIsAnIntegrityMark",
       .blob = of(with_xattr("security.ima", "x")),
       .tree = usual},
      {.name = "XattrIsAnAccessList",
       .blob = of(with_xattr("system.posix_acl_access", std::string(44, '\1'))),
       .tree = usual},
      {.name = "XattrHasNoNamespace", .blob = of(with_xattr("whatever", "x")), .tree = usual},
      {.name = "XattrOfUserIsKept", .blob = of(with_xattr("user.note", "x")), .tree = usual},
      {.name = "XattrNameIsTooLong",
       .blob = of(with_xattr("user." + std::string(300, 'n'), "x")),
       .refused = "extended attribute",
       .kind = Kind::kSystem},
      {.name = "XattrValueIsTooLong",
       .blob = of(with_xattr("user.v", std::string(70'000, 'v'))),
       .refused = "extended attribute",
       .kind = Kind::kSystem},
      {.name = "XattrOnALink",
       .blob = of(TarBuilder().entry({.name = "l", .type = '2', .link = "../sentinel/file"}, {},
                                     {{"SCHILY.xattr.user.note", "x"}})),
       .tree = {"l -> ../sentinel/file"}},
      {.name = "XattrIsBadBase64",
       .blob = of(TarBuilder().entry({.name = "f", .size = 1}, "x",
                                     {{"LIBARCHIVE.xattr.user.note", "*** no base64 ***"}})),
       .tree = {"f = x"}},
      {.name = "XattrIsBase64",
       .blob = of(TarBuilder().entry({.name = "f", .size = 1}, "x",
                                     {{"LIBARCHIVE.xattr.user.note", base64("note")}})),
       .tree = {"f = x"}},
      {.name = "CapabilityIsKept",
       .blob = of(with_xattr("security.capability", capability())),
       .tree = usual,
       .needs = Needs::kRoot},
      {.name = "CapabilityIsBroken",
       .blob = of(with_xattr("security.capability", "broken")),
       .refused = "extended attribute \"security.capability\"",
       .needs = Needs::kRoot,
       .kind = Kind::kSystem},
      {.name = "CapabilityIsLeftOutWithoutOwnership",
       .blob = of(with_xattr("security.capability", "broken")),
       .tree = usual,
       .tune = [](LayerOptions& options) { options.ownership = Ownership::kIgnore; }},
      {.name = "AccessListIsBroken",
       .blob = of(TarBuilder().entry({.name = "f"}, {}, {{"SCHILY.acl.access", "nonsense"}})),
       .tree = {"f"}},
  };
}

}  // namespace crunlite::image
