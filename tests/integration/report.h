// SPDX-License-Identifier: Apache-2.0
// What the probe reported from inside: its lines of JSON, found by the verb's own words.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "tests/integration/config.h"

namespace crunlite::integration {

// A line of /proc/self/mountinfo as the probe saw it.
struct MountSeen {
  std::string root;
  std::string destination;
  std::string options;
  std::string propagation;
  std::string type;
  std::string source;
  std::string super;

  [[nodiscard]] bool has(std::string_view option) const;  // among the mount's own options
};

// Each accessor fails the test and returns nothing of use when what it wants is missing.
// `call` is the verb with its arguments: number("read /x", "errno").
class Report {
 public:
  [[nodiscard]] static Report parse(std::string_view output);

  [[nodiscard]] bool has(std::string_view call) const;
  [[nodiscard]] int64_t number(std::string_view call, std::string_view field) const;
  [[nodiscard]] std::string text(std::string_view call, std::string_view field) const;
  [[nodiscard]] bool flag(std::string_view call, std::string_view field) const;
  [[nodiscard]] Strings texts(std::string_view call, std::string_view field) const;
  [[nodiscard]] std::vector<int64_t> numbers(std::string_view call, std::string_view field) const;
  [[nodiscard]] const json::Value& value(std::string_view call, std::string_view field) const;

  // The name of the errno, "" for success, of a verb or of `try NAME`.
  [[nodiscard]] std::string error(std::string_view call) const { return text(call, "error"); }
  [[nodiscard]] std::string attempt(std::string_view name) const;

  [[nodiscard]] std::vector<MountSeen> mounts() const;
  // The topmost mount at a place; one without type when there is none.
  [[nodiscard]] MountSeen mount_at(std::string_view destination) const;

 private:
  std::vector<json::Value> lines_;
  std::string output_;
};

}  // namespace crunlite::integration
