// SPDX-License-Identifier: Apache-2.0
// cgroups::parse on any texts of mountinfo and /proc/self/cgroup, which stand in the input one
// after the other, separated by a NUL.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "cgroups/hierarchy.h"

using crunlite::cgroups::Hierarchy;
using crunlite::cgroups::Layout;
using crunlite::cgroups::MountedHierarchy;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t cut = text.find('\0');
  std::string_view self = cut == text.npos ? "" : text.substr(cut + 1);
  Hierarchy found = crunlite::cgroups::parse(text.substr(0, cut), self);
  CHECK(layout_name(found.layout) != "");
  if (found.mounts.empty()) CHECK(found.layout == Layout::kNone);
  bool first = true;
  for (const MountedHierarchy& mount : found.mounts) {
    CHECK(mount.mount_point.starts_with('/'));
    CHECK(mount.root.starts_with('/'));
    CHECK(mount.unified == mount.controllers.empty());
    CHECK(first || !mount.unified);
    for (const std::string& controller : mount.controllers) {
      CHECK(found.legacy(controller) == &mount);
    }
    first = false;
  }
  CHECK((found.unified() != nullptr) ==
        (found.layout == Layout::kUnified || found.layout == Layout::kHybrid));
  return 0;
}
