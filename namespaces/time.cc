// SPDX-License-Identifier: Apache-2.0
#include "namespaces/time.h"

#include <sched.h>

#include "base/sys.h"

namespace crunlite::namespaces {

std::string time_offsets_text(const oci::TimeOffsets& offsets) {
  std::string text;
  for (const auto& [clock, offset] : offsets) {
    text.append(cat(clock, " ", offset.secs, " ", offset.nanosecs, "\n"));
  }
  return text;
}

Result<UniqueFd> open_time_offsets(int proc) {
  const std::string self = TRY(sys::readlinkat(proc, "self"), "/proc/self");
  return in_context(sys::openat2(proc, cat(self, "/timens_offsets").c_str(), O_WRONLY,
                                 RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS),
                    "linux.timeOffsets");
}

Status enter_new_time_namespace(int proc, int offsets_file, const oci::TimeOffsets& offsets) {
  // Children would be born in it, the caller stays where it is: offsets can be set until then.
  TRY(sys::unshare(CLONE_NEWTIME), "unshare the time namespace");
  if (!offsets.empty()) {
    TRY(sys::write_all(offsets_file, time_offsets_text(offsets)), "linux.timeOffsets");
  }
  const std::string self = TRY(sys::readlinkat(proc, "self"), "/proc/self");
  UniqueFd made = TRY(sys::openat(proc, cat(self, "/ns/time_for_children").c_str(), O_RDONLY),
                      "the new time namespace");
  return in_context(sys::setns(made.get(), CLONE_NEWTIME), "enter the new time namespace");
}

}  // namespace crunlite::namespaces
