// SPDX-License-Identifier: Apache-2.0
#include "image/lower_layers.h"

#include <errno.h>
#include <sys/sysmacros.h>

#include "base/sys.h"
#include "base/sys_files.h"

namespace crunlite::image {
namespace {

// Each layer's tree is hostile too: its links are never followed, only read.
constexpr uint64_t kResolve =
    RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;

constexpr const char* kOpaqueXattrs[] = {"trusted.overlay.opaque", "user.overlay.opaque"};

bool is_refusal(const Error& error) {
  return error.errnum == EPERM || error.errnum == EACCES || error.errnum == EOPNOTSUPP;
}

}  // namespace

bool is_whiteout(const struct stat& info) {
  return S_ISCHR(info.st_mode) && info.st_rdev == makedev(0, 0);
}

Result<bool> is_opaque(int dir) {
  for (const char* name : kOpaqueXattrs) {
    Result<std::string> value = sys::fgetxattr(dir, name);
    if (value.has_value() && *value == "y") return true;
    if (value.has_value() || value.error().errnum == ENODATA) continue;
    if (!is_refusal(value.error())) return std::unexpected(value.error());
  }
  return false;
}

Status mark_opaque(int dir) {
  Status marked;
  int done = 0;
  for (const char* name : kOpaqueXattrs) {
    Status set = sys::fsetxattr(dir, name, "y");
    if (set.has_value()) {
      done++;
    } else if (is_refusal(set.error())) {
      // trusted.* needs privilege, user.* a file system that has it: one of both is enough.
      marked = std::unexpected(with_context(set.error(), "mark the directory opaque"));
    } else {
      return std::unexpected(with_context(set.error(), "mark the directory opaque"));
    }
  }
  return done > 0 ? Status() : marked;
}

std::vector<uint16_t> LowerLayers::all_members() const {
  std::vector<uint16_t> members;
  for (size_t i = 0; i < layers_.size(); i++) members.push_back(static_cast<uint16_t>(i));
  return members;
}

Result<UniqueFd> LowerLayers::open_read(uint16_t member, const std::string& path, int flags) const {
  const char* text = path.empty() ? "." : path.c_str();
  return sys::openat2(layers_[member], text, static_cast<uint64_t>(flags), kResolve);
}

Result<std::optional<LowerEntry>> LowerLayers::look_up(const std::string& dir,
                                                       const std::vector<uint16_t>& members,
                                                       const std::string& name) const {
  std::string path = dir.empty() ? name : cat(dir, "/", name);
  std::optional<LowerEntry> found;
  for (uint16_t member : members) {
    Result<UniqueFd> fd = open_read(member, path, O_PATH | O_NOFOLLOW);
    if (!fd.has_value() && fd.error().errnum == ENOENT) continue;
    if (!fd.has_value()) return std::unexpected(with_context(fd.error(), "lower layer"));
    struct stat info = TRY(sys::fstat(fd->get()));
    bool is_dir = S_ISDIR(info.st_mode);
    if (is_whiteout(info) || (found.has_value() && !is_dir)) break;
    if (!found.has_value()) {
      found = LowerEntry{.fd = std::move(*fd), .info = info, .layer = member, .members = {}};
    }
    if (!is_dir) break;
    found->members.push_back(member);
    // Attributes cannot be read by an O_PATH descriptor.
    UniqueFd readable =
        TRY(open_read(member, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW), "lower layer");
    if (TRY(is_opaque(readable.get()), "lower layer")) break;
  }
  return found;
}

}  // namespace crunlite::image
