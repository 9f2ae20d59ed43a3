// SPDX-License-Identifier: Apache-2.0
// config.json -> ContainerPlan: everything that is decided before anything is done. Pure: no file,
// no system call; what cannot be done is refused here, by its path in config.json.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "namespaces/devices.h"
#include "namespaces/id_map.h"
#include "namespaces/mounts.h"
#include "oci/config.h"
#include "runtime/attributes.h"
#include "runtime/capabilities.h"
#include "runtime/seccomp.h"

namespace crunlite::runtime {

struct RlimitPlan {
  std::string field;  // "process.rlimits[0]"
  int resource = 0;
  struct rlimit value = {};
};

// A user program: the container's first, or one that exec adds.
struct ProcessPlan {
  oci::Strings args;
  oci::Strings env;
  std::string cwd;
  oci::User user;
  std::optional<CapabilitySets> capabilities;  // unset: all are dropped
  std::vector<RlimitPlan> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  bool terminal = false;
  std::optional<oci::ConsoleSize> console_size;
  AttributePlan attributes;
  SeccompFilter seccomp;  // filled in when it is compiled
  std::string seccomp_metadata;
  int preserve_fds = 0;  // descriptors 3 to 3+N-1 stay open
  // Process 1 stays ours, reaps, and runs the program as its child; for `sandbox`.
  bool has_reaper = false;
  bool dies_with_parent = false;
  // A user namespace below the container's, which the program is alone in: there its user may be
  // another than the one that had to be root for the mounts; for `sandbox`.
  std::optional<namespaces::IdMaps> inner_ids;
};

struct JoinedNamespace {
  std::string field;  // "linux.namespaces[2].path"
  uint64_t flag = 0;  // CLONE_NEW*
  std::string path;
};

struct NamespacePlan {
  uint64_t made = 0;  // CLONE_NEW* of the new ones
  std::vector<JoinedNamespace> joined;

  [[nodiscard]] bool makes(uint64_t flag) const { return (made & flag) != 0; }
  [[nodiscard]] bool joins(uint64_t flag) const;
  [[nodiscard]] bool has(uint64_t flag) const { return makes(flag) || joins(flag); }
  // Joined, and by the runtime around the clone: a pid namespace takes in children only, and a new
  // user namespace has no rights over others that are there already.
  [[nodiscard]] bool is_inherited(uint64_t flag) const;
};

// The directories "NAME/upper" and "NAME/work" of one overlay.
struct UpperPlan {
  std::string name;
  std::string like;  // directory of the host whose owner and mode the upper directory gets
};

// A file of the root file system, made as the host has it at the same path.
struct CopiedEntry {
  // kReplaced: the content of a file, whatever stood at its place in the root file system.
  enum class Type { kDirectory, kLink, kFile, kReplaced };
  Type type = Type::kDirectory;
  std::string path;
};

// What init makes before all other mounts, for `sandbox`: a tmpfs that nobody else sees, for the
// writable layers of overlays. It vanishes with the container. With it, an overlay that the kernel
// refuses becomes a read-only bind of its lowest layer, and a procfs or sysfs that a user namespace
// may not mount becomes a bind of the host's; both are told.
struct PrivateLayer {
  std::string directory;  // of the host; the tmpfs is mounted on it in init's mount namespace
  std::vector<UpperPlan> uppers;
  std::vector<CopiedEntry> entries;  // made in the root file system, parents first
};

struct ContainerPlan {
  std::string bundle;     // absolute
  std::string root_path;  // absolute; not used with root_mount
  bool root_readonly = false;
  std::optional<namespaces::MountPlan> root_mount;  // the overlay or tmpfs on "/", if there is one
  std::optional<PrivateLayer> private_layer;
  namespaces::Propagation root_propagation;
  std::vector<namespaces::MountPlan> mounts;
  std::vector<namespaces::DevicePlan> devices;  // none where /dev is the host's
  bool has_default_dev = true;                  // links below /dev are made
  oci::Strings masked_paths;
  oci::Strings readonly_paths;
  NamespacePlan namespaces;
  namespaces::IdMaps id_maps;
  std::string hostname;
  std::string domainname;
  std::map<std::string, std::string> sysctl;
  oci::TimeOffsets time_offsets;  // of the new time namespace
  oci::NetDevices net_devices;
  oci::Hooks hooks;
  ProcessPlan process;
  std::string cgroups_path;  // "" means the runtime's own choice
  oci::Resources resources;
  bool has_resources = false;  // something in linux.resources was asked for
  std::string mount_label;     // of SELinux; stands in the mounts' options already
  std::map<std::string, std::string> annotations;
};

// `bundle` is absolute. The seccomp filter is left empty: compiling it is an effect of time.
[[nodiscard]] Result<ContainerPlan> plan_container(const oci::Config& config,
                                                   const std::string& bundle);

// The part for one process; `field` is "process" or the name of a process.json.
[[nodiscard]] Result<ProcessPlan> plan_process(const oci::Process& process,
                                               const std::string& field);

}  // namespace crunlite::runtime
