// SPDX-License-Identifier: Apache-2.0
// Hooks of config.json (config.md#posix-platform-hooks).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"
#include "oci/state.h"

namespace crunlite::runtime {

// Where hooks write to: a file, or -1 for memory, from which an error quotes.
struct HookOutput {
  int out = -1;
  int err = -1;
};
// The files that annotations name, appended to and made when missing; "run.oci.hooks.stdout" and
// "run.oci.hooks.stderr", docs/annotations.md.
struct HookFiles {
  UniqueFd out;
  UniqueFd err;
  [[nodiscard]] HookOutput output() const { return {.out = out.get(), .err = err.get()}; }
};
[[nodiscard]] Result<HookFiles> open_hook_files(
    const std::map<std::string, std::string>& annotations);

// Runs the hooks one after the other in the caller's namespaces, each with the state on its
// standard input, its own environment and a deadline. The first that fails ends it; the error
// names the hook ("hooks.prestart[0] /bin/x: exit status 1: what it wrote last on stderr").
[[nodiscard]] Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view name,
                               const oci::State& state, const HookOutput& output = {});

// The same for hooks whose failure changes nothing: each one runs, and failures are logged.
void run_hooks_to_the_end(const std::vector<oci::Hook>& hooks, std::string_view name,
                          const oci::State& state, const HookOutput& output = {});

}  // namespace crunlite::runtime
