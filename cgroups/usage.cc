// SPDX-License-Identifier: Apache-2.0
#include "cgroups/usage.h"

#include <stdlib.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "base/sys.h"
#include "base/text.h"
#include "cgroups/directory.h"
#include "cgroups/files.h"
#include "cgroups/usage_parts.h"

namespace crunlite::cgroups {
namespace {

constexpr uint64_t kNsPerUs = 1000;
constexpr uint64_t kNsPerSecond = 1'000'000'000;

Result<uint64_t> or_zero(Result<uint64_t> number) {
  if (number.has_value() || number.error().kind != Kind::kNotFound) return number;
  return uint64_t{0};
}

Result<uint64_t> key_or_zero(int cgroup, const char* file, std::string_view key) {
  return or_zero(read_key(cgroup, file, key));
}

// Of cpuacct.usage_percpu: a number for each processor.
Status read_per_cpu(int cgroup, std::vector<uint64_t>& times) {
  Result<std::string> text = read_control(cgroup, kCpuacctPerCpu);
  if (!text.has_value()) return {};
  for (const std::string& word : words_of(*text)) {
    times.push_back(parse_number<uint64_t>(word).value_or(0));
  }
  return {};
}

// Of cpuacct.usage_all: a line "cpu user system" for each processor, below a heading.
Status read_usage_all(int cgroup, CpuTimes& times) {
  Result<std::string> text = read_control(cgroup, kCpuacctAll);
  if (!text.has_value()) return {};
  for (std::string_view line : split(*text, '\n')) {
    std::vector<std::string> words = words_of(line);
    if (words.size() != 3 || !parse_number<uint64_t>(words[0]).has_value()) continue;
    times.per_cpu_user.push_back(parse_number<uint64_t>(words[1]).value_or(0));
    times.per_cpu_kernel.push_back(parse_number<uint64_t>(words[2]).value_or(0));
  }
  return {};
}

Status read_cpuacct(int cgroup, CpuTimes& times) {
  times.total = TRY(number_or_zero(cgroup, kCpuacctUsage));
  TRY(read_per_cpu(cgroup, times.per_cpu));
  TRY(read_usage_all(cgroup, times));
  const auto ticks = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  times.user = TRY(key_or_zero(cgroup, kCpuacctStat, "user")) * (kNsPerSecond / ticks);
  times.kernel = TRY(key_or_zero(cgroup, kCpuacctStat, "system")) * (kNsPerSecond / ticks);
  return {};
}

// cgroup2 counts processor time even where its cpu controller is not enabled.
Status read_unified_times(int cgroup, CpuTimes& times) {
  times.total = TRY(key_or_zero(cgroup, kCpuStat, "usage_usec")) * kNsPerUs;
  times.user = TRY(key_or_zero(cgroup, kCpuStat, "user_usec")) * kNsPerUs;
  times.kernel = TRY(key_or_zero(cgroup, kCpuStat, "system_usec")) * kNsPerUs;
  return {};
}

Status read_throttling(int cgroup, bool legacy, Throttling& throttling) {
  throttling.periods = TRY(key_or_zero(cgroup, kCpuStat, "nr_periods"));
  throttling.throttled_periods = TRY(key_or_zero(cgroup, kCpuStat, "nr_throttled"));
  throttling.throttled_ns = legacy
                                ? TRY(key_or_zero(cgroup, kCpuStat, "throttled_time"))
                                : TRY(key_or_zero(cgroup, kCpuStat, "throttled_usec")) * kNsPerUs;
  return {};
}

Status read_cpu_usage(const Group& group, CpuUsage& usage) {
  const int unified = group.unified_fd();
  const int cpuacct = group.legacy_fd("cpuacct");
  const int cpu = group.legacy_fd("cpu");
  if (cpuacct >= 0) {
    TRY(read_cpuacct(cpuacct, usage.usage));
  } else if (unified >= 0) {
    TRY(read_unified_times(unified, usage.usage));
  }
  if (unified >= 0) usage.psi = read_pressure(unified, kCpuPressure);
  const int throttling = cpu >= 0 ? cpu : unified;
  if (throttling < 0) return {};
  return read_throttling(throttling, cpu >= 0, usage.throttling);
}

// "0-2,5" -> 0 1 2 5; what is no such list gives nothing.
std::vector<uint16_t> expand_list(std::string_view text) {
  std::vector<uint16_t> numbers;
  for (std::string_view range : split(trim(text), ',')) {
    size_t dash = range.find('-');
    const auto first = parse_number<uint16_t>(range.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : parse_number<uint16_t>(range.substr(dash + 1));
    if (!first.has_value() || !last.has_value()) return {};
    for (uint32_t number = *first; number <= *last; number++) {
      numbers.push_back(static_cast<uint16_t>(number));
    }
  }
  return numbers;
}

Status read_cpuset(int cgroup, CpusetState& state) {
  state.cpus = expand_list(read_control(cgroup, kCpusetCpus).value_or(""));
  state.mems = expand_list(read_control(cgroup, kCpusetMems).value_or(""));
  const std::pair<const char*, uint64_t*> flags[] = {
      {"cpuset.cpu_exclusive", &state.cpu_exclusive},
      {"cpuset.mem_hardwall", &state.mem_hardwall},
      {"cpuset.mem_exclusive", &state.mem_exclusive},
      {"cpuset.memory_migrate", &state.memory_migrate},
      {"cpuset.memory_spread_page", &state.memory_spread_page},
      {"cpuset.memory_spread_slab", &state.memory_spread_slab},
      {"cpuset.memory_pressure", &state.memory_pressure},
      {"cpuset.sched_load_balance", &state.sched_load_balance}};
  for (const auto& [file, flag] : flags) *flag = TRY(number_or_zero(cgroup, file));
  const std::string level = read_control(cgroup, "cpuset.sched_relax_domain_level").value_or("0");
  state.sched_relax_domain_level = parse_number<int64_t>(trim(level)).value_or(0);
  return {};
}

Status read_pids_usage(const Group& group, PidsUsage& usage) {
  const int legacy = group.legacy_fd("pids");
  const int dir = legacy >= 0 ? legacy : group.unified_fd();
  if (dir < 0) return {};
  usage.current = TRY(number_or_zero(dir, kPidsCurrent));
  const uint64_t limit = TRY(number_or_zero(dir, kPidsMax));
  usage.limit = limit == UINT64_MAX ? 0 : limit;
  return {};
}

Status read_hugepages(const Group& group, std::map<std::string, HugepageUsage>& usage) {
  const int legacy = group.legacy_fd("hugetlb");
  const int dir = legacy >= 0 ? legacy : group.unified_fd();
  if (dir < 0) return {};
  constexpr std::string_view kPrefix = "hugetlb.";
  const std::string_view suffix = legacy >= 0 ? ".limit_in_bytes" : ".max";
  DirFd listed = TRY(open_cgroup(dir, ""));
  for (const sys::DirEntry& entry : TRY(sys::list_dir(listed.get()))) {
    const std::string& name = entry.name;
    if (!name.starts_with(kPrefix) || !name.ends_with(suffix)) continue;
    const std::string base = name.substr(0, name.size() - suffix.size());
    const std::string size = base.substr(kPrefix.size());
    if (size.contains('.')) continue;  // of reservations
    HugepageUsage& one = usage[size];
    if (legacy >= 0) {
      one.usage = TRY(number_or_zero(dir, cat(base, ".usage_in_bytes").c_str()));
      one.max = TRY(number_or_zero(dir, cat(base, ".max_usage_in_bytes").c_str()));
      one.failcnt = TRY(number_or_zero(dir, cat(base, ".failcnt").c_str()));
    } else {
      one.usage = TRY(number_or_zero(dir, cat(base, ".current").c_str()));
      one.failcnt = TRY(key_or_zero(dir, cat(base, ".events").c_str(), "max"));
    }
  }
  return {};
}

// "avg10=0.12": the part behind "avg10=", as a number.
json::Value decimal_of(const std::vector<std::string>& words, std::string_view name) {
  for (const std::string& word : words) {
    if (!word.starts_with(name) || word.substr(name.size(), 1) != "=") continue;
    const uint64_t millionths = parse_millionths(word.substr(name.size() + 1)).value_or(0);
    if (millionths % 1'000'000 == 0)
      return json::Value(static_cast<int64_t>(millionths / 1'000'000));
    return json::Value(static_cast<double>(millionths) / 1e6);
  }
  return json::Value(int64_t{0});
}

PressureLine parse_pressure(std::string_view line) {
  const std::vector<std::string> words = words_of(line);
  PressureLine parsed{.avg10 = decimal_of(words, "avg10"),
                      .avg60 = decimal_of(words, "avg60"),
                      .avg300 = decimal_of(words, "avg300")};
  for (const std::string& word : words) {
    if (word.starts_with("total="))
      parsed.total = parse_number<uint64_t>(word.substr(6)).value_or(0);
  }
  return parsed;
}

}  // namespace

Result<uint64_t> number_or_zero(int cgroup, const char* file) {
  return or_zero(read_number(cgroup, file));
}

std::optional<Pressure> read_pressure(int cgroup, const char* file) {
  const Result<std::string> text = read_control(cgroup, file);
  if (!text.has_value()) return std::nullopt;  // EOPNOTSUPP where the kernel does not count
  Pressure pressure{.some = parse_pressure(""), .full = parse_pressure("")};
  for (std::string_view line : split(*text, '\n')) {
    if (line.starts_with("some ")) pressure.some = parse_pressure(line);
    if (line.starts_with("full ")) pressure.full = parse_pressure(line);
  }
  return pressure;
}

Result<Usage> read_usage(const Group& group) {
  Usage usage;
  TRY(read_cpu_usage(group, usage.cpu));
  if (group.legacy_fd("cpuset") >= 0) TRY(read_cpuset(group.legacy_fd("cpuset"), usage.cpuset));
  TRY(read_memory_usage(group, usage.memory));
  TRY(read_pids_usage(group, usage.pids));
  TRY(read_block_io_usage(group, usage.block_io));
  TRY(read_hugepages(group, usage.hugetlb));
  return usage;
}

}  // namespace crunlite::cgroups
