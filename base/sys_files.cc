// SPDX-License-Identifier: Apache-2.0
#include "base/sys_files.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <array>

namespace crunlite::sys {
namespace {

std::unexpected<Error> last_error() { return std::unexpected(error_of(errno)); }

// Calls `get(buffer, size)` with growing buffers until the answer fits; another process may
// change the attribute between the calls.
template <class Get>
Result<std::string> read_growing(Get get) {
  std::string value(256, '\0');
  for (;;) {
    ssize_t length = get(value.data(), value.size());
    if (length >= 0) {
      value.resize(static_cast<size_t>(length));
      return value;
    }
    constexpr size_t kMax = size_t{1} << 17;  // twice the kernel's XATTR_SIZE_MAX
    if (errno != ERANGE || value.size() >= kMax) return last_error();
    value.resize(value.size() * 4);
  }
}

}  // namespace

Status pwrite_all(int fd, std::string_view data, off_t offset) {
  while (!data.empty()) {
    ssize_t written = ::pwrite(fd, data.data(), data.size(), offset);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return last_error();
    data.remove_prefix(static_cast<size_t>(written));
    offset += written;
  }
  return {};
}

Result<off_t> lseek(int fd, off_t offset, int whence) {
  off_t at = ::lseek(fd, offset, whence);
  if (at < 0) return last_error();
  return at;
}

Status fchown(int fd, uid_t uid, gid_t gid) {
  if (::fchown(fd, uid, gid) < 0) return last_error();
  return {};
}

Status futimens(int fd, const struct timespec times[2]) {
  if (::futimens(fd, times) < 0) return last_error();
  return {};
}

Result<std::string> fgetxattr(int fd, const char* name) {
  return read_growing(
      [&](char* buffer, size_t size) { return ::fgetxattr(fd, name, buffer, size); });
}

Result<std::vector<std::string>> flistxattr(int fd) {
  std::string list =
      TRY(read_growing([&](char* buffer, size_t size) { return ::flistxattr(fd, buffer, size); }));
  std::vector<std::string> names;
  for (std::string_view name : split(list, '\0')) {
    if (!name.empty()) names.emplace_back(name);
  }
  return names;
}

Result<std::vector<DirEntry>> next_dir_entries(int dir) {
  struct Header {  // linux_dirent64, whose name member has no declared size
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    unsigned char type;
  };
  constexpr size_t kNameOffset = 19;
  std::array<char, 32768> buffer;
  std::vector<DirEntry> entries;
  while (entries.empty()) {
    ssize_t length = ::getdents64(dir, buffer.data(), buffer.size());
    if (length < 0) return last_error();
    if (length == 0) break;
    for (size_t at = 0; at < static_cast<size_t>(length);) {
      Header header{};
      memcpy(&header, &buffer[at], kNameOffset);
      std::string name(&buffer[at + kNameOffset]);
      at += header.length;
      if (name != "." && name != "..") entries.push_back({std::move(name), header.type});
    }
  }
  return entries;
}

Result<UniqueFd> eventfd(unsigned count) {
  const int fd = ::eventfd(count, EFD_CLOEXEC | EFD_NONBLOCK);
  if (fd < 0) return std::unexpected(error_of(errno));
  return UniqueFd(fd);
}

}  // namespace crunlite::sys
