// SPDX-License-Identifier: Apache-2.0
// What a benchmark run found, as measure writes it and report reads it.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "base/json_map.h"

namespace crunlite::bench {

using json::field;
using json::kRequired;

// One program's answer to a task: all times in microseconds of one whole command.
struct Case {
  std::string name;
  uint64_t runs = 0;
  uint64_t wall_us = 0;       // median
  uint64_t wall_low_us = 0;   // best tenth
  uint64_t wall_high_us = 0;  // worst tenth
  uint64_t cpu_us = 0;        // median; user and system, with all children that were waited for
  uint64_t peak_kib = 0;      // largest resident set of any one process, over all runs
};
constexpr auto json_fields(std::same_as<Case> auto*) {
  return std::tuple(field("name", &Case::name, kRequired), field("runs", &Case::runs, kRequired),
                    field("wall_us", &Case::wall_us), field("wall_low_us", &Case::wall_low_us),
                    field("wall_high_us", &Case::wall_high_us), field("cpu_us", &Case::cpu_us),
                    field("peak_kib", &Case::peak_kib));
}

// A task that several programs do; the first is the one the others are compared with.
struct Group {
  std::string name;
  std::vector<Case> cases;
};
constexpr auto json_fields(std::same_as<Group> auto*) {
  return std::tuple(field("name", &Group::name, kRequired), field("cases", &Group::cases));
}

struct Report {
  std::vector<std::string> host;  // lines that say where it was measured
  std::vector<Group> groups;
};
constexpr auto json_fields(std::same_as<Report> auto*) {
  return std::tuple(field("host", &Report::host), field("groups", &Report::groups));
}

}  // namespace crunlite::bench
