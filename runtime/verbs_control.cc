// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "base/text.h"
#include "runtime/control.h"
#include "runtime/events.h"
#include "runtime/update_options.h"
#include "runtime/verb.h"

namespace crunlite::runtime {
namespace {

constexpr std::array<OptionSpec, 0> kNoOptions = {};

Result<int> pause_verb(const GlobalOptions& globals, const Options& options) {
  TRY(pause_container(globals.root, options.positionals()[0]));
  return 0;
}

Result<int> resume_verb(const GlobalOptions& globals, const Options& options) {
  TRY(resume_container(globals.root, options.positionals()[0]));
  return 0;
}

Result<int> update_verb(const GlobalOptions& globals, const Options& options) {
  TRY(update_container(globals.root, options.positionals()[0], TRY(resources_of(options))));
  return 0;
}

Result<int> events_verb(const GlobalOptions& globals, const Options& options) {
  const std::string& id = options.positionals()[0];
  if (options.has("stats")) {
    TRY(print_statistics(globals.root, id));
    return 0;
  }
  constexpr uint64_t kMaxMs = 1'000'000'000;  // some 11 days
  const std::string text = options.value("interval", "5s");
  const std::optional<uint64_t> interval = parse_duration_ms(text);
  if (!interval.has_value() || *interval == 0 || *interval > kMaxMs) {
    return fail(Kind::kInvalid, "--interval: ", quote(text),
                ": duration interval must be greater than 0");
  }
  TRY(stream_events(globals.root, id, static_cast<int>(*interval)));
  return 0;
}

constexpr std::array kEventsOptions = {
    OptionSpec{"interval", '\0', "TIME", "between two lines of statistics (default: 5s)"},
    OptionSpec{"stats", '\0', {}, "print the statistics once"}};

const std::array<Verb, 4> kVerbs = {{
    {"pause", "CONTAINER", "freeze all processes of a container", kNoOptions,
     Positionals::kAnywhere, 1, 1, pause_verb},
    {"resume", "CONTAINER", "let a paused container go on", kNoOptions, Positionals::kAnywhere, 1,
     1, resume_verb},
    {"update", "CONTAINER", "change the limits of a container", update_options(),
     Positionals::kAnywhere, 1, 1, update_verb},
    {"events", "CONTAINER", "print what a container uses, and when memory runs out", kEventsOptions,
     Positionals::kAnywhere, 1, 1, events_verb},
}};

}  // namespace

std::span<const Verb> control_verbs() { return kVerbs; }

}  // namespace crunlite::runtime
