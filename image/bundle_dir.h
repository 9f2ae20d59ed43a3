// SPDX-License-Identifier: Apache-2.0
// The directory of a bundle from its making to its removal. While it is being made it holds a file
// with the token that its record in the store has too: only what bears it is ever removed.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "image/store.h"

namespace crunlite::image {

constexpr std::string_view kUnfinishedFile = ".crun-lite-unfinished";

// Where a bundle shall be: its parent exists, and `path` has no link in it.
struct BundlePlace {
  std::string path;  // absolute
  DirFd parent;
  std::string name;
};
[[nodiscard]] Result<BundlePlace> find_bundle_place(const std::string& path);

// A bundle in the making. Unless it is finished, its end removes what was made, and its record.
// Owns the lock on the bundle's name. Borrows the store. One thread.
class BundleDir {
 public:
  // Makes the directory, private to its owner, and the record of the half-made bundle. Refuses what
  // exists and is not an empty directory; but what a dead process left half-made is removed first.
  [[nodiscard]] static Result<BundleDir> create(Store& store, const std::string& path,
                                                const BundleRecord& about);
  BundleDir(BundleDir&& other) noexcept;
  BundleDir& operator=(BundleDir&&) = delete;
  BundleDir(const BundleDir&) = delete;
  BundleDir& operator=(const BundleDir&) = delete;
  ~BundleDir();

  [[nodiscard]] const std::string& path() const { return place_.path; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // The layers the bundle needs, topmost first; recorded by finish().
  void set_layers(std::vector<std::string> names) { record_.layers = std::move(names); }
  // Whatever was written has been synced by the caller. The bundle is on disk, and its record too.
  [[nodiscard]] Status finish();

 private:
  BundleDir(Store& store, BundlePlace place, BundleRecord record, FileLock lock)
      : store_(&store),
        place_(std::move(place)),
        record_(std::move(record)),
        lock_(std::move(lock)) {}
  Status make();

  Store* store_;  // nullptr once moved from or finished
  BundlePlace place_;
  BundleRecord record_;
  FileLock lock_;
  DirFd fd_;
};

// What became of a bundle, by its record.
enum class BundleState {
  kReady,     // it is there
  kGone,      // and so may its layers
  kHalfMade,  // its maker has died
};
[[nodiscard]] BundleState look_at_bundle(const BundleRecord& record);

// Removes a half-made bundle as far as it bears the record's token. Its maker must be dead.
[[nodiscard]] Status remove_half_made(const BundleRecord& record);

}  // namespace crunlite::image
