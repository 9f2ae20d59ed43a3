// SPDX-License-Identifier: Apache-2.0
#include "runtime/helper.h"

#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "runtime/self.h"

namespace crunlite::runtime {
namespace {

constexpr std::array<Helper, 1> kHelpers = {{
    {"image", "import, list, inspect, remove and unpack images"},
}};

}  // namespace

std::span<const Helper> known_helpers() { return kHelpers; }

Result<std::string> find_helper(const std::string& word) {
  const auto known = std::find_if(kHelpers.begin(), kHelpers.end(),
                                  [&](const Helper& helper) { return helper.word == word; });
  if (known == kHelpers.end()) {
    return fail(Kind::kInvalid, quote(word), " is no command; crun-lite --help lists them");
  }
  const std::string self = TRY(own_program_path());
  const std::string dir = split_path(self).parent;
  for (const std::string& path :
       {cat(dir, "/crun-lite-", word), cat(dir, "/../libexec/crun-lite/crun-lite-", word)}) {
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(Kind::kNotFound, "program crun-lite-", word, ": is not installed beside ", self);
}

Result<int> run_helper(const std::vector<std::string>& words) {
  const std::string path = TRY(find_helper(words[0]));
  std::vector<std::string> args = words;
  args[0] = path;
  TRY(sys::execve(path.c_str(), args, own_environment()), path);
  return fail(Kind::kBug, "execve returned");
}

}  // namespace crunlite::runtime
