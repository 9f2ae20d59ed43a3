// SPDX-License-Identifier: Apache-2.0
// Network devices of the host that become the container's (config-linux.md#network-devices,
// rtnetlink(7)).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"

namespace crunlite::namespaces {

// An address as the kernel told it: what it takes to have it again.
struct DeviceAddress {
  std::string text;  // struct ifaddrmsg and attributes
};

struct MovedDevice {
  std::string host_name;
  std::string name;  // in the container
  int index = 0;     // there
  bool was_up = false;
  std::vector<DeviceAddress> addresses;  // permanent ones of global scope
};

// Devices on their way into one network namespace. What was moved comes back by give_back; without
// it the devices stay, and the kernel has its rules for them when the namespace ends: physical ones
// return to the host, virtual ones vanish. Single-threaded programs only.
class DeviceMove {
 public:
  // `space` is the container's network namespace.
  [[nodiscard]] static Result<DeviceMove> prepare(UniqueFd space);

  // Moves, renames, sets addresses and "up", one after the other. After an error some may have been
  // moved: give_back is the caller's next step. Errors name linux.netDevices[...].
  [[nodiscard]] Status move(const oci::NetDevices& devices);

  // Back to the host under the old name, with addresses and state. All are tried; the first error
  // is returned and names the device that stays behind.
  [[nodiscard]] Status give_back();

 private:
  DeviceMove(UniqueFd host_space, UniqueFd space, UniqueFd host, UniqueFd inner)
      : host_space_(std::move(host_space)),
        space_(std::move(space)),
        host_(std::move(host)),
        inner_(std::move(inner)) {}
  [[nodiscard]] Status move_one(const std::string& host_name, const std::string& name);
  [[nodiscard]] Status give_one_back(const MovedDevice& device);

  UniqueFd host_space_;
  UniqueFd space_;
  UniqueFd host_;   // netlink socket of the host's namespace
  UniqueFd inner_;  // and of the container's
  std::vector<MovedDevice> moved_;
};

}  // namespace crunlite::namespaces
