// SPDX-License-Identifier: Apache-2.0
#include "runtime/sync.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <array>

#include "base/limits.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

// What travels; both ends are the same program.
struct Header {
  uint32_t step;
  uint32_t kind;
  int32_t errnum;
  uint32_t length;
};

std::string encode(Header header, std::string_view text) {
  header.length = static_cast<uint32_t>(text.size());
  std::string packet(sizeof header, '\0');
  memcpy(packet.data(), &header, sizeof header);
  return packet.append(text);
}

bool is_closed(const Error& error) { return error.errnum == EPIPE || error.errnum == ECONNRESET; }

std::string_view name_of(Step step) {
  constexpr std::array<std::string_view, 8> kNames = {
      "proceed", "mounts ready", "hooks done", "console", "ready", "commit", "start", "failed"};
  const auto index = static_cast<size_t>(step);
  return index < kNames.size() ? kNames[index] : "an unknown step";
}

}  // namespace

Status Channel::send_packet(const std::string& packet, int fd) {
  Status sent = sys::send_with_fd(socket_.get(), packet, fd);
  if (sent.has_value() || !is_closed(sent.error())) return sent;
  // What the peer said last is still to be read, and tells more than that it went away.
  Result<Message> last = receive(0);
  if (last.has_value() && last->step == Step::kFailed) return std::unexpected(last->error);
  is_peer_gone_ = true;
  return fail(Kind::kNotFound, "the peer has closed");
}

Status Channel::send(Step step, int fd) {
  return send_packet(
      encode({.step = static_cast<uint32_t>(step), .kind = 0, .errnum = 0, .length = 0}, ""), fd);
}

Status Channel::send_failure(const Error& error) {
  const std::string_view text = std::string_view(error.message).substr(0, limits::kSyncTextBytes);
  return send_packet(encode({.step = static_cast<uint32_t>(Step::kFailed),
                             .kind = static_cast<uint32_t>(error.kind),
                             .errnum = error.errnum,
                             .length = 0},
                            text),
                     -1);
}

Result<Message> Channel::receive(int timeout_ms) {
  if (!TRY(sys::wait_ready(socket_.get(), POLLIN, timeout_ms))) {
    return fail(Kind::kLimit, "no answer within ", timeout_ms, " ms");
  }
  std::array<char, sizeof(Header) + limits::kSyncTextBytes> buffer;
  Result<sys::Received> next = sys::receive_with_fd(socket_.get(), buffer);
  // A peer that went away with messages of ours unread: told once, before what it had sent.
  if (!next.has_value() && is_closed(next.error())) {
    next = sys::receive_with_fd(socket_.get(), buffer);
  }
  sys::Received received = TRY(std::move(next));
  if (received.length == 0) {
    is_peer_gone_ = true;
    return fail(Kind::kNotFound, "the peer has closed");
  }
  Header header{};
  if (received.length < sizeof header) return fail(Kind::kBug, "short message");
  memcpy(&header, buffer.data(), sizeof header);
  if (header.length != received.length - sizeof header ||
      header.step > static_cast<uint32_t>(Step::kFailed) ||
      header.kind > static_cast<uint32_t>(Kind::kBug)) {
    return fail(Kind::kBug, "malformed message");
  }
  Message message;
  message.step = static_cast<Step>(header.step);
  message.fd = std::move(received.fd);
  message.text.assign(&buffer[sizeof header], header.length);
  message.error = {
      .kind = static_cast<Kind>(header.kind), .errnum = header.errnum, .message = message.text};
  return message;
}

Result<Message> Channel::expect(Step step, int timeout_ms) {
  Message message = TRY(receive(timeout_ms));
  if (message.step == step) return message;
  if (message.step == Step::kFailed) return std::unexpected(std::move(message.error));
  return fail(Kind::kBug, "expected ", name_of(step), ", got ", name_of(message.step));
}

Status Channel::expect_end(int timeout_ms) {
  Result<Message> message = receive(timeout_ms);
  if (!message.has_value()) {
    if (is_peer_gone_) return {};
    return std::unexpected(std::move(message).error());
  }
  if (message->step == Step::kFailed) return std::unexpected(std::move(message->error));
  return fail(Kind::kBug, "expected the end, got ", name_of(message->step));
}

Result<ChannelPair> make_channel_pair() {
  sys::SocketPair pair = TRY(sys::socketpair(SOCK_SEQPACKET), "socket to the container's init");
  return ChannelPair{Channel(std::move(pair.first)), Channel(std::move(pair.second))};
}

}  // namespace crunlite::runtime
