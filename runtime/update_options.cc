// SPDX-License-Identifier: Apache-2.0
#include "runtime/update_options.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/path.h"
#include "base/text.h"

namespace crunlite::runtime {
namespace {

constexpr std::array kUpdateOptions = {
    OptionSpec{"resources", 'r', "FILE", "linux.resources as JSON; - for standard input"},
    OptionSpec{"memory", '\0', "BYTES", "memory limit; -1: unlimited"},
    OptionSpec{"memory-reservation", '\0', "BYTES", "memory that is kept when it gets scarce"},
    OptionSpec{"memory-swap", '\0', "BYTES", "memory and swap together; -1: unlimited"},
    OptionSpec{"kernel-memory", '\0', "BYTES", "ignored with a warning", true},
    OptionSpec{"kernel-memory-tcp", '\0', "BYTES", "ignored with a warning", true},
    OptionSpec{"cpu-period", '\0', "USEC", "period of the processor quota"},
    OptionSpec{"cpu-quota", '\0', "USEC", "processor time in a period; -1: unlimited"},
    OptionSpec{"cpu-burst", '\0', "USEC", "unused quota that may be saved up"},
    OptionSpec{"cpu-share", '\0', "N", "processor shares against other containers"},
    OptionSpec{"cpu-shares", '\0', "N", "the same", true},
    OptionSpec{"cpu-rt-period", '\0', "USEC", "period of the realtime quota"},
    OptionSpec{"cpu-rt-runtime", '\0', "USEC", "realtime in a period"},
    OptionSpec{"cpu-idle", '\0', "0|1", "run only when nobody else wants to"},
    OptionSpec{"cpuset-cpus", '\0', "LIST", "processors to use, like 0-3,5"},
    OptionSpec{"cpuset-mems", '\0', "LIST", "memory nodes to use"},
    OptionSpec{"pids-limit", '\0', "N", "number of processes; -1: unlimited"},
    OptionSpec{"blkio-weight", '\0', "N", "weight of block devices, from 10 to 1000"},
    OptionSpec{"l3-cache-schema", '\0', "TEXT", "refused: not supported", true},
    OptionSpec{"mem-bw-schema", '\0', "TEXT", "refused: not supported", true},
};

// A number that was given; errors name the option.
template <class T>
Status read_number(const Options& options, std::string_view name, std::optional<T>& out) {
  const std::string text = options.value(name);
  if (text.empty()) return {};
  const std::optional<T> number = parse_number<T>(text);
  if (!number.has_value()) {
    return fail(Kind::kInvalid, "invalid value for --", name, ": ", quote(text),
                " is not a whole number of that range");
  }
  out = *number;
  return {};
}

Status read_bytes(const Options& options, std::string_view name, std::optional<int64_t>& out) {
  constexpr auto kMost = static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
  const std::string text = options.value(name);
  if (text.empty()) return {};
  const std::optional<uint64_t> bytes = parse_bytes(text);
  if (text != "-1" && (!bytes.has_value() || *bytes > kMost)) {
    return fail(Kind::kInvalid, "invalid value for --", name, ": ", quote(text),
                " is no size like 64M, and not -1");
  }
  out = text == "-1" ? -1 : static_cast<int64_t>(*bytes);
  return {};
}

Status read_memory(const Options& options, oci::Memory& memory) {
  TRY(read_bytes(options, "memory", memory.limit));
  TRY(read_bytes(options, "memory-reservation", memory.reservation));
  TRY(read_bytes(options, "memory-swap", memory.swap));
  TRY(read_bytes(options, "kernel-memory", memory.kernel));
  return read_bytes(options, "kernel-memory-tcp", memory.kernel_tcp);
}

Status read_cpu(const Options& options, oci::Cpu& cpu) {
  TRY(read_number(options, "cpu-period", cpu.period));
  TRY(read_number(options, "cpu-quota", cpu.quota));
  TRY(read_number(options, "cpu-burst", cpu.burst));
  TRY(read_number(options, "cpu-shares", cpu.shares));
  TRY(read_number(options, "cpu-share", cpu.shares));
  TRY(read_number(options, "cpu-rt-period", cpu.realtime_period));
  TRY(read_number(options, "cpu-rt-runtime", cpu.realtime_runtime));
  TRY(read_number(options, "cpu-idle", cpu.idle));
  cpu.cpus = options.value("cpuset-cpus");
  cpu.mems = options.value("cpuset-mems");
  return {};
}

Result<oci::Resources> read_resources(const std::string& path) {
  const std::string text =
      path == "-" ? TRY(read_fd(STDIN_FILENO, limits::kConfigBytes), "--resources -")
                  : TRY(read_file(AT_FDCWD, path, limits::kConfigBytes), "--resources ", path);
  oci::Resources resources = TRY(json::decode_text<oci::Resources>(text), "--resources ", path);
  return resources;
}

}  // namespace

std::span<const OptionSpec> update_options() { return kUpdateOptions; }

Result<oci::Resources> resources_of(const Options& options) {
  if (options.has("resources")) return read_resources(options.value("resources"));
  for (const char* name : {"l3-cache-schema", "mem-bw-schema"}) {
    if (options.value(name).empty()) continue;
    return fail(Kind::kUnavailable, "--", name, ": cache allocation is not supported");
  }
  oci::Resources resources;
  TRY(read_memory(options, resources.memory.emplace()));
  TRY(read_cpu(options, resources.cpu.emplace()));
  std::optional<int64_t> pids;
  TRY(read_number(options, "pids-limit", pids));
  if (pids.has_value()) resources.pids = oci::Pids{.limit = *pids};
  TRY(read_number(options, "blkio-weight", resources.block_io.emplace().weight));
  return resources;
}

}  // namespace crunlite::runtime
