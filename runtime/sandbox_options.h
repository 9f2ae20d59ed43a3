// SPDX-License-Identifier: Apache-2.0
// What `crun-lite sandbox` was asked for, as a value. Pure. Any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/options.h"
#include "base/result.h"

namespace crunlite::runtime {

enum class SandboxSource { kHost, kDirectory, kImage };

// --ro, --rw.
struct SandboxBind {
  std::string source;       // absolute
  std::string destination;  // absolute
  bool is_writable = false;
};

struct SandboxLimits {
  std::optional<int64_t> memory_bytes;
  std::optional<uint64_t> cpu_millionths;
  std::optional<int64_t> processes;

  [[nodiscard]] bool any() const { return memory_bytes || cpu_millionths || processes; }
};

struct SandboxOptions {
  SandboxSource source = SandboxSource::kHost;
  std::string name;  // of the image, or the absolute path of the directory
  SandboxLimits limits;
  bool host_network = false;
  std::vector<SandboxBind> binds;  // parents of a destination come before what lies in it
  std::vector<std::string> env;    // "NAME=VALUE", or "NAME" for the caller's value
  std::string workdir;             // "": unless said, what suits the source
  std::string user;                // "" likewise
  int timeout_ms = -1;
  bool terminal = false;
  bool best_effort = false;
  std::vector<std::string> args;
};

[[nodiscard]] std::span<const OptionSpec> sandbox_option_specs();

// Errors name the option. Relative paths are completed by `cwd`.
[[nodiscard]] Result<SandboxOptions> read_sandbox_options(const Options& options,
                                                          const std::string& cwd);

}  // namespace crunlite::runtime
