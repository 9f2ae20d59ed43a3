// SPDX-License-Identifier: Apache-2.0
// The tree that a layer is written into, and what its paths mean: resolved inside the root, through
// the layers below where there are any.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "image/lower_layers.h"
#include "image/open_dirs.h"

namespace crunlite::image {

// What a path leads to, links followed.
struct Place {
  std::string path;               // without links, from the root
  std::vector<uint16_t> members;  // of the layers below whose directories show through here
  OpenDirPtr dir;                 // in the tree itself; null where only layers below have it
};

// One tree. Nobody else may change it meanwhile. One thread.
class LayerTree {
 public:
  struct Options {
    std::vector<int> lowers;  // borrowed; topmost first
    bool overlay = true;      // character devices 0:0 are whiteouts
    bool set_owner = true;
  };
  // `root` is opened anew.
  [[nodiscard]] static Result<LayerTree> open(int root, Options options);

  // Called before parent/name is made because a path implies it.
  using OnImplied = std::function<Status(const OpenDir& parent, const std::string& name)>;
  void set_on_implied(OnImplied on_implied) { on_implied_ = std::move(on_implied); }

  [[nodiscard]] const OpenDirPtr& root() const { return root_; }
  [[nodiscard]] bool has_lowers() const { return !lowers_.empty(); }
  [[nodiscard]] const LowerLayers& lowers() const { return lowers_; }

  // The directory of this path, made where it is missing: from that of the layers below, else as
  // root's with mode 0755.
  [[nodiscard]] Result<OpenDirPtr> make_dir(const std::string& path);
  // The directory of this path as far as the tree itself holds it, or null.
  [[nodiscard]] Result<OpenDirPtr> find_own_dir(const std::string& path);
  // The same through the layers below, too; nothing when none has it.
  [[nodiscard]] Result<std::optional<Place>> find_dir(const std::string& path);
  // What parent/name is in the layers below, as they show through `place`.
  [[nodiscard]] Result<std::optional<LowerEntry>> look_below(const Place& place,
                                                             const std::string& name);

  // Makes parent/name with mode 0700 and opens it; the attributes are applied when it is closed.
  [[nodiscard]] Result<OpenDirPtr> make_child(OpenDir& parent, const std::string& name);
  [[nodiscard]] Result<OpenDirPtr> open_child(const OpenDir& parent, const std::string& name) {
    return dirs_.open_child(parent, name);
  }
  // `dir` is what `path` means.
  void remember(const OpenDirPtr& dir, const std::string& path);
  // A name in `parent` was made, which may stand before a link of the layers below.
  void note_made(OpenDir& parent);
  // Names were removed or hidden: what was remembered of paths is void.
  void note_hidden(OpenDir& parent);
  // Removes parent/name, whatever it is, with all below it.
  [[nodiscard]] Status remove(OpenDir& parent, const std::string& name);
  // Gives directories their modes and times.
  [[nodiscard]] Status finish();

 private:
  struct Walk;
  enum class Missing { kImagine, kStop };

  LayerTree(Options options, LowerLayers lowers)
      : options_(std::move(options)), lowers_(std::move(lowers)) {}
  Result<std::optional<Place>> walk(const std::string& path, Missing missing);
  Result<bool> enter(Walk& walk, const std::string& name);
  Result<bool> enter_upper(Walk& walk, const std::string& name, const struct stat& info);
  Result<bool> enter_lower(Walk& walk, const std::string& name);

  Result<bool> follow(Walk& walk, const std::string& target, bool from_lower);
  Status go_up(Walk& walk);
  void descend(Walk& walk, const std::string& name, OpenDirPtr dir, std::vector<uint16_t> members);
  Result<OpenDirPtr> materialize(const std::string& path);
  Result<Place> materialize_child(const Place& parent, const std::string& name);
  Result<std::vector<uint16_t>> members_of(const Place& parent, const std::string& name, int dir);
  Result<OpenDirPtr> make_implied(OpenDir& parent, const std::string& name);
  Result<OpenDirPtr> copy_up_dir(OpenDir& parent, const std::string& name, const LowerEntry& entry,
                                 const std::string& path);

  Options options_;
  LowerLayers lowers_;
  OnImplied on_implied_;
  OpenDirs dirs_;
  OpenDirPtr root_;
  bool foreign_paths_ = false;  // some remembered path leads through a link of a layer below
  bool any_foreign_ = false;    // some path has done so since the beginning
};

}  // namespace crunlite::image
