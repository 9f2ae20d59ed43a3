// SPDX-License-Identifier: Apache-2.0
// The network of a new network namespace: as yet its loopback interface.
#pragma once

#include "base/result.h"

namespace crunlite::namespaces {

// Brings "lo" of the calling thread's network namespace up (netdevice(7)).
[[nodiscard]] Status bring_loopback_up();

}  // namespace crunlite::namespaces
