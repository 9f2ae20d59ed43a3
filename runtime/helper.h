// SPDX-License-Identifier: Apache-2.0
// Helper programs for words that are no verbs of crun-lite itself:
// libexec/crun-lite/crun-lite-WORD.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace crunlite::runtime {

struct Helper {
  std::string_view word;
  std::string_view summary;
};
[[nodiscard]] std::span<const Helper> known_helpers();

// The program for a word: beside our own program (a build directory), or in the libexec directory
// of the prefix it is installed in. Kind::kNotFound when there is none.
[[nodiscard]] Result<std::string> find_helper(const std::string& word);

// Replaces this process by the helper for words[0]; returns only on failure.
[[nodiscard]] Result<int> run_helper(const std::vector<std::string>& words);

}  // namespace crunlite::runtime
