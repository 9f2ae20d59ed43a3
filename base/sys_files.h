// SPDX-License-Identifier: Apache-2.0
// System calls that only few need, most of them for whole trees of files; as base/sys.h. Any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sys.h"

namespace crunlite::sys {

[[nodiscard]] Status pwrite_all(int fd, std::string_view data, off_t offset);
[[nodiscard]] Result<off_t> lseek(int fd, off_t offset, int whence);
[[nodiscard]] Status fchown(int fd, uid_t uid, gid_t gid);
[[nodiscard]] Status futimens(int fd, const struct timespec times[2]);

// The value of an extended attribute, ENODATA when it is not there.
[[nodiscard]] Result<std::string> fgetxattr(int fd, const char* name);
[[nodiscard]] Result<std::vector<std::string>> flistxattr(int fd);

// The next entries of a directory but "." and "..", as many as fit into one buffer; none is the
// end. For directories that may hold more than fits into memory, where list_dir must not be used.
[[nodiscard]] Result<std::vector<DirEntry>> next_dir_entries(int dir);

// eventfd(2), nonblocking.
[[nodiscard]] Result<UniqueFd> eventfd(unsigned count);

}  // namespace crunlite::sys
