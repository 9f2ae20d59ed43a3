// SPDX-License-Identifier: Apache-2.0
#include "runtime/visit.h"

#include <fcntl.h>
#include <sched.h>

#include "base/sys.h"
#include "namespaces/kinds.h"

namespace crunlite::runtime {

Status NamespaceVisit::enter(const NamespacePlan& plan, const std::vector<UniqueFd>& joined) {
  std::vector<size_t> visited;
  // All ways back are opened first: in another mount namespace the paths are others.
  for (size_t i = 0; i < plan.joined.size(); i++) {
    const uint64_t flag = plan.joined[i].flag;
    if (!plan.is_inherited(flag)) continue;
    const std::string path = cat("/proc/self/ns/", namespaces::proc_name(flag));
    own_.push_back(TRY(sys::open(path.c_str(), O_RDONLY), path));
    visited.push_back(i);
    if (flag != CLONE_NEWNS) continue;
    own_root_ = TRY(sys::open("/", O_PATH | O_DIRECTORY), "/");
    own_directory_ = TRY(sys::open(".", O_PATH | O_DIRECTORY), "working directory");
  }
  for (size_t i : visited) {
    TRY(sys::setns(joined[i].get(), static_cast<int>(plan.joined[i].flag)), plan.joined[i].field,
        ": join ", quote(plan.joined[i].path));
  }
  return {};
}

Status NamespaceVisit::leave() {
  Status left;
  const auto keep_first = [&left](Status status) {
    if (left.has_value()) left = in_context(std::move(status), "return to the host");
  };
  for (const UniqueFd& own : own_) keep_first(sys::setns(own.get(), 0));
  own_.clear();
  if (own_root_.is_open()) {
    keep_first(sys::fchdir(own_root_.get()));
    keep_first(sys::chroot("."));
    keep_first(sys::fchdir(own_directory_.get()));
  }
  own_root_.reset();
  own_directory_.reset();
  return left;
}

}  // namespace crunlite::runtime
