// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_options.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/limits.h"
#include "base/path.h"
#include "base/text.h"

namespace crunlite::runtime {
namespace {

constexpr std::array kOptions = {
    OptionSpec{"host", '\0', {}, "this host's files below a private writable layer (the default)"},
    OptionSpec{"image", '\0', "NAME", "an image of the store instead"},
    OptionSpec{"rootfs", '\0', "DIR", "the files in a directory instead"},
    OptionSpec{"memory", '\0', "SIZE", "limit of memory: 512m, 2g"},
    OptionSpec{"cpus", '\0', "NUMBER", "limit of processors: 0.5, 2"},
    OptionSpec{"pids", '\0', "NUMBER", "limit of processes and threads"},
    OptionSpec{"net", '\0', "WHICH", "none (default: its own loopback alone) or host"},
    OptionSpec{"ro", '\0', "PATH[:DEST]", "show a file or directory of this host, read-only"},
    OptionSpec{"rw", '\0', "PATH[:DEST]", "the same, writable: changes reach this host"},
    OptionSpec{"env", 'e', "NAME[=VALUE]", "set a variable, or take over the caller's"},
    OptionSpec{"workdir", 'w', "DIR", "where the command starts"},
    OptionSpec{"user", 'u', "USER", "name or uid, and with \":\" group or gid"},
    OptionSpec{"timeout", '\0', "TIME", "end the command after 90s, 5m, 1h30m"},
    OptionSpec{"tty", 't', {}, "give the command a terminal of its own"},
    OptionSpec{"best-effort", '\0', {}, "go on without limits that cannot be set here"},
};

struct Source {
  SandboxSource kind = SandboxSource::kHost;
  std::string name;
};

std::string absolute(const std::string& path, const std::string& cwd) {
  return clean_path(path.starts_with('/') ? path : cat(cwd, "/", path));
}

Result<Source> read_source(const Options& options, const std::string& cwd) {
  const bool has_image = options.has("image");
  const bool has_directory = options.has("rootfs");
  if (int{options.has("host")} + int{has_image} + int{has_directory} > 1) {
    return fail(Kind::kInvalid, "--host, --image and --rootfs exclude each other");
  }
  Source source;
  if (has_image) source = {SandboxSource::kImage, options.value("image")};
  if (has_directory) source = {SandboxSource::kDirectory, options.value("rootfs")};
  if (source.kind != SandboxSource::kHost && source.name.empty()) {
    return fail(Kind::kInvalid, has_image ? "--image" : "--rootfs", ": is empty");
  }
  if (has_directory) source.name = absolute(source.name, cwd);
  return source;
}

Result<std::optional<int64_t>> read_memory(const Options& options) {
  if (!options.has("memory")) return std::optional<int64_t>();
  const std::string text = options.value("memory");
  const std::optional<uint64_t> bytes = parse_bytes(text);
  if (!bytes.has_value() || *bytes == 0 || *bytes > std::numeric_limits<int64_t>::max()) {
    return fail(Kind::kInvalid, "--memory: ", quote(text), " is not a size like 512m");
  }
  return std::optional(static_cast<int64_t>(*bytes));
}

Result<std::optional<uint64_t>> read_cpus(const Options& options) {
  constexpr uint64_t kLeast = 10'000;          // the kernel's shortest quota: 1 ms of 100 ms
  constexpr uint64_t kMost = 100'000'000'000;  // of processors, in millionths
  if (!options.has("cpus")) return std::optional<uint64_t>();
  const std::string text = options.value("cpus");
  const std::optional<uint64_t> millionths = parse_millionths(text);
  if (!millionths.has_value() || *millionths < kLeast || *millionths > kMost) {
    return fail(Kind::kInvalid, "--cpus: ", quote(text), " is not a number from 0.01 to 100000");
  }
  return millionths;
}

Result<std::optional<int64_t>> read_processes(const Options& options) {
  constexpr int64_t kMost = 1 << 22;  // the kernel's PID_MAX_LIMIT
  if (!options.has("pids")) return std::optional<int64_t>();
  const std::string text = options.value("pids");
  const std::optional<int64_t> number = parse_number<int64_t>(text);
  if (!number.has_value() || *number < 1 || *number > kMost) {
    return fail(Kind::kInvalid, "--pids: ", quote(text), " is not a number from 1 to ", kMost);
  }
  return number;
}

Result<SandboxLimits> read_limits(const Options& options) {
  SandboxLimits limits;
  limits.memory_bytes = TRY(read_memory(options));
  limits.cpu_millionths = TRY(read_cpus(options));
  limits.processes = TRY(read_processes(options));
  return limits;
}

Result<bool> read_network(const Options& options) {
  const std::string text = options.value("net", "none");
  if (text != "none" && text != "host") {
    return fail(Kind::kInvalid, "--net: ", quote(text), " is not none or host");
  }
  return text == "host";
}

Result<SandboxBind> read_bind(const std::string& text, bool is_writable, const std::string& cwd) {
  const std::string_view option = is_writable ? "--rw" : "--ro";
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.size() > 2 || parts[0].empty() || parts.back().empty()) {
    return fail(Kind::kInvalid, option, ": ", quote(text), " is not of the form PATH[:DEST]");
  }
  SandboxBind bind;
  bind.source = absolute(std::string(parts[0]), cwd);
  bind.is_writable = is_writable;
  if (parts.size() == 2 && !parts[1].starts_with('/')) {
    return fail(Kind::kInvalid, option, ": destination ", quote(parts[1]), " is not absolute");
  }
  bind.destination = parts.size() == 2 ? clean_path(parts[1]) : bind.source;
  if (bind.destination == "/") {
    return fail(Kind::kInvalid, option, ": ", quote(text), " would cover the whole sandbox");
  }
  return bind;
}

Result<std::vector<SandboxBind>> read_binds(const Options& options, const std::string& cwd) {
  std::vector<SandboxBind> binds;
  for (const std::string& text : options.values("ro")) {
    binds.push_back(TRY(read_bind(text, false, cwd)));
  }
  for (const std::string& text : options.values("rw")) {
    binds.push_back(TRY(read_bind(text, true, cwd)));
  }
  if (binds.size() > limits::kSandboxBinds) {
    return fail(Kind::kLimit, "--ro, --rw: more than ", limits::kSandboxBinds);
  }
  std::stable_sort(binds.begin(), binds.end(), [](const SandboxBind& a, const SandboxBind& b) {
    return std::count(a.destination.begin(), a.destination.end(), '/') <
           std::count(b.destination.begin(), b.destination.end(), '/');
  });
  return binds;
}

Status check_env(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.empty() || entry[0] == '=') {
      return fail(Kind::kInvalid, "--env: ", quote(entry), " has no name");
    }
  }
  return {};
}

