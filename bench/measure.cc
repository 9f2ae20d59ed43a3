// SPDX-License-Identifier: Apache-2.0
// measure ROUNDS <PLAN >REPORT: runs commands by turns, A B A B, and writes what they cost as JSON.
//
// A plan has a line for each thing, words between blanks:
//   host TEXT            a line for the report
//   group NAME           a task
//   case NAME            a program that does it
//   before WORD...       run before each of its runs, not measured
//   run WORD...          what is measured
//   mounts FILE          the mount namespace that it is run in, as in /proc/PID/ns/mnt
//   after WORD...        run after each, not measured
// Programs take turns within a group, and each round begins with another of them, so that whatever
// disturbs the machine disturbs all alike. A command that fails ends the measurement.
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <algorithm>

#include "base/check.h"
#include "base/json.h"
#include "base/path.h"
#include "base/process.h"
#include "base/text.h"
#include "bench/result.h"

namespace crunlite::bench {
namespace {

constexpr int kWarmUpRounds = 2;
constexpr size_t kPlanBytes = 1 << 20;

using Words = std::vector<std::string>;

struct PlannedCase {
  std::string name;
  Words before;
  Words run;
  std::string mounts;
  Words after;
};
struct PlannedGroup {
  std::string name;
  std::vector<PlannedCase> cases;
};
struct Plan {
  std::vector<std::string> host;
  std::vector<PlannedGroup> groups;
};

struct Sample {
  uint64_t wall_us = 0;
  uint64_t cpu_us = 0;
  uint64_t peak_kib = 0;
};

Words words_of(std::string_view line) {
  Words words;
  for (std::string_view word : split(line, ' ')) {
    if (!word.empty()) words.emplace_back(word);
  }
  return words;
}

Status add_line(std::string_view line, Plan& plan) {
  size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return fail(Kind::kInvalid, "no value");
  std::string_view key = line.substr(0, blank);
  std::string value(line.substr(blank + 1));
  if (key == "host") plan.host.push_back(value);
  if (key == "group") plan.groups.push_back({value, {}});
  if (key == "host" || key == "group") return {};
  if (plan.groups.empty()) return fail(Kind::kInvalid, quote(key), ": before the first group");
  std::vector<PlannedCase>& cases = plan.groups.back().cases;
  if (key == "case") {
    cases.push_back({.name = value, .before = {}, .run = {}, .mounts = {}, .after = {}});
    return {};
  }
  if (cases.empty()) return fail(Kind::kInvalid, quote(key), ": before the first case");
  if (key == "before") cases.back().before = words_of(value);
  if (key == "run") cases.back().run = words_of(value);
  if (key == "after") cases.back().after = words_of(value);
  if (key == "mounts") cases.back().mounts = value;
  if (key == "before" || key == "run" || key == "after" || key == "mounts") return {};
  return fail(Kind::kInvalid, quote(key), ": is no key of a plan");
}

Result<Plan> read_plan() {
  Plan plan;
  std::string text = TRY(read_fd(0, kPlanBytes), "plan");
  int number = 0;
  for (std::string_view line : split(text, '\n')) {
    number++;
    if (trim(line).empty() || line.starts_with('#')) continue;
    TRY(add_line(line, plan), "plan: line ", number);
  }
  for (const PlannedGroup& group : plan.groups) {
    for (const PlannedCase& one : group.cases) {
      if (one.run.empty()) return fail(Kind::kInvalid, "plan: ", one.name, ": no run line");
    }
  }
  return plan;
}

uint64_t now_us() {
  timespec now = {};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000 + static_cast<uint64_t>(now.tv_nsec) / 1000;
}

uint64_t microseconds(const timeval& time) {
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000 + static_cast<uint64_t>(time.tv_usec);
}

// One command from spawn to its being reaped. Its output goes where the standard error of this
// program goes, since ours is the report.
Result<Sample> run_once(const Words& words) {
  SpawnOptions options;
  options.args = words;
  options.stdout_fd = 2;
  uint64_t start = now_us();
  Child child = TRY(spawn(options), words[0]);
  pid_t pid = child.pid();
  int status = 0;
  rusage usage = {};
  pid_t reaped = ::wait4(pid, &status, 0, &usage);
  uint64_t end = now_us();
  UniqueFd pidfd = child.release();
  if (reaped != pid) return fail(Kind::kSystem, words[0], ": cannot be waited for");
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
    return fail(Kind::kSystem, join(words, " "), ": failed, wait status ", status);
  }
  return Sample{.wall_us = end - start,
                .cpu_us = microseconds(usage.ru_utime) + microseconds(usage.ru_stime),
                .peak_kib = static_cast<uint64_t>(usage.ru_maxrss)};
}

// Enters another mount namespace for its life. Neither way is part of a measurement.
class Elsewhere {
 public:
  static Result<Elsewhere> enter(const std::string& mounts) {
    Elsewhere elsewhere;
    elsewhere.home_ = TRY(sys::open("/proc/self/ns/mnt", O_RDONLY));
    UniqueFd there = TRY(sys::open(mounts.c_str(), O_RDONLY), mounts);
    TRY(sys::setns(there.get(), CLONE_NEWNS), mounts);
    return elsewhere;
  }
  Elsewhere(Elsewhere&&) = default;
  Elsewhere& operator=(Elsewhere&&) = delete;
  Elsewhere(const Elsewhere&) = delete;
  Elsewhere& operator=(const Elsewhere&) = delete;
  ~Elsewhere() {
    if (home_.is_open()) CHECK(sys::setns(home_.get(), CLONE_NEWNS).has_value());
  }

