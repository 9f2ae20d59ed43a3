// SPDX-License-Identifier: Apache-2.0
// The conversation between a runtime process and the container's init or an exec'd process, over
// one SOCK_SEQPACKET connection. Either side may send kFailed at any time; a closed socket means
// that the peer has died or, after kStart, that the user's program runs.
//
//   parent                                   init
//   kProceed (user namespace mapped)  ---->
//                                     <----  kMountsReady      only with hooks
//   prestart, createRuntime hooks
//   kHooksDone                        ---->
//                                     <----  kConsole + fd     only with a terminal
//                                     <----  kReady
//   kCommit (state is on disk)        ---->  waits for kStart, on start.sock after `create`
//   kStart                            ---->  startContainer hooks, seccomp, execve
//   end of file: it runs
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"

namespace crunlite::runtime {

enum class Step : uint32_t {
  kProceed,
  kMountsReady,
  kHooksDone,
  kConsole,
  kReady,
  kCommit,
  kStart,
  kFailed,  // the text is the error's message
};

struct Message {
  Step step = Step::kFailed;
  Error error;  // of kFailed
  UniqueFd fd;  // of kConsole
  std::string text;
};

// One end. Owned by one process and one thread.
class Channel {
 public:
  Channel() = default;
  explicit Channel(UniqueFd socket) : socket_(std::move(socket)) {}

  [[nodiscard]] int fd() const { return socket_.get(); }
  [[nodiscard]] bool is_open() const { return socket_.is_open(); }
  // True once a call has failed because the peer had closed without a word.
  [[nodiscard]] bool is_peer_gone() const { return is_peer_gone_; }
  void close() { socket_.reset(); }

  // Where the peer has failed meanwhile, its own error is returned.
  [[nodiscard]] Status send(Step step, int fd = -1);
  [[nodiscard]] Status send_failure(const Error& error);

  // The next message, which must be `step`; another one is an error, kFailed gives the peer's own.
  // Kind::kLimit when `timeout_ms` (-1: none) is over. See is_peer_gone.
  [[nodiscard]] Result<Message> expect(Step step, int timeout_ms);
  // Waits for end of file; kFailed gives the peer's error.
  [[nodiscard]] Status expect_end(int timeout_ms);
  // The next message of any kind.
  [[nodiscard]] Result<Message> receive(int timeout_ms);

 private:
  [[nodiscard]] Status send_packet(const std::string& packet, int fd);

  UniqueFd socket_;
  bool is_peer_gone_ = false;
};

struct ChannelPair {
  Channel parent;
  Channel child;
};
[[nodiscard]] Result<ChannelPair> make_channel_pair();

}  // namespace crunlite::runtime
