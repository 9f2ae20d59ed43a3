// SPDX-License-Identifier: Apache-2.0
#include "image/snapshot.h"

#include <unistd.h>

#include "base/limits.h"
#include "image/spool.h"

namespace crunlite::image {
namespace {

constexpr int kLockWaitMs = 200;  // between two looks whether we were interrupted
constexpr mode_t kTreeMode = 0755;

// One layer of an image, and how to speak of it.
struct LayerJob {
  const oci::Descriptor& blob;
  const oci::Digest& diff_id;
  std::string what;  // "layer 2 of 5"
};

LayerJob job_of(const StoredImage& image, size_t at) {
  return {image.manifest.layers[at], image.config.rootfs.diff_ids[at],
          cat("layer ", at + 1, " of ", image.manifest.layers.size())};
}

LayerOptions options_for(const LayerJob& job, LayerForm form, Ownership ownership,
                         const Observer& observer) {
  LayerOptions options;
  options.form = form;
  options.ownership = ownership;
  options.digest_blob = true;
  options.blob_algorithm = digest_algorithm(job.blob.digest.algorithm);
  options.diff_algorithm = digest_algorithm(job.diff_id.algorithm);
  options.bounds.max_blob_bytes = job.blob.size;
  options.progress = [&observer, &job](uint64_t done) {
    observer.report(job.what, done, job.blob.size);
  };
  options.interrupted = observer.interrupted;
  return options;
}

// What was read must be what the manifest and the config promised: checked before it is kept.
Status check_result(const LayerJob& job, const LayerResult& result) {
  if (result.blob_bytes != job.blob.size || result.blob_digest != job.blob.digest.to_string()) {
    return fail(Kind::kInvalid, "blob ", job.blob.digest.to_string(),
                ": is damaged in the store: it has ", result.blob_bytes, " bytes and the digest ",
                result.blob_digest);
  }
  if (result.diff_id != job.diff_id.to_string()) {
    return fail(Kind::kInvalid, "blob ", job.blob.digest.to_string(), ": its diff ID is ",
                result.diff_id, ", the image's config says ", job.diff_id.to_string());
  }
  return {};
}

Result<LayerResult> unpack_job(const Store& store, const LayerJob& job, int root,
                               const LayerOptions& options, UnpackLosses& losses) {
  UniqueFd blob = TRY(store.open_blob(job.blob.digest), job.what);
  LayerResult result = TRY(unpack_layer(blob.get(), root, options), job.what, " (",
                           job.blob.digest.to_string(), ")");
  TRY(check_result(job, result), job.what);
  losses.xattrs += result.dropped_xattrs;
  losses.devices += result.skipped_devices;
  return result;
}

// Waits for another process that unpacks the same layer.
Result<FileLock> lock_layer(const Store& store, const std::string& name, const Observer& observer) {
  for (;;) {
    Result<FileLock> lock = store.lock_name(cat("layer ", name), kLockWaitMs);
    if (lock.has_value() || lock.error().kind != Kind::kConflict) return lock;
    TRY(observer.check());
  }
}

Status unpack_into_store(Store& store, const LayerJob& job, const LayerRecord& record,
                         const std::vector<std::string>& below, const LayerOptions& options,
                         UnpackLosses& losses) {
  Session session = TRY(store.make_session());
  const std::string tree = "tree";
  TRY(sys::mkdirat(session.fd(), tree.c_str(), kTreeMode), "store: tmp");
  DirFd root = TRY(sys::openat(session.fd(), tree.c_str(), O_RDONLY | O_DIRECTORY), "store: tmp");
  LayerOptions with_lowers = options;
  std::vector<UniqueFd> lowers = TRY(open_layers(store, {below.rbegin(), below.rend()}));
  for (const UniqueFd& lower : lowers) with_lowers.lowers.push_back(lower.get());
  LayerResult result = TRY(unpack_job(store, job, root.get(), with_lowers, losses));
  LayerRecord whole = record;
  whole.bytes = result.bytes;
  whole.entries = result.entries;
  return store.adopt_layer(session.fd(), tree, whole);
}

}  // namespace

Result<std::vector<std::string>> unpack_layers(Store& store, const StoredImage& image,
                                               Ownership ownership, const Observer& observer,
                                               UnpackLosses& losses) {
  std::vector<std::string> names;
  for (size_t i = 0; i < image.manifest.layers.size(); i++) {
    LayerJob job = job_of(image, i);
    LayerRecord record;
    record.chain_id = image.chain_ids[i];
    record.diff_id = job.diff_id;
    record.parent = names.empty() ? "" : names.back();
    record.ownerless = ownership == Ownership::kIgnore;
    std::string name = record_name(record);
    if (!TRY(store.find_layer(record.chain_id, record.ownerless)).has_value()) {
      FileLock lock = TRY(lock_layer(store, name, observer), job.what);
      // Another process may have made it while we waited.
      if (!TRY(store.find_layer(record.chain_id, record.ownerless)).has_value()) {
        TRY(unpack_into_store(store, job, record, names,
                              options_for(job, LayerForm::kOverlay, ownership, observer), losses));
      }
    }
    names.push_back(std::move(name));
  }
  return names;
}

Status unpack_plain(const Store& store, const StoredImage& image, int root, Ownership ownership,
                    const Observer& observer, UnpackLosses& losses) {
  for (size_t i = 0; i < image.manifest.layers.size(); i++) {
    LayerJob job = job_of(image, i);
    LayerOptions options = options_for(job, LayerForm::kPlain, ownership, observer);
    TRY(unpack_job(store, job, root, options, losses));
  }
  return {};
}

Result<std::vector<UniqueFd>> open_layers(const Store& store,
                                          const std::vector<std::string>& names) {
  std::vector<UniqueFd> layers;
  for (const std::string& name : names) {
    layers.push_back(TRY(sys::open(store.layer_path(name).c_str(), O_RDONLY | O_DIRECTORY),
                         "store: layer ", name));
  }
  return layers;
}

Ownership possible_ownership() {
  if (::geteuid() != 0) return Ownership::kIgnore;
  // In a user namespace of one id, root cannot give a file to anybody.
  Result<std::string> map = read_file(AT_FDCWD, "/proc/self/uid_map", limits::kKernelFileBytes);
  if (!map.has_value()) return Ownership::kApply;
  uint64_t ids = 0;
  for (std::string_view line : split(trim(*map), '\n')) {
    std::string_view count = trim(line).substr(trim(line).rfind(' ') + 1);
    ids += parse_number<uint64_t>(count).value_or(0);
  }
  return ids > 1 ? Ownership::kApply : Ownership::kIgnore;
}

}  // namespace crunlite::image
