// SPDX-License-Identifier: Apache-2.0
// Our own default seccomp profile: a list of what containers may call; all else gets EPERM.
//
// It bounds the kernel that a container can reach, so it also holds for those who found a way to
// lie to libseccomp:
// - The kernel reads many arguments as 32 bits while a filter sees 64. Whatever is refused by
//   value here (address families, terminal ioctls) is therefore allowed by masked patterns of the
//   low 32 bits that leave the refused values out; "not equal" would let 2^32 + 38 through.
// - Allowing socket() makes libseccomp allow socketcall(SYS_SOCKET) of 32-bit x86, whose arguments
//   no filter can see. socketcall is refused there with ENOSYS; old 32-bit programs lose sockets.
// - clone3 hides its flags in memory: ENOSYS makes C libraries fall back to clone.
// - 32-bit and x32 calls are filtered by the same list, not by leaving their ABI out.
#pragma once

#include "oci/config.h"

namespace crunlite::oci {

// The profile for a process with these capabilities ("CAP_SYS_ADMIN"), which open the calls that
// they are for. Names that this libseccomp does not know are to be skipped by whoever loads it.
[[nodiscard]] Seccomp default_seccomp(const Strings& capabilities);

}  // namespace crunlite::oci
