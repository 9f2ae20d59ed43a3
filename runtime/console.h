// SPDX-License-Identifier: Apache-2.0
// The pseudo-terminal of a container (runtime.md#console, config.md "terminal").
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "oci/config.h"

namespace crunlite::runtime {

struct Console {
  UniqueFd master;
  UniqueFd slave;
};

// Container side: opens a terminal of the devpts inside `root` (proven to be one), its other end by
// TIOCGPTPEER, so that no path of the container is trusted (CVE-2025-52565). ONLCR is off, as
// callers expect of runc.
[[nodiscard]] Result<Console> open_console(int root, const std::optional<oci::ConsoleSize>& size);

// Binds the terminal on /dev/console inside `root`, which is made when missing.
[[nodiscard]] Status bind_console(int root, int slave);

// Makes the terminal the controlling one and standard input, output and error.
[[nodiscard]] Status take_console(int slave, uid_t uid);

// Caller's side: gives the terminal the window size of our own standard input, if that is one.
// Before the program starts, which else reads a size of 0.
void follow_window_size(int master);

// Caller's side: sends the master over the unix socket of --console-socket.
[[nodiscard]] Status send_console(const std::string& socket_path, int master);

}  // namespace crunlite::runtime
