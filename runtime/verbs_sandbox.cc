// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/sys.h"
#include "runtime/sandbox.h"
#include "runtime/sandbox_options.h"
#include "runtime/verb.h"

namespace crunlite::runtime {
namespace {

Result<int> sandbox_verb(const GlobalOptions& globals, const Options& options) {
  const std::string cwd = sys::getcwd().value_or("/");  // it may have been removed
  const SandboxOptions wanted = TRY(read_sandbox_options(options, cwd));
  return run_sandbox(wanted, {.root = globals.root, .use_cgroups = globals.use_cgroups});
}

}  // namespace

std::span<const Verb> sandbox_verbs() {
  static const std::array<Verb, 1> verbs = {{
      {.name = "sandbox",
       .arguments = "[--] COMMAND [ARG...]",
       .summary = "run a command in a throw-away container of which nothing is left",
       .options = sandbox_option_specs(),
       .positionals = Positionals::kEndOptions,
       .min_positionals = 0,
       .max_positionals = kAnyNumber,
       .run = sandbox_verb,
       // Not enters_container: process 1 sees to it that our own program is not executed inside.
       .failure_status = kSandboxFailure},
  }};
  return verbs;
}

}  // namespace crunlite::runtime
