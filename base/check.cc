// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <stdio.h>
#include <stdlib.h>

namespace crunlite {

void check_failed(const char* file, int line, const char* condition) noexcept {
  dprintf(2, "crun-lite: bug: %s:%d: %s\n", file, line, condition);
  abort();
}

}  // namespace crunlite
