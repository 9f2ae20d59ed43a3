// SPDX-License-Identifier: Apache-2.0
// Finding a container's program as execvp(3) would, in the words that callers look for.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "oci/config.h"

namespace crunlite::runtime {

// A program that was found, ready to be executed.
struct Executable {
  std::string path;
  std::string home = {};  // "HOME=/root", of the password file, where the environment sets none
};

// Looks `program` up in the root, the working directory and with the rights that the caller has at
// the moment: as it is when it holds a slash, else in the PATH of `env`. Errors: `exec: "x":
// executable file not found in $PATH`, `exec: "/x": stat /x: no such file or directory`, `exec:
// "/x": permission denied`.
[[nodiscard]] Result<Executable> find_executable(const std::string& program,
                                                 const oci::Strings& env);

// `HOME=/home/alice` of the user's entry in /etc/passwd as the caller sees it, a container's, or
// "HOME=/" without such an entry; "" where `env` sets it already.
[[nodiscard]] std::string find_home(uint32_t uid, const oci::Strings& env);

// The same words for what execve(2) itself refused.
[[nodiscard]] Error exec_error(const std::string& program, int errnum);

}  // namespace crunlite::runtime
