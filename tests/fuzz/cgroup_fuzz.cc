// SPDX-License-Identifier: Apache-2.0
// Any linux.resources as JSON: what is accepted becomes writes of one line to files without a
// path, and a device program in which every jump stays inside.
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/json_map.h"
#include "cgroups/devices.h"
#include "cgroups/group.h"
#include "cgroups/limits.h"
#include "oci/config.h"

using crunlite::Result;
namespace cgroups = crunlite::cgroups;
namespace json = crunlite::json;
namespace oci = crunlite::oci;

namespace {

bool is_file_name(const std::string& name) {
  return !name.empty() && name.find('/') == name.npos && name[0] != '.';
}

void check_writes(const std::vector<cgroups::Write>& writes) {
  for (const cgroups::Write& write : writes) {
    CHECK(is_file_name(write.file));
    CHECK(write.other_file.empty() || is_file_name(write.other_file));
    CHECK(!write.text.empty());
    CHECK(write.text.find('\n') == write.text.npos);
    CHECK(write.text.find('\0') == write.text.npos);
    CHECK(write.field.starts_with("linux.resources."));
  }
}

void check_devices(const oci::Resources& resources) {
  Result<std::vector<cgroups::DeviceFilterRule>> rules = cgroups::device_rules(resources.devices);
  if (!rules.has_value()) {
    CHECK(rules.error().message.starts_with("linux.resources.devices"));
    return;
  }
  std::vector<bpf_insn> program = cgroups::assemble(*rules);
  CHECK(program.size() >= 8);
  CHECK(program.back().code == (BPF_JMP | BPF_EXIT));
  for (size_t i = 0; i < program.size(); i++) {
    CHECK(program[i].code == (BPF_LDX | BPF_MEM | BPF_W) || program[i].off >= 0);
    bool is_load = program[i].code == (BPF_LDX | BPF_MEM | BPF_W);
    CHECK(is_load || i + 1 + static_cast<size_t>(program[i].off) <= program.size());
  }
  (void)cgroups::legacy_device_writes(*rules);  // may say that v1 cannot do it
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  (void)cgroups::check_cgroups_path(text);  // any verdict, no crash
  Result<oci::Resources> resources = json::decode_text<oci::Resources>(text);
  if (!resources.has_value()) return 0;
  const cgroups::Versions hosts[] = {
      {.unified = true, .legacy = {}},
      {.unified = true, .legacy = {"memory", "cpu", "cpuset", "blkio", "pids"}},
      {.unified = false, .legacy = {"memory", "cpu", "cpuset", "blkio", "pids"}},
  };
  for (const cgroups::Versions& host : hosts) {
    for (uint64_t present : {uint64_t{0}, uint64_t{1} << 30}) {
      Result<std::vector<cgroups::Write>> writes =
          cgroups::plan_writes(*resources, host, {.memory_usage = present, .memsw_limit = present});
      if (writes.has_value()) check_writes(*writes);
      if (!writes.has_value()) CHECK(writes.error().message.starts_with("linux.resources."));
    }
  }
  check_devices(*resources);
  return 0;
}
