// SPDX-License-Identifier: Apache-2.0
// The image store: a directory of blobs addressed by their digest, references, unpacked layers and
// records of bundles. docs/formats/store.md describes it; every step leaves it whole after kill -9.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/json_map.h"
#include "base/path.h"
#include "base/result.h"
#include "oci/image.h"
#include "oci/reference.h"

namespace crunlite::image {

// One name of an image. Its file is named by the digest of the name.
struct RefRecord {
  std::string name;        // normal form of oci::Reference
  oci::Descriptor target;  // a manifest, or an index; media type, digest and size only
  std::string imported;    // RFC 3339
};
constexpr auto json_fields(std::same_as<RefRecord> auto*) {
  using json::field;
  return std::tuple(field("name", &RefRecord::name, json::kRequired),
                    field("target", &RefRecord::target, json::kRequired),
                    field("imported", &RefRecord::imported, json::kRequired));
}

// Beside an unpacked layer: what it is. Written before the layer gets its name.
struct LayerRecord {
  oci::Digest chain_id;
  oci::Digest diff_id;
  std::string parent;  // short name of the layer below, "" for the first
  uint64_t bytes = 0;  // of file content
  uint64_t entries = 0;
  bool ownerless = false;  // unpacked by an ordinary user, to whom all of it belongs
};
constexpr auto json_fields(std::same_as<LayerRecord> auto*) {
  using json::field;
  return std::tuple(field("chainID", &LayerRecord::chain_id, json::kRequired),
                    field("diffID", &LayerRecord::diff_id, json::kRequired),
                    field("parent", &LayerRecord::parent), field("bytes", &LayerRecord::bytes),
                    field("entries", &LayerRecord::entries),
                    field("ownerless", &LayerRecord::ownerless));
}

// A bundle whose layers must stay. `ready` is false while it is being made: a record found so when
// nobody else uses the store belongs to a process that died, and its bundle is removed.
struct BundleRecord {
  std::string bundle;           // absolute path
  std::string token;            // which the half-made bundle bears in a file
  bool made_directory = false;  // by us: removed with its content
  bool ready = false;
  std::string image;  // the name it was made from
  oci::Digest manifest;
  std::vector<std::string> layers;  // short names, topmost first; none for a copy
};
constexpr auto json_fields(std::same_as<BundleRecord> auto*) {
  using json::field;
  return std::tuple(
      field("bundle", &BundleRecord::bundle, json::kRequired), field("token", &BundleRecord::token),
      field("madeDirectory", &BundleRecord::made_directory), field("ready", &BundleRecord::ready),
      field("image", &BundleRecord::image), field("manifest", &BundleRecord::manifest),
      field("layers", &BundleRecord::layers));
}

// What the name of an unpacked layer is made from; short, since overlay's options must fit a page.
constexpr size_t kShortNameDigits = 16;
// "0123456789abcdef", and "0123456789abcdefu" for what an ordinary user unpacked.
[[nodiscard]] std::string short_name(const oci::Digest& chain_id, bool ownerless);
[[nodiscard]] std::string record_name(const LayerRecord& record);

// Below the store's directory.
constexpr std::string_view kLayersDir = "layers";
constexpr std::string_view kTmpDir = "tmp";
constexpr std::string_view kLocksDir = "locks";

// A directory below tmp/ for a half-made thing, removed with its content at its end.
class Session {
 public:
  Session(std::string name, DirFd parent, DirFd fd)
      : name_(std::move(name)), parent_(std::move(parent)), fd_(std::move(fd)) {}
  Session(Session&& other) noexcept
      : name_(std::exchange(other.name_, "")),
        parent_(std::move(other.parent_)),
        fd_(std::move(other.fd_)) {}
  Session& operator=(Session&&) = delete;
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;
  ~Session();

  [[nodiscard]] int fd() const { return fd_.get(); }

