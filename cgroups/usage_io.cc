// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"
#include "cgroups/usage_parts.h"

namespace crunlite::cgroups {
namespace {

struct Device {
  uint64_t major = 0;
  uint64_t minor = 0;
};

std::optional<Device> parse_device(std::string_view text) {
  const size_t colon = text.find(':');
  if (colon == std::string_view::npos) return {};
  const auto major = parse_number<uint64_t>(text.substr(0, colon));
  const auto minor = parse_number<uint64_t>(text.substr(colon + 1));
  if (!major.has_value() || !minor.has_value()) return {};
  return Device{.major = *major, .minor = *minor};
}

// Lines "8:0 Read 512" or "8:0 512"; that of the sum over all devices has no device.
BlockIoEntries read_legacy_file(int cgroup, const std::string& file) {
  BlockIoEntries entries;
  const std::string text = read_control(cgroup, file.c_str()).value_or("");
  for (std::string_view line : split(text, '\n')) {
    const std::vector<std::string> words = words_of(line);
    if (words.size() < 2) continue;
    const std::optional<Device> device = parse_device(words[0]);
    const auto value = parse_number<uint64_t>(words.back());
    if (!device.has_value() || !value.has_value()) continue;
    entries.push_back({.major = device->major,
                       .minor = device->minor,
                       .op = words.size() > 2 ? words[1] : "",
                       .value = *value});
  }
  return entries;
}

using File = std::pair<std::string_view, BlockIoEntries BlockIoUsage::*>;

// What a scheduler counts. The first of them whose first file has lines is the one at work.
void read_legacy(int cgroup, BlockIoUsage& usage) {
  static constexpr std::array<File, 8> kSchedulerFiles = {{
      {"sectors_recursive", &BlockIoUsage::sectors},
      {"io_service_bytes_recursive", &BlockIoUsage::service_bytes},
      {"io_serviced_recursive", &BlockIoUsage::serviced},
      {"io_queued_recursive", &BlockIoUsage::queued},
      {"io_service_time_recursive", &BlockIoUsage::service_time},
      {"io_wait_time_recursive", &BlockIoUsage::wait_time},
      {"io_merged_recursive", &BlockIoUsage::merged},
      {"time_recursive", &BlockIoUsage::time},
  }};
  for (std::string_view prefix : {"blkio.bfq.", "blkio.", "blkio.throttle."}) {
    for (const auto& [name, member] : kSchedulerFiles) {
      usage.*member = read_legacy_file(cgroup, cat(prefix, name));
    }
    if (!usage.serviced.empty()) return;
  }
}

// "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6": callers know the first four.
void read_unified_line(std::string_view line, BlockIoUsage& usage) {
  struct Kind {
    std::string_view key;
    const char* op;
    BlockIoEntries BlockIoUsage::* member;
  };
  static constexpr std::array<Kind, 4> kKinds = {{
      {"rbytes=", "Read", &BlockIoUsage::service_bytes},
      {"wbytes=", "Write", &BlockIoUsage::service_bytes},
      {"rios=", "Read", &BlockIoUsage::serviced},
      {"wios=", "Write", &BlockIoUsage::serviced},
  }};
  const std::vector<std::string> words = words_of(line);
  const std::optional<Device> device = words.empty() ? std::nullopt : parse_device(words[0]);
  if (!device.has_value()) return;
  for (const std::string& word : words) {
    for (const Kind& kind : kKinds) {
      if (!word.starts_with(kind.key)) continue;
      const auto value = parse_number<uint64_t>(std::string_view(word).substr(kind.key.size()));
      (usage.*kind.member)
          .push_back({.major = device->major,
                      .minor = device->minor,
                      .op = kind.op,
                      .value = value.value_or(0)});
    }
  }
}

}  // namespace

Status read_block_io_usage(const Group& group, BlockIoUsage& usage) {
  const int unified = group.unified_fd();
  const int legacy = group.legacy_fd("blkio");
  if (unified >= 0) usage.psi = read_pressure(unified, kIoPressure);
  if (legacy >= 0) {
    read_legacy(legacy, usage);
  } else if (unified >= 0) {
    const std::string text = read_control(unified, kIoStat).value_or("");
    for (std::string_view line : split(text, '\n')) read_unified_line(line, usage);
  }
  return {};
}

}  // namespace crunlite::cgroups
