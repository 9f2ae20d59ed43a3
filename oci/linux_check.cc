// SPDX-License-Identifier: Apache-2.0
// The member `linux` of config.json; see config_check.h.
#include <algorithm>
#include <set>

#include "oci/internal_check.h"
#include "oci/sysctl.h"

namespace crunlite::oci::internal {
namespace {

constexpr int64_t kMaxMajor = 0xfff;  // 12 and 20 bits in the kernel's dev_t
constexpr int64_t kMaxMinor = 0xfffff;
constexpr uint32_t kMaxFileMode = 0177777;  // callers leave the type's bits in
constexpr uint32_t kMaxErrno = 4095;
constexpr uint32_t kSyscallArguments = 6;

Status check_namespaces(const std::vector<Namespace>& namespaces) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < namespaces.size(); i++) {
    const Namespace& entry = namespaces[i];
    TRY(check_word(kNamespaceTypes, entry.type), "linux.namespaces[", i, "].type");
    if (!seen.insert(entry.type).second) {
      return fail(Kind::kInvalid, "linux.namespaces[", i, "].type: ", quote(entry.type),
                  " stands twice");
    }
    if (!entry.path.empty()) TRY(check_absolute(entry.path), "linux.namespaces[", i, "].path");
  }
  return {};
}

bool overlap(uint32_t a, uint32_t a_size, uint32_t b, uint32_t b_size) {
  return a < uint64_t{b} + b_size && b < uint64_t{a} + a_size;
}

Status check_mapping(const IdMapping& mapping) {
  if (mapping.size == 0) return fail(Kind::kInvalid, "size: 0 maps nothing");
  uint64_t end = uint64_t{std::max(mapping.container_id, mapping.host_id)} + mapping.size;
  if (end <= UINT32_MAX) return {};
  return fail(Kind::kInvalid, "size: ", mapping.size, " reaches above the last id ",
              UINT32_MAX - 1);
}

Status check_user_namespace(const Linux& config) {
  TRY(check_mappings(config.uid_mappings, "linux.uidMappings"));
  TRY(check_mappings(config.gid_mappings, "linux.gidMappings"));
  const auto user = std::ranges::find(config.namespaces, "user", &Namespace::type);
  bool exists = user != config.namespaces.end();
  bool is_new = exists && user->path.empty();
  for (bool uids : {true, false}) {
    std::string_view name = uids ? "uidMappings" : "gidMappings";
    bool mapped = !(uids ? config.uid_mappings : config.gid_mappings).empty();
    if (mapped && !exists) {
      return fail(Kind::kInvalid, "linux.", name,
                  ": needs a namespace of type \"user\" in linux.namespaces");
    }
    if (!mapped && is_new) {
      return fail(Kind::kInvalid, "linux.", name, ": missing for the new user namespace");
    }
  }
  return {};
}

Status check_range(int64_t number, int64_t min, int64_t max) {
  if (number >= min && number <= max) return {};
  return fail(Kind::kInvalid, number, " is not from ", min, " to ", max);
}

Status check_device(const Device& device) {
  constexpr std::array<std::string_view, 4> kTypes = {"b", "c", "p", "u"};
  TRY(check_word(kTypes, device.type), "type");
  TRY(check_absolute(device.path), "path");
  TRY(check_range(device.major, 0, kMaxMajor), "major");
  TRY(check_range(device.minor, 0, kMaxMinor), "minor");
  uint32_t mode = device.file_mode.value_or(0);
  if (mode <= kMaxFileMode) return {};
  return fail(Kind::kInvalid, "fileMode: ", mode, " is above ", kMaxFileMode);
}

Status check_device_rule(const DeviceRule& rule) {
  constexpr std::array<std::string_view, 4> kTypes = {"", "a", "b", "c"};
  TRY(check_word(kTypes, rule.type), "type");
  // -1 stands for every number, as in the kernel's own list of devices.
  if (rule.major.has_value()) TRY(check_range(*rule.major, -1, kMaxMajor), "major");
  if (rule.minor.has_value()) TRY(check_range(*rule.minor, -1, kMaxMinor), "minor");
  if (rule.access.find_first_not_of("rwm") == std::string::npos) return {};
  return fail(Kind::kInvalid, "access: ", quote(rule.access), " holds more than r, w and m");
}

// Checks each item of a list; the check's errors start with the member or with the problem.
template <class T, class Check>
Status check_each(const std::vector<T>& items, size_t max, std::string_view path,
                  std::string_view separator, Check check_item) {
  TRY(check_count(items, max), path);
  for (size_t i = 0; i < items.size(); i++) {
    Status item = check_item(items[i]);
    if (item.has_value()) continue;
    return beneath(std::move(item).error(), cat(path, "[", i, "]", separator));
  }
  return {};
}

Status check_sysctls(const Linux& config) {
  for (const auto& [key, value] : config.sysctl) {
    Sysctl parsed = TRY(parse_sysctl(key), "linux.sysctl[", quote(key), "]");
    if (!has_namespace(config, parsed.namespace_type)) {
      return fail(Kind::kInvalid, "linux.sysctl[", quote(key), "]: needs a namespace of type ",
                  quote(parsed.namespace_type), " in linux.namespaces");
    }
    if (value.size() > limits::kSysctlBytes || value.contains('\n')) {
      return fail(Kind::kInvalid, "linux.sysctl[", quote(key), "]: value is not one short line");
    }
  }
  return {};
}

