// SPDX-License-Identifier: Apache-2.0
#include "runtime/executable.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string_view>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "oci/users.h"

namespace crunlite::runtime {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::optional<std::string_view> environment_value(const oci::Strings& env, std::string_view name) {
  for (const std::string& entry : env) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return std::string_view(entry).substr(name.size() + 1);
    }
  }
  return {};
}

// A missing file is an empty one; it may be anything but a regular file.
std::string read_passwd() {
  const Result<UniqueFd> file = sys::open("/etc/passwd", O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file.has_value()) return "";
  return read_fd(file->get(), limits::kPasswdBytes).value_or("");
}

// 0 when the file can be executed, else why not.
int why_not_executable(const std::string& path) {
  const Result<struct stat> info = sys::fstatat(AT_FDCWD, path.c_str(), 0);
  if (!info.has_value()) return info.error().errnum;
  if (S_ISDIR(info->st_mode)) return EISDIR;
  if (!S_ISREG(info->st_mode)) return EACCES;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : EACCES;
}

std::string lower_text(int errnum) {
  if (errnum == ENOENT) return "no such file or directory";
  if (errnum == EACCES) return "permission denied";
  if (errnum == EISDIR) return "is a directory";
  return sys::errno_text(errnum);
}

}  // namespace

Error exec_error(const std::string& program, int errnum) {
  Error error = sys::error_of(errnum);
  error.message = cat("exec: ", quote(program), ": ", lower_text(errnum));
  return error;
}

Result<Executable> find_executable(const std::string& program, const oci::Strings& env) {
  if (program.contains('/')) {
    const int errnum = why_not_executable(program);
    if (errnum == 0) return Executable{program};
    Error error = exec_error(program, errnum);
    if (errnum == ENOENT) {
      error.message = cat("exec: ", quote(program), ": stat ", program, ": ", lower_text(errnum));
    }
    return std::unexpected(std::move(error));
  }
  std::string_view search = environment_value(env, "PATH").value_or("");
  if (search.empty()) search = kDefaultPath;
  bool is_denied = false;
  for (std::string_view dir : split(search, ':')) {
    if (dir.empty()) continue;
    const std::string path = cat(dir, "/", program);
    const int errnum = program.empty() ? ENOENT : why_not_executable(path);
    if (errnum == 0) return Executable{path};
    is_denied = is_denied || errnum == EACCES;
  }
  if (is_denied) return std::unexpected(exec_error(program, EACCES));
  return fail(Kind::kNotFound, "exec: ", quote(program), ": executable file not found in $PATH");
}

std::string find_home(uint32_t uid, const oci::Strings& env) {
  if (environment_value(env, "HOME").has_value()) return "";
  const oci::UserDatabase users = {.passwd = read_passwd(), .group = {}};
  const oci::ResolvedUser user = oci::resolve_user(cat(uid), users).value_or(oci::ResolvedUser());
  return cat("HOME=", user.home.empty() ? "/" : user.home);
}

}  // namespace crunlite::runtime
