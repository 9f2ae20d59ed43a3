// SPDX-License-Identifier: Apache-2.0
#include "runtime/plan.h"

#include <sched.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/log.h"
#include "base/path.h"
#include "namespaces/kinds.h"
#include "oci/config_check.h"
#include "oci/names.h"

namespace crunlite::runtime {
namespace {

Result<RlimitPlan> plan_rlimit(const oci::Rlimit& limit, std::string field) {
  const std::optional<int> resource = oci::rlimit_number(limit.type);
  if (!resource.has_value()) {
    return fail(Kind::kInvalid, field, ".type: ", quote(limit.type), " is unknown");
  }
  return RlimitPlan{.field = std::move(field),
                    .resource = *resource,
                    .value = {.rlim_cur = limit.soft, .rlim_max = limit.hard}};
}

Result<NamespacePlan> plan_namespaces(const std::vector<oci::Namespace>& wanted) {
  NamespacePlan plan;
  for (size_t i = 0; i < wanted.size(); i++) {
    const namespaces::NamespaceKind* kind = namespaces::find_kind(wanted[i].type);
    if (kind == nullptr) {
      return fail(Kind::kUnavailable, "linux.namespaces[", i, "].type: ", quote(wanted[i].type),
                  " is not supported");
    }
    if (wanted[i].path.empty()) {
      plan.made |= kind->clone_flag;
    } else {
      plan.joined.push_back({.field = cat("linux.namespaces[", i, "].path"),
                             .flag = kind->clone_flag,
                             .path = wanted[i].path});
    }
  }
  if (!plan.has(CLONE_NEWNS)) {
    return fail(Kind::kUnavailable,
                "linux.namespaces: a container without a mount namespace is not supported");
  }
  return plan;
}

std::string absolute_below(const std::string& base, const std::string& path) {
  return clean_path(path.starts_with('/') ? path : cat(base, "/", path));
}

// Only of a tree that is there already are owners known that could be mapped.
Status plan_id_map(const oci::Mount& mount, namespaces::MountPlan& plan) {
  plan.id_maps = {.uids = mount.uid_mappings, .gids = mount.gid_mappings};
  plan.options.is_id_mapped = plan.options.is_id_mapped || !mount.uid_mappings.empty();
  if (!plan.options.is_id_mapped || (plan.options.is_bind && !plan.options.is_remount)) return {};
  return fail(Kind::kUnavailable, plan.field,
              mount.uid_mappings.empty() ? ".options" : ".uidMappings",
              ": only a bind can be id-mapped");
}

// The kernel would drop them without a word.
Status check_bind_options(const namespaces::MountOptions& options, const std::string& field) {
  if (options.flags.empty() && options.values.empty()) return {};
  const std::string& name = options.flags.empty() ? options.values[0].first : options.flags[0];
  return fail(Kind::kInvalid, field, ".options: ", quote(name), " has no meaning for a bind");
}

Status check_remount(const namespaces::MountPlan& plan) {
  if (plan.options.flags.empty() && plan.options.values.empty()) return {};
  return fail(Kind::kUnavailable, plan.field,
              ".options: a remount can change the attributes of a mount only");
}

Result<namespaces::MountPlan> plan_mount(const oci::Mount& mount, std::string field,
                                         const std::string& bundle) {
  namespaces::MountPlan plan;
  Result<namespaces::MountOptions> options = namespaces::parse_mount_options(mount.options);
  if (!options.has_value()) {
    Error error = std::move(options).error();
    error.message.insert(0, field + ".");
    return std::unexpected(std::move(error));
  }
  plan.options = std::move(*options);
  plan.field = std::move(field);
  // Callers from before 1.0 give relative destinations; they mean the container's root.
  plan.destination = clean_path("/" + mount.destination);
  plan.type = mount.type;
  plan.source = mount.source;
  if (plan.type == "bind" || plan.type == "rbind") {
    plan.options.is_bind = true;
    plan.options.is_recursive = plan.options.is_recursive || plan.type == "rbind";
  }
  TRY(plan_id_map(mount, plan));
  if (plan.options.is_remount) {
    TRY(check_remount(plan));
    plan.options.is_bind = false;  // there is no source
    return plan;
  }
  if (plan.options.is_bind) {
    TRY(check_bind_options(plan.options, plan.field));
    if (mount.source.empty()) return fail(Kind::kInvalid, plan.field, ".source: missing");
    plan.source = absolute_below(bundle, mount.source);
  } else if (plan.type.empty()) {
    return fail(Kind::kInvalid, plan.field, ".type: missing");
  }
  if (plan.options.copies_up && (plan.options.is_bind || plan.type != "tmpfs")) {
    return fail(Kind::kInvalid, plan.field, ".options: tmpcopyup is for a tmpfs only");
  }
  return plan;
}

bool is_devices_own(const namespaces::MountPlan& mount) {
  return mount.destination == "/dev" && mount.options.is_bind;
}

Status plan_mounts(const oci::Config& config, ContainerPlan& plan) {
  if (config.mounts.size() > limits::kMounts) {
    return fail(Kind::kLimit, "mounts: more than ", limits::kMounts);
  }
  for (size_t i = 0; i < config.mounts.size(); i++) {
    namespaces::MountPlan mount =
        TRY(plan_mount(config.mounts[i], cat("mounts[", i, "]"), plan.bundle));
    if (is_devices_own(mount)) plan.has_default_dev = false;
    if (mount.destination == "/" && !mount.options.is_remount) {
      if (i != 0 || mount.options.is_bind || (mount.type != "overlay" && mount.type != "tmpfs")) {
        return fail(Kind::kInvalid, mount.field,
                    ".destination: only an overlay or tmpfs that comes first may be mounted on /");
      }
      plan.root_mount = std::move(mount);
      continue;
    }
    plan.mounts.push_back(std::move(mount));
  }
  return {};
}

// File systems without files of their own take no label.
bool takes_label(const namespaces::MountPlan& mount) {
  constexpr std::array<std::string_view, 5> kUnlabelled = {"proc", "sysfs", "mqueue", "cgroup",
                                                           "cgroup2"};
  return !mount.options.is_bind && !mount.options.is_remount &&
         std::ranges::find(kUnlabelled, mount.type) == kUnlabelled.end();
}

// linux.mountLabel, as the option that the annotation names.
Status plan_mount_label(const oci::Config& config, ContainerPlan& plan) {
  constexpr std::array<std::string_view, 4> kTypes = {"context", "fscontext", "defcontext",
                                                      "rootcontext"};
  const auto named = config.annotations.find("run.oci.mount_context_type");
  const std::string type = named == config.annotations.end() ? "context" : named->second;
  if (std::ranges::find(kTypes, type) == kTypes.end()) {
    return fail(Kind::kInvalid, "annotations[\"run.oci.mount_context_type\"]: ", quote(type),
                " is not context, fscontext, defcontext or rootcontext");
  }
  plan.mount_label = config.linux_->mount_label;
  if (plan.mount_label.empty()) return {};
  const auto label = [&](namespaces::MountPlan& mount) {
    if (takes_label(mount)) mount.options.values.emplace_back(type, plan.mount_label);
  };
  std::ranges::for_each(plan.mounts, label);
  if (plan.root_mount.has_value()) label(*plan.root_mount);
  return {};
}

Status plan_root(const oci::Config& config, ContainerPlan& plan) {
  if (!config.root.has_value()) return fail(Kind::kInvalid, "root: missing");
  if (config.root->path.empty()) return fail(Kind::kInvalid, "root.path: is empty");
  plan.root_path = absolute_below(plan.bundle, config.root->path);
  plan.root_readonly = config.root->readonly;
  return {};
}

bool asks_for_resources(const oci::Resources& resources) {
  return resources.memory || resources.cpu || resources.pids || resources.block_io ||
         resources.network || !resources.hugepage_limits.empty() || !resources.rdma.empty() ||
         !resources.unified.empty();
}

// The nodes of linux.devices are made by a process for which the rules hold already. To open them
// stays the rules' affair.
void allow_making(const std::vector<oci::Device>& devices, std::vector<oci::DeviceRule>& rules) {
  for (const oci::Device& device : devices) {
    if (device.type == "p") continue;
    rules.push_back({.allow = true,
                     .type = device.type == "b" ? "b" : "c",
                     .major = device.major,
                     .minor = device.minor,
                     .access = "m"});
  }
}

Status plan_linux(const oci::Linux& linux_config, ContainerPlan& plan) {
  plan.namespaces = TRY(plan_namespaces(linux_config.namespaces));
  plan.id_maps = {.uids = linux_config.uid_mappings, .gids = linux_config.gid_mappings};
  plan.root_propagation = TRY(namespaces::parse_propagation(linux_config.rootfs_propagation),
                              "linux.rootfsPropagation");
  plan.devices = TRY(namespaces::plan_devices(linux_config.devices));
  if (!plan.has_default_dev) plan.devices.clear();
  plan.masked_paths = linux_config.masked_paths;
  plan.readonly_paths = linux_config.readonly_paths;
  plan.sysctl = linux_config.sysctl;
  plan.time_offsets = linux_config.time_offsets;
  plan.net_devices = linux_config.net_devices;
  plan.cgroups_path = linux_config.cgroups_path;
  if (linux_config.resources.has_value()) {
    plan.resources = *linux_config.resources;
    plan.has_resources = asks_for_resources(plan.resources);
  }
  allow_making(linux_config.devices, plan.resources.devices);
  return {};
}

// The mounts of a joined namespace are somebody else's, and are not changed.
Status check_joined_mounts(const ContainerPlan& plan) {
  const auto is_ours = [](const namespaces::DevicePlan& device) {
    return device.field.starts_with("linux.devices");
  };
  std::string_view field;
  if (!plan.mounts.empty() || plan.root_mount.has_value()) field = "mounts";
  if (plan.root_readonly) field = "root.readonly";
  if (plan.root_propagation.flag != 0) field = "linux.rootfsPropagation";
  if (std::ranges::any_of(plan.devices, is_ours)) field = "linux.devices";
  if (!plan.masked_paths.empty()) field = "linux.maskedPaths";
  if (!plan.readonly_paths.empty()) field = "linux.readonlyPaths";
  if (field.empty()) return {};
  return fail(Kind::kUnavailable, field, ": cannot be had in a mount namespace that is joined");
}

Status check_namespace_needs(const ContainerPlan& plan) {
  const NamespacePlan& spaces = plan.namespaces;
  if (spaces.makes(CLONE_NEWUSER) && (plan.id_maps.uids.empty() || plan.id_maps.gids.empty())) {
    return fail(Kind::kInvalid, "linux.", plan.id_maps.uids.empty() ? "uidMappings" : "gidMappings",
                ": a new user namespace needs them");
  }
  for (const namespaces::MountPlan& mount : plan.mounts) {
    if (!mount.options.is_id_mapped || !mount.id_maps.uids.empty()) continue;
    if (spaces.has(CLONE_NEWUSER)) continue;
    return fail(Kind::kInvalid, mount.field,
                ".options: idmap needs uidMappings and gidMappings, or a user namespace");
  }
  return spaces.joins(CLONE_NEWNS) ? check_joined_mounts(plan) : Status();
}

}  // namespace

bool NamespacePlan::joins(uint64_t flag) const {
  return std::any_of(joined.begin(), joined.end(),
                     [flag](const JoinedNamespace& space) { return space.flag == flag; });
}

bool NamespacePlan::is_inherited(uint64_t flag) const {
  if (!joins(flag)) return false;
  const bool is_others = flag != CLONE_NEWUSER;
  return flag == CLONE_NEWPID || (is_others && makes(CLONE_NEWUSER));
}

Result<ProcessPlan> plan_process(const oci::Process& process, const std::string& field) {
  ProcessPlan plan;
  if (process.args.empty()) return fail(Kind::kInvalid, field, ".args: is empty");
  plan.args = process.args;
  plan.env = process.env;
  plan.cwd = process.cwd;
  plan.user = process.user;
  if (process.capabilities.has_value()) {
    const ParsedCapabilities parsed = parse_capabilities(*process.capabilities);
    for (const std::string& name : parsed.unknown) {
      log_warning(field, ".capabilities: ", quote(name), " is unknown, ignoring");
    }
    plan.capabilities = parsed.sets;
  }
  for (size_t i = 0; i < process.rlimits.size(); i++) {
    plan.rlimits.push_back(TRY(plan_rlimit(process.rlimits[i], cat(field, ".rlimits[", i, "]"))));
  }
  plan.no_new_privileges = process.no_new_privileges;
  plan.oom_score_adj = process.oom_score_adj;
  plan.terminal = process.terminal;
  plan.console_size = process.console_size;
  plan_process_attributes(process, plan.attributes);
  return plan;
}

Result<ContainerPlan> plan_container(const oci::Config& config, const std::string& bundle) {
  TRY(oci::check(config));
  ContainerPlan plan;
  plan.bundle = bundle;
  TRY(plan_root(config, plan));
  TRY(plan_mounts(config, plan));
  if (!config.linux_.has_value()) return fail(Kind::kInvalid, "linux: missing");
  TRY(plan_linux(*config.linux_, plan));
  TRY(plan_mount_label(config, plan));
  TRY(check_namespace_needs(plan));
  if (!config.process.has_value()) return fail(Kind::kInvalid, "process: missing");
  plan.process = TRY(plan_process(*config.process, "process"));
  // execCPUAffinity is not for the container's first process.
  plan.process.attributes.initial_processors.reset();
  plan.process.attributes.final_processors.reset();
  plan.hostname = config.hostname;
  plan.domainname = config.domainname;
  if (config.hooks.has_value()) plan.hooks = *config.hooks;
  plan.annotations = config.annotations;
  TRY(plan_container_attributes(*config.linux_, plan.annotations, plan.process.attributes));
  return plan;
}

}  // namespace crunlite::runtime
