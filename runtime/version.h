// SPDX-License-Identifier: Apache-2.0
// The version of this program.
#pragma once

#include <string_view>

namespace crunlite::runtime {

constexpr std::string_view kVersion = "0.1.0";
#ifdef CRUNLITE_COMMIT
constexpr std::string_view kCommit = CRUNLITE_COMMIT;
#else
constexpr std::string_view kCommit = "unknown";
#endif

}  // namespace crunlite::runtime
