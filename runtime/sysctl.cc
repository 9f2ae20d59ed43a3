// SPDX-License-Identifier: Apache-2.0
#include "runtime/sysctl.h"

#include "base/sys.h"
#include "oci/sysctl.h"

namespace crunlite::runtime {

Status write_sysctls(const std::map<std::string, std::string>& values, int proc) {
  for (const auto& [name, value] : values) {
    const std::string field = cat("linux.sysctl[", quote(name), "]");
    const std::string path = cat("sys/", TRY(oci::parse_sysctl(name), field).path);
    UniqueFd file = TRY(sys::openat2(proc, path.c_str(), O_WRONLY,
                                     RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS |
                                         RESOLVE_NO_MAGICLINKS),
                        field);
    TRY(sys::write_all(file.get(), value), field, ": set ", quote(value));
  }
  return {};
}

}  // namespace crunlite::runtime
