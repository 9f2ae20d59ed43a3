// SPDX-License-Identifier: Apache-2.0
// Overlay file systems of any number of layers, on kernels with and without "lowerdir+".
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "namespaces/mounts.h"

namespace crunlite::namespaces {

// The layers named by a mount's options, topmost first, as the kernel lists them.
struct OverlayLayers {
  std::vector<std::string> lower;
  std::string upper;  // "" for a read-only overlay
  std::string work;
};

// Splits "lowerdir=a:b" with its escapes; errors name the option.
[[nodiscard]] Result<OverlayLayers> overlay_layers(const MountPlan& plan);

// The directory that holds all lower layers, "" unless they lie side by side in one: relative
// names then make the list short enough for older kernels.
[[nodiscard]] std::string common_parent(const std::vector<std::string>& paths);

// A detached overlay. Linux 6.5 and later take layer by layer. Earlier ones take at most 255 bytes
// of lowerdir here: then Kind::kUnavailable, and mount_overlay_at can do it.
[[nodiscard]] Result<MountFd> make_overlay(const MountPlan& plan);

// The options for mount(2), at most a page: layers relative to their common parent, if there is
// one.
[[nodiscard]] Result<std::string> overlay_data(const MountPlan& plan);

// Mounts an overlay by mount(2) on `target`, a path in the caller's own mount namespace, for
// kernels before 6.5; changes the working directory.
[[nodiscard]] Status mount_overlay_at(const MountPlan& plan, const std::string& target);

}  // namespace crunlite::namespaces
