// SPDX-License-Identifier: Apache-2.0
#include "runtime/sources.h"

#include <errno.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/sys.h"
#include "namespaces/devices.h"
#include "namespaces/id_mapped.h"
#include "namespaces/mounts.h"
#include "namespaces/rootfs.h"
#include "runtime/capabilities.h"

namespace crunlite::runtime {
namespace {

Status open_root(const ContainerPlan& plan, InitResources& resources) {
  if (plan.namespaces.joins(CLONE_NEWNS)) return {};
  if (!plan.root_mount.has_value()) {
    resources.root = TRY(namespaces::clone_root(plan.root_path));
    return {};
  }
  if (plan.private_layer.has_value()) return {};  // its upper directory is made by init
  // Mounted with our rights, the layers need not be open to the container's user. Where we have
  // none, or the kernel cannot do it without a mount point, init does it.
  Result<MountFd> mounted = namespaces::make_filesystem(*plan.root_mount);
  if (mounted.has_value()) {
    resources.root = std::move(*mounted);
    return {};
  }
  const bool init_may_do_it =
      mounted.error().kind == Kind::kUnavailable || mounted.error().errnum == EPERM;
  return init_may_do_it ? Status() : Status(std::unexpected(std::move(mounted).error()));
}

// On a /dev that is mounted nodev, nodes of the container's own making are dead; only those that
// are bound there work.
bool has_inert_dev(const ContainerPlan& plan) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(),
                     [](const namespaces::MountPlan& mount) {
                       return mount.destination == "/dev" &&
                              (mount.options.attributes_set & MOUNT_ATTR_NODEV) != 0;
                     });
}

Result<UniqueFd> user_namespace_for(const namespaces::MountPlan& mount, const ContainerPlan& plan) {
  if (!mount.id_maps.uids.empty()) return namespaces::make_id_map_namespace(mount.id_maps);
  for (const JoinedNamespace& space : plan.namespaces.joined) {
    if (space.flag != CLONE_NEWUSER) continue;
    return in_context(sys::open(space.path.c_str(), O_RDONLY), space.field);
  }
  return namespaces::make_id_map_namespace(plan.id_maps);
}

Status map_ids(const namespaces::MountPlan& mount, const ContainerPlan& plan, int tree) {
  if (!mount.options.is_id_mapped) return {};
  const UniqueFd space = TRY(user_namespace_for(mount, plan), mount.field, ": id map");
  return in_context(namespaces::map_mount_ids(tree, space.get(), mount.options.maps_recursively),
                    mount.field, ": id-map ", quote(mount.source));
}

}  // namespace

bool init_opens_sources(const ContainerPlan& plan) {
  constexpr uint64_t kSysAdmin = uint64_t{1} << CAP_SYS_ADMIN;
  return plan.namespaces.makes(CLONE_NEWUSER) && (own_effective_set() & kSysAdmin) == 0;
}

Status open_sources(const ContainerPlan& plan, InitResources& resources) {
  TRY(open_root(plan, resources));
  resources.bind_sources.resize(plan.mounts.size());
  for (size_t i = 0; i < plan.mounts.size(); i++) {
    if (!plan.mounts[i].options.is_bind) continue;
    resources.bind_sources[i] = TRY(namespaces::clone_bind_source(plan.mounts[i]));
    TRY(map_ids(plan.mounts[i], plan, resources.bind_sources[i].get()));
  }
  if (!plan.masked_paths.empty()) resources.host_null = TRY(namespaces::clone_host_null());
  if (!plan.namespaces.has(CLONE_NEWUSER) && !has_inert_dev(plan)) return {};
  // mknod(2) is not for user namespaces, but for FIFOs, which are no devices of the host.
  for (const namespaces::DevicePlan& device : plan.devices) {
    const bool is_made = S_ISFIFO(device.mode);
    resources.host_devices.push_back(is_made ? MountFd()
                                             : TRY(namespaces::clone_host_device(device)));
  }
  return {};
}

}  // namespace crunlite::runtime
