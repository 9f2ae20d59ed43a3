// SPDX-License-Identifier: Apache-2.0
// CRIU, the program that writes process trees to files and back: where it is, whether it runs on
// this kernel, and the conversation with it. Single-threaded programs only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/process.h"
#include "base/result.h"
#include "runtime/criu_messages.h"

namespace crunlite::runtime {

// `wanted` (--criu) where it is given; else the one that is installed beside us, in
// libexec/crun-lite, or that of PATH. Kind::kUnavailable when there is none.
[[nodiscard]] Result<std::string> find_criu(const std::string& wanted);

// Whether that version works on a kernel of that release ("6.18.4-amd64"): 3.17 at least, and 4.2
// since kernel 6.13, whose vDSO older ones do not know.
[[nodiscard]] Status check_criu_version(CriuVersion version, std::string_view kernel_release);

// What CRIU tells while it works. It goes on when this returns, and gives up on an error.
struct CriuEvent {
  std::string_view script;  // "setup-namespaces", "post-restore", "orphan-pts-master"
  pid_t pid = 0;            // the tree's first process, in our pid namespace; 0: not told
  UniqueFd fd;              // the master of a terminal
};
using CriuListener = std::function<Status(CriuEvent& event)>;

// One criu process, which serves requests on its socket until this value ends.
class CriuService {
 public:
  // Executes the program in a child of ours; `prepare`, if there is one, runs in the child before
  // and may change its namespaces. `pass_fds` stay open in it at the same numbers. The version is
  // checked.
  [[nodiscard]] static Result<CriuService> start(const std::string& program,
                                                 std::vector<int> pass_fds = {},
                                                 const std::function<Status()>& prepare = nullptr);

  // To its end: the reply, whose failure is an error with what CRIU said.
  [[nodiscard]] Result<CriuReply> ask(CriuRequest type, const CriuOptions& options,
                                      const CriuListener& listener);

 private:
  CriuService(Child child, UniqueFd socket)
      : child_(std::move(child)), socket_(std::move(socket)) {}
  [[nodiscard]] Result<CriuReply> receive(UniqueFd& fd);
  [[nodiscard]] Status check_version();

  Child child_;
  UniqueFd socket_;
};

// The last errors of a log of CRIU's, without place and time, one after the other; "" for none.
[[nodiscard]] std::string last_errors(std::string_view log);

}  // namespace crunlite::runtime
