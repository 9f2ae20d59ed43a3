// SPDX-License-Identifier: Apache-2.0
// What `features` prints: the abilities of this runtime, whatever the host (features.md and
// features-linux.md of the runtime specification 1.3). Any thread.
#pragma once

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "base/json_map.h"

namespace crunlite::oci {

using json::field;
using json::kRequired;
using Strings = std::vector<std::string>;

// Flags are optionals: a false that is set is written, one that is unset is not.
struct CgroupFeatures {
  std::optional<bool> v1;
  std::optional<bool> v2;
  std::optional<bool> systemd;
  std::optional<bool> systemd_user;
  std::optional<bool> rdma;
};
constexpr auto json_fields(std::same_as<CgroupFeatures> auto*) {
  return std::tuple(field("v1", &CgroupFeatures::v1), field("v2", &CgroupFeatures::v2),
                    field("systemd", &CgroupFeatures::systemd),
                    field("systemdUser", &CgroupFeatures::systemd_user),
                    field("rdma", &CgroupFeatures::rdma));
}

struct SeccompFeatures {
  std::optional<bool> enabled;
  Strings actions;
  Strings operators;
  Strings archs;
  Strings known_flags;
  Strings supported_flags;
};
constexpr auto json_fields(std::same_as<SeccompFeatures> auto*) {
  return std::tuple(
      field("enabled", &SeccompFeatures::enabled), field("actions", &SeccompFeatures::actions),
      field("operators", &SeccompFeatures::operators), field("archs", &SeccompFeatures::archs),
      field("knownFlags", &SeccompFeatures::known_flags),
      field("supportedFlags", &SeccompFeatures::supported_flags));
}

struct Ability {
  std::optional<bool> enabled;
};
constexpr auto json_fields(std::same_as<Ability> auto*) {
  return std::tuple(field("enabled", &Ability::enabled));
}

// Of 1.3.
struct IntelRdtFeatures {
  std::optional<bool> enabled;
  std::optional<bool> schemata;
  std::optional<bool> monitoring;
};
constexpr auto json_fields(std::same_as<IntelRdtFeatures> auto*) {
  return std::tuple(field("enabled", &IntelRdtFeatures::enabled),
                    field("schemata", &IntelRdtFeatures::schemata),
                    field("monitoring", &IntelRdtFeatures::monitoring));
}

struct MemoryPolicyFeatures {
  Strings modes;
  Strings flags;
};
constexpr auto json_fields(std::same_as<MemoryPolicyFeatures> auto*) {
  return std::tuple(field("modes", &MemoryPolicyFeatures::modes),
                    field("flags", &MemoryPolicyFeatures::flags));
}

struct MountExtensions {
  std::optional<Ability> idmap;
};
constexpr auto json_fields(std::same_as<MountExtensions> auto*) {
  return std::tuple(field("idmap", &MountExtensions::idmap));
}

struct LinuxFeatures {
  Strings namespaces;
  Strings capabilities;
  std::optional<CgroupFeatures> cgroup;
  std::optional<SeccompFeatures> seccomp;
  std::optional<Ability> apparmor;
  std::optional<Ability> selinux;
  std::optional<MemoryPolicyFeatures> memory_policy;
  std::optional<IntelRdtFeatures> intel_rdt;
  std::optional<MountExtensions> mount_extensions;
  std::optional<Ability> net_devices;
};
constexpr auto json_fields(std::same_as<LinuxFeatures> auto*) {
  return std::tuple(
      field("namespaces", &LinuxFeatures::namespaces),
      field("capabilities", &LinuxFeatures::capabilities), field("cgroup", &LinuxFeatures::cgroup),
      field("seccomp", &LinuxFeatures::seccomp), field("apparmor", &LinuxFeatures::apparmor),
      field("selinux", &LinuxFeatures::selinux),
      field("memoryPolicy", &LinuxFeatures::memory_policy),
      field("intelRdt", &LinuxFeatures::intel_rdt),
      field("mountExtensions", &LinuxFeatures::mount_extensions),
      field("netDevices", &LinuxFeatures::net_devices));
}

struct Features {
  std::string oci_version_min;
  std::string oci_version_max;
  Strings hooks;
  Strings mount_options;
  std::optional<LinuxFeatures> linux_;
  std::map<std::string, std::string> annotations;
  Strings potentially_unsafe_config_annotations;
};
constexpr auto json_fields(std::same_as<Features> auto*) {
  return std::tuple(field("ociVersionMin", &Features::oci_version_min, kRequired),
                    field("ociVersionMax", &Features::oci_version_max, kRequired),
                    field("hooks", &Features::hooks),
                    field("mountOptions", &Features::mount_options),
                    field("linux", &Features::linux_), field("annotations", &Features::annotations),
                    field("potentiallyUnsafeConfigAnnotations",
                          &Features::potentially_unsafe_config_annotations));
}

// All that follows from the tables of names.h and from config.h; what depends on other modules
// (mount options, cgroup drivers) and on libraries stays for the runtime to fill in.
[[nodiscard]] Features specification_features();

// As indented JSON with a newline at the end.
[[nodiscard]] std::string write_features(const Features& features);

}  // namespace crunlite::oci
