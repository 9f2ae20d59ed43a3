// SPDX-License-Identifier: Apache-2.0
// The version of all programs of crun-lite: one number, since they are installed together.
#pragma once

#include <string_view>

namespace crunlite {

constexpr std::string_view kVersion = "0.1.0";

}  // namespace crunlite
