// SPDX-License-Identifier: Apache-2.0
#include "namespaces/id_map.h"

#include <errno.h>
#include <unistd.h>

#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

constexpr int kHelperTimeoutMs = 30'000;

bool is_only(const std::vector<oci::IdMapping>& maps, uint32_t host_id) {
  return maps.size() == 1 && maps[0].size == 1 && maps[0].host_id == host_id;
}

Status run_map_helper(const char* helper, pid_t pid, const std::vector<oci::IdMapping>& maps) {
  std::vector<std::string> args = {helper, cat(pid)};
  for (const oci::IdMapping& map : maps) {
    args.push_back(cat(map.container_id));
    args.push_back(cat(map.host_id));
    args.push_back(cat(map.size));
  }
  RunOptions options;
  options.spawn.args = std::move(args);
  options.timeout_ms = kHelperTimeoutMs;
  RunOutput output = TRY(run(options));
  if (output.status.shell_status() == 0) return {};
  return fail(Kind::kDenied, helper, ": ", trim(output.err));
}

Status deny_setgroups(const std::string& proc_dir) {
  Status denied = write_existing(AT_FDCWD, proc_dir + "setgroups", "deny");
  // Kernels before 3.19 have no such file and no such need.
  if (!denied.has_value() && denied.error().errnum == ENOENT) return {};
  return denied;
}

}  // namespace

std::string id_map_text(const std::vector<oci::IdMapping>& maps) {
  std::string text;
  for (const oci::IdMapping& map : maps) {
    text.append(cat(map.container_id, " ", map.host_id, " ", map.size, "\n"));
  }
  return text;
}

bool maps_container_id(const std::vector<oci::IdMapping>& maps, uint32_t id) {
  for (const oci::IdMapping& map : maps) {
    if (id >= map.container_id && id - map.container_id < map.size) return true;
  }
  return false;
}

Status write_id_maps(pid_t pid, const IdMaps& maps) {
  const std::string proc_dir = cat("/proc/", pid, "/");
  const bool is_root = ::geteuid() == 0;
  if (is_root || is_only(maps.uids, ::geteuid())) {
    TRY(write_existing(AT_FDCWD, proc_dir + "uid_map", id_map_text(maps.uids)),
        "linux.uidMappings");
  } else {
    TRY(run_map_helper("newuidmap", pid, maps.uids), "linux.uidMappings");
  }
  if (is_root || is_only(maps.gids, ::getegid())) {
    // An ordinary user may map his own group only after setgroups(2) is forbidden.
    if (!is_root) TRY(deny_setgroups(proc_dir), "linux.gidMappings");
    TRY(write_existing(AT_FDCWD, proc_dir + "gid_map", id_map_text(maps.gids)),
        "linux.gidMappings");
  } else {
    TRY(run_map_helper("newgidmap", pid, maps.gids), "linux.gidMappings");
  }
  return {};
}

}  // namespace crunlite::namespaces