 private:
  std::string name_;  // empty once moved from
  DirFd parent_;
  DirFd fd_;
};

// A store, and the lock which whoever uses it holds: shared, so that nothing is collected under a
// user's feet; or exclusive, for the one who collects. Nothing below tmp/ is alive when the lock
// is held exclusively. One thread.
class Store {
 public:
  using Lock = FileLock::Mode;
  struct OpenOptions {
    std::string path;  // absolute, or relative to the current directory
    Lock lock = Lock::kShared;
    bool create = true;   // otherwise Kind::kNotFound when there is none
    int timeout_ms = -1;  // for the lock; then kConflict with EWOULDBLOCK
  };
  [[nodiscard]] static Result<Store> open(const OpenOptions& options);

  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return root_.get(); }

  // Blobs. Whoever writes one has checked it; whoever reads one checks it again.
  [[nodiscard]] bool has_blob(const oci::Digest& digest, uint64_t size) const;
  [[nodiscard]] Result<UniqueFd> open_blob(const oci::Digest& digest) const;
  // Moves a checked and synced file into the store. A blob that is there already is replaced by
  // its equal. The caller calls sync_blobs() once after the last one.
  [[nodiscard]] Status adopt_blob(int from_dir, const std::string& from, const oci::Digest& digest);
  [[nodiscard]] Status sync_blobs();
  [[nodiscard]] Result<std::vector<oci::Digest>> list_blobs() const;
  // The bytes freed.
  [[nodiscard]] Result<uint64_t> remove_blob(const oci::Digest& digest);

  // References. put_ref replaces one of that name, and has it on disk when it returns.
  [[nodiscard]] Result<std::vector<RefRecord>> list_refs() const;  // by name
  [[nodiscard]] Result<RefRecord> find_ref(const oci::Reference& reference) const;
  [[nodiscard]] Status put_ref(const RefRecord& record);
  [[nodiscard]] Status remove_ref(const oci::Reference& reference);

  // Unpacked layers.
  [[nodiscard]] Result<std::optional<LayerRecord>> find_layer(const oci::Digest& chain_id,
                                                              bool ownerless) const;
  [[nodiscard]] std::string layer_path(const std::string& short_name) const;  // absolute, its tree
  [[nodiscard]] Result<std::vector<std::string>> list_layers() const;         // short names
  // Gives the tree from_dir/from its record and its place. All of it has reached the disk when this
  // returns.
  [[nodiscard]] Status adopt_layer(int from_dir, const std::string& from,
                                   const LayerRecord& record);
  [[nodiscard]] Result<uint64_t> layer_bytes(const std::string& short_name) const;
  [[nodiscard]] Result<uint64_t> remove_layer(const std::string& short_name);  // the bytes freed

  // Bundles.
  [[nodiscard]] Status put_bundle(const BundleRecord& record);
  [[nodiscard]] Result<std::optional<BundleRecord>> find_bundle(const std::string& bundle) const;
  [[nodiscard]] Result<std::vector<BundleRecord>> list_bundles() const;
  [[nodiscard]] Status remove_bundle_record(const std::string& bundle);

  [[nodiscard]] Result<Session> make_session() const;
  // One user of a name at a time, among those who share the store.
  [[nodiscard]] Result<FileLock> lock_name(const std::string& name, int timeout_ms) const;
  // Removes what dead processes left: all of tmp/ and locks/, half-written records. Only with the
  // exclusive lock. The number of things removed.
  [[nodiscard]] Result<uint64_t> remove_leftovers();

 private:
  Store(std::string path, DirFd root, FileLock lock)
      : path_(std::move(path)), root_(std::move(root)), lock_(std::move(lock)) {}

  std::string path_;  // absolute
  DirFd root_;
  FileLock lock_;
};

// Sixteen hexadecimal digits that nobody can foresee.
[[nodiscard]] Result<std::string> random_name();

// --store, CRUN_LITE_STORE, /var/lib/crun-lite for root, else below XDG_DATA_HOME or HOME.
struct StoreEnvironment {
  std::string store;  // CRUN_LITE_STORE
  std::string xdg_data_home;
  std::string home;
  bool is_root = false;
};
[[nodiscard]] Result<std::string> default_store_path(const StoreEnvironment& environment);

}  // namespace crunlite::image
