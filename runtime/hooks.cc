// SPDX-License-Identifier: Apache-2.0
#include "runtime/hooks.h"

#include <limits.h>

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/process.h"
#include "base/sys.h"
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

int timeout_ms_of(const oci::Hook& hook) {
  if (!hook.timeout.has_value()) return limits::kHookTimeoutMs;
  constexpr int kMaxSeconds = INT_MAX / kMsPerSecond;
  return std::min(*hook.timeout, kMaxSeconds) * kMsPerSecond;
}

Status run_hook(const oci::Hook& hook, const std::string& input, const HookOutput& output_to) {
  RunOptions options;
  options.spawn.args = hook.args.empty() ? oci::Strings{hook.path} : hook.args;
  options.spawn.program = hook.path;
  options.spawn.env = hook.env;
  options.input = input;
  options.max_output_bytes = kMaxHookOutputBytes;
  options.timeout_ms = timeout_ms_of(hook);
  options.out_fd = output_to.out;
  options.err_fd = output_to.err;
  RunOutput output = TRY(run(options));
  if (output.status.shell_status() == 0) return {};
  return fail(Kind::kSystem, how_it_ended(output));
}

Result<UniqueFd> open_output(const std::map<std::string, std::string>& annotations,
                             const std::string& name) {
  const auto found = annotations.find(name);
  if (found == annotations.end() || found->second.empty()) return UniqueFd();
  return in_context(
      sys::open(found->second.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_NOCTTY, 0600),
      "annotations[\"", name, "\"]: ", quote(found->second));
}

}  // namespace

Result<HookFiles> open_hook_files(const std::map<std::string, std::string>& annotations) {
  HookFiles files;
  files.out = TRY(open_output(annotations, "run.oci.hooks.stdout"));
  files.err = TRY(open_output(annotations, "run.oci.hooks.stderr"));
  return files;
}

Status run_hooks(const std::vector<oci::Hook>& hooks, std::string_view name,
                 const oci::State& state, const HookOutput& output) {
  if (hooks.empty()) return {};
  const std::string input = oci::write_state(state);
  for (size_t i = 0; i < hooks.size(); i++) {
    TRY(run_hook(hooks[i], input, output), "hooks.", name, "[", i, "] ", hooks[i].path);
  }
  return {};
}

void run_hooks_to_the_end(const std::vector<oci::Hook>& hooks, std::string_view name,
                          const oci::State& state, const HookOutput& output) {
  if (hooks.empty()) return;
  const std::string input = oci::write_state(state);
  for (size_t i = 0; i < hooks.size(); i++) {
    const Status ran = run_hook(hooks[i], input, output);
    if (ran.has_value()) continue;
    log_warning("hooks.", name, "[", i, "] ", hooks[i].path, ": ", ran.error().message,
                ", ignoring");
  }
}

}  // namespace crunlite::runtime
