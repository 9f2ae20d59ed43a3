// SPDX-License-Identifier: Apache-2.0
// User strings of images and of `exec --user`, resolved by the texts of the container's own
// /etc/passwd and /etc/group, which may be hostile. Pure functions. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace crunlite::oci {

// The texts; empty where a file is missing.
struct UserDatabase {
  std::string passwd;
  std::string group;
};

struct ResolvedUser {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::vector<uint32_t> additional_gids;
  std::string name;  // "" for a number that passwd does not list
  std::string home;  // "" likewise
  [[nodiscard]] bool operator==(const ResolvedUser& other) const = default;
};

// Resolves "uid", "uid:gid", "name", "name:group" and their mixtures. What consists of digits is
// always a number, at most 4294967294 (the kernel takes 2^32-1 for "unchanged") and without leading
// zeros; all else is a name and must be listed. An empty part is an error: an image without a
// user means "0", and whoever reads the image says so.
//
// Without a group, the gid is passwd's, or 0 for a number that passwd does not list, and the
// additional gids are the groups that list the user (image-spec config.md). With one, there are
// none.
[[nodiscard]] Result<ResolvedUser> resolve_user(std::string_view user,
                                                const UserDatabase& database);

// Resolves "gid" or "group", for instance of `exec --additional-gids`.
[[nodiscard]] Result<uint32_t> resolve_group(std::string_view group, const UserDatabase& database);

}  // namespace crunlite::oci
