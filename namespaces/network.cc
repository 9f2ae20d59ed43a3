// SPDX-License-Identifier: Apache-2.0
#include "namespaces/network.h"

#include <net/if.h>
#include <string.h>

#include "base/sys.h"

namespace crunlite::namespaces {

Status bring_loopback_up() {
  UniqueFd socket = TRY(sys::socket(AF_INET, SOCK_DGRAM, 0), "loopback");
  struct ifreq request{};
  memcpy(request.ifr_name, "lo", 3);
  request.ifr_flags = IFF_UP;
  TRY(sys::set_interface_flags(socket.get(), request), "loopback");
  return {};
}

}  // namespace crunlite::namespaces
