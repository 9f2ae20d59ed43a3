// SPDX-License-Identifier: Apache-2.0
#include "image/commands.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/log.h"
#include "base/sys.h"
#include "base/version.h"

namespace crunlite::image {
namespace {

constexpr int kFailureStatus = 1;
constexpr int kUsageStatus = 2;
constexpr int kSignalStatus = 128;

// Before the verb and behind it.
constexpr std::array kCommonOptions = {
    OptionSpec{"store", '\0', "DIR", "the store: default CRUN_LITE_STORE, or the user's own"},
    OptionSpec{"json", '\0', {}, "print facts as JSON"},
    OptionSpec{"quiet", 'q', {}, "no progress, and no words about success"},
    OptionSpec{"help", 'h', {}, "print this help"},
};
constexpr OptionSpec kVersionOption = {"version", 'v', {}, "print the version"};

std::array<std::span<const Verb>, 2> all_verbs() { return {content_verbs(), store_verbs()}; }

const Verb* find_verb(std::string_view name) {
  for (std::span<const Verb> verbs : all_verbs()) {
    for (const Verb& verb : verbs) {
      if (verb.name == name) return &verb;
    }
  }
  return nullptr;
}

std::string general_help() {
  std::vector<std::vector<std::string>> rows;
  for (std::span<const Verb> verbs : all_verbs()) {
    for (const Verb& verb : verbs) {
      rows.push_back({cat("  ", verb.name, " ", verb.arguments), std::string(verb.summary)});
    }
  }
  std::vector<OptionSpec> options(kCommonOptions.begin(), kCommonOptions.end());
  options.push_back(kVersionOption);
  return cat("Usage: crun-lite image [OPTION...] VERB [ARGUMENT...]\n\nVerbs:\n", table(rows),
             "\nOptions, before or after the verb:\n", options_help(options),
             "\ncrun-lite image VERB --help tells more.\n");
}

std::string verb_help(const Verb& verb) {
  std::vector<OptionSpec> options(verb.options.begin(), verb.options.end());
  options.insert(options.end(), kCommonOptions.begin(), kCommonOptions.end());
  return cat("Usage: crun-lite image ", verb.name, " [OPTION...]",
             verb.arguments.empty() ? "" : " ", verb.arguments, "\n\n", verb.summary,
             verb.details.empty() ? "" : "\n\n", verb.details, "\n\nOptions:\n",
             options_help(options));
}

Status check_count(const Verb& verb, size_t count) {
  if (count >= verb.min_positionals && count <= verb.max_positionals) return {};
  std::string_view wrong = count < verb.min_positionals ? "missing" : "too many";
  return fail(Kind::kInvalid, verb.name, ": ", wrong, " arguments, expected ",
              verb.arguments.empty() ? "none" : verb.arguments);
}

// A command line that was understood.
struct Command {
  const Verb* verb = nullptr;  // nullptr: only `text` is to be printed
  std::string text;
  Options global;
  Options options;
};

Result<Command> parse_command(std::span<const std::string> args) {
  std::vector<OptionSpec> global_specs(kCommonOptions.begin(), kCommonOptions.end());
  global_specs.push_back(kVersionOption);
  Command command;
  command.global = TRY(Options::parse(global_specs, args, Positionals::kEndOptions));
  const std::vector<std::string>& words = command.global.positionals();
  if (command.global.has("version")) {
    command.text = cat("crun-lite image version ", kVersion, "\n");
    return command;
  }
  if (command.global.has("help") || (!words.empty() && words[0] == "help")) {
    command.text = general_help();
    return command;
  }
  if (words.empty()) return fail(Kind::kInvalid, "no verb is given; --help lists them");
  const Verb* verb = find_verb(words[0]);
  if (verb == nullptr) {
    return fail(Kind::kInvalid, quote(words[0]), " is no verb; --help lists them");
  }
  std::vector<OptionSpec> specs(verb->options.begin(), verb->options.end());
  specs.insert(specs.end(), kCommonOptions.begin(), kCommonOptions.end());
  std::span<const std::string> rest(words.begin() + 1, words.end());
  command.options = TRY(Options::parse(specs, rest, Positionals::kAnywhere), verb->name);
  if (command.options.has("help")) {
    command.text = verb_help(*verb);
    return command;
  }
  TRY(check_count(*verb, command.options.positionals().size()));
  if (verb->check != nullptr) TRY(verb->check(command.options), verb->name);
  command.verb = verb;
  return command;
}

Result<std::string> store_path(const Command& command, StoreEnvironment environment) {
  if (command.global.has("store")) environment.store = command.global.value("store");
  if (command.options.has("store")) environment.store = command.options.value("store");
  return default_store_path(environment);
}

Status run_verb(const Command& command, const Environment& environment, Interrupt& interrupt) {
  bool quiet = command.global.has("quiet") || command.options.has("quiet");
  bool json = command.global.has("json") || command.options.has("json");
  ProgressLine progress(environment.err_fd, !quiet);
  Observer observer;
  observer.progress = [&](std::string_view what, uint64_t done, uint64_t total) {
    progress.show(what, done, total);
  };
  observer.interrupted = [&] { return interrupt.is_set(); };
  Invocation invocation{
      command.options, TRY(store_path(command, environment.store)), json, quiet, observer,
      progress};
  return command.verb->run(invocation);
}

}  // namespace

int run_command(std::span<const std::string> args, const Environment& environment) {
  Result<Command> command = parse_command(args);
  if (!command.has_value()) {
    log_line(LogLevel::kError, command.error().message);
    return kUsageStatus;
  }
  Result<Interrupt> interrupt = Interrupt::install();
  Status done;
  if (command->verb == nullptr) {
    done = print(command->text);
  } else if (!interrupt.has_value()) {
    done = std::unexpected(interrupt.error());
  } else {
    done = run_verb(*command, environment, *interrupt);
  }
  if (done.has_value()) return 0;
  log_line(LogLevel::kError, done.error().message);
  bool by_signal = interrupt.has_value() && interrupt->signal() != 0;
  return by_signal ? kSignalStatus + interrupt->signal() : kFailureStatus;
}

Result<Store> open_store(const Invocation& invocation, const StoreWish& wish) {
  constexpr int kLookEveryMs = 200;
  for (;;) {
    Result<Store> store = Store::open({.path = invocation.store,
                                       .lock = wish.lock,
                                       .create = wish.create,
                                       .timeout_ms = wish.wait ? kLookEveryMs : 0});
    bool busy = !store.has_value() && store.error().kind == Kind::kConflict &&
                store.error().errnum == EWOULDBLOCK;
    if (!busy || !wish.wait) return store;
    TRY(invocation.observer.check(), store.error().message);
  }
}

Status print(std::string_view text) {
  TRY(sys::write_all(STDOUT_FILENO, text), "standard output");
  return {};
}

Status print_json(const json::Value& value) {
  return print(json::write(value, json::Style::kIndented) + "\n");
}

void say(const Invocation& invocation, std::string_view message) {
  invocation.progress.clear();
  log_line(LogLevel::kWarning, message);
}

std::string table(const std::vector<std::vector<std::string>>& rows) {
  constexpr size_t kGap = 2;
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); i++) {
      text += row[i];
      if (i + 1 < row.size()) text.append(widths[i] + kGap - row[i].size(), ' ');
    }
    text += '\n';
  }
  return text;
}

std::string short_digest(const oci::Digest& digest) {
  constexpr size_t kDigits = 12;
  return digest.hex.substr(0, kDigits);
}

std::string counted(uint64_t count, std::string_view noun) {
  return cat(count, " ", noun, count == 1 ? "" : "s");
}

}  // namespace crunlite::image
