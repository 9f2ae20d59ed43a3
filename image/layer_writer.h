// SPDX-License-Identifier: Apache-2.0
// Writes the entries of a layer into its tree, each contained, whatever it says.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "image/layer.h"
#include "image/layer_name.h"
#include "image/layer_tree.h"
#include "image/name_set.h"
#include "image/tar_reader.h"

namespace crunlite::image {

// Asked before bytes and inodes are made: bounds them and listens for interruption. One thread.
class WriteBudget {
 public:
  struct Options {
    uint64_t max_inodes = 0;
    uint64_t max_bytes = 0;
    std::function<uint64_t()> expanded_bytes;  // allowed so far, by what was read of the blob
    std::function<bool()> interrupted;
  };
  explicit WriteBudget(Options options) : options_(std::move(options)) {}

  [[nodiscard]] Status take_inode();
  // Bytes of a file from the layer. Holes count: they fill whoever copies the file.
  [[nodiscard]] Status take_bytes(uint64_t bytes);
  // Bytes of a file from a layer below, which the blob does not hold.
  [[nodiscard]] Status take_copied(uint64_t bytes);
  [[nodiscard]] Status check_interrupted() const;

 private:
  Options options_;
  uint64_t inodes_ = 0;
  uint64_t bytes_ = 0;
  uint64_t copied_ = 0;
};

// Borrows tree and budget. One thread.
class LayerWriter {
 public:
  struct Options {
    LayerForm form = LayerForm::kOverlay;
    bool set_owner = true;
    bool fresh = false;  // the tree was empty, and nothing lies below: whiteouts hide nothing
  };
  LayerWriter(LayerTree& tree, WriteBudget& budget, const Options& options);

  // To be called by the tree before it makes what a path implies.
  [[nodiscard]] Status note_implied(const OpenDir& parent, const std::string& name);
  // Writes one entry; a file's content is read from `reader`.
  [[nodiscard]] Status write(const TarEntry& entry, TarReader& reader);

  [[nodiscard]] uint64_t dropped_xattrs() const { return dropped_xattrs_; }
  [[nodiscard]] uint64_t skipped_devices() const { return skipped_devices_; }

 private:
  struct Target {  // of an entry: the directory that shall hold it, and its name there
    OpenDirPtr parent;
    std::string name;
    std::string path;
  };

  struct Source {  // of a hard link
    OpenDirPtr dir;
    struct stat info{};
  };

  Status write_root(const TarEntry& entry);
  Status write_named(const TarEntry& entry, const LayerName& name, TarReader& reader);
  Status write_target(const Target& target, const TarEntry& entry, TarReader& reader);
  Status write_file(const Target& target, const TarEntry& entry, TarReader& reader);
  Status write_content(int fd, const TarEntry& entry, TarReader& reader);
  Status write_directory(const Target& target, const TarEntry& entry);
  Result<OpenDirPtr> open_directory(const Target& target);
  Status write_symlink(const Target& target, const TarEntry& entry);
  Status write_node(const Target& target, const TarEntry& entry);
  Status write_hardlink(const Target& target, const TarEntry& entry);
  Result<std::optional<Source>> find_source(const LayerName& name);
  Status copy_up(const LayerName& source);
  Status copy_up_file(OpenDir& parent, const std::string& name, const LowerEntry& from, int fd);
  Status copy_up_link(OpenDir& parent, const std::string& name, const LowerEntry& from);
  Status white_out(const LayerName& name);
  Status make_opaque(const std::string& path);
  Status hide_root();
  Status hide_name(OpenDir& parent, const std::string& name);
  Status delete_below(const LayerName& name);
  Status prune_own(int dir);
  Status prune_implied(int dir);
  Status check_tracked() const;

  template <class Make>
  auto make(const Target& target, Make make_it) -> decltype(make_it());
  Status mark_own(OpenDir& parent, const std::string& name);
  [[nodiscard]] bool tracks_own() const { return !is_overlay() && !options_.fresh; }
  [[nodiscard]] bool tracks_implied() const { return is_overlay() && !options_.fresh; }
  Status set_name_attributes(const Target& target, const TarEntry& entry);
  [[nodiscard]] bool needs_owner(uint32_t uid, uint32_t gid, const OpenDir& parent) const;
  [[nodiscard]] bool is_overlay() const { return options_.form == LayerForm::kOverlay; }

  LayerTree& tree_;
  WriteBudget& budget_;
  Options options_;
  uint32_t our_uid_;
  uint32_t our_gid_;
  // kPlain upon an existing tree: the names that this layer wrote, and the directories that hold
  // such. kOverlay upon layers: the names in the tree that this layer did not write itself, made
  // because a path, a whiteout or a hard link needed them.
  NameSet own_;
  NameSet implied_;
  uint64_t dropped_xattrs_ = 0;
  uint64_t skipped_devices_ = 0;
};

}  // namespace crunlite::image