Result<std::string> read_workdir(const Options& options) {
  std::string text = options.value("workdir");
  if (!options.has("workdir")) return text;
  if (!text.starts_with('/')) {
    return fail(Kind::kInvalid, "--workdir: ", quote(text), " is not absolute");
  }
  return clean_path(text);
}

Result<std::string> read_user(const Options& options) {
  std::string text = options.value("user");
  if (options.has("user") && text.empty()) return fail(Kind::kInvalid, "--user: is empty");
  return text;
}

Result<int> read_timeout(const Options& options) {
  if (!options.has("timeout")) return -1;
  const std::string text = options.value("timeout");
  const std::optional<uint64_t> time_ms = parse_duration_ms(text);
  if (!time_ms.has_value() || *time_ms == 0) {
    return fail(Kind::kInvalid, "--timeout: ", quote(text), " is not a time like 90s or 5m");
  }
  if (*time_ms > limits::kSandboxTimeoutMs) {
    return fail(Kind::kLimit, "--timeout: ", quote(text), " is longer than ",
                limits::kSandboxTimeoutMs / 1000, " seconds");
  }
  return static_cast<int>(*time_ms);
}

}  // namespace

std::span<const OptionSpec> sandbox_option_specs() { return kOptions; }

Result<SandboxOptions> read_sandbox_options(const Options& options, const std::string& cwd) {
  SandboxOptions out;
  Source source = TRY(read_source(options, cwd));
  out.source = source.kind;
  out.name = std::move(source.name);
  out.limits = TRY(read_limits(options));
  out.host_network = TRY(read_network(options));
  out.binds = TRY(read_binds(options, cwd));
  out.env = options.values("env");
  TRY(check_env(out.env));
  out.workdir = TRY(read_workdir(options));
  out.user = TRY(read_user(options));
  out.timeout_ms = TRY(read_timeout(options));
  out.terminal = options.has("tty");
  out.best_effort = options.has("best-effort");
  out.args = options.positionals();
  return out;
}

}  // namespace crunlite::runtime
