// SPDX-License-Identifier: Apache-2.0
// Hooks of config.json (config.md#posix-platform-hooks).
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/config.h"
#include "oci/state.h"

namespace crunlite::runtime {

// Runs the hooks one after the other in the caller's namespaces, each with the state on its
// standard input, its own environment and a deadline. The first that fails ends it; the error
// names the hook ("hooks.prestart[0] /bin/x: exit status 1: what it wrote last on stderr").
[[nodiscard]] Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view name,
                               const oci::State& state);

// The same for hooks whose failure changes nothing: each one runs, and failures are logged.
void run_hooks_to_the_end(const std::vector<oci::Hook>& hooks, std::string_view name,
                          const oci::State& state);

}  // namespace crunlite::runtime
