// SPDX-License-Identifier: Apache-2.0
#include "runtime/cgroup_mounts.h"

#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <optional>

#include "base/path.h"

namespace crunlite::runtime {
namespace {

using cgroups::MountedHierarchy;
using namespaces::MountPlan;

// The container's directory in a hierarchy, on the host: its own one, or else ours. Nothing when
// neither is known: the whole hierarchy is not for it to see.
std::optional<std::string> directory_of(const MountedHierarchy& mounted,
                                        const cgroups::GroupRecord& group) {
  for (const cgroups::GroupDir& dir : group.dirs) {
    if (dir.mount_point == mounted.mount_point) return cat(dir.mount_point, "/", dir.path);
  }
  if (!mounted.own_path.has_value()) return {};
  return cat(mounted.mount_point, "/", *mounted.own_path);
}

// "cpu,cpuacct"; a named hierarchy goes by its name.
std::string entry_name(const MountedHierarchy& mounted) {
  if (mounted.unified) return "unified";
  std::string name = join(mounted.controllers, ",");
  constexpr std::string_view kNamed = "name=";
  return name.starts_with(kNamed) ? name.substr(kNamed.size()) : name;
}

MountPlan bind_of(const MountPlan& wanted, std::string source, std::string destination) {
  MountPlan plan = wanted;
  plan.type = "bind";
  plan.source = std::move(source);
  plan.destination = std::move(destination);
  plan.options.is_bind = true;
  plan.options.flags.clear();
  plan.options.values.clear();
  return plan;
}

MountPlan file_system_of(const MountPlan& wanted, const MountedHierarchy& mounted,
                         std::string destination) {
  MountPlan plan = wanted;
  plan.type = mounted.unified ? "cgroup2" : "cgroup";
  plan.destination = std::move(destination);
  plan.options.flags.clear();
  plan.options.values.clear();
  for (const std::string& controller : mounted.controllers) {
    const size_t equals = controller.find('=');
    if (equals == std::string::npos) {
      plan.options.flags.push_back(controller);
    } else {
      plan.options.values.emplace_back(controller.substr(0, equals), controller.substr(equals + 1));
    }
  }
  return plan;
}

// The directory that holds the hierarchies: writable until they are mounted in it.
MountPlan holder_of(const MountPlan& wanted) {
  MountPlan plan = wanted;
  plan.type = "tmpfs";
  plan.source = "tmpfs";
  plan.options.flags.clear();
  plan.options.values = {{"mode", "755"}, {"size", "64k"}};
  plan.options.attributes_set &= ~uint64_t{MOUNT_ATTR_RDONLY};
  return plan;
}

// With the hierarchies in place, the holder gets the attributes that were asked for.
MountPlan finished_holder_of(const MountPlan& wanted) {
  MountPlan plan = wanted;
  plan.options.is_remount = true;
  return plan;
}

void expand_one(const cgroups::Hierarchy& hierarchy, const cgroups::GroupRecord& group,
                const MountPlan& wanted, bool has_namespace, std::vector<MountPlan>& out) {
  const auto add = [&](const MountedHierarchy& mounted, std::string destination) {
    if (has_namespace) {
      out.push_back(file_system_of(wanted, mounted, std::move(destination)));
    } else if (std::optional<std::string> directory = directory_of(mounted, group)) {
      out.push_back(bind_of(wanted, std::move(*directory), std::move(destination)));
    }
  };
  if (hierarchy.layout == cgroups::Layout::kUnified) {
    add(*hierarchy.unified(), wanted.destination);
    return;
  }
  out.push_back(holder_of(wanted));
  for (const MountedHierarchy& mounted : hierarchy.mounts) {
    add(mounted, cat(wanted.destination, "/", entry_name(mounted)));
  }
  out.push_back(finished_holder_of(wanted));
}

bool is_cgroup(const MountPlan& mount) {
  return !mount.options.is_bind && (mount.type == "cgroup" || mount.type == "cgroup2");
}

}  // namespace

bool has_cgroup_mount(const ContainerPlan& plan) {
  return std::any_of(plan.mounts.begin(), plan.mounts.end(), is_cgroup);
}

Status expand_cgroup_mounts(const cgroups::Hierarchy& hierarchy, const cgroups::GroupRecord& group,
                            ContainerPlan& plan) {
  if (!has_cgroup_mount(plan)) return {};
  if (hierarchy.layout == cgroups::Layout::kNone) {
    return fail(Kind::kUnavailable, "mounts: this host has no cgroup file system to show");
  }
  const bool has_namespace = plan.namespaces.makes(CLONE_NEWCGROUP);
  std::vector<MountPlan> expanded;
  for (MountPlan& mount : plan.mounts) {
    if (!is_cgroup(mount)) {
      expanded.push_back(std::move(mount));
      continue;
    }
    expand_one(hierarchy, group, mount, has_namespace, expanded);
  }
  plan.mounts = std::move(expanded);
  return {};
}

}  // namespace crunlite::runtime
