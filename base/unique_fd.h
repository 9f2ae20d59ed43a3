// SPDX-License-Identifier: Apache-2.0
// UniqueFd: owns one file descriptor.
#pragma once

#include <unistd.h>

#include <utility>

namespace crunlite {

// Owns a descriptor, or nothing (-1). A raw `int fd` parameter borrows, a UniqueFd parameter takes.
// Closed once at its end: on Linux a close that fails with EINTR has freed the descriptor too.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool is_open() const { return fd_ >= 0; }
  [[nodiscard]] int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    int old = std::exchange(fd_, fd);
    if (old >= 0) (void)::close(old);  // nothing is left to do when it fails
  }

 private:
  int fd_ = -1;
};

// The same, for what the descriptor stands for; the type tells readers, the kernel does not care.
using DirFd = UniqueFd;    // a directory to resolve beneath
using MountFd = UniqueFd;  // a detached mount: vanishes unless attached

}  // namespace crunlite
