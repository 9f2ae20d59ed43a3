// SPDX-License-Identifier: Apache-2.0
// What a restore reads: by the input's first byte the files of an image directory, a message of
// CRIU's, or its log; and mountinfo, in which a container chooses names.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "runtime/checkpoint_files.h"
#include "runtime/criu.h"
#include "runtime/criu_messages.h"
#include "runtime/restore_stage.h"

using namespace crunlite;
using namespace crunlite::runtime;

namespace {

void read_places(std::string_view text) {
  const auto places = parse_mount_places(text);
  if (!places.has_value()) return;
  for (const std::string& place : *places) {
    CHECK(place.starts_with('/'));
    CHECK(!place.contains(']') && !place.contains("/../"));
  }
  CHECK(parse_mount_places(write_texts(*places)).value() == *places);
  ContainerPlan plan;
  plan.mounts.resize(2);
  plan.mounts[0].destination = "/";
  plan.mounts[1].destination = "/volume";
  plan.mounts[1].options.is_bind = true;
  plan.masked_paths = {"/proc/kcore"};
  const auto staged = plan_staged_mounts(plan, *places);
  if (!staged.has_value()) return;
  for (const StagedMount& mount : *staged) {
    CHECK(mount.place.starts_with("/volume") || mount.place == "/proc/kcore");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (data[0]) {
    case 'd': {
      const auto streams = parse_descriptors(text);
      CHECK(!streams.has_value() || streams->size() <= kStreams);
      break;
    }
    case 'm': read_places(text); break;
    case 'r': {
      const auto reply = decode_reply(text);
      CHECK(!reply.has_value() || reply->pid >= 0);
      break;
    }
    case 'l': CHECK(!last_errors(text).contains('\n')); break;
    default:
      for (const MountLine& line : parse_mount_lines(text)) CHECK(line.root.size() <= size);
  }
  return 0;
}
