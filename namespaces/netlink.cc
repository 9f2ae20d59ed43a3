// SPDX-License-Identifier: Apache-2.0
#include "namespaces/netlink.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include <functional>

#include "base/sys.h"

namespace crunlite::namespaces::netlink {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr size_t kMaxMessages = 1 << 16;

void pad(std::string& text) { text.resize(NLMSG_ALIGN(text.size())); }

// Reads messages until `take` says that it was the last.
Status read_answers(int socket, const std::function<bool(const struct nlmsghdr&, Status&)>& take) {
  std::string buffer(kBufferBytes, '\0');
  Status status;
  for (size_t count = 0; count < kMaxMessages;) {
    size_t left = TRY(sys::read(socket, buffer), "netlink");
    const char* at = buffer.data();
    while (left >= sizeof(struct nlmsghdr)) {
      struct nlmsghdr header{};
      memcpy(&header, at, sizeof header);
      if (header.nlmsg_len < sizeof header || header.nlmsg_len > left) break;
      // Aligned as the buffer is; the kernel aligns each message.
      if (take(*reinterpret_cast<const struct nlmsghdr*>(at), status)) return status;
      count++;
      const size_t step = std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), left);
      at += step;
      left -= step;
    }
  }
  return fail(Kind::kLimit, "netlink: more than ", kMaxMessages, " answers");
}

Status error_in(const struct nlmsghdr& message) {
  struct nlmsgerr error{};
  if (message.nlmsg_len < NLMSG_LENGTH(sizeof error.error)) return {};
  memcpy(&error.error, reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN, sizeof error.error);
  return error.error == 0 ? Status() : Status(std::unexpected(sys::error_of(-error.error)));
}

}  // namespace

Result<UniqueFd> open_route_socket() {
  return in_context(sys::socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE), "netlink");
}

Request& Request::attribute(uint16_t type, std::string_view value) {
  const struct rtattr head = {static_cast<uint16_t>(RTA_LENGTH(value.size())), type};
  pad(body_);
  body_.append(reinterpret_cast<const char*>(&head), sizeof head);
  body_.append(value);
  return *this;
}

Request& Request::number(uint16_t type, uint32_t value) {
  return attribute(type, {reinterpret_cast<const char*>(&value), sizeof value});
}

std::string Request::text() const {
  struct nlmsghdr head{};
  head.nlmsg_len = static_cast<uint32_t>(NLMSG_LENGTH(body_.size()));
  head.nlmsg_type = type_;
  head.nlmsg_flags = static_cast<uint16_t>(flags_ | NLM_F_REQUEST);
  std::string out(reinterpret_cast<const char*>(&head), sizeof head);
  out.append(body_);
  pad(out);
  return out;
}

Status send(int socket, const Request& request) {
  TRY(sys::write_all(socket, request.text()), "netlink");
  return read_answers(socket, [](const struct nlmsghdr& message, Status& status) {
    if (message.nlmsg_type != NLMSG_ERROR) return false;
    status = error_in(message);
    return true;
  });
}

Result<std::vector<std::string>> dump(int socket, const Request& request) {
  TRY(sys::write_all(socket, request.text()), "netlink");
  std::vector<std::string> bodies;
  TRY(read_answers(socket, [&bodies](const struct nlmsghdr& message, Status& status) {
    if (message.nlmsg_type == NLMSG_ERROR) status = error_in(message);
    if (message.nlmsg_type == NLMSG_ERROR || message.nlmsg_type == NLMSG_DONE) return true;
    bodies.emplace_back(reinterpret_cast<const char*>(&message) + NLMSG_HDRLEN,
                        message.nlmsg_len - NLMSG_HDRLEN);
    return false;
  }));
  return bodies;
}

std::map<uint16_t, std::string> attributes_of(std::string_view body, size_t header_bytes) {
  std::map<uint16_t, std::string> out;
  body.remove_prefix(std::min(NLMSG_ALIGN(header_bytes), body.size()));
  while (body.size() >= sizeof(struct rtattr)) {
    struct rtattr head{};
    memcpy(&head, body.data(), sizeof head);
    if (head.rta_len < sizeof head || head.rta_len > body.size()) break;
    out[head.rta_type] = body.substr(RTA_LENGTH(0), head.rta_len - RTA_LENGTH(0));
    body.remove_prefix(std::min<size_t>(RTA_ALIGN(head.rta_len), body.size()));
  }
  return out;
}

}  // namespace crunlite::namespaces::netlink
