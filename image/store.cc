// SPDX-License-Identifier: Apache-2.0
#include "image/store.h"

#include <dirent.h>
#include <errno.h>
#include <sys/random.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/limits.h"
#include "image/digest.h"
#include "image/layer.h"

namespace crunlite::image {
namespace {

constexpr std::string_view kVersionFile = "version";
constexpr std::string_view kVersion = "crun-lite image store 1\n";
constexpr std::string_view kLockFile = "lock";
constexpr std::string_view kBlobsDir = "blobs";
constexpr std::string_view kRefsDir = "refs";
constexpr std::string_view kBundlesDir = "bundles";
constexpr std::string_view kRecordSuffix = ".json";
constexpr size_t kRecordBytes = 64 << 10;
constexpr mode_t kDirMode = 0700;  // layers hold set-user-id programs that nobody patches
constexpr mode_t kFileMode = 0600;
constexpr mode_t kBlobMode = 0400;

// Directories in the order in which they are made.
constexpr std::array<std::string_view, 8> kDirs = {
    "blobs", "blobs/sha256", "blobs/sha512", "refs", "layers", "bundles", "tmp", "locks"};

std::string hex_of(std::string_view text) {
  Result<std::string> digest = digest_of(text);
  CHECK(digest.has_value());  // SHA-256 of some bytes in memory
  return digest->substr(digest->find(':') + 1);
}

std::string ref_file(const std::string& name) {
  return cat(kRefsDir, "/", hex_of(name).substr(0, 40), kRecordSuffix);
}

std::string bundle_file(const std::string& bundle) {
  return cat(kBundlesDir, "/", hex_of(bundle).substr(0, 40), kRecordSuffix);
}

std::string layer_file(const std::string& short_name) {
  return cat(kLayersDir, "/", short_name, kRecordSuffix);
}

std::string blob_file(const oci::Digest& digest) {
  CHECK(!digest.hex.empty());
  return cat(kBlobsDir, "/", oci::to_text(digest.algorithm), "/", digest.hex);
}

Result<UniqueFd> open_readable(int dir, std::string_view path) {
  return sys::openat(dir, std::string(path).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Status sync_dir(int dir, std::string_view path) {
  UniqueFd fd = TRY(open_readable(dir, path), "store: ", path);
  TRY(sys::fsync(fd.get()), "store: sync ", path);
  return {};
}

Result<std::vector<std::string>> list_names(int dir, std::string_view path) {
  UniqueFd fd = TRY(open_readable(dir, path), "store: ", path);
  std::vector<std::string> names;
  for (sys::DirEntry& entry : TRY(sys::list_dir(fd.get()), "store: ", path)) {
    names.push_back(std::move(entry.name));
  }
  std::ranges::sort(names);
  return names;
}

template <class Record>
Result<Record> read_record(int dir, const std::string& path) {
  std::string text = TRY(read_file(dir, path, kRecordBytes), "store");
  return TRY(json::decode_text<Record>(text), "store: ", path);
}

// All records of a directory; what a dead writer left half-written starts with a dot.
template <class Record>
Result<std::vector<Record>> read_records(int dir, std::string_view path) {
  std::vector<Record> records;
  for (const std::string& name : TRY(list_names(dir, path))) {
    if (name.starts_with('.')) continue;
    Result<Record> record = read_record<Record>(dir, cat(path, "/", name));
    if (record.has_value()) {
      records.push_back(std::move(*record));
    } else if (record.error().errnum != ENOENT) {  // removed since the directory was listed
      return std::unexpected(std::move(record).error());
    }
  }
  return records;
}

template <class Record>
std::string record_text(const Record& record) {
  return json::write(json::encode(record), json::Style::kIndented) + "\n";
}

// As write_atomic(), whose temporary name is made from the process id: not enough between threads,
// nor between containers that share a store.
Status replace_file(int dir, const std::string& name, std::string_view text,
                    Durability durability) {
  std::string temporary = cat(".", TRY(random_name()), ".new");
  UniqueFd fd =
      TRY(sys::openat(dir, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, kFileMode),
          "store: ", name);
  Status done = sys::write_all(fd.get(), text);
  if (done.has_value() && durability == Durability::kDurable) done = sys::fsync(fd.get());
  if (done.has_value()) done = sys::renameat2(dir, temporary.c_str(), dir, name.c_str(), 0);
  if (done.has_value() && durability == Durability::kDurable) done = sys::fsync(dir);
  if (done.has_value()) return {};
  (void)sys::unlinkat(dir, temporary.c_str(), 0);  // the first error is the one to tell
  return std::unexpected(with_context(done.error(), "store: write ", name));
}

template <class Record>
Status write_record(int dir, const std::string& path, const Record& record) {
  SplitPath split = split_path(path);
  UniqueFd parent = TRY(open_readable(dir, split.parent), "store: ", split.parent);
  return replace_file(parent.get(), split.name, record_text(record), Durability::kDurable);
}

Status remove_file(int dir, const std::string& path) {
  TRY(sys::unlinkat(dir, path.c_str(), 0), "store: ", path);
  return sync_dir(dir, split_path(path).parent);
}

bool is_temporary(std::string_view name) { return name.starts_with('.') && name.ends_with(".new"); }

// A directory that holds anything but parts of a store is somebody's own: left alone.
Status check_unused(int root, const std::string& path) {
  for (const sys::DirEntry& entry : TRY(sys::list_dir(root), path)) {
    std::string_view name = entry.name;
    bool ours = name == kLockFile || name == kVersionFile || is_temporary(name) ||
                std::ranges::find(kDirs, name) != kDirs.end();
    if (!ours) {
      return fail(Kind::kConflict, path, ": not a store, and not empty: it holds ", quote(name));
    }
  }
  return {};
}

Status check_version(int root, const std::string& path) {
  std::string version = TRY(read_file(root, std::string(kVersionFile), kRecordBytes), path);
  if (version == kVersion) return {};
  return fail(Kind::kUnavailable, path, "/", kVersionFile, ": ", quote(trim(version)),
              " is not a format of this program, which knows ", quote(trim(kVersion)));
}

// Makes what is missing. The version comes last: with it the store is whole.
Status make_store(int root, const std::string& path) {
  TRY(check_unused(root, path));
  for (std::string_view dir : kDirs) {
    Status made = sys::mkdirat(root, std::string(dir).c_str(), kDirMode);
    if (!made.has_value() && made.error().errnum != EEXIST) {
      return std::unexpected(with_context(made.error(), path, "/", dir));
    }
  }
  TRY(replace_file(root, std::string(kVersionFile), kVersion, Durability::kDurable));
  return sys::syncfs(root);  // once in a store's life: its own name and its parents' as well
}

Result<std::string> absolute_path(const std::string& path) {
  if (path.empty()) return fail(Kind::kInvalid, "store: its path is empty");
  if (path.starts_with('/')) return clean_path(path);
  return clean_path(cat(TRY(sys::getcwd()), "/", path));
}

// The record of a layer that is not there.
bool is_orphan(std::string_view file, const std::vector<std::string>& layers) {
  if (!file.ends_with(kRecordSuffix)) return false;
  std::string_view name = file.substr(0, file.size() - kRecordSuffix.size());
  return std::ranges::find(layers, name) == layers.end();
}

// Moves a directory into another one. Its ".." changes by that, so an ordinary user must be allowed
// to write it; afterwards it has its mode again.
Status move_tree(int from_dir, const std::string& from, int to_dir, const std::string& to) {
  UniqueFd tree = TRY(open_readable(from_dir, from));
  mode_t mode = TRY(sys::fstat(tree.get())).st_mode & 07777;
  bool writable = (mode & S_IWUSR) != 0;
  if (!writable) TRY(sys::fchmod(tree.get(), mode | S_IWUSR));
  TRY(sys::renameat2(from_dir, from.c_str(), to_dir, to.c_str(), RENAME_NOREPLACE));
  return writable ? Status() : sys::fchmod(tree.get(), mode);
}

bool is_missing(const Error& error) { return error.errnum == ENOENT; }

}  // namespace

Result<std::string> random_name() {
  std::array<char, 8> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return fail(Kind::kSystem, "getrandom: no random bytes");
  }
  return hex(std::string_view(bytes.data(), bytes.size()));
}

std::string short_name(const oci::Digest& chain_id, bool ownerless) {
  CHECK(chain_id.hex.size() >= kShortNameDigits);
  return cat(std::string_view(chain_id.hex).substr(0, kShortNameDigits), ownerless ? "u" : "");
}

std::string record_name(const LayerRecord& record) {
  return short_name(record.chain_id, record.ownerless);
}

Session::~Session() {
  // Nobody is left to be told; `prune` finds what stays.
  if (!name_.empty()) (void)remove_layer(parent_.get(), name_);
}

Result<Store> Store::open(const OpenOptions& options) {
  std::string path = TRY(absolute_path(options.path));
  if (options.create) (void)TRY(make_host_dirs(path, kDirMode), "store");
  Result<UniqueFd> root = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  if (!root.has_value()) return std::unexpected(with_context(root.error(), "store ", path));
  bool whole = sys::fstatat(root->get(), std::string(kVersionFile).c_str(), 0).has_value();
  if (!whole && !options.create) {
    return std::unexpected(Error{Kind::kNotFound, ENOENT, cat("store ", path, ": not a store")});
  }
  if (!whole) TRY(check_unused(root->get(), path), "store");
  Result<FileLock> lock =
      FileLock::acquire(root->get(), std::string(kLockFile), options.lock, options.timeout_ms);
  if (!lock.has_value()) {
    Error error = with_context(lock.error(), "store ", path);
    // So that callers can tell it from other conflicts.
    if (error.kind == Kind::kConflict) error.errnum = EWOULDBLOCK;
    return std::unexpected(std::move(error));
  }
  if (!whole) TRY(make_store(root->get(), path), "store");
  TRY(check_version(root->get(), path), "store");
  return Store(std::move(path), std::move(*root), std::move(*lock));
}

bool Store::has_blob(const oci::Digest& digest, uint64_t size) const {
  Result<struct stat> info = sys::fstatat(fd(), blob_file(digest).c_str(), AT_SYMLINK_NOFOLLOW);
  return info.has_value() && S_ISREG(info->st_mode) && static_cast<uint64_t>(info->st_size) == size;
}

Result<UniqueFd> Store::open_blob(const oci::Digest& digest) const {
  return TRY(sys::openat(fd(), blob_file(digest).c_str(), O_RDONLY | O_NOFOLLOW), "store: blob ",
             digest.to_string());
}

Status Store::adopt_blob(int from_dir, const std::string& from, const oci::Digest& digest) {
  TRY(sys::fchmodat(from_dir, from.c_str(), kBlobMode), "store: blob ", digest.to_string());
  TRY(sys::renameat2(from_dir, from.c_str(), fd(), blob_file(digest).c_str(), 0), "store: blob ",
      digest.to_string());
  return {};
}

Status Store::sync_blobs() {
  TRY(sync_dir(fd(), "blobs/sha256"));
  return sync_dir(fd(), "blobs/sha512");
}

Result<std::vector<oci::Digest>> Store::list_blobs() const {
  std::vector<oci::Digest> digests;
  for (oci::DigestAlgorithm algorithm :
       {oci::DigestAlgorithm::kSha256, oci::DigestAlgorithm::kSha512}) {
    std::string_view name = oci::to_text(algorithm);
    for (const std::string& hex : TRY(list_names(fd(), cat(kBlobsDir, "/", name)))) {
      digests.push_back(TRY(oci::Digest::parse(cat(name, ":", hex)), "store: blobs"));
    }
  }
  return digests;
}

Result<uint64_t> Store::remove_blob(const oci::Digest& digest) {
  std::string path = blob_file(digest);
  struct stat info = TRY(sys::fstatat(fd(), path.c_str(), AT_SYMLINK_NOFOLLOW), "store: ", path);
  TRY(sys::unlinkat(fd(), path.c_str(), 0), "store: ", path);
  return static_cast<uint64_t>(info.st_size);
}

Result<std::vector<RefRecord>> Store::list_refs() const {
  std::vector<RefRecord> records = TRY(read_records<RefRecord>(fd(), kRefsDir));
  std::ranges::sort(records, {}, &RefRecord::name);
  return records;
}

Result<RefRecord> Store::find_ref(const oci::Reference& reference) const {
  std::string name = reference.to_string();
  Result<RefRecord> record = read_record<RefRecord>(fd(), ref_file(name));
  if (record.has_value() || !is_missing(record.error())) return record;
  return fail(Kind::kNotFound, "image ", name, ": not in the store ", path_);
}

Status Store::put_ref(const RefRecord& record) {
  return write_record(fd(), ref_file(record.name), record);
}

Status Store::remove_ref(const oci::Reference& reference) {
  std::string name = reference.to_string();
  Status removed = remove_file(fd(), ref_file(name));
  if (removed.has_value() || !is_missing(removed.error())) return removed;
  return fail(Kind::kNotFound, "image ", name, ": not in the store ", path_);
}

Result<std::optional<LayerRecord>> Store::find_layer(const oci::Digest& chain_id,
                                                     bool ownerless) const {
  std::string name = short_name(chain_id, ownerless);
  Result<struct stat> tree =
      sys::fstatat(fd(), cat(kLayersDir, "/", name).c_str(), AT_SYMLINK_NOFOLLOW);
  // A record alone is of a layer that never got its place.
  if (!tree.has_value() && is_missing(tree.error())) return std::optional<LayerRecord>();
  if (!tree.has_value()) return std::unexpected(with_context(tree.error(), "layer ", name));
  LayerRecord record = TRY(read_record<LayerRecord>(fd(), layer_file(name)));
  if (record.chain_id == chain_id) return std::optional<LayerRecord>(std::move(record));
  return fail(Kind::kConflict, "layer ", chain_id.to_string(), ": its short name is taken by ",
              record.chain_id.to_string());
}

std::string Store::layer_path(const std::string& short_name) const {
  return cat(path_, "/", kLayersDir, "/", short_name);
}

Result<std::vector<std::string>> Store::list_layers() const {
  std::vector<std::string> names = TRY(list_names(fd(), kLayersDir));
  std::erase_if(names, [](const std::string& name) {
    return name.starts_with('.') || name.ends_with(kRecordSuffix);
  });
  return names;
}

Status Store::adopt_layer(int from_dir, const std::string& from, const LayerRecord& record) {
  std::string name = record_name(record);
  UniqueFd tree = TRY(open_readable(from_dir, from), "store: layer ", name);
  UniqueFd layers = TRY(open_readable(fd(), kLayersDir), "store: layers");
  TRY(replace_file(layers.get(), cat(name, kRecordSuffix), record_text(record),
                   Durability::kVolatile));
  // One syncfs for thousands of files, and for the record beside them.
  TRY(sys::syncfs(tree.get()), "store: layer ", name);
  TRY(move_tree(from_dir, from, layers.get(), name), "store: layer ", name);
  TRY(sys::fsync(layers.get()), "store: layers");
  return {};
}

Result<uint64_t> Store::layer_bytes(const std::string& short_name) const {
  return TRY(read_record<LayerRecord>(fd(), layer_file(short_name))).bytes;
}

Result<uint64_t> Store::remove_layer(const std::string& short_name) {
  std::string path = cat(kLayersDir, "/", short_name);
  Result<uint64_t> bytes = layer_bytes(short_name);
  // Out of the way in one step: a layer that is half removed must not keep its name.
  std::string grave = TRY(random_name());
  UniqueFd tmp = TRY(open_readable(fd(), kTmpDir), "store: tmp");
  TRY(move_tree(fd(), path, tmp.get(), grave), "store: ", path);
  TRY(image::remove_layer(fd(), layer_file(short_name)), "store: ", path);
  TRY(image::remove_layer(tmp.get(), grave), "store: ", path);
  return bytes.value_or(0);
}

Status Store::put_bundle(const BundleRecord& record) {
  return write_record(fd(), bundle_file(record.bundle), record);
}

Result<std::optional<BundleRecord>> Store::find_bundle(const std::string& bundle) const {
  Result<BundleRecord> record = read_record<BundleRecord>(fd(), bundle_file(bundle));
  if (!record.has_value() && is_missing(record.error())) return std::optional<BundleRecord>();
  return TRY(std::move(record));
}

Result<std::vector<BundleRecord>> Store::list_bundles() const {
  std::vector<BundleRecord> records = TRY(read_records<BundleRecord>(fd(), kBundlesDir));
  std::ranges::sort(records, {}, &BundleRecord::bundle);
  return records;
}

Status Store::remove_bundle_record(const std::string& bundle) {
  Status removed = remove_file(fd(), bundle_file(bundle));
  if (!removed.has_value() && !is_missing(removed.error())) return removed;
  return {};
}

Result<Session> Store::make_session() const {
  DirFd tmp = TRY(open_readable(fd(), kTmpDir), "store: tmp");
  std::string name = TRY(random_name());
  TRY(sys::mkdirat(tmp.get(), name.c_str(), kDirMode), "store: tmp");
  DirFd session = TRY(open_readable(tmp.get(), name), "store: tmp");
  return Session(std::move(name), std::move(tmp), std::move(session));
}

Result<FileLock> Store::lock_name(const std::string& name, int timeout_ms) const {
  std::string file = cat(kLocksDir, "/", hex_of(name).substr(0, 40));
  return TRY(FileLock::acquire(fd(), file, FileLock::Mode::kExclusive, timeout_ms), "store");
}

Result<uint64_t> Store::remove_leftovers() {
  uint64_t removed = 0;
  std::vector<std::string> layers = TRY(list_layers());
  for (std::string_view dir : {kTmpDir, kLocksDir, kRefsDir, kBundlesDir, kLayersDir}) {
    UniqueFd at = TRY(open_readable(fd(), dir), "store: ", dir);
    bool whole = dir == kTmpDir || dir == kLocksDir;
    for (const std::string& name : TRY(list_names(fd(), dir))) {
      bool left = whole || name.starts_with('.') || (dir == kLayersDir && is_orphan(name, layers));
      if (!left) continue;
      TRY(image::remove_layer(at.get(), name), "store: ", dir);
      if (dir != kLocksDir) removed++;
    }
  }
  for (const std::string& name : TRY(list_names(fd(), "."))) {
    if (!name.starts_with('.')) continue;
    TRY(sys::unlinkat(fd(), name.c_str(), 0), "store: ", name);
    removed++;
  }
  return removed;
}

Result<std::string> default_store_path(const StoreEnvironment& environment) {
  if (!environment.store.empty()) return environment.store;
  if (environment.is_root) return std::string("/var/lib/crun-lite");
  // The XDG base directory specification: a relative path is to be ignored.
  if (environment.xdg_data_home.starts_with('/')) return environment.xdg_data_home + "/crun-lite";
  if (environment.home.starts_with('/')) return environment.home + "/.local/share/crun-lite";
  return fail(Kind::kInvalid, "no store: give --store DIR, or set CRUN_LITE_STORE or HOME");
}

}  // namespace crunlite::image
