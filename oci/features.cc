// SPDX-License-Identifier: Apache-2.0
#include "oci/features.h"

#include "oci/config.h"
#include "oci/names.h"

namespace crunlite::oci {
namespace {

template <size_t N>
Strings strings_of(const std::array<std::string_view, N>& table) {
  return {table.begin(), table.end()};
}

}  // namespace

Features specification_features() {
  Features features;
  features.oci_version_min = "1.0.0";
  features.oci_version_max = kOciVersion;
  features.hooks = strings_of(kHookNames);
  LinuxFeatures& os = features.linux_.emplace();
  os.namespaces = strings_of(kNamespaceTypes);
  os.capabilities = strings_of(kCapabilities);
  SeccompFeatures& seccomp = os.seccomp.emplace();
  seccomp.enabled = true;
  seccomp.actions = strings_of(kSeccompActions);
  seccomp.operators = strings_of(kSeccompOperators);
  seccomp.archs = strings_of(kSeccompArchitectures);
  seccomp.known_flags = strings_of(kSeccompFlags);
  os.apparmor = Ability{.enabled = true};
  os.selinux = Ability{.enabled = true};
  MemoryPolicyFeatures& memory = os.memory_policy.emplace();
  for (const NamedNumber& mode : kMemoryModes) memory.modes.emplace_back(mode.name);
  for (const NamedNumber& flag : kMemoryFlags) memory.flags.emplace_back(flag.name);
  // Refused by config.h.
  os.intel_rdt = IntelRdtFeatures{.enabled = false, .schemata = false, .monitoring = false};
  os.mount_extensions = MountExtensions{.idmap = Ability{.enabled = true}};
  os.net_devices = Ability{.enabled = true};
  // Who may set them may do more than the container's other settings say.
  features.potentially_unsafe_config_annotations = {"run.oci.", "io.crun-lite."};
  return features;
}

std::string write_features(const Features& features) {
  return json::write(json::encode(features), json::Style::kIndented) + "\n";
}

}  // namespace crunlite::oci
