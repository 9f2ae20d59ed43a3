// SPDX-License-Identifier: Apache-2.0
#include "image/unpack.h"

#include <errno.h>
#include <unistd.h>

#include <algorithm>

#include "base/limits.h"
#include "image/bundle.h"
#include "image/bundle_dir.h"
#include "image/merged_file.h"

namespace crunlite::image {
namespace {

constexpr mode_t kPrivateDir = 0700;
constexpr mode_t kRootMode = 0755;
constexpr mode_t kConfigMode = 0600;

// A file of a plain tree; "" where it is missing, as it may be.
Result<std::string> read_plain_file(int root, const std::string& path) {
  Result<UniqueFd> fd = open_in_root(root, path, O_RDONLY | O_NONBLOCK);
  if (!fd.has_value() && fd.error().errnum == ENOENT) return std::string();
  if (!fd.has_value()) return std::unexpected(std::move(fd).error());
  struct stat info = TRY(sys::fstat(fd->get()));
  if (!S_ISREG(info.st_mode)) return std::string();
  return read_fd(fd->get(), limits::kPasswdBytes);
}

Result<std::string> read_layered_file(const std::vector<int>& layers, const std::string& path) {
  Result<std::string> text = read_merged_file(layers, path, limits::kPasswdBytes);
  if (!text.has_value() && text.error().kind == Kind::kNotFound) return std::string();
  return text;
}

template <class Read>
Result<oci::ResolvedUser> resolve(const oci::ImageConfig& config, Read read) {
  oci::UserDatabase database;
  database.passwd = TRY(read(std::string(kPasswdFile)), "/", kPasswdFile);
  database.group = TRY(read(std::string(kGroupFile)), "/", kGroupFile);
  return TRY(oci::resolve_user(user_of(config), database), "config.User");
}

// upper/ is what the container sees as "/": it must look like the topmost layer's root.
Status make_upper(int bundle, int top_layer, Ownership ownership) {
  struct stat info = TRY(sys::fstat(top_layer));
  TRY(sys::mkdirat(bundle, "upper", kPrivateDir), "upper");
  UniqueFd upper = TRY(sys::openat(bundle, "upper", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  if (ownership == Ownership::kApply) {
    TRY(sys::fchownat(upper.get(), ".", info.st_uid, info.st_gid, AT_SYMLINK_NOFOLLOW), "upper");
  }
  TRY(sys::fchmod(upper.get(), info.st_mode & 07777), "upper");
  struct timespec times[2] = {info.st_atim, info.st_mtim};
  TRY(sys::utimensat(upper.get(), ".", times, AT_SYMLINK_NOFOLLOW), "upper");
  return sys::fsync(upper.get());
}

// One unpacking: what its steps share.
class Unpacker {
 public:
  Unpacker(Store& store, const UnpackOptions& options, const Observer& observer)
      : store_(store), options_(options), observer_(observer), ownership_(possible_ownership()) {}

  Result<UnpackedBundle> run();

 private:
  Status make_overlay(BundleDir& bundle, BundleInput& input);
  Status make_copy(BundleDir& bundle, BundleInput& input);
  Status write_config(BundleDir& bundle, const BundleInput& input);

  Store& store_;
  const UnpackOptions& options_;
  const Observer& observer_;
  Ownership ownership_;
  StoredImage image_;
  UnpackedBundle result_;
};

Status Unpacker::make_overlay(BundleDir& bundle, BundleInput& input) {
  std::vector<std::string> names =
      TRY(unpack_layers(store_, image_, ownership_, observer_, result_.losses));
  std::ranges::reverse(names);
  OverlayRoot root;
  for (const std::string& name : names) root.lowers.push_back(store_.layer_path(name));
  root.upper = bundle.path() + "/upper";
  root.work = bundle.path() + "/work";
  root.user_xattrs = ownership_ == Ownership::kIgnore;
  TRY(overlay_mount(root));
  std::vector<UniqueFd> layers = TRY(open_layers(store_, names));
  std::vector<int> borrowed;
  for (const UniqueFd& layer : layers) borrowed.push_back(layer.get());
  input.user = TRY(resolve(
      image_.config, [&](const std::string& path) { return read_layered_file(borrowed, path); }));
  TRY(sys::mkdirat(bundle.fd(), "rootfs", kRootMode), "rootfs");
  TRY(sys::mkdirat(bundle.fd(), "work", kPrivateDir), "work");
  TRY(make_upper(bundle.fd(), borrowed.front(), ownership_));
  bundle.set_layers(std::move(names));
  input.overlay = std::move(root);
  return {};
}

Status Unpacker::make_copy(BundleDir& bundle, BundleInput& input) {
  TRY(sys::mkdirat(bundle.fd(), "rootfs", kRootMode), "rootfs");
  UniqueFd root = TRY(sys::openat(bundle.fd(), "rootfs", O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  TRY(unpack_plain(store_, image_, root.get(), ownership_, observer_, result_.losses));
  input.user = TRY(resolve(
      image_.config, [&](const std::string& path) { return read_plain_file(root.get(), path); }));
  // Not every runtime makes the working directory.
  std::string cwd = working_dir_of(image_.config);
  TRY(make_dirs_in_root(root.get(), cwd, kRootMode), "config.WorkingDir");
  TRY(observer_.check());
  return sys::syncfs(root.get());
}

Status Unpacker::write_config(BundleDir& bundle, const BundleInput& input) {
  BundleConfig made = TRY(make_bundle_config(input));
  result_.dropped_labels = std::move(made.dropped_labels);
  return write_atomic(bundle.fd(), "config.json", oci::write_config(made.config), kConfigMode,
                      Durability::kDurable);
}

Result<UnpackedBundle> Unpacker::run() {
  RefRecord ref = TRY(store_.find_ref(options_.name));
  image_ = TRY(find_image(store_, ref, options_.platform));
  BundleRecord record;
  record.image = result_.image = ref.name;
  record.manifest = result_.manifest = image_.descriptor.digest;
  result_.layers = image_.manifest.layers.size();
  BundleDir bundle = TRY(BundleDir::create(store_, options_.bundle, record));
  result_.bundle = bundle.path();
  BundleInput input{ref.name, image_.config, {}, {}, {}};
  if (ownership_ == Ownership::kIgnore && ::geteuid() != 0) {
    input.rootless = RootlessIds{::geteuid(), ::getegid()};
  }
  TRY(options_.copy ? make_copy(bundle, input) : make_overlay(bundle, input), "image ", ref.name);
  TRY(write_config(bundle, input), "image ", ref.name);
  TRY(observer_.check());
  TRY(bundle.finish());
  return std::move(result_);
}

}  // namespace

Result<UnpackedBundle> unpack_bundle(Store& store, const UnpackOptions& options,
                                     const Observer& observer) {
  return Unpacker(store, options, observer).run();
}

}  // namespace crunlite::image
