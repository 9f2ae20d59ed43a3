// SPDX-License-Identifier: Apache-2.0
// A caller of --console-socket. Main thread only.
#pragma once

#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string>

#include "tests/integration/harness.h"

namespace crunlite::integration {

// The unix socket on which a caller awaits the terminal.
class ConsoleSocket {
 public:
  explicit ConsoleSocket(std::string path) : path_(std::move(path)) {
    Result<UniqueFd> socket = sys::socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un address{};
    address.sun_family = AF_UNIX;
    EXPECT_TRUE(socket.has_value() && path_.size() < sizeof address.sun_path) << path_;
    if (!socket.has_value()) return;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    auto* name = reinterpret_cast<const struct sockaddr*>(&address);
    EXPECT_TRUE(sys::bind(socket->get(), name, sizeof address).has_value()) << path_;
    EXPECT_TRUE(sys::listen(socket->get(), 4).has_value());
    listener_ = std::move(*socket);
  }
  [[nodiscard]] const std::string& path() const { return path_; }

  // The terminal that was sent; closed when none came.
  [[nodiscard]] UniqueFd receive() {
    Result<bool> ready = sys::wait_ready(listener_.get(), POLLIN, 20'000 * Host::get().patience());
    EXPECT_TRUE(ready.has_value() && *ready) << "nobody came to the console socket";
    if (!ready.has_value() || !*ready) return UniqueFd();
    Result<UniqueFd> peer = sys::accept4(listener_.get(), 0);
    EXPECT_TRUE(peer.has_value());
    if (!peer.has_value()) return UniqueFd();
    std::array<char, 4096> buffer;
    Result<sys::Received> received = sys::receive_with_fd(peer->get(), buffer);
    EXPECT_TRUE(received.has_value() && received->fd.is_open()) << "no descriptor was sent";
    return received.has_value() ? std::move(received->fd) : UniqueFd();
  }

 private:
  std::string path_;
  UniqueFd listener_;
};

}  // namespace crunlite::integration
