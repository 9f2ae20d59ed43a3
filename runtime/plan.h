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
  SeccompFilter seccomp;  // filled in when it is compiled
  int preserve_fds = 0;   // descriptors 3 to 3+N-1 stay open
  // Process 1 stays ours, reaps, and runs the program as its child; for `sandbox`.
  bool has_reaper = false;
  bool dies_with_parent = false;
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
};

struct ContainerPlan {
  std::string bundle;     // absolute
  std::string root_path;  // absolute; not used with root_overlay
  bool root_readonly = false;
  std::optional<namespaces::MountPlan> root_overlay;  // the mount on "/", where there is one
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
  oci::Hooks hooks;
  ProcessPlan process;
  std::string cgroups_path;  // "" means the runtime's own choice
  oci::Resources resources;
  bool has_resources = false;  // something in linux.resources was asked for
  std::map<std::string, std::string> annotations;
};

// `bundle` is absolute. The seccomp filter is left empty: compiling it is an effect of time.
[[nodiscard]] Result<ContainerPlan> plan_container(const oci::Config& config,
                                                   const std::string& bundle);

// The part for one process; `field` is "process" or the name of a process.json.
[[nodiscard]] Result<ProcessPlan> plan_process(const oci::Process& process,
                                               const std::string& field);

}  // namespace crunlite::runtime
