// SPDX-License-Identifier: Apache-2.0
// A sandbox as the config.json of a container. Decides only.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "namespaces/id_map.h"
#include "oci/config.h"
#include "oci/users.h"
#include "runtime/sandbox_host.h"
#include "runtime/sandbox_layers.h"
#include "runtime/sandbox_options.h"

namespace crunlite::runtime {

// All that the decision rests on.
struct SandboxFacts {
  const SandboxOptions& options;
  const SandboxHost& host;
  const FileView& files;
  SandboxLayers layers;
  oci::UserDatabase users;           // of the sandbox's root, as far as they are needed
  std::optional<oci::Config> image;  // of the unpacked image
};

// Whether SandboxFacts::users are needed: the caller himself needs none.
[[nodiscard]] bool needs_users(const SandboxOptions& options);

struct SandboxPlan {
  oci::Config config;
  PrivateLayer layer;
  std::optional<namespaces::IdMaps> inner_ids;
};
[[nodiscard]] Result<SandboxPlan> plan_sandbox(SandboxFacts facts);

// Whether a sandbox of this caller needs a user namespace to be made in.
[[nodiscard]] inline bool needs_user_namespace(const SandboxHost& host) { return !host.may_mount; }

// The caller is the only user of such a namespace.
[[nodiscard]] inline bool has_single_id(const SandboxHost& host) {
  return needs_user_namespace(host) && !host.may_map_all_ids;
}

// The default profile, and what a sandbox within the sandbox needs (docs/decisions). The config
// does not hold it: making it takes longer than all the rest.
[[nodiscard]] oci::Seccomp sandbox_seccomp();

}  // namespace crunlite::runtime