 private:
  Elsewhere() = default;
  UniqueFd home_;
};

Result<Sample> run_measured(const PlannedCase& planned) {
  if (planned.mounts.empty()) return run_once(planned.run);
  Elsewhere elsewhere = TRY(Elsewhere::enter(planned.mounts));
  return run_once(planned.run);
}

Result<Sample> measure_once(const PlannedCase& planned) {
  if (!planned.before.empty()) (void)TRY(run_once(planned.before));
  Sample sample = TRY(run_measured(planned));
  if (!planned.after.empty()) (void)TRY(run_once(planned.after));
  return sample;
}

uint64_t at_fraction(std::vector<uint64_t> values, size_t tenths) {
  std::sort(values.begin(), values.end());
  return values[(values.size() - 1) * tenths / 10];
}

Case summarize(const std::string& name, const std::vector<Sample>& samples) {
  std::vector<uint64_t> wall, cpu;
  Case result = {.name = name, .runs = samples.size()};
  for (const Sample& sample : samples) {
    wall.push_back(sample.wall_us);
    cpu.push_back(sample.cpu_us);
    result.peak_kib = std::max(result.peak_kib, sample.peak_kib);
  }
  result.wall_us = at_fraction(wall, 5);
  result.wall_low_us = at_fraction(wall, 1);
  result.wall_high_us = at_fraction(wall, 9);
  result.cpu_us = at_fraction(cpu, 5);
  return result;
}

Result<Group> measure_group(const PlannedGroup& planned, size_t rounds) {
  size_t count = planned.cases.size();
  std::vector<std::vector<Sample>> samples(count);
  for (size_t round = 0; round < rounds + kWarmUpRounds; round++) {
    for (size_t turn = 0; turn < count; turn++) {
      size_t index = (round + turn) % count;
      Sample sample = TRY(measure_once(planned.cases[index]), planned.name);
      if (round >= kWarmUpRounds) samples[index].push_back(sample);
    }
  }
  Group group = {.name = planned.name, .cases = {}};
  for (size_t i = 0; i < count; i++) {
    group.cases.push_back(summarize(planned.cases[i].name, samples[i]));
  }
  return group;
}

Status measure(std::string_view rounds_text) {
  auto rounds = parse_number<size_t>(rounds_text);
  if (!rounds.has_value() || *rounds == 0) return fail(Kind::kInvalid, "rounds: expected a number");
  Plan plan = TRY(read_plan());
  Report report = {.host = plan.host, .groups = {}};
  for (const PlannedGroup& group : plan.groups) {
    fprintf(stderr, "measure: %s\n", group.name.c_str());
    report.groups.push_back(TRY(measure_group(group, *rounds)));
  }
  std::string text = json::write(json::encode(report), json::Style::kIndented) + "\n";
  return sys::write_all(1, text);
}

}  // namespace
}  // namespace crunlite::bench

int main(int argc, char** argv) {
  if (argc != 2) {
    fputs("usage: measure ROUNDS <PLAN >REPORT\n", stderr);
    return 2;
  }
  auto done = crunlite::bench::measure(argv[1]);
  if (done.has_value()) return 0;
  fprintf(stderr, "measure: %s\n", done.error().message.c_str());
  return 1;
}
