// SPDX-License-Identifier: Apache-2.0
#include "runtime/security_modules.h"

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr size_t kMaxListBytes = 64 << 10;

Status write_attribute(int proc, const std::string& name, const std::string& value) {
  const std::string self = TRY(sys::readlinkat(proc, "self"), "/proc/self");
  UniqueFd file = TRY(sys::openat2(proc, cat(self, "/attr/", name).c_str(), O_WRONLY,
                                   RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS),
                      "/proc/self/attr/", name);
  return in_context(sys::write_all(file.get(), value), "set ", quote(value));
}

}  // namespace

bool has_apparmor() {
  const Result<std::string> enabled =
      read_file(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", kMaxListBytes);
  return enabled.has_value() && enabled->starts_with('Y');
}

// Its file system is registered only where it is at work.
bool has_selinux() {
  const Result<std::string> known = read_file(AT_FDCWD, "/proc/filesystems", kMaxListBytes);
  return known.has_value() && known->contains("\tselinuxfs\n");
}

Status check_mount_label(const std::string& label) {
  if (label.empty() || has_selinux()) return {};
  return fail(Kind::kUnavailable, "linux.mountLabel: this kernel has no SELinux at work");
}

Status set_apparmor_profile(int proc, const std::string& profile) {
  const std::string command = cat("exec ", profile);
  // Since Linux 5.8 each module has a directory of its own; the common file may be another's.
  Status set = write_attribute(proc, "apparmor/exec", command);
  if (set.has_value() || set.error().kind != Kind::kNotFound) return set;
  return write_attribute(proc, "exec", command);
}

Status set_selinux_label(int proc, const std::string& label) {
  return write_attribute(proc, "exec", label);
}

}  // namespace crunlite::runtime
