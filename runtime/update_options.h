// SPDX-License-Identifier: Apache-2.0
// The options of `update` as resources of config.json.
#pragma once

#include <span>

#include "base/options.h"
#include "base/result.h"
#include "oci/config.h"

namespace crunlite::runtime {

[[nodiscard]] std::span<const OptionSpec> update_options();

// What the options ask for; errors name the option. A limit that is not named is left out. With
// --resources, a file or "-" for standard input, all others are ignored, as callers know it.
[[nodiscard]] Result<oci::Resources> resources_of(const Options& options);

}  // namespace crunlite::runtime
