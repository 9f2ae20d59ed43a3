// SPDX-License-Identifier: Apache-2.0
// What lies in an image directory besides CRIU's own files, and the kernel's lists that it is made
// from. Images may come from another host: what is read is checked. Pure; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

// descriptors.json, as runc writes it: what the standard streams are, "pipe:[1234]", "/dev/null".
// A file that is none of the container's own is named as CRIU wants it, "file[1a:2b]".
inline constexpr const char* kDescriptorsFile = "descriptors.json";
// mounts.json: the places of those mounts that are the host's files, each to be bound anew.
inline constexpr const char* kMountsFile = "mounts.json";

constexpr size_t kStreams = 3;

// At most three texts.
[[nodiscard]] Result<std::vector<std::string>> parse_descriptors(std::string_view text);
// Absolute and clean paths, each once.
[[nodiscard]] Result<std::vector<std::string>> parse_mount_places(std::string_view text);
[[nodiscard]] std::string write_texts(const std::vector<std::string>& texts);

// Whether CRIU can put another descriptor in this stream's place.
[[nodiscard]] bool is_replaceable(std::string_view stream);

// One line of /proc/PID/mountinfo.
struct MountLine {
  uint64_t id = 0;
  std::string root;  // of the mount within its file system
  std::string place;
  std::string type;
};
// Lines that are not understood are passed over.
[[nodiscard]] std::vector<MountLine> parse_mount_lines(std::string_view mountinfo);

// Where the files of a mount come from.
enum class MountOrigin {
  kOwn,     // the container's, or made by CRIU: proc, tmpfs, devpts and their like
  kBind,    // a bind of config.json, or a mount below its source
  kCgroup,  // a hierarchy of control groups
  kDevice,  // a device of the host, where the container may not make nodes
  kNull,    // the host's /dev/null on a masked file
};
struct OriginOfMount {
  MountOrigin origin = MountOrigin::kOwn;
  // Of kBind in plan.mounts, as of kCgroup at a restore; of kDevice in plan.devices.
  size_t index = 0;
  std::string below = {};  // of kBind: the path below the bind's source, "" for all of it
};
// By its place. `line` is nullptr at a restore, where nothing is mounted yet.
[[nodiscard]] OriginOfMount origin_of(const ContainerPlan& plan, std::string_view place,
                                      const MountLine* line);

}  // namespace crunlite::runtime
