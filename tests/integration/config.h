// SPDX-License-Identifier: Apache-2.0
// A config.json under construction: a small valid one, which each test alters by path.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace crunlite::integration {

using Strings = std::vector<std::string>;

// Paths are names and array indices between dots: "process.rlimits.0.soft". Objects on the way are
// made when missing. A mistake in a path or in JSON of the test itself aborts.
class Config {
 public:
  // pid, ipc, uts and mount namespaces, the specification's mounts, all devices denied, three
  // capabilities, no_new_privs.
  [[nodiscard]] static Config base();

  [[nodiscard]] static Config from(json::Value value);

  Config& set(std::string_view path, json::Value value);
  Config& set(std::string_view path, std::string_view text);
  Config& set(std::string_view path, const char* text) { return set(path, std::string_view(text)); }
  Config& set(std::string_view path, const Strings& texts);
  Config& set(std::string_view path, int64_t number) { return set(path, json::Value(number)); }
  Config& set(std::string_view path, int number) { return set(path, int64_t{number}); }
  Config& set(std::string_view path, bool flag) { return set(path, json::Value(flag)); }
  Config& set_json(std::string_view path, std::string_view json);
  // Appends to an array, which is made when missing.
  Config& add_json(std::string_view path, std::string_view json);
  Config& remove(std::string_view path);
  Config& move_last_to_front(std::string_view path);  // of an array

  Config& args(const Strings& words) { return set("process.args", words); }
  // The probe with these verbs as the container's process.
  Config& probe(const Strings& words);
  Config& mount(std::string_view type, std::string_view source, std::string_view destination,
                const Strings& options = {});
  Config& bind(std::string_view source, std::string_view destination, const Strings& options = {});
  // The namespace in place of, or besides, those that are there; `path` joins.
  Config& with_namespace(std::string_view type, std::string_view path = "");
  Config& without_namespace(std::string_view type);
  // The five sets at once.
  Config& capabilities(const Strings& names);

  [[nodiscard]] std::string text() const { return json::write(value_, json::Style::kIndented); }

 private:
  [[nodiscard]] json::Value& at(std::string_view path);
  [[nodiscard]] json::Array& array_at(std::string_view path);

  json::Value value_;
};

[[nodiscard]] json::Value parse_json(std::string_view text);  // aborts when it is none
[[nodiscard]] json::Value to_json(const Strings& texts);

}  // namespace crunlite::integration
