// SPDX-License-Identifier: Apache-2.0
#include "image/attributes.h"

#include <errno.h>

#include "base/sys.h"
#include "base/sys_files.h"

namespace crunlite::image {

XattrUse xattr_use(std::string_view name, bool is_dir, bool set_owner) {
  if (name == "security.capability") {
    return set_owner && !is_dir ? XattrUse::kSet : XattrUse::kDrop;
  }
  bool user = name.starts_with("user.") && !name.starts_with("user.overlay.");
  return user ? XattrUse::kSet : XattrUse::kDrop;
}

Status set_xattrs(int fd, const std::vector<Xattr>& xattrs, bool is_dir, bool set_owner,
                  uint64_t& dropped) {
  for (const Xattr& xattr : xattrs) {
    if (xattr_use(xattr.name, is_dir, set_owner) == XattrUse::kDrop) {
      dropped++;
      continue;
    }
    Status set = sys::fsetxattr(fd, xattr.name.c_str(), xattr.value);
    if (set.has_value()) continue;
    // Older kernels' tmpfs holds no user.*; a lost capability would be a broken program.
    if (set.error().errnum == EOPNOTSUPP && xattr.name.starts_with("user.")) {
      dropped++;
      continue;
    }
    return std::unexpected(with_context(set.error(), "extended attribute ", quote(xattr.name)));
  }
  return {};
}

Result<std::vector<Xattr>> read_xattrs(int fd, bool is_dir, bool set_owner) {
  std::vector<Xattr> xattrs;
  Result<std::vector<std::string>> names = sys::flistxattr(fd);
  if (!names.has_value() && names.error().errnum == EOPNOTSUPP) return xattrs;
  for (std::string& name : TRY(std::move(names))) {
    if (xattr_use(name, is_dir, set_owner) == XattrUse::kDrop) continue;
    std::string value = TRY(sys::fgetxattr(fd, name.c_str()), "extended attribute ", quote(name));
    xattrs.push_back({std::move(name), std::move(value)});
  }
  return xattrs;
}

}  // namespace crunlite::image
