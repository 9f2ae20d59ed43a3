// SPDX-License-Identifier: Apache-2.0
#include "runtime/landlock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "base/sys.h"
#include "base/sys_attributes.h"

namespace crunlite::runtime {
namespace {

// <linux/landlock.h>, whose last ones Debian 12 does not know.
constexpr uint64_t kExecute = 1 << 0;
constexpr uint64_t kWriteFile = 1 << 1;
constexpr uint64_t kReadFile = 1 << 2;
constexpr uint64_t kReadDir = 1 << 3;
constexpr uint64_t kNames = 0x1ff0;      // REMOVE_DIR to MAKE_SYM
constexpr uint64_t kRefer = 1 << 13;     // since version 2: to another directory
constexpr uint64_t kTruncate = 1 << 14;  // 3
constexpr uint64_t kIoctl = 1 << 15;     // 5: of devices

constexpr uint64_t kOfFiles = kExecute | kWriteFile | kReadFile | kTruncate | kIoctl;

uint64_t known_rights(int abi) {
  uint64_t known = kExecute | kWriteFile | kReadFile | kReadDir | kNames;
  if (abi >= 2) known |= kRefer;
  if (abi >= 3) known |= kTruncate;
  if (abi >= 5) known |= kIoctl;
  return known;
}

uint64_t rights_of(const LandlockRule& rule) {
  uint64_t rights = 0;
  if (rule.reads) rights |= kReadFile | kReadDir | kIoctl;
  if (rule.writes) rights |= kWriteFile | kNames | kRefer | kTruncate | kIoctl;
  if (rule.executes) rights |= kExecute;
  return rights;
}

Result<LandlockRule> parse_rule(std::string_view text) {
  const size_t blank = text.find_first_of(" \t");
  LandlockRule rule;
  for (char letter : text.substr(0, blank)) {
    bool* right = letter == 'r'   ? &rule.reads
                  : letter == 'w' ? &rule.writes
                  : letter == 'x' ? &rule.executes
                                  : nullptr;
    if (right == nullptr || *right) {
      return fail(Kind::kInvalid, quote(text), ": rights are letters of r, w and x, each once");
    }
    *right = true;
  }
  if (blank != std::string_view::npos) rule.path = trim(text.substr(blank));
  if (rule.path.starts_with('/') && rule.path.size() < limits::kPathBytes) return rule;
  return fail(Kind::kInvalid, quote(text), ": an absolute path must follow the rights");
}

Status add_rule(int ruleset, const LandlockRule& rule, uint64_t known) {
  UniqueFd path = TRY(sys::open(rule.path.c_str(), O_PATH), quote(rule.path));
  const struct stat info = TRY(sys::fstat(path.get()), quote(rule.path));
  uint64_t rights = rights_of(rule) & known;
  if (!S_ISDIR(info.st_mode)) rights &= kOfFiles;
  return in_context(sys::landlock_add_path(ruleset, rights, path.get()), quote(rule.path));
}

}  // namespace

Result<LandlockPlan> parse_landlock(std::string_view text) {
  LandlockPlan plan;
  for (std::string_view line : split(text, '\n')) {
    for (std::string_view piece : split(line, ';')) {
      piece = trim(piece);
      if (piece.empty()) continue;
      plan.push_back(TRY(parse_rule(piece)));
    }
  }
  if (plan.empty()) return fail(Kind::kInvalid, "holds no rule");
  if (plan.size() > limits::kLandlockRules) {
    return fail(Kind::kLimit, "more than ", limits::kLandlockRules, " rules");
  }
  return plan;
}

Status check_landlock() {
  if (sys::landlock_abi().has_value()) return {};
  return fail(Kind::kUnavailable, "this kernel has no Landlock at work");
}

Status enter_landlock(const LandlockPlan& plan) {
  const uint64_t known = known_rights(TRY(sys::landlock_abi()));
  UniqueFd ruleset = TRY(sys::landlock_create_ruleset(known));
  for (const LandlockRule& rule : plan) TRY(add_rule(ruleset.get(), rule, known));
  return sys::landlock_restrict_self(ruleset.get());
}

}  // namespace crunlite::runtime
