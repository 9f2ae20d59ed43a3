// SPDX-License-Identifier: Apache-2.0
// Our own program file: where it is, and that no container can overwrite it (CVE-2019-5736).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace crunlite::runtime {

// The path of the program as it was started.
[[nodiscard]] Result<std::string> own_program_path();

// The linker's build id, in hexadecimal: another one for other bytes. "" where there is none.
[[nodiscard]] std::string own_build_id();

// Executes this program again through a read-only mount of its file that exists nowhere but in this
// process: /proc/PID/exe, which a container may reach while its init is still ours, can then not be
// opened for writing. Does nothing where the file is on a read-only mount already, and for an
// ordinary user, whose containers cannot write root's files. Returns when there is nothing to do.
[[nodiscard]] Status protect_own_program(const std::vector<std::string>& args);

}  // namespace crunlite::runtime
