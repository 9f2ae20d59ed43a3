// SPDX-License-Identifier: Apache-2.0
// Requests to the kernel's network configuration and their answers (netlink(7), rtnetlink(7)).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::namespaces::netlink {

// A NETLINK_ROUTE socket of the calling thread's network namespace, and for ever of that one.
[[nodiscard]] Result<UniqueFd> open_route_socket();

// One message under construction: a header of its type, then attributes.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) : type_(type), flags_(flags) {}
  template <class T>
  Request& header(const T& value) {
    body_.append(reinterpret_cast<const char*>(&value), sizeof value);
    return *this;
  }
  Request& attribute(uint16_t type, std::string_view value);
  Request& number(uint16_t type, uint32_t value);
  [[nodiscard]] std::string text() const;

 private:
  uint16_t type_;
  uint16_t flags_;
  std::string body_;
};

// Sends it and waits for its acknowledgement: the kernel's error, if there is one.
[[nodiscard]] Status send(int socket, const Request& request);
// The bodies of all messages that answer a request with NLM_F_DUMP.
[[nodiscard]] Result<std::vector<std::string>> dump(int socket, const Request& request);

// The attributes behind a header of `header_bytes`, by their types; the last of one type counts.
[[nodiscard]] std::map<uint16_t, std::string> attributes_of(std::string_view body,
                                                            size_t header_bytes);

}  // namespace crunlite::namespaces::netlink
