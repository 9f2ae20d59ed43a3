// SPDX-License-Identifier: Apache-2.0
#include "cgroups/restore.h"

#include <array>
#include <utility>

#include "base/text.h"
#include "cgroups/files.h"

namespace crunlite::cgroups {
namespace {

// The files with lines of the form "NAME VALUE...", and what a name that is missing stands for.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kKeyedFiles = {{
    {kIoMax, "rbps=max wbps=max riops=max wiops=max"},
    {kIoWeight, "default"},
    {kIoBfqWeight, "default"},
    {kBlkioBfqWeightDevice, "default"},
    {kBlkioWeightDevice, "0"},
    {kBlkioLeafWeightDevice, "0"},
    {kBlkioReadBps, "0"},
    {kBlkioWriteBps, "0"},
    {kBlkioReadIops, "0"},
    {kBlkioWriteIops, "0"},
    {kRdmaMax, "hca_handle=max hca_object=max"},
    {kNetworkPriorities, "0"},
}};

// The name that a write is about, "" where the file has but one value.
std::string_view key_of(std::string_view file, std::string_view written) {
  size_t space = written.find(' ');
  if (space == std::string_view::npos) return "";
  std::string_view first = written.substr(0, space);
  if (first.contains(':')) return first;  // a device
  for (const auto& [keyed, none] : kKeyedFiles) {
    if (file == keyed) return first;
  }
  return file == "misc.max" ? first : "";
}

std::optional<std::string> line_of(std::string_view key, std::string_view file,
                                   std::string_view before) {
  for (std::string_view line : split(before, '\n')) {
    if (line.starts_with(cat(key, " "))) return std::string(line);
  }
  for (const auto& [keyed, none] : kKeyedFiles) {
    if (file == keyed) return cat(key, " ", none);
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> text_to_restore(std::string_view file, std::string_view written,
                                           std::string_view before) {
  std::string_view key = key_of(file, written);
  if (!key.empty()) return line_of(key, file, before);
  // Of several lines the first one holds the value: "default 100", "oom_kill_disable 0".
  std::string_view line = split(before, '\n').front();
  if (file == kMemoryOomControl) return std::string(line.substr(line.rfind(' ') + 1));
  if (line.empty()) return "\n";  // a list without entries; write(2) of nothing does nothing
  return std::string(line);
}

}  // namespace crunlite::cgroups
