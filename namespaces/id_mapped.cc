// SPDX-License-Identifier: Apache-2.0
#include "namespaces/id_mapped.h"

#include <errno.h>
#include <sched.h>

#include <array>

#include "base/process.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

// Lives until its parent has what it wants, or has died.
[[noreturn]] void wait_for_end(sys::Pipe pipe) noexcept {
  pipe.write_end.reset();
  std::array<char, 1> nothing{};
  (void)sys::read(pipe.read_end.get(), nothing);  // the end is all that is awaited
  sys::exit_child(0);
}

}  // namespace

Result<UniqueFd> make_id_map_namespace(const IdMaps& maps) {
  sys::Pipe pipe = TRY(sys::pipe2(O_CLOEXEC));
  sys::Cloned cloned = TRY(sys::clone3({.flags = CLONE_NEWUSER}), "new user namespace");
  if (cloned.pid == 0) wait_for_end(std::move(pipe));
  const Child holder(cloned.pid, std::move(cloned.pidfd));
  TRY(write_id_maps(holder.pid(), maps));
  const std::string path = cat("/proc/", holder.pid(), "/ns/user");
  return in_context(sys::open(path.c_str(), O_RDONLY), path);
}

Status map_mount_ids(int mount, int user_namespace, bool recursive) {
  struct mount_attr attributes{};
  attributes.attr_set = MOUNT_ATTR_IDMAP;
  attributes.userns_fd = static_cast<uint64_t>(user_namespace);
  Status mapped =
      sys::mount_setattr(mount, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0U), attributes);
  if (mapped.has_value() || mapped.error().errnum != EINVAL) return mapped;
  return fail(Kind::kUnavailable,
              "this file system cannot be id-mapped, or this mount is id-mapped already");
}

}  // namespace crunlite::namespaces
