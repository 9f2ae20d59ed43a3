// SPDX-License-Identifier: Apache-2.0
#include "image/garbage.h"

#include <errno.h>

#include <set>
#include <string>
#include <vector>

#include "image/bundle_dir.h"
#include "image/stored_image.h"

namespace crunlite::image {
namespace {

// What must stay.
struct Needed {
  std::set<oci::Digest> blobs;
  std::set<std::string> layers;
};

// Marks a manifest with all it leads to. One that an index names for another platform may be
// missing, since only chosen platforms are imported.
Status mark_image(const Store& store, const oci::Descriptor& manifest, Needed& needed) {
  if (!store.has_blob(manifest.digest, manifest.size)) return {};
  StoredImage image = TRY(read_image(store, manifest));
  needed.blobs.insert(manifest.digest);
  needed.blobs.insert(image.manifest.config.digest);
  for (const oci::Descriptor& layer : image.manifest.layers) needed.blobs.insert(layer.digest);
  for (const oci::Digest& chain_id : image.chain_ids) {
    needed.layers.insert(short_name(chain_id, false));
    needed.layers.insert(short_name(chain_id, true));
  }
  return {};
}

Status mark_refs(const Store& store, Needed& needed) {
  for (const RefRecord& ref : TRY(store.list_refs())) {
    AllManifests all = TRY(list_manifests(ref.target, document_reader(store)), "image ", ref.name);
    for (const oci::Descriptor& index : all.indexes) needed.blobs.insert(index.digest);
    for (const oci::Descriptor& manifest : all.manifests) {
      TRY(mark_image(store, manifest, needed), "image ", ref.name);
    }
  }
  return {};
}

Status sweep_bundles(Store& store, bool dry_run, Needed& needed, Garbage& garbage) {
  for (const BundleRecord& record : TRY(store.list_bundles())) {
    BundleState state = look_at_bundle(record);
    if (state == BundleState::kReady) {
      needed.layers.insert(record.layers.begin(), record.layers.end());
      continue;
    }
    garbage.bundles++;
    if (dry_run) continue;
    if (state == BundleState::kHalfMade) TRY(remove_half_made(record));
    TRY(store.remove_bundle_record(record.bundle));
  }
  return {};
}

Result<uint64_t> size_of(const Store& store, const oci::Digest& digest) {
  UniqueFd fd = TRY(store.open_blob(digest));
  return static_cast<uint64_t>(TRY(sys::fstat(fd.get())).st_size);
}

Status sweep_blobs(Store& store, bool dry_run, const Needed& needed, Garbage& garbage) {
  for (const oci::Digest& digest : TRY(store.list_blobs())) {
    if (needed.blobs.contains(digest)) continue;
    garbage.blobs++;
    garbage.bytes += dry_run ? TRY(size_of(store, digest)) : TRY(store.remove_blob(digest));
  }
  return {};
}

Status sweep_layers(Store& store, bool dry_run, const Needed& needed, Garbage& garbage) {
  for (const std::string& name : TRY(store.list_layers())) {
    if (needed.layers.contains(name)) continue;
    garbage.layers++;
    garbage.bytes += dry_run ? TRY(store.layer_bytes(name)) : TRY(store.remove_layer(name));
  }
  return {};
}

}  // namespace

Result<Garbage> collect_garbage(Store& store, bool dry_run) {
  Garbage garbage;
  Needed needed;
  // All is looked at before anything goes.
  TRY(mark_refs(store, needed), "collect garbage");
  if (!dry_run) garbage.leftovers = TRY(store.remove_leftovers(), "collect garbage");
  TRY(sweep_bundles(store, dry_run, needed, garbage), "collect garbage");
  TRY(sweep_blobs(store, dry_run, needed, garbage), "collect garbage");
  TRY(sweep_layers(store, dry_run, needed, garbage), "collect garbage");
  return garbage;
}

}  // namespace crunlite::image
