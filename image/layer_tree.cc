// SPDX-License-Identifier: Apache-2.0
#include "image/layer_tree.h"

#include <errno.h>

#include <deque>

#include "base/check.h"
#include "base/limits.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "image/attributes.h"
#include "image/remove.h"

namespace crunlite::image {
namespace {

constexpr mode_t kImpliedMode = 0755;
constexpr mode_t kNewMode = 0700;
constexpr uint64_t kInRoot = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV;
constexpr int kOpenDir = O_RDONLY | O_DIRECTORY;

std::string path_below(const std::string& dir, const std::string& name) {
  return dir.empty() ? name : cat(dir, "/", name);
}

std::unexpected<Error> not_a_directory(const std::string& path) {
  return fail(Kind::kInvalid, "parent ", quote(path), ": is not a directory");
}

}  // namespace

// A path on its way: what is still to be entered, and the directories entered so far.
struct LayerTree::Walk {
  const std::string& path;  // as it was given
  Missing missing = Missing::kStop;
  std::deque<std::string> names = {};
  int links = 0;
  bool foreign = false;  // came through a link of a layer below
  Place at = {};
  std::vector<std::vector<uint16_t>> members = {};  // of at.path's parents, from the root
};

Result<LayerTree> LayerTree::open(int root, Options options) {
  LowerLayers lowers(options.lowers);
  LayerTree tree(std::move(options), std::move(lowers));
  tree.root_ = TRY(tree.dirs_.adopt(TRY(sys::openat(root, ".", kOpenDir), "root")), "root");
  return tree;
}

Result<OpenDirPtr> LayerTree::find_own_dir(const std::string& path) {
  if (path.empty()) return root_;
  if (OpenDirPtr known = dirs_.find(path)) return known;
  Result<UniqueFd> fd = sys::openat2(root_->fd.get(), path.c_str(), kOpenDir, kInRoot);
  // Why it cannot be opened, a walk finds out, and says better than the kernel.
  if (!fd.has_value()) return OpenDirPtr();
  OpenDirPtr dir = TRY(dirs_.adopt(std::move(*fd)));
  dirs_.remember(dir, path);
  return dir;
}

Result<OpenDirPtr> LayerTree::make_dir(const std::string& path) {
  // What the tree itself holds is what shows. Only what is missing needs a look below.
  if (OpenDirPtr own = TRY(find_own_dir(path))) return own;
  std::optional<Place> place = TRY(walk(path, Missing::kImagine));
  CHECK(place.has_value());
  // Only now, since links on the way must not bring up the directories that hold them.
  if (place->dir == nullptr) place->dir = TRY(materialize(place->path));
  dirs_.remember(place->dir, path);
  return place->dir;
}

Result<std::optional<Place>> LayerTree::find_dir(const std::string& path) {
  return walk(path, Missing::kStop);
}

Result<std::optional<LowerEntry>> LayerTree::look_below(const Place& place,
                                                        const std::string& name) {
  return lowers_.look_up(place.path, place.members, name);
}

Result<std::optional<Place>> LayerTree::walk(const std::string& path, Missing missing) {
  Walk walk{.path = path, .missing = missing};
  walk.at = {.path = {}, .members = lowers_.all_members(), .dir = root_};
  for (std::string_view name : split(path, '/')) walk.names.emplace_back(name);
  while (!walk.names.empty()) {
    std::string name = std::move(walk.names.front());
    walk.names.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      TRY(go_up(walk));
      continue;
    }
    if (walk.at.path.size() + name.size() >= limits::kPathBytes ||
        walk.members.size() >= limits::kPathDepth) {
      return fail(Kind::kLimit, "parent ", quote(path), ": leads too deep");
    }
    if (!TRY(enter(walk, name))) return std::optional<Place>();
  }
  // Until here both kinds of walk go the same way, so that a path means one thing to a layer.
  bool exists = walk.at.dir != nullptr || !walk.at.members.empty();
  if (!exists && missing == Missing::kStop) return std::optional<Place>();
  foreign_paths_ |= walk.foreign;
  any_foreign_ |= walk.foreign;
  return std::move(walk.at);
}

