// SPDX-License-Identifier: Apache-2.0
// Limits of huge pages, network classes and RDMA devices.
#include <string>
#include <string_view>
#include <utility>

#include "base/limits.h"
#include "base/text.h"
#include "cgroups/files.h"
#include "cgroups/limits.h"
#include "cgroups/write_list.h"

namespace crunlite::cgroups {
namespace {

constexpr char kPrefix[] = "linux.resources.";

// "2MB", "1GB", "64KB": as the kernel spells the sizes in the names of its files.
bool is_page_size(std::string_view text) {
  constexpr size_t kMaxDigits = 5;
  if (text.size() < 3 || !text.ends_with('B')) return false;
  bool has_unit = std::string_view("KMG").contains(text[text.size() - 2]);
  std::string_view digits = text.substr(0, text.size() - 2);
  return has_unit && digits.size() <= kMaxDigits && digits.front() != '0' &&
         digits.find_first_not_of("0123456789") == std::string_view::npos;
}

Status plan_hugepages(const std::vector<oci::HugepageLimit>& limits, bool unified,
                      std::vector<Write>& out) {
  for (size_t i = 0; i < limits.size(); i++) {
    WriteList writes(unified, "hugetlb", cat(kPrefix, "hugepageLimits[", i, "]."), out);
    const oci::HugepageLimit& limit = limits[i];
    if (!is_page_size(limit.page_size)) {
      return writes.invalid("pageSize", quote(limit.page_size), " is no size like 2MB");
    }
    std::string_view file = unified ? "max" : "limit_in_bytes";
    std::string name = cat("hugetlb.", limit.page_size, ".");
    writes.add("limit", cat(name, file), cat(limit.limit));
    // Pages that are reserved and not yet used, which kernels count since 5.7.
    writes.add("limit", cat(name, "rsvd.", file), cat(limit.limit)).if_missing = IfMissing::kIgnore;
  }
  return {};
}

bool is_interface_name(std::string_view name) {
  constexpr size_t kMaxBytes = 15;  // the kernel's IFNAMSIZ - 1
  if (name.empty() || name.size() > kMaxBytes) return false;
  for (char c : name) {
    if (c <= ' ' || c == 0x7f || c == '/') return false;
  }
  return true;
}

Status plan_network(const oci::NetworkClass& network, const Versions& versions,
                    std::vector<Write>& out) {
  constexpr std::string_view kNone = "cgroup v2 has none, and this host has no such v1 controller";
  WriteList classes(false, "net_cls", cat(kPrefix, "network."), out);
  if (network.class_id.has_value()) {
    if (versions.unified && !versions.is_legacy("net_cls")) {
      return classes.unavailable("classID", kNone);
    }
    classes.add("classID", kNetworkClass, cat(*network.class_id));
  }
  WriteList priorities(false, "net_prio", cat(kPrefix, "network."), out);
  for (size_t i = 0; i < network.priorities.size(); i++) {
    const oci::InterfacePriority& one = network.priorities[i];
    std::string field = cat("priorities[", i, "]");
    if (!is_interface_name(one.name)) {
      return priorities.invalid(cat(field, ".name"), quote(one.name),
                                " is no name of a network interface");
    }
    if (versions.unified && !versions.is_legacy("net_prio")) {
      return priorities.unavailable(field, kNone);
    }
    priorities.add(field, kNetworkPriorities, cat(one.name, " ", one.priority));
  }
  return {};
}

Status plan_rdma(const std::map<std::string, oci::RdmaLimit>& devices, bool unified,
                 std::vector<Write>& out) {
  for (const auto& [device, limit] : devices) {
    WriteList writes(unified, "rdma", cat(kPrefix, "rdma[", quote(device), "]"), out);
    if (device.empty() || device.size() > limits::kNameBytes ||
        device.find_first_of(" \t\n=") != std::string::npos) {
      return writes.invalid("", "is no name of a device");
    }
    std::string text = device;
    if (limit.hca_handles.has_value()) text += cat(" hca_handle=", *limit.hca_handles);
    if (limit.hca_objects.has_value()) text += cat(" hca_object=", *limit.hca_objects);
    if (text.size() == device.size()) {
      return writes.invalid("", "has neither hcaHandles nor hcaObjects");
    }
    writes.add("", kRdmaMax, std::move(text));
  }
  return {};
}

}  // namespace

Status plan_other_limits(const oci::Resources& resources, const Versions& versions,
                         std::vector<Write>& out) {
  auto unified = [&](std::string_view name) {
    return versions.unified && !versions.is_legacy(name);
  };
  TRY(plan_hugepages(resources.hugepage_limits, unified("hugetlb"), out));
  if (resources.network.has_value()) TRY(plan_network(*resources.network, versions, out));
  return plan_rdma(resources.rdma, unified("rdma"), out);
}

}  // namespace crunlite::cgroups
