// SPDX-License-Identifier: Apache-2.0
// The verbs of the command line: what each takes and who carries it out.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/options.h"
#include "base/result.h"

namespace crunlite::runtime {

class Foreground;
struct NewContainer;

// The options that stand before the verb.
struct GlobalOptions {
  std::string root;
  bool use_cgroups = true;  // --cgroup-manager=disabled: false
  std::string criu;         // --criu: a path or a name; "": see find_criu
};

// Returns the exit status.
using VerbFunction = Result<int> (*)(const GlobalOptions& globals, const Options& options);

struct Verb {
  std::string_view name;
  std::string_view arguments;  // "CONTAINER [SIGNAL]"
  std::string_view summary;
  std::span<const OptionSpec> options;
  Positionals positionals;
  size_t min_positionals;
  size_t max_positionals;
  VerbFunction run;
  bool enters_container = false;  // a process of ours will be seen from inside a container
  int failure_status = 1;         // of our own failures
};

constexpr size_t kAnyNumber = static_cast<size_t>(-1);

[[nodiscard]] std::span<const Verb> lifecycle_verbs();   // create run start kill delete
[[nodiscard]] std::span<const Verb> exec_verbs();        // exec
[[nodiscard]] std::span<const Verb> control_verbs();     // pause resume update events
[[nodiscard]] std::span<const Verb> checkpoint_verbs();  // checkpoint restore
[[nodiscard]] std::span<const Verb> inspect_verbs();     // state list ps spec features
[[nodiscard]] std::span<const Verb> sandbox_verbs();     // sandbox

// Waits for a container of ours in the foreground and deletes it then, unless it is to be kept; its
// exit status as a shell says it.
[[nodiscard]] Result<int> attend_to_end(NewContainer& container, Foreground& foreground, bool keep);

// A path as the user gave it, made absolute by the working directory.
[[nodiscard]] Result<std::string> absolute_path(const std::string& path);

// --preserve-fds and the descriptors of socket activation (LISTEN_FDS), whose variables are added
// to `env` as the program must see them.
[[nodiscard]] Result<int> kept_descriptors(const Options& options, std::vector<std::string>& env);

}  // namespace crunlite::runtime
