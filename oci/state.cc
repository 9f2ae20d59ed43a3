// SPDX-License-Identifier: Apache-2.0
#include "oci/state.h"

#include <array>

#include "base/limits.h"

namespace crunlite::oci {
namespace {

struct StatusName {
  ContainerStatus status;
  std::string_view name;
};
constexpr std::array<StatusName, 5> kStatusNames = {{{ContainerStatus::kCreating, "creating"},
                                                     {ContainerStatus::kCreated, "created"},
                                                     {ContainerStatus::kRunning, "running"},
                                                     {ContainerStatus::kPaused, "paused"},
                                                     {ContainerStatus::kStopped, "stopped"}}};

}  // namespace

std::string_view to_text(ContainerStatus status) {
  for (const StatusName& entry : kStatusNames) {
    if (entry.status == status) return entry.name;
  }
  return "unknown";
}

Result<ContainerStatus> parse_container_status(std::string_view text) {
  for (const StatusName& entry : kStatusNames) {
    if (entry.name == text) return entry.status;
  }
  return fail(Kind::kInvalid, quote(text), " is no status of a container");
}

Result<State> parse_state(std::string_view text) {
  if (text.size() > limits::kStateBytes) {
    return fail(Kind::kLimit, "state is larger than ", limits::kStateBytes, " bytes");
  }
  return json::decode_text<State>(text);
}

std::string write_state(const State& state) {
  return json::write(json::encode(state), json::Style::kIndented) + "\n";
}

}  // namespace crunlite::oci

namespace crunlite::json {

Result<oci::ContainerStatus> Codec<oci::ContainerStatus>::decode(const Value& value) {
  std::string text = TRY(Codec<std::string>::decode(value));
  Result<oci::ContainerStatus> status = oci::parse_container_status(text);
  // The path of the field is put before it on the way out.
  if (!status.has_value()) return internal::wrong(status.error().message);
  return status;
}

Value Codec<oci::ContainerStatus>::encode(oci::ContainerStatus status) {
  return Value(std::string(oci::to_text(status)));
}

}  // namespace crunlite::json
