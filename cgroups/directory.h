// SPDX-License-Identifier: Apache-2.0
// Cgroup directories by descriptor: making, opening, removing them, and their interface files.
// Inside this module only. Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "cgroups/limits.h"

namespace crunlite::cgroups {

// The root of a mounted hierarchy. Refuses what is no cgroup directory (hidden by another mount).
[[nodiscard]] Result<DirFd> open_mount(const std::string& mount_point);

// The directory `path` below `root`, without links and other mounts.
[[nodiscard]] Result<DirFd> open_cgroup(int root, const std::string& path);

// The names of the cgroups directly below one.
[[nodiscard]] Result<std::vector<std::string>> list_children(int cgroup);

struct MadeCgroup {
  DirFd dir;
  uint32_t made = 0;  // how many last components of the path did not exist
};
[[nodiscard]] Result<MadeCgroup> make_cgroup(int root, const std::string& path);

// Removes the last `made` components of `path`, the innermost with its sub-cgroups. Kind::kConflict
// when processes are in it after `timeout_ms`. Outer ones in which others have settled stay.
struct Removal {
  std::string path = {};
  uint32_t made = 0;
  int timeout_ms = 0;
};
[[nodiscard]] Status remove_cgroup(int root, const Removal& removal);

// Interface files.
[[nodiscard]] Result<std::string> read_control(int cgroup, const char* file);
[[nodiscard]] Status write_control(int cgroup, const char* file, std::string_view text);
// The number after "key " in a file of such lines: cgroup.events, memory.events, cpu.stat.
[[nodiscard]] Result<uint64_t> read_key(int cgroup, const char* file, std::string_view key);
// A file of one number; "max" is 2^64-1.
[[nodiscard]] Result<uint64_t> read_number(int cgroup, const char* file);
[[nodiscard]] std::vector<std::string> words_of(std::string_view text);

// Makes the controllers available in `path` by cgroup.subtree_control of all its parents, from the
// mount's root down. Those `wanted` but not to be had are left out. Reads only, if all are there.
struct ControllerWish {
  std::vector<std::string> required = {};
  std::vector<std::string> wanted = {};
};
[[nodiscard]] Status enable_controllers(int root, const std::string& path, int cgroup,
                                        const ControllerWish& wish);

// cpuset v1: a new cgroup has no processors and no memory, and nobody can join it. Copies what is
// empty from the parents, for the last `made` components of `path`.
[[nodiscard]] Status inherit_cpuset(int root, const std::string& path, uint32_t made);

}  // namespace crunlite::cgroups
