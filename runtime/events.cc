// SPDX-License-Identifier: Apache-2.0
#include "runtime/events.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <concepts>
#include <optional>
#include <tuple>
#include <utility>

#include "base/json_map.h"
#include "base/sys.h"
#include "cgroups/oom.h"
#include "cgroups/usage.h"
#include "runtime/state_dir.h"

namespace crunlite::runtime {
namespace {

struct Event {
  std::string type;
  std::string id;
  std::optional<cgroups::Usage> data;
};
constexpr auto json_fields(std::same_as<Event> auto*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("type", &Event::type, kRequired), field("id", &Event::id, kRequired),
                    field("data", &Event::data));
}

Status print(const Event& event) {
  return sys::write_all(STDOUT_FILENO, json::write(json::encode(event)) + "\n");
}

struct Watched {
  UniqueFd init;  // pidfd
  cgroups::Group group;
};

Result<Watched> watch(const std::string& root, const std::string& id) {
  const StateDir dir = TRY(StateDir::open(root, id));
  const ContainerState state = TRY(dir.read());
  Result<UniqueFd> init = open_init(state);
  if (!init.has_value()) {
    return fail(Kind::kConflict, "container with id ", id, " is not running");
  }
  cgroups::Group group = TRY(cgroups::Group::open(state.cgroup.value_or(cgroups::GroupRecord())));
  if (group.is_empty()) {
    return fail(Kind::kUnavailable, "container ", id, " has no cgroup, and nothing counts it");
  }
  return Watched{.init = std::move(*init), .group = std::move(group)};
}

Status print_usage_of(const cgroups::Group& group, const std::string& id) {
  return print({.type = "stats", .id = id, .data = TRY(cgroups::read_usage(group), id)});
}

class Stream {
 public:
  Stream(Watched watched, std::optional<cgroups::OomWatch> oom, const std::string& id,
         int interval_ms)
      : watched_(std::move(watched)), oom_(std::move(oom)), id_(id), interval_ms_(interval_ms) {}

  Status run() {
    next_at_ = sys::monotonic_ms() + interval_ms_;
    while (!has_ended_) TRY(wait());
    return {};
  }

 private:
  Status wait() {
    std::array<struct pollfd, 2> items = {{{watched_.init.get(), POLLIN, 0}, {-1, 0, 0}}};
    if (oom_.has_value()) items[1] = {oom_->fd(), oom_->events(), 0};
    const int64_t left_ms = std::max<int64_t>(0, next_at_ - sys::monotonic_ms());
    if (::poll(items.data(), items.size(), static_cast<int>(left_ms)) < 0) {
      Error error = sys::error_of(errno);
      return error.errnum == EINTR ? Status() : Status(std::unexpected(std::move(error)));
    }
    if (items[1].revents != 0) TRY(tell_kills());
    has_ended_ = items[0].revents != 0;
    if (has_ended_ || sys::monotonic_ms() < next_at_) return {};
    next_at_ += interval_ms_;
    Status printed = print_usage_of(watched_.group, id_);
    // The group may have been removed under our hands, with a container that has ended.
    has_ended_ =
        !printed.has_value() && sys::wait_ready(watched_.init.get(), POLLIN, 0).value_or(false);
    return has_ended_ ? Status() : printed;
  }

  Status tell_kills() {
    const std::optional<uint64_t> kills = oom_->take();
    if (!kills.has_value()) oom_.reset();
    for (uint64_t i = 0; i < kills.value_or(0); i++) {
      TRY(print({.type = "oom", .id = id_, .data = {}}));
    }
    return {};
  }

  Watched watched_;
  std::optional<cgroups::OomWatch> oom_;
  const std::string& id_;
  int interval_ms_;
  int64_t next_at_ = 0;
  bool has_ended_ = false;
};

}  // namespace

Status print_statistics(const std::string& root, const std::string& id) {
  const Watched watched = TRY(watch(root, id));
  return print_usage_of(watched.group, id);
}

Status stream_events(const std::string& root, const std::string& id, int interval_ms) {
  Watched watched = TRY(watch(root, id));
  std::optional<cgroups::OomWatch> oom = TRY(cgroups::OomWatch::open(watched.group));
  Stream stream(std::move(watched), std::move(oom), id, interval_ms);
  return stream.run();
}

}  // namespace crunlite::runtime
