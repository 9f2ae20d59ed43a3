// SPDX-License-Identifier: Apache-2.0
// The verbs of crun-lite-image: what each takes and who carries it out.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"
#include "base/result.h"
#include "image/interrupt.h"
#include "image/progress.h"
#include "image/store.h"

namespace crunlite::image {

// What every verb may use.
struct Invocation {
  const Options& options;  // of the verb
  std::string store;       // path
  bool json = false;
  bool quiet = false;
  const Observer& observer;
  ProgressLine& progress;  // to be cleared before anything else is written to the terminal

  [[nodiscard]] const std::string& argument(size_t at) const { return options.positionals()[at]; }
};

using VerbFunction = Status (*)(const Invocation& invocation);
// Looks at the words alone, before anything is done: its errors are errors of usage.
using VerbCheck = Status (*)(const Options& options);

struct Verb {
  std::string_view name;
  std::string_view arguments;  // "NAME BUNDLE"
  std::string_view summary;
  std::string_view details;  // further paragraphs of the help, or empty
  std::span<const OptionSpec> options;
  size_t min_positionals;
  size_t max_positionals;
  VerbCheck check;  // or nullptr
  VerbFunction run;
};

constexpr size_t kAnyNumber = static_cast<size_t>(-1);

[[nodiscard]] std::span<const Verb> content_verbs();  // import unpack
[[nodiscard]] std::span<const Verb> store_verbs();    // ls inspect tag rm prune

struct Environment {
  StoreEnvironment store;
  int out_fd = 1;
  int err_fd = 2;
};
// Carries out one command line, without the program's name: the exit status.
[[nodiscard]] int run_command(std::span<const std::string> args, const Environment& environment);

// Tools of the verbs.
// Waits for the store's lock, unless it is interrupted. With `wait` false: Kind::kConflict at once.
struct StoreWish {
  Store::Lock lock = Store::Lock::kShared;
  bool create = false;
  bool wait = true;
};
[[nodiscard]] Result<Store> open_store(const Invocation& invocation, const StoreWish& wish);
[[nodiscard]] Status print(std::string_view text);                 // on standard output
[[nodiscard]] Status print_json(const json::Value& value);         // indented, with a newline
void say(const Invocation& invocation, std::string_view message);  // on standard error
[[nodiscard]] std::string table(const std::vector<std::vector<std::string>>& rows);
[[nodiscard]] std::string short_digest(const oci::Digest& digest);
[[nodiscard]] std::string counted(uint64_t count, std::string_view noun);  // "2 layers"

}  // namespace crunlite::image
