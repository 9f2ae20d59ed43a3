// SPDX-License-Identifier: Apache-2.0
#include "base/bpf.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sys.h"

namespace crunlite::sys {

Result<int> bpf(bpf_cmd command, bpf_attr& attributes) {
  for (;;) {
    long result = ::syscall(SYS_bpf, command, &attributes, sizeof attributes);
    if (result >= 0) return static_cast<int>(result);
    // EAGAIN: the verifier was interrupted by a signal; the program may be loaded again.
    if (errno != EINTR && errno != EAGAIN) return std::unexpected(error_of(errno));
  }
}

}  // namespace crunlite::sys
