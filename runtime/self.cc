// SPDX-License-Identifier: Apache-2.0
#include "runtime/self.h"

#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/process.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr const char* kSelf = "/proc/self/exe";
// The path before the program was executed again: the read-only copy of the mount has none.
constexpr const char* kPathVariable = "_CRUN_LITE_PROGRAM";

bool is_read_only() {
  struct statvfs info{};
  return ::statvfs(kSelf, &info) == 0 && (info.f_flag & ST_RDONLY) != 0;
}

}  // namespace

Result<std::string> own_program_path() {
  const char* kept = ::getenv(kPathVariable);
  if (kept != nullptr && is_read_only()) return std::string(kept);
  return in_context(sys::readlinkat(AT_FDCWD, kSelf), kSelf);
}

Status protect_own_program(const std::vector<std::string>& args) {
  if (::geteuid() != 0 || is_read_only()) return {};
  MountFd copy = TRY(sys::open_tree(AT_FDCWD, kSelf, OPEN_TREE_CLONE), "our own program");
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_RDONLY;
  TRY(sys::mount_setattr(copy.get(), "", AT_EMPTY_PATH, attributes), "our own program");
  std::vector<std::string> env = own_environment();
  env.push_back(cat(kPathVariable, "=", TRY(own_program_path())));
  return in_context(sys::execveat(copy.get(), args, env), "our own program");
}

}  // namespace crunlite::runtime
