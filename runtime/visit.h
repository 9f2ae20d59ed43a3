// SPDX-License-Identifier: Apache-2.0
// The parent's visit to the namespaces that init cannot join itself (NamespacePlan::is_inherited),
// for the moment of the clone.
#pragma once

#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "runtime/plan.h"

namespace crunlite::runtime {

// Single-threaded programs only. Whoever enters must leave: hooks are children of ours too, and
// belong to the runtime's namespaces.
class NamespaceVisit {
 public:
  // `joined` stands beside plan.joined. After a failure leave() returns from what was entered.
  [[nodiscard]] Status enter(const NamespacePlan& plan, const std::vector<UniqueFd>& joined);
  // Back to all that was before, working directory and root included. The first error is told.
  [[nodiscard]] Status leave();

 private:
  std::vector<UniqueFd> own_;
  // A mount namespace that is joined changes both.
  UniqueFd own_root_;
  UniqueFd own_directory_;
};

}  // namespace crunlite::runtime
