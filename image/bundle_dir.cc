// SPDX-License-Identifier: Apache-2.0
#include "image/bundle_dir.h"

#include <errno.h>

#include "image/layer.h"

namespace crunlite::image {
namespace {

constexpr int kLockWaitMs = 1000;
constexpr size_t kTokenBytes = 64;
constexpr mode_t kBundleMode = 0700;  // it holds set-user-id programs that nobody patches

// The path of an open directory, free of links. Without /proc it stays as it was given.
std::string path_of(int dir, const std::string& given) {
  Result<std::string> path = sys::readlinkat(AT_FDCWD, cat("/proc/self/fd/", dir).c_str());
  return path.has_value() && path->starts_with('/') ? *path : given;
}

Result<DirFd> open_listable(int parent, const std::string& name) {
  return sys::openat(parent, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

// False when nothing is there.
Result<bool> exists_empty(const BundlePlace& place) {
  Result<struct stat> info =
      sys::fstatat(place.parent.get(), place.name.c_str(), AT_SYMLINK_NOFOLLOW);
  if (!info.has_value() && info.error().errnum == ENOENT) return false;
  if (!info.has_value()) return std::unexpected(std::move(info).error());
  if (S_ISDIR(info->st_mode)) {
    DirFd dir = TRY(open_listable(place.parent.get(), place.name));
    if (TRY(sys::list_dir(dir.get())).empty()) return true;
  }
  return fail(Kind::kExists, "exists, and is not an empty directory");
}

bool bears_token(int bundle, const BundleRecord& record) {
  Result<UniqueFd> file =
      sys::openat(bundle, std::string(kUnfinishedFile).c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file.has_value()) return false;
  Result<std::string> token = read_fd(file->get(), kTokenBytes);
  return token.has_value() && *token == record.token;
}

// The file with the token goes last, so that what is left always bears it.
Status remove_content(int bundle) {
  for (const sys::DirEntry& entry : TRY(sys::list_dir(bundle))) {
    if (entry.name != kUnfinishedFile) TRY(remove_layer(bundle, entry.name));
  }
  return remove_layer(bundle, std::string(kUnfinishedFile));
}

Status remove_bundle(int parent, const std::string& name, const BundleRecord& record) {
  Result<DirFd> bundle = open_listable(parent, name);
  if (!bundle.has_value() && bundle.error().errnum == ENOENT) return {};
  if (!bundle.has_value()) return std::unexpected(std::move(bundle).error());
  if (bears_token(bundle->get(), record)) TRY(remove_content(bundle->get()));
  if (!record.made_directory) return {};
  Status removed = sys::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  // Not empty: it bears no token of ours, so it is somebody else's by now.
  bool foreign = !removed.has_value() &&
                 (removed.error().errnum == ENOTEMPTY || removed.error().errnum == EEXIST);
  return foreign ? Status() : removed;
}

}  // namespace

Result<BundlePlace> find_bundle_place(const std::string& path) {
  SplitPath split = split_path(path);
  if (split.name.empty() || split.name == "." || split.name == "..") {
    return fail(Kind::kInvalid, "bundle ", quote(path), ": the path does not end in a name");
  }
  std::string parent = split.parent.empty() ? "." : split.parent;
  BundlePlace place;
  place.parent = TRY(sys::open(parent.c_str(), O_RDONLY | O_DIRECTORY), "bundle ", quote(path));
  parent = path_of(place.parent.get(), clean_path(parent));
  place.name = split.name;
  place.path = cat(parent == "/" ? "" : parent, "/", split.name);
  return place;
}

Result<BundleDir> BundleDir::create(Store& store, const std::string& path,
                                    const BundleRecord& about) {
  BundlePlace place = TRY(find_bundle_place(path));
  FileLock lock = TRY(store.lock_name(cat("bundle ", place.path), kLockWaitMs), "bundle ", path);
  std::optional<BundleRecord> old = TRY(store.find_bundle(place.path), "bundle ", path);
  if (old.has_value() && !old->ready) TRY(remove_half_made(*old));
  BundleRecord record = about;
  record.bundle = place.path;
  record.token = TRY(random_name());
  record.made_directory = !TRY(exists_empty(place), "bundle ", path);
  record.ready = false;
  BundleDir dir(store, std::move(place), std::move(record), std::move(lock));
  TRY(dir.make(), "bundle ", path);
  return dir;
}

// The record comes first: whatever is made afterwards can be found by it.
Status BundleDir::make() {
  TRY(store_->put_bundle(record_));
  if (record_.made_directory) {
    TRY(sys::mkdirat(place_.parent.get(), place_.name.c_str(), kBundleMode));
  }
  fd_ = TRY(open_listable(place_.parent.get(), place_.name));
  // Somebody may have filled it since it was looked at; O_EXCL decides between two of us.
  UniqueFd token = TRY(sys::openat(fd_.get(), std::string(kUnfinishedFile).c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(sys::write_all(token.get(), record_.token));
  // After a loss of power, too, what is half-made must bear it.
  return sys::fsync(token.get());
}

Status BundleDir::finish() {
  record_.ready = true;
  TRY(sys::fsync(fd_.get()), "bundle ", path());
  TRY(sys::fsync(place_.parent.get()), "bundle ", path());
  TRY(store_->put_bundle(record_));
  store_ = nullptr;
  // From here on it is whole; a token that stays does no harm.
  (void)sys::unlinkat(fd_.get(), std::string(kUnfinishedFile).c_str(), 0);
  return {};
}

BundleDir::BundleDir(BundleDir&& other) noexcept
    : store_(std::exchange(other.store_, nullptr)),
      place_(std::move(other.place_)),
      record_(std::move(other.record_)),
      lock_(std::move(other.lock_)),
      fd_(std::move(other.fd_)) {}

BundleDir::~BundleDir() {
  if (store_ == nullptr) return;
  Status removed = remove_bundle(place_.parent.get(), place_.name, record_);
  // Otherwise `prune` tries again; nobody is left to be told.
  if (removed.has_value()) (void)store_->remove_bundle_record(record_.bundle);
}

BundleState look_at_bundle(const BundleRecord& record) {
  if (!record.ready) return BundleState::kHalfMade;
  Result<struct stat> info = sys::fstatat(AT_FDCWD, record.bundle.c_str(), AT_SYMLINK_NOFOLLOW);
  if (info.has_value()) return S_ISDIR(info->st_mode) ? BundleState::kReady : BundleState::kGone;
  // Only what is surely gone is gone; an error of another kind keeps its layers.
  bool gone = info.error().errnum == ENOENT || info.error().errnum == ENOTDIR;
  return gone ? BundleState::kGone : BundleState::kReady;
}

Status remove_half_made(const BundleRecord& record) {
  SplitPath split = split_path(record.bundle);
  Result<DirFd> parent = sys::open(split.parent.c_str(), O_RDONLY | O_DIRECTORY);
  if (!parent.has_value() && parent.error().errnum == ENOENT) return {};
  if (!parent.has_value()) return std::unexpected(std::move(parent).error());
  TRY(remove_bundle(parent->get(), split.name, record), "bundle ", record.bundle);
  return {};
}

}  // namespace crunlite::image
