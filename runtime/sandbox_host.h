// SPDX-License-Identifier: Apache-2.0
// What a sandbox must know of this host and of its caller, gathered once: the rest is decided from
// it without asking the kernel again.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::runtime {

// A mount of the caller's mount namespace; of several on one place, the last.
struct HostMount {
  std::string path;
  std::string type;
  bool is_readonly = false;
  [[nodiscard]] bool operator==(const HostMount&) const = default;
};

// Ids of the caller's user namespace.
struct IdRange {
  uint32_t first = 0;
  uint32_t size = 0;
  [[nodiscard]] bool operator==(const IdRange&) const = default;
};

struct SandboxHost {
  uid_t uid = 0;  // effective ones of the caller
  gid_t gid = 0;
  bool may_mount = false;        // CAP_SYS_ADMIN: no user namespace is needed
  bool may_map_all_ids = false;  // into a new user namespace
  bool is_initial_user_namespace = false;
  std::vector<IdRange> uids;
  std::vector<IdRange> gids;
  std::vector<HostMount> mounts;  // parents first; none unless asked for
  std::string cwd;
  std::vector<std::string> env;  // of the caller
  std::string resolv_conf;       // what /etc/resolv.conf leads to; "" unless asked for and there

  // A variable of the caller, "" where it is not set.
  [[nodiscard]] std::string variable(std::string_view name) const;
};

struct LookOptions {
  bool mounts = false;
  bool resolv_conf = false;
};
[[nodiscard]] Result<SandboxHost> look_at_host(const LookOptions& options);

// The value in "NAME=VALUE" of that name, if it is there.
[[nodiscard]] std::optional<std::string_view> find_variable(const std::vector<std::string>& env,
                                                            std::string_view name);

// The texts of /proc/self/mountinfo and /proc/self/uid_map; lines that are not understood are
// skipped. Pure.
[[nodiscard]] std::vector<HostMount> parse_mounts(std::string_view mountinfo);
[[nodiscard]] std::vector<IdRange> parse_id_ranges(std::string_view id_map);

// Whether a file system of that type holds files of the host, and not the kernel's own.
[[nodiscard]] bool holds_files(std::string_view type);

// Whether `path` is `directory` or lies below it; both absolute and clean.
[[nodiscard]] bool is_within(std::string_view path, std::string_view directory);

}  // namespace crunlite::runtime
