// SPDX-License-Identifier: Apache-2.0
// Unpacks a layer: a compressed or plain tar of an OCI image becomes a directory.
//
//   blob -> [thread: read, hash, decompress, hash] -> ring -> [caller: parse tar -> write by *at]
//
// Layers are hostile. Names are resolved inside the root only, bytes, entries, expansion and memory
// are bounded. Why the overlay form takes the layers below it: in a changeset `lib/x` means
// whatever `lib` is in the image so far, which may be a link to `usr/lib` that only a lower layer
// holds; written blindly as a directory it would hide that link and break the image. A hard link
// may name a lower layer's file, and a directory that is only passed through must keep the mode
// and owner it has below. Applying upon a mounted overlay would give the same, but needs a
// privilege or a user namespace and is slower; looking into the directories of the lower layers
// needs neither. Hence a layer's directory depends on those below: keep it by chain ID, not by
// diff ID.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/limits.h"
#include "base/result.h"
#include "image/compression.h"
#include "image/digest.h"

namespace crunlite::image {

enum class LayerForm {
  // A directory of its own, to be stacked by overlayfs: whiteouts become character devices 0:0,
  // opaque directories carry trusted.overlay.opaque (where allowed) and user.overlay.opaque, so
  // that it also works mounted with `userxattr` in a user namespace. The root must be empty.
  kOverlay,
  // The layer is applied to the tree in the root; whiteouts delete what earlier layers wrote.
  kPlain,
};

enum class Ownership {
  kApply,   // user and group ids, device nodes and security.capability are set: needs root
  kIgnore,  // all belongs to the caller; device nodes and security.capability are left out
};

struct LayerBounds {
  uint64_t max_blob_bytes = limits::kBlobBytes;
  uint64_t max_bytes = limits::kLayerBytes;            // of the tar, and of the files' sizes
  uint64_t max_entries = limits::kLayerEntries;        // of the tar, and of inodes made
  uint64_t max_expansion = limits::kExpansion;         // unpacked bytes for each compressed one ...
  uint64_t expansion_floor = limits::kExpansionFloor;  // ... once there are more than these
};

struct LayerOptions {
  LayerForm form = LayerForm::kOverlay;
  Ownership ownership = Ownership::kApply;
  // kOverlay: directories of the layers below, in overlay form, topmost first. Borrowed.
  std::vector<int> lowers = {};
  LayerBounds bounds;
  // Also the blob's digest, so that an import needs to read it only once; "" leaves it out.
  bool digest_blob = false;
  DigestAlgorithm blob_algorithm = DigestAlgorithm::kSha256;
  DigestAlgorithm diff_algorithm = DigestAlgorithm::kSha256;
  // Both are called on the caller's thread, at least once for each MiB or so of either side.
  Progress progress;                  // bytes of the blob that are done
  std::function<bool()> interrupted;  // true: stop, with Kind::kConflict "interrupted"
};

struct LayerResult {
  std::string diff_id;      // digest of the tar, "sha256:..."
  std::string blob_digest;  // with digest_blob
  Compression compression = Compression::kNone;
  uint64_t entries = 0;
  uint64_t bytes = 0;  // of the tar
  uint64_t blob_bytes = 0;
  uint64_t dropped_xattrs = 0;   // not security.capability nor user.*, or overlayfs's own
  uint64_t skipped_devices = 0;  // device nodes that were not allowed to be made
};

// Unpacks the blob that read(2) gives from `blob_fd` (from its offset to its end) into the
// directory `root_fd` (O_PATH will do). Modes, times and ids of the root itself are the archive's
// where it has an entry for "./". On failure the root holds a part of the layer: unpack beside and
// rename. Nothing is synced: one syncfs afterwards is the caller's business. Any thread; starts
// one thread of its own, which has ended when this returns.
[[nodiscard]] Result<LayerResult> unpack_layer(int blob_fd, int root_fd,
                                               const LayerOptions& options);
// The same, from any stream; `blob` is read on the other thread until this returns.
[[nodiscard]] Result<LayerResult> unpack_layer(ByteReader& blob, int root_fd,
                                               const LayerOptions& options);

// Removes what lies at a path below `dir`, as base's remove_tree does, and copes with directories
// that an ordinary user may not write, search or read, and with any depth and width: with what
// unpacking may leave. Only the last name of the path may come from others.
[[nodiscard]] Status remove_layer(int dir, const std::string& path);

}  // namespace crunlite::image
