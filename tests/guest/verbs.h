// SPDX-License-Identifier: Apache-2.0
// The probe's verbs. Each writes its line itself and returns the status to end with, or kGoOn: then
// the next verb of the command line is run.
#pragma once

#include "tests/guest/report.h"

namespace crunlite::guest {

constexpr int kGoOn = -1;

struct Verb {
  std::string_view name;
  int (*run)(const Call& call);
  std::string_view help;
};

// One table for each file of verbs.
[[nodiscard]] std::span<const Verb> identity_verbs();
[[nodiscard]] std::span<const Verb> file_verbs();
[[nodiscard]] std::span<const Verb> attempt_verbs();
[[nodiscard]] std::span<const Verb> process_verbs();
[[nodiscard]] std::span<const Verb> terminal_verbs();
[[nodiscard]] std::span<const Verb> network_verbs();
[[nodiscard]] std::span<const Verb> hostile_verbs();

}  // namespace crunlite::guest