Status check_errno(std::string_view action, const std::optional<uint32_t>& number) {
  if (!number.has_value()) return {};
  if (action != "SCMP_ACT_ERRNO" && action != "SCMP_ACT_TRACE") {
    return fail(Kind::kInvalid, "does not go with ", action);
  }
  if (*number <= kMaxErrno) return {};
  return fail(Kind::kInvalid, *number, " is above ", kMaxErrno);
}

Status check_action(std::string_view action) { return check_word(kSeccompActions, action); }

Status check_seccomp_argument(const SeccompArg& argument) {
  TRY(check_word(kSeccompOperators, argument.op), "op");
  if (argument.index < kSyscallArguments) return {};
  return fail(Kind::kInvalid, "index: ", argument.index, " is not from 0 to ",
              kSyscallArguments - 1);
}

Status check_seccomp_rule(const SeccompSyscall& rule) {
  if (rule.names.empty()) return fail(Kind::kInvalid, "names: is empty");
  TRY(check_count(rule.names, limits::kSeccompNames), "names");
  TRY(check_action(rule.action), "action");
  TRY(check_errno(rule.action, rule.errno_ret), "errnoRet");
  return check_each(rule.args, limits::kSeccompArguments, "args", ".", check_seccomp_argument);
}

// What the kernel asks a listener, somebody must listen to.
Status check_listener(const Seccomp& seccomp) {
  if (!seccomp.listener_path.empty()) {
    TRY(check_absolute(seccomp.listener_path), "linux.seccomp.listenerPath");
  } else if (!seccomp.listener_metadata.empty()) {
    return fail(Kind::kInvalid, "linux.seccomp.listenerMetadata: needs listenerPath");
  } else if (asks_listener(seccomp)) {
    return fail(Kind::kInvalid, "linux.seccomp.listenerPath: missing for SCMP_ACT_NOTIFY");
  }
  if (seccomp.listener_metadata.size() > limits::kSeccompMetadata) {
    return fail(Kind::kLimit, "linux.seccomp.listenerMetadata: is longer than ",
                limits::kSeccompMetadata, " bytes");
  }
  const auto flag = std::ranges::find(seccomp.flags, "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV");
  if (flag == seccomp.flags.end() || asks_listener(seccomp)) return {};
  return fail(Kind::kInvalid, "linux.seccomp.flags[", flag - seccomp.flags.begin(), "]: ", *flag,
              " goes with SCMP_ACT_NOTIFY only");
}

Status check_seccomp(const Seccomp& seccomp) {
  TRY(check_action(seccomp.default_action), "linux.seccomp.defaultAction");
  TRY(check_errno(seccomp.default_action, seccomp.default_errno_ret),
      "linux.seccomp.defaultErrnoRet");
  TRY(check_each(seccomp.architectures, kSeccompArchitectures.size(), "linux.seccomp.architectures",
                 "",
                 [](const std::string& name) { return check_word(kSeccompArchitectures, name); }));
  TRY(check_each(seccomp.flags, kSeccompFlags.size(), "linux.seccomp.flags", "",
                 [](const std::string& name) { return check_word(kSeccompFlags, name); }));
  TRY(check_each(seccomp.syscalls, limits::kSeccompRules, "linux.seccomp.syscalls", ".",
                 check_seccomp_rule));
  return check_listener(seccomp);
}

Status check_cgroups_path(std::string_view path) {
  if (path.size() >= limits::kPathBytes) return fail(Kind::kLimit, "is too long for a path");
  for (std::string_view name : split(path, '/')) {
    if (name == "..") return fail(Kind::kInvalid, quote(path), " contains \"..\"");
  }
  return {};
}

}  // namespace

Status check_mappings(const std::vector<IdMapping>& mappings, std::string_view path) {
  TRY(check_count(mappings, limits::kIdMappings), path);
  for (size_t i = 0; i < mappings.size(); i++) {
    Status mapping = check_mapping(mappings[i]);
    if (!mapping.has_value()) {
      return beneath(std::move(mapping).error(), cat(path, "[", i, "]."));
    }
    for (size_t k = 0; k < i; k++) {
      const IdMapping& a = mappings[i];
      const IdMapping& b = mappings[k];
      bool container = overlap(a.container_id, a.size, b.container_id, b.size);
      if (!container && !overlap(a.host_id, a.size, b.host_id, b.size)) continue;
      return fail(Kind::kInvalid, path, "[", i, "].", container ? "containerID" : "hostID",
                  ": overlaps with entry ", k);
    }
  }
  return {};
}

bool has_namespace(const Linux& config, std::string_view type) {
  return std::ranges::find(config.namespaces, type, &Namespace::type) != config.namespaces.end();
}

Status check_linux(const Linux& config) {
  TRY(check_namespaces(config.namespaces));
  TRY(check_user_namespace(config));
  TRY(check_sysctls(config));
  TRY(check_linux_attributes(config));
  TRY(check_each(config.devices, limits::kDevices, "linux.devices", ".", check_device));
  if (config.resources.has_value()) {
    TRY(check_each(config.resources->devices, limits::kDevices, "linux.resources.devices", ".",
                   check_device_rule));
  }
  if (config.seccomp.has_value()) TRY(check_seccomp(*config.seccomp));
  if (!config.rootfs_propagation.empty()) {
    TRY(check_word(kPropagations, config.rootfs_propagation), "linux.rootfsPropagation");
  }
  TRY(check_cgroups_path(config.cgroups_path), "linux.cgroupsPath");
  TRY(check_each(config.masked_paths, limits::kMounts, "linux.maskedPaths", "", check_absolute));
  return check_each(config.readonly_paths, limits::kMounts, "linux.readonlyPaths", "",
                    check_absolute);
}

}  // namespace crunlite::oci::internal