// One step; false: what is there is no directory, and the walk shall stop then.
Result<bool> LayerTree::enter(Walk& walk, const std::string& name) {
  if (walk.at.dir != nullptr) {
    Result<struct stat> info =
        sys::fstatat(walk.at.dir->fd.get(), name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (info.has_value()) return enter_upper(walk, name, *info);
    if (info.error().errnum != ENOENT) return std::unexpected(info.error());
  }
  return enter_lower(walk, name);
}

Result<bool> LayerTree::enter_upper(Walk& walk, const std::string& name, const struct stat& info) {
  OpenDir& parent = *walk.at.dir;
  if (S_ISLNK(info.st_mode)) {
    return follow(walk, TRY(sys::readlinkat(parent.fd.get(), name.c_str())), false);
  }
  if (S_ISDIR(info.st_mode)) {
    OpenDirPtr dir = TRY(dirs_.open_child(parent, name));
    std::vector<uint16_t> members = TRY(members_of(walk.at, name, dir->fd.get()));
    descend(walk, name, std::move(dir), std::move(members));
    return true;
  }
  if (options_.overlay && is_whiteout(info)) {
    descend(walk, name, nullptr, {});
    return true;
  }
  if (walk.missing == Missing::kStop) return false;
  return not_a_directory(path_below(walk.at.path, name));
}

Result<bool> LayerTree::enter_lower(Walk& walk, const std::string& name) {
  std::optional<LowerEntry> below = TRY(look_below(walk.at, name));
  if (!below.has_value()) {
    descend(walk, name, nullptr, {});  // a directory that is still to be made
    return true;
  }
  if (S_ISLNK(below->info.st_mode)) {
    return follow(walk, TRY(sys::readlinkat(below->fd.get(), "")), true);
  }
  if (S_ISDIR(below->info.st_mode)) {
    descend(walk, name, nullptr, std::move(below->members));
    return true;
  }
  if (walk.missing == Missing::kStop) return false;
  return not_a_directory(path_below(walk.at.path, name));
}

// What of the layers below shows through a directory of the tree.
Result<std::vector<uint16_t>> LayerTree::members_of(const Place& parent, const std::string& name,
                                                    int dir) {
  std::vector<uint16_t> members;
  if (parent.members.empty() || TRY(is_opaque(dir))) return members;
  std::optional<LowerEntry> below = TRY(look_below(parent, name));
  if (below.has_value()) members = std::move(below->members);
  return members;
}

// Makes the directories of a path without links.
Result<OpenDirPtr> LayerTree::materialize(const std::string& path) {
  Place at{.path = {}, .members = lowers_.all_members(), .dir = root_};
  for (std::string_view name : split(path, '/')) {
    at = TRY(materialize_child(at, std::string(name)));
  }
  return at.dir;
}

Result<Place> LayerTree::materialize_child(const Place& parent, const std::string& name) {
  Place child{.path = path_below(parent.path, name), .members = {}, .dir = {}};
  int fd = parent.dir->fd.get();
  Result<struct stat> info = sys::fstatat(fd, name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!info.has_value() && info.error().errnum != ENOENT) return std::unexpected(info.error());
  if (info.has_value() && S_ISDIR(info->st_mode)) {
    child.dir = TRY(dirs_.open_child(*parent.dir, name));
    child.members = TRY(members_of(parent, name, child.dir->fd.get()));
    return child;
  }
  if (info.has_value()) {
    // Removed and used again by the same layer: what lies below stays hidden.
    if (!options_.overlay || !is_whiteout(*info)) return not_a_directory(child.path);
    TRY(remove(*parent.dir, name));
    child.dir = TRY(make_implied(*parent.dir, name));
    TRY(mark_opaque(child.dir->fd.get()));
    return child;
  }
  std::optional<LowerEntry> below = TRY(look_below(parent, name));
  if (!below.has_value()) {
    child.dir = TRY(make_implied(*parent.dir, name));
    return child;
  }
  if (!S_ISDIR(below->info.st_mode)) return not_a_directory(child.path);
  child.dir = TRY(copy_up_dir(*parent.dir, name, *below, child.path));
  child.members = std::move(below->members);
  return child;
}

Result<OpenDirPtr> LayerTree::make_implied(OpenDir& parent, const std::string& name) {
  if (on_implied_) TRY(on_implied_(parent, name));
  OpenDirPtr dir = TRY(make_child(parent, name));
  dir->mode = kImpliedMode;
  return dir;
}

Result<bool> LayerTree::follow(Walk& walk, const std::string& target, bool from_lower) {
  if (++walk.links > limits::kSymlinks) {
    if (walk.missing == Missing::kStop) return false;  // nothing can be there
    return fail(Kind::kInvalid, "parent ", quote(walk.path), ": too many symbolic links");
  }
  walk.foreign |= from_lower;
  std::vector<std::string_view> names = split(target, '/');
  for (auto name = names.rbegin(); name != names.rend(); ++name) walk.names.emplace_front(*name);
  if (target.starts_with('/')) {
    walk.members.clear();
    walk.at = {.path = {}, .members = lowers_.all_members(), .dir = root_};
  }
  return true;
}

// The parent of the root is the root, as everywhere.
Status LayerTree::go_up(Walk& walk) {
  if (walk.members.empty()) return {};
  walk.at.members = std::move(walk.members.back());
  walk.members.pop_back();
  size_t slash = walk.at.path.rfind('/');
  walk.at.path.resize(slash == std::string::npos ? 0 : slash);
  if (walk.at.path.empty()) {
    walk.at.dir = root_;
    return {};
  }
  Result<UniqueFd> fd =
      sys::openat2(root_->fd.get(), walk.at.path.c_str(), kOpenDir, kInRoot | RESOLVE_NO_SYMLINKS);
  walk.at.dir = nullptr;
  if (!fd.has_value() && fd.error().errnum == ENOENT) return {};
  walk.at.dir = TRY(dirs_.adopt(TRY(std::move(fd))));
  return {};
}

void LayerTree::descend(Walk& walk, const std::string& name, OpenDirPtr dir,
                        std::vector<uint16_t> members) {
  walk.members.push_back(std::move(walk.at.members));
  walk.at.members = std::move(members);
  walk.at.path = path_below(walk.at.path, name);
  walk.at.dir = std::move(dir);
}

Result<OpenDirPtr> LayerTree::make_child(OpenDir& parent, const std::string& name) {
  TRY(sys::mkdirat(parent.fd.get(), name.c_str(), kNewMode));
  parent.touched = true;
  OpenDirPtr dir = TRY(dirs_.open_child(parent, name));
  dir->touched = true;
  dir->mode = kNewMode;
  dir->mtime.reset();
  return dir;
}

// A directory of the layers below, without what it holds.
Result<OpenDirPtr> LayerTree::copy_up_dir(OpenDir& parent, const std::string& name,
                                          const LowerEntry& entry, const std::string& path) {
  OpenDirPtr dir = TRY(make_implied(parent, name));
  int fd = dir->fd.get();
  if (options_.set_owner) TRY(sys::fchown(fd, entry.info.st_uid, entry.info.st_gid));
  UniqueFd from = TRY(lowers_.open_read(entry.members.front(), path, kOpenDir));
  uint64_t dropped = 0;  // none: those that are read are kept
  TRY(set_xattrs(fd, TRY(read_xattrs(from.get(), true, options_.set_owner)), true,
                 options_.set_owner, dropped));
  dir->mode = entry.info.st_mode & 07777;
  dir->mtime = entry.info.st_mtim;
  return dir;
}

void LayerTree::remember(const OpenDirPtr& dir, const std::string& path) {
  // The path of an entry may itself lead through such a link: then make_dir() shall find out.
  if (!any_foreign_) dirs_.remember(dir, path);
}

void LayerTree::note_made(OpenDir& parent) {
  parent.touched = true;
  if (!foreign_paths_) return;
  dirs_.forget_paths();
  foreign_paths_ = false;
}

void LayerTree::note_hidden(OpenDir& parent) {
  parent.touched = true;
  dirs_.forget_paths();
  foreign_paths_ = false;
}

Status LayerTree::remove(OpenDir& parent, const std::string& name) {
  note_hidden(parent);
  return remove_below(parent.fd.get(), name);
}

Status LayerTree::finish() {
  root_ = nullptr;
  return dirs_.close_all();
}

}  // namespace crunlite::image
