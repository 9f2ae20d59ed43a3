// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include "base/text.h"
#include "cgroups/files.h"
#include "cgroups/limits.h"
#include "cgroups/write_list.h"

namespace crunlite::cgroups {
namespace {

Status check_weight(const std::optional<uint16_t>& weight, std::string_view field,
                    const WriteList& out) {
  uint16_t value = weight.value_or(0);
  if (value == 0 || (value >= 10 && value <= 1000)) return {};
  return out.invalid(field, value, " is not between 10 and 1000");
}

// "8:0 " of a device.
Result<std::string> device_key(int64_t major, int64_t minor, const std::string& field,
                               const WriteList& out) {
  if (!std::in_range<uint32_t>(major)) {
    return out.invalid(cat(field, ".major"), major, " is no device number");
  }
  if (!std::in_range<uint32_t>(minor)) {
    return out.invalid(cat(field, ".minor"), minor, " is no device number");
  }
  return cat(major, ":", minor, " ");
}

Status plan_weight_device(const oci::WeightDevice& device, const std::string& field, bool unified,
                          WriteList& out) {
  std::string key = TRY(device_key(device.major, device.minor, field, out));
  if (!device.weight.has_value() && !device.leaf_weight.has_value()) {
    return out.invalid(field, "has neither weight nor leafWeight");
  }
  TRY(check_weight(device.weight, cat(field, ".weight"), out));
  TRY(check_weight(device.leaf_weight, cat(field, ".leafWeight"), out));
  uint16_t leaf_weight = device.leaf_weight.value_or(0);
  if (unified && leaf_weight != 0) {
    return out.unavailable(cat(field, ".leafWeight"), "cgroup v2 has none");
  }
  if (uint16_t weight = device.weight.value_or(0); weight != 0) {
    Write& write = out.add(cat(field, ".weight"), unified ? kIoBfqWeight : kBlkioWeightDevice,
                           cat(key, weight));
    write.other_file = unified ? kIoWeight : kBlkioBfqWeightDevice;
    write.other_text = unified ? cat(key, io_weight(weight)) : write.text;
  }
  if (leaf_weight != 0) {
    out.add(cat(field, ".leafWeight"), kBlkioLeafWeightDevice, cat(key, leaf_weight));
  }
  return {};
}

Status plan_weights(const oci::BlockIo& io, bool unified, WriteList& out) {
  TRY(check_weight(io.weight, "weight", out));
  TRY(check_weight(io.leaf_weight, "leafWeight", out));
  if (uint16_t weight = io.weight.value_or(0); weight != 0) {
    Write& write = out.add("weight", unified ? kIoBfqWeight : kBlkioWeight, cat(weight));
    write.other_file = unified ? kIoWeight : kBlkioBfqWeight;
    write.other_text = unified ? cat(io_weight(weight)) : write.text;
  }
  if (io.leaf_weight.value_or(0) != 0) {
    if (unified) return out.unavailable("leafWeight", "cgroup v2 has none");
    out.add("leafWeight", kBlkioLeafWeight, cat(*io.leaf_weight));
  }
  for (size_t i = 0; i < io.weight_device.size(); i++) {
    TRY(plan_weight_device(io.weight_device[i], cat("weightDevice[", i, "]"), unified, out));
  }
  return {};
}

Status plan_throttles(const oci::BlockIo& io, bool unified, WriteList& out) {
  const std::tuple<std::string_view, const std::vector<oci::ThrottleDevice>*, const char*,
                   std::string_view>
      kinds[] = {
          {"throttleReadBpsDevice", &io.throttle_read_bps, kBlkioReadBps, "rbps="},
          {"throttleWriteBpsDevice", &io.throttle_write_bps, kBlkioWriteBps, "wbps="},
          {"throttleReadIOPSDevice", &io.throttle_read_iops, kBlkioReadIops, "riops="},
          {"throttleWriteIOPSDevice", &io.throttle_write_iops, kBlkioWriteIops, "wiops="},
      };
  for (const auto& [name, devices, legacy_file, unified_key] : kinds) {
    for (size_t i = 0; i < devices->size(); i++) {
      const oci::ThrottleDevice& device = (*devices)[i];
      std::string field = cat(name, "[", i, "]");
      std::string key = TRY(device_key(device.major, device.minor, field, out));
      if (!unified) {
        out.add(field, legacy_file, cat(key, device.rate));
        continue;
      }
      std::string rate = device.rate == 0 ? "max" : cat(device.rate);  // v1's 0 is "no limit"
      out.add(field, kIoMax, cat(key, unified_key, rate));
    }
  }
  return {};
}

}  // namespace

Status plan_block_io(const oci::BlockIo& io, bool unified, WriteList& out) {
  TRY(plan_weights(io, unified, out));
  return plan_throttles(io, unified, out);
}

uint64_t io_weight(uint16_t weight) {
  if (weight == 0) return 0;
  uint64_t clamped = std::clamp<uint64_t>(weight, 10, 1000);
  return 1 + (clamped - 10) * 9999 / 990;
}

}  // namespace crunlite::cgroups
