// SPDX-License-Identifier: Apache-2.0
// Mount options of config.json as kernel flags (config.md#mounts, config-linux.md); pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::namespaces {

// What the options of one mount ask for.
struct MountOptions {
  bool is_bind = false;
  bool is_remount = false;        // attributes of what is mounted there already
  bool is_recursive = false;      // rbind
  bool copies_up = false;         // tmpcopyup: a tmpfs begins with what it covers
  bool is_id_mapped = false;      // idmap, ridmap
  bool maps_recursively = false;  // ridmap
  uint64_t attributes_set = 0;    // MOUNT_ATTR_*, of the mount itself
  uint64_t attributes_clear = 0;
  uint64_t recursive_set = 0;  // of the mount and all below it: "rro" and its like
  uint64_t recursive_clear = 0;
  unsigned long propagation = 0;  // MS_PRIVATE, MS_SHARED, MS_SLAVE, MS_UNBINDABLE; 0: not said
  bool is_propagation_recursive = false;
  std::vector<std::string> flags;  // file system parameters without a value
  std::vector<std::pair<std::string, std::string>> values;  // and with one
};

// Errors name the option. Options that are no mount options go to the file system.
[[nodiscard]] Result<MountOptions> parse_mount_options(const oci::Strings& options);

// The flag for rootfsPropagation, 0 for "".
struct Propagation {
  unsigned long flag = 0;
  bool is_recursive = false;
};
[[nodiscard]] Result<Propagation> parse_propagation(std::string_view name);

// All option names that are understood, for `features`.
[[nodiscard]] std::vector<std::string> known_mount_options();

}  // namespace crunlite::namespaces
