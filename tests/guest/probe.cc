// SPDX-License-Identifier: Apache-2.0
// probe VERB [ARGUMENT...] [, VERB [ARGUMENT...]]...: a static program that reports, as lines of
// JSON, what is seen from inside a container. It ends with 0, or as a verb says.
#include <errno.h>
#include <stdio.h>

#include <array>
#include <string_view>

#include "base/text.h"
#include "tests/guest/verbs.h"

namespace crunlite::guest {
namespace {

constexpr int kUsage = 125;

std::array<std::span<const Verb>, 7> tables() {
  return {identity_verbs(), file_verbs(),    attempt_verbs(), process_verbs(),
          terminal_verbs(), network_verbs(), hostile_verbs()};
}

const Verb* find_verb(std::string_view name) {
  for (std::span<const Verb> table : tables()) {
    for (const Verb& verb : table) {
      if (verb.name == name) return &verb;
    }
  }
  return nullptr;
}

int usage() {
  for (std::span<const Verb> table : tables()) {
    for (const Verb& verb : table) {
      std::string line = cat("  ", verb.name, " ", verb.help, "\n");
      write_all(2, line);
    }
  }
  return kUsage;
}

// The end of the verb that begins at `from`: the next word "," or the end. What is after "--"
// belongs to the verb.
size_t find_end(std::span<char* const> words, size_t from) {
  for (size_t i = from; i < words.size(); i++) {
    std::string_view word = words[i];
    if (word == "--") return words.size();
    if (word == ",") return i;
  }
  return words.size();
}

int run_all(std::span<char* const> words) {
  if (words.empty()) return usage();
  for (size_t from = 0; from < words.size();) {
    size_t end = find_end(words, from);
    if (end == from) return usage();
    const Verb* verb = find_verb(words[from]);
    if (verb == nullptr) return usage();
    errno = 0;
    int status = verb->run({verb->name, words.subspan(from + 1, end - from - 1)});
    if (status != kGoOn) return status;
    from = end + 1;
  }
  return 0;
}

}  // namespace
}  // namespace crunlite::guest

int main(int argc, char** argv) {
  return crunlite::guest::run_all({argv + 1, static_cast<size_t>(argc > 0 ? argc - 1 : 0)});
}
