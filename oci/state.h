// SPDX-License-Identifier: Apache-2.0
// The state of a container as `state` prints it and hooks read it (runtime.md#state). Any thread.
#pragma once

#include <concepts>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/json_map.h"
#include "base/result.h"

namespace crunlite::oci {

// runtime.md#state, and "paused", which callers know from other runtimes.
enum class ContainerStatus { kCreating, kCreated, kRunning, kPaused, kStopped };
[[nodiscard]] std::string_view to_text(ContainerStatus status);
[[nodiscard]] Result<ContainerStatus> parse_container_status(std::string_view text);

struct State {
  std::string oci_version;
  std::string id;
  ContainerStatus status = ContainerStatus::kStopped;
  int pid = 0;  // 0 without a process; written nevertheless, since callers expect it
  std::string bundle;
  std::map<std::string, std::string> annotations;
  // Not of the specification, but what `state` of other runtimes adds; empty for hooks.
  std::string rootfs;
  std::string created;  // RFC 3339
  std::string owner;
};

}  // namespace crunlite::oci

template <>
struct crunlite::json::Codec<crunlite::oci::ContainerStatus> {
  static Result<oci::ContainerStatus> decode(const Value& value);
  static Value encode(oci::ContainerStatus status);
};

namespace crunlite::oci {

constexpr auto json_fields(std::same_as<State> auto*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("ociVersion", &State::oci_version, kRequired),
                    field("id", &State::id, kRequired), field("status", &State::status, kRequired),
                    field("pid", &State::pid, kRequired),
                    field("bundle", &State::bundle, kRequired), field("rootfs", &State::rootfs),
                    field("created", &State::created), field("annotations", &State::annotations),
                    field("owner", &State::owner));
}

// What the listener of a seccomp filter is sent with (runtime.md, config-linux.md#seccomp).
struct ContainerProcessState {
  std::string oci_version;
  std::vector<std::string> fds;  // names of the descriptors that come along
  int pid = 0;
  std::string metadata;
  State state;
};
constexpr auto json_fields(std::same_as<ContainerProcessState> auto*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("ociVersion", &ContainerProcessState::oci_version, kRequired),
                    field("fds", &ContainerProcessState::fds, kRequired),
                    field("pid", &ContainerProcessState::pid, kRequired),
                    field("metadata", &ContainerProcessState::metadata),
                    field("state", &ContainerProcessState::state, kRequired));
}

[[nodiscard]] Result<State> parse_state(std::string_view text);

// As indented JSON with a newline at the end, for people and callers of `state`.
[[nodiscard]] std::string write_state(const State& state);

}  // namespace crunlite::oci
