// SPDX-License-Identifier: Apache-2.0
#include "runtime/hooks.h"

#include "base/limits.h"
#include "base/process.h"
#include "base/text.h"

namespace crunlite::runtime {
namespace {

constexpr size_t kMaxHookOutputBytes = 1 << 20;
constexpr int kMsPerSecond = 1000;

std::string how_it_ended(const RunOutput& output) {
  std::string text = output.status.signal != 0 ? cat("signal ", output.status.signal)
                                               : cat("exit status ", output.status.code);
  const std::string_view written = trim(output.err.empty() ? output.out : output.err);
  if (written.empty()) return text;
  constexpr size_t kMaxShown = 1000;
  const size_t from = written.size() > kMaxShown ? written.size() - kMaxShown : 0;
  return cat(text, ": ", written.substr(from));
}

Status run_hook(const oci::Hook& hook, const std::string& input) {
  RunOptions options;
  options.spawn.args = hook.args.empty() ? oci::Strings{hook.path} : hook.args;
  options.spawn.program = hook.path;
  options.spawn.env = hook.env;
  options.input = input;
  options.max_output_bytes = kMaxHookOutputBytes;
  options.timeout_ms =
      hook.timeout.has_value() ? *hook.timeout * kMsPerSecond : limits::kHookTimeoutMs;
  RunOutput output = TRY(run(options));
  if (output.status.shell_status() == 0) return {};
  return fail(Kind::kSystem, how_it_ended(output));
}

}  // namespace

Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view name,
                 const oci::State& state) {
  if (hooks.empty()) return {};
  const std::string input = oci::write_state(state);
  for (size_t i = 0; i < hooks.size(); i++) {
    TRY(run_hook(hooks[i], input), "hooks.", name, "[", i, "] ", hooks[i].path);
  }
  return {};
}

}  // namespace crunlite::runtime
