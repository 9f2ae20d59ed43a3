// SPDX-License-Identifier: Apache-2.0
#include "runtime/control.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "base/log.h"
#include "base/text.h"
#include "cgroups/group.h"
#include "runtime/state_dir.h"

namespace crunlite::runtime {
namespace {

// A container with its lock held, and the group that was made for it.
struct Controlled {
  StateDir dir;
  ContainerState state;
  ContainerStatus status = ContainerStatus::kStopped;
};

Result<Controlled> take_control(const std::string& root, const std::string& id) {
  StateDir dir = TRY(StateDir::open(root, id));
  TRY(dir.lock(limits::kStartTimeoutMs));
  ContainerState state = TRY(dir.read());
  // With the lock in our hands, a container without a pid has lost its creator.
  ContainerStatus status = ContainerStatus::kStopped;
  if (state.pid != 0) status = TRY(status_of(dir, state));
  return Controlled{.dir = std::move(dir), .state = std::move(state), .status = status};
}

Result<cgroups::Group> group_of(const ContainerState& state) {
  if (state.cgroup.has_value()) {
    cgroups::Group group = TRY(cgroups::Group::open(*state.cgroup));
    if (!group.is_empty()) return group;
    if (!group.reason().empty()) {
      return fail(Kind::kUnavailable, "the container has no cgroup: ", group.reason());
    }
  }
  return fail(Kind::kUnavailable, "the container has no cgroup");
}

void drop_what_says_nothing(oci::Resources& resources) {
  if (resources.pids.has_value() && resources.pids->limit == 0) resources.pids.reset();
  if (!resources.memory.has_value()) return;
  oci::Memory& memory = *resources.memory;
  if (memory.kernel.value_or(0) != 0 || memory.kernel_tcp.value_or(0) != 0) {
    log_warning("limits of kernel memory are ignored in an update");
  }
  memory.kernel.reset();
  memory.kernel_tcp.reset();
}

// The saved config, or nothing where the container was made without one.
Result<std::optional<json::Value>> read_saved_config(const StateDir& dir) {
  Result<std::string> text = dir.read_config();
  if (text.has_value()) return std::optional(TRY(json::parse(*text), "saved config.json"));
  if (text.error().kind == Kind::kNotFound) return std::optional<json::Value>();
  return std::unexpected(std::move(text).error());
}

const json::Value* member(const json::Value* object, std::string_view name) {
  return object == nullptr ? nullptr : object->find(name);
}

// Callers that change one limit send all of config.json's resources.
void drop_same_devices(const std::optional<json::Value>& saved, oci::Resources& resources) {
  if (!saved.has_value()) return;
  const json::Value* devices = member(member(saved->find("linux"), "resources"), "devices");
  if (devices == nullptr) return;
  Result<std::vector<oci::DeviceRule>> former =
      json::Codec<std::vector<oci::DeviceRule>>::decode(*devices);
  if (!former.has_value()) return;
  if (json::Codec<std::vector<oci::DeviceRule>>::encode(*former) ==
      json::Codec<std::vector<oci::DeviceRule>>::encode(resources.devices)) {
    resources.devices.clear();
  }
}

json::Value wrapped(std::string name, json::Value value) {
  json::Object object;
  object.emplace_back(std::move(name), std::move(value));
  return json::Value(std::move(object));
}

Status note(const StateDir& dir, json::Value saved, const oci::Resources& resources) {
  json::Value changes = wrapped("linux", wrapped("resources", json::encode(resources)));
  json::Value merged = merge_json(std::move(saved), changes);
  return dir.replace_config(json::write(merged));
}

}  // namespace

json::Value merge_json(json::Value base, const json::Value& changes) {
  const auto* from = changes.get<json::Object>();
  auto* into = std::get_if<json::Object>(&base.data);
  if (from == nullptr || into == nullptr) return changes;
  for (const json::Member& change : *from) {
    auto old = std::ranges::find(*into, change.first, &json::Member::first);
    if (old == into->end()) {
      into->push_back(change);
    } else {
      old->second = merge_json(std::move(old->second), change.second);
    }
  }
  return base;
}

Status pause_container(const std::string& root, const std::string& id) {
  const Controlled container = TRY(take_control(root, id));
  if (container.status != ContainerStatus::kCreated &&
      container.status != ContainerStatus::kRunning) {
    return fail(Kind::kConflict, "container not running");
  }
  cgroups::Group group = TRY(group_of(container.state), "pause ", id);
  return in_context(group.freeze(), "pause ", id);
}

Status resume_container(const std::string& root, const std::string& id) {
  const Controlled container = TRY(take_control(root, id));
  if (container.status != ContainerStatus::kPaused) {
    return fail(Kind::kConflict, "container not paused");
  }
  cgroups::Group group = TRY(group_of(container.state), "resume ", id);
  TRY(group.thaw(), "resume ", id);
  if (TRY(group.wait_thawed(limits::kThawWaitMs), "resume ", id)) return {};
  return fail(Kind::kConflict, "resume ", id, ": a cgroup above the container's is frozen");
}

Status update_container(const std::string& root, const std::string& id, oci::Resources resources) {
  Controlled container = TRY(take_control(root, id));
  if (container.status == ContainerStatus::kStopped) {
    return fail(Kind::kConflict, "container not running");
  }
  drop_what_says_nothing(resources);
  std::optional<json::Value> saved = TRY(read_saved_config(container.dir));
  drop_same_devices(saved, resources);
  cgroups::Group group = TRY(group_of(container.state));
  Status updated = group.update(resources);
  // The group may have grown by a hierarchy even if the update failed.
  container.state.cgroup = group.record();
  TRY(container.dir.write(container.state));
  TRY(std::move(updated));
  return saved.has_value() ? note(container.dir, std::move(*saved), resources) : Status();
}

}  // namespace crunlite::runtime
