// SPDX-License-Identifier: Apache-2.0
#include "image/layer.h"

#include <errno.h>

#include <algorithm>
#include <memory>

#include "base/path.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "image/attributes.h"
#include "image/layer_stream.h"
#include "image/layer_tree.h"
#include "image/layer_writer.h"
#include "image/remove.h"
#include "image/tar_reader.h"

namespace crunlite::image {
namespace {

constexpr mode_t kRootMode = 0755;

StreamOptions stream_options_of(const LayerOptions& options) {
  StreamOptions stream;
  stream.max_blob_bytes = options.bounds.max_blob_bytes;
  stream.max_bytes = options.bounds.max_bytes;
  stream.max_expansion = options.bounds.max_expansion;
  stream.expansion_floor = options.bounds.expansion_floor;
  if (options.digest_blob) stream.blob_algorithm = options.blob_algorithm;
  stream.diff_algorithm = options.diff_algorithm;
  stream.progress = options.progress;
  stream.interrupted = options.interrupted;
  return stream;
}

WriteBudget budget_of(const LayerOptions& options, const LayerStream& stream) {
  const LayerBounds& bounds = options.bounds;
  return WriteBudget({.max_inodes = bounds.max_entries,
                      .max_bytes = bounds.max_bytes,
                      .expanded_bytes =
                          [&bounds, &stream] {
                            return std::max(bounds.expansion_floor,
                                            bounds.max_expansion * stream.blob_bytes());
                          },
                      .interrupted = options.interrupted});
}

Result<bool> is_empty(int dir) {
  UniqueFd readable = TRY(sys::openat(dir, ".", O_RDONLY | O_DIRECTORY), "root");
  return TRY(sys::next_dir_entries(readable.get()), "root").empty();
}

// An overlay shows its topmost layer's root: without an entry for it, it must be as below.
Status set_root(LayerTree& tree, const LayerOptions& options) {
  OpenDir& root = *tree.root();
  root.touched = true;
  root.mtime.reset();
  root.mode = kRootMode;
  if (!tree.has_lowers()) return {};
  bool set_owner = options.ownership == Ownership::kApply;
  UniqueFd below = TRY(tree.lowers().open_read(0, "", O_RDONLY | O_DIRECTORY), "lower layer");
  struct stat info = TRY(sys::fstat(below.get()));
  if (set_owner) TRY(sys::fchown(root.fd.get(), info.st_uid, info.st_gid), "root");
  uint64_t dropped = 0;  // none: those that are read are kept
  TRY(set_xattrs(root.fd.get(), TRY(read_xattrs(below.get(), true, set_owner)), true, set_owner,
                 dropped));
  root.mode = info.st_mode & 07777;
  root.mtime = info.st_mtim;
  return {};
}

Result<LayerTree> open_tree(int root, const LayerOptions& options) {
  LayerTree::Options tree_options;
  tree_options.overlay = options.form == LayerForm::kOverlay;
  tree_options.set_owner = options.ownership == Ownership::kApply;
  if (tree_options.overlay) tree_options.lowers = options.lowers;
  LayerTree tree = TRY(LayerTree::open(root, std::move(tree_options)));
  if (options.form == LayerForm::kOverlay) TRY(set_root(tree, options));
  return tree;
}

Status write_entries(TarReader& reader, LayerWriter& writer, uint64_t max_entries,
                     uint64_t& entries) {
  while (std::optional<TarEntry> entry = TRY(reader.next())) {
    if (++entries > max_entries) {
      return fail(Kind::kLimit, "has more than ", max_entries, " entries");
    }
    Status written = writer.write(*entry, reader);
    if (written.has_value()) continue;
    Error error = with_context(std::move(written).error(), quote(entry->path));
    // What a layer names and does not hold is a fault of the layer, not of the caller's request.
    bool about_entry = error.kind == Kind::kNotFound || error.kind == Kind::kExists;
    if (about_entry) error.kind = Kind::kInvalid;
    return std::unexpected(std::move(error));
  }
  return reader.drain();
}

}  // namespace

Result<LayerResult> unpack_layer(ByteReader& blob, int root_fd, const LayerOptions& options) {
  bool overlay = options.form == LayerForm::kOverlay;
  bool empty = TRY(is_empty(root_fd));
  if (overlay && !empty) return fail(Kind::kInvalid, "layer: its root is not empty");
  if (options.lowers.size() > limits::kLayers) return fail(Kind::kLimit, "layer: too many below");
  bool set_owner = options.ownership == Ownership::kApply;

  std::unique_ptr<LayerStream> stream =
      TRY(LayerStream::start(blob, stream_options_of(options)), "layer");
  WriteBudget budget = budget_of(options, *stream);
  LayerTree tree = TRY(open_tree(root_fd, options), "layer");
  bool fresh = overlay ? !tree.has_lowers() : empty;
  LayerWriter writer(tree, budget, {.form = options.form, .set_owner = set_owner, .fresh = fresh});
  tree.set_on_implied([&writer](const OpenDir& parent, const std::string& name) {
    return writer.note_implied(parent, name);
  });

  LayerResult result;
  std::unique_ptr<TarReader> reader = TRY(TarReader::open([&] { return stream->next(); }), "layer");
  TRY(write_entries(*reader, writer, options.bounds.max_entries, result.entries), "layer");
  TRY(tree.finish(), "layer");

  const StreamEnd& end = stream->end();
  result.diff_id = end.diff_id;
  result.blob_digest = end.blob_digest;
  result.compression = end.compression;
  result.bytes = end.bytes;
  result.blob_bytes = end.blob_bytes;
  result.dropped_xattrs = writer.dropped_xattrs();
  result.skipped_devices = writer.skipped_devices();
  return result;
}

Result<LayerResult> unpack_layer(int blob_fd, int root_fd, const LayerOptions& options) {
  FdReader blob(blob_fd);
  return unpack_layer(blob, root_fd, options);
}

Status remove_layer(int dir, const std::string& path) {
  SplitPath parts = split_path(path);
  if (parts.parent.empty()) return remove_below(dir, parts.name);
  Result<UniqueFd> parent = sys::openat(dir, parts.parent.c_str(), O_PATH | O_DIRECTORY);
  if (!parent.has_value() && parent.error().errnum == ENOENT) return {};
  UniqueFd fd = TRY(std::move(parent), quote(parts.parent));
  return remove_below(fd.get(), parts.name);
}

}  // namespace crunlite::image
