// SPDX-License-Identifier: Apache-2.0
// bpf(2) as a Result, beside base/sys.h: only who needs it pays for the kernel's large header.
#pragma once

#include <linux/bpf.h>

#include "base/result.h"

namespace crunlite::sys {

// The raw call: a descriptor (close-on-exec from birth) or 0, as the command has it.
[[nodiscard]] Result<int> bpf(bpf_cmd command, bpf_attr& attributes);

}  // namespace crunlite::sys
