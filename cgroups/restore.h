// SPDX-License-Identifier: Apache-2.0
// How a write to an interface file is taken back. Inside this module only. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace crunlite::cgroups {

// What has to be written to `file` to make it as it was, when `before` stood in it and `written`
// was written since. Files with a line for each device or name get back the line of that name, or
// the kernel's word for "none". Nothing where the kernel has no such word.
[[nodiscard]] std::optional<std::string> text_to_restore(std::string_view file,
                                                         std::string_view written,
                                                         std::string_view before);

}  // namespace crunlite::cgroups
