// SPDX-License-Identifier: Apache-2.0
// The verbs about what is in the store.
#include <algorithm>
#include <array>

#include "image/commands.h"
#include "image/garbage.h"
#include "image/import_names.h"
#include "image/platform.h"
#include "image/stored_image.h"

namespace crunlite::image {
namespace {

constexpr std::array<OptionSpec, 0> kNoOptions = {};
constexpr std::array kPlatformOption = {
    OptionSpec{"platform", 'p', "OS/ARCH", "of which platform, where the image has several"}};
constexpr std::array kPruneOptions = {
    OptionSpec{"dry-run", 'n', {}, "only tell what would be removed"}};

Status check_names(const Options& options) {
  for (const std::string& name : options.positionals()) (void)TRY(parse_name(name));
  if (options.has("platform")) (void)TRY(parse_platform(options.value("platform")));
  return {};
}

uint64_t size_of(const StoredImage& image) {
  uint64_t bytes = image.descriptor.size + image.manifest.config.size;
  for (const oci::Descriptor& layer : image.manifest.layers) bytes += layer.size;
  return bytes;
}

// ls
struct ListedImage {
  std::string name;
  oci::Digest digest;
  std::string media_type;
  oci::Strings platforms;
  uint64_t layers = 0;
  uint64_t size = 0;
  std::string created;
  std::string imported;
};
constexpr auto json_fields(ListedImage*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("name", &ListedImage::name, kRequired),
                    field("digest", &ListedImage::digest, kRequired),
                    field("mediaType", &ListedImage::media_type, kRequired),
                    field("platforms", &ListedImage::platforms, kRequired),
                    field("layers", &ListedImage::layers, kRequired),
                    field("size", &ListedImage::size, kRequired),
                    field("created", &ListedImage::created),
                    field("imported", &ListedImage::imported, kRequired));
}

Result<ListedImage> list_one(const Store& store, const RefRecord& ref) {
  ListedImage listed;
  listed.name = ref.name;
  listed.digest = ref.target.digest;
  listed.media_type = ref.target.media_type;
  listed.imported = ref.imported;
  AllManifests all = TRY(list_manifests(ref.target, document_reader(store)));
  for (const oci::Descriptor& manifest : all.manifests) {
    StoredImage image = TRY(read_image(store, manifest));
    listed.platforms.push_back(to_text(platform_of(image.config)));
    listed.layers = std::max<uint64_t>(listed.layers, image.manifest.layers.size());
    listed.size += size_of(image);
    listed.created = image.config.created;
  }
  return listed;
}

std::string list_text(const std::vector<ListedImage>& images) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "DIGEST", "PLATFORM", "LAYERS", "SIZE", "IMPORTED"}};
  for (const ListedImage& image : images) {
    rows.push_back({image.name, short_digest(image.digest),
                    // quote() shows control characters instead of obeying them.
                    quote(join(image.platforms, ",")), cat(image.layers), human_bytes(image.size),
                    image.imported.substr(0, image.imported.find('.'))});
    std::string& platform = rows.back()[2];
    platform = platform.substr(1, platform.size() - 2);
  }
  return table(rows);
}

struct Listing {
  std::vector<ListedImage> images;
  Status failed;  // of one that could not be read; the others are listed nevertheless
};

Result<Listing> list_all(const Invocation& invocation) {
  Listing listing;
  Result<Store> store = open_store(invocation, {});
  // A store that was never made holds nothing.
  if (!store.has_value() && store.error().kind == Kind::kNotFound) return listing;
  if (!store.has_value()) return std::unexpected(std::move(store).error());
  for (const RefRecord& ref : TRY(store->list_refs())) {
    Result<ListedImage> listed = list_one(*store, ref);
    if (listed.has_value()) {
      listing.images.push_back(std::move(*listed));
    } else {
      listing.failed = std::unexpected(with_context(listed.error(), "image ", ref.name));
    }
  }
  return listing;
}

Status run_ls(const Invocation& invocation) {
  Listing listing = TRY(list_all(invocation));
  const std::vector<ListedImage>& images = listing.images;
  if (invocation.json) {
    TRY(print_json(json::encode(images)));
  } else if (invocation.quiet) {
    for (const ListedImage& image : images) TRY(print(image.name + "\n"));
  } else {
    TRY(print(list_text(images)));
  }
  return listing.failed;
}

// inspect
struct InspectedLayer {
  oci::Digest digest;
  uint64_t size = 0;
  std::string media_type;
  oci::Digest diff_id;
  oci::Digest chain_id;
  bool unpacked = false;
};
constexpr auto json_fields(InspectedLayer*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("digest", &InspectedLayer::digest, kRequired),
                    field("size", &InspectedLayer::size, kRequired),
                    field("mediaType", &InspectedLayer::media_type, kRequired),
                    field("diffID", &InspectedLayer::diff_id, kRequired),
                    field("chainID", &InspectedLayer::chain_id, kRequired),
                    field("unpacked", &InspectedLayer::unpacked, kRequired));
}
struct InspectedImage {
  std::string name;
  oci::Descriptor target;
  oci::Digest manifest;
  std::string imported;
  std::vector<InspectedLayer> layers;
  json::Value config;  // as it stands in the store
};
constexpr auto json_fields(InspectedImage*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("name", &InspectedImage::name, kRequired),
                    field("target", &InspectedImage::target, kRequired),
                    field("manifest", &InspectedImage::manifest, kRequired),
                    field("imported", &InspectedImage::imported, kRequired),
                    field("layers", &InspectedImage::layers, kRequired),
                    field("config", &InspectedImage::config, kRequired));
}

Result<InspectedImage> inspect(const Store& store, const RefRecord& ref, const StoredImage& image) {
  InspectedImage inspected;
  inspected.name = ref.name;
  inspected.target = ref.target;
  inspected.manifest = image.descriptor.digest;
  inspected.imported = ref.imported;
  for (size_t i = 0; i < image.manifest.layers.size(); i++) {
    const oci::Descriptor& layer = image.manifest.layers[i];
    const oci::Digest& chain_id = image.chain_ids[i];
    bool unpacked = TRY(store.find_layer(chain_id, false)).has_value() ||
                    TRY(store.find_layer(chain_id, true)).has_value();
    inspected.layers.push_back({layer.digest, layer.size, layer.media_type,
                                image.config.rootfs.diff_ids[i], chain_id, unpacked});
  }
  inspected.config = TRY(json::parse(TRY(read_document(store, image.manifest.config))));
  return inspected;
}

std::string quoted(const std::vector<std::string>& words) {
  std::vector<std::string> list;
  for (const std::string& word : words) list.push_back(quote(word));
  return join(list, " ");
}

std::string inspect_text(const InspectedImage& inspected, const StoredImage& image) {
  const oci::ImageDefaults defaults = image.config.config.value_or(oci::ImageDefaults());
  std::vector<std::vector<std::string>> rows = {
      {"name", inspected.name},
      {"manifest", inspected.manifest.to_string()},
      {"platform", quote(to_text(platform_of(image.config)))},
      {"size", human_bytes(size_of(image))},
      {"created", quote(image.config.created)},
      {"imported", inspected.imported},
      {"user", quote(defaults.user)},
      {"entrypoint", quoted(defaults.entrypoint)},
      {"command", quoted(defaults.cmd)},
      {"directory", quote(defaults.working_dir)},
      {"environment", quoted(defaults.env)},
  };
  for (const InspectedLayer& layer : inspected.layers) {
    rows.push_back({"layer", cat(layer.digest.to_string(), ", ", human_bytes(layer.size),
                                 layer.unpacked ? ", unpacked" : "")});
  }
  return table(rows);
}

Status run_inspect(const Invocation& invocation) {
  Store store = TRY(open_store(invocation, {}));
  RefRecord ref = TRY(store.find_ref(TRY(parse_name(invocation.argument(0)))));
  std::optional<oci::Platform> platform;
  if (invocation.options.has("platform")) {
    platform = TRY(parse_platform(invocation.options.value("platform")));
  }
  StoredImage image = TRY(find_image(store, ref, platform));
  InspectedImage inspected = TRY(inspect(store, ref, image));
  if (invocation.json) return print_json(json::encode(inspected));
  return print(inspect_text(inspected, image));
}

// tag
Status run_tag(const Invocation& invocation) {
  Store store = TRY(open_store(invocation, {}));
  RefRecord ref = TRY(store.find_ref(TRY(parse_name(invocation.argument(0)))));
  ref.name = TRY(parse_name(invocation.argument(1))).to_string();
  ref.imported = rfc3339(now_unix_ns());
  return store.put_ref(ref);
}

// rm and prune
struct CollectedFacts {
  oci::Strings names;
  uint64_t blobs = 0;
  uint64_t layers = 0;
  uint64_t bundles = 0;
  uint64_t leftovers = 0;
  uint64_t bytes = 0;
};
constexpr auto json_fields(CollectedFacts*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("names", &CollectedFacts::names),
                    field("blobs", &CollectedFacts::blobs, kRequired),
                    field("layers", &CollectedFacts::layers, kRequired),
                    field("bundles", &CollectedFacts::bundles, kRequired),
                    field("leftovers", &CollectedFacts::leftovers, kRequired),
                    field("freedBytes", &CollectedFacts::bytes, kRequired));
}

CollectedFacts facts_of(const Garbage& garbage) {
  return {{}, garbage.blobs, garbage.layers, garbage.bundles, garbage.leftovers, garbage.bytes};
}

std::string collected_text(std::string_view verb, const Garbage& garbage) {
  return cat(verb, " ", counted(garbage.blobs, "blob"), ", ", counted(garbage.layers, "layer"),
             ", ", counted(garbage.bundles, "bundle"), ", ", counted(garbage.leftovers, "leftover"),
             ": ", human_bytes(garbage.bytes), "\n");
}

Status run_rm(const Invocation& invocation) {
  CollectedFacts facts;
  {
    Store store = TRY(open_store(invocation, {}));
    std::vector<oci::Reference> names;
    for (const std::string& text : invocation.options.positionals()) {
      names.push_back(TRY(parse_name(text)));
      (void)TRY(store.find_ref(names.back()));  // all or none
    }
    for (const oci::Reference& name : names) {
      Status removed = store.remove_ref(name);
      // Given twice, or removed by another process meanwhile.
      if (!removed.has_value() && removed.error().kind != Kind::kNotFound) return removed;
      facts.names.push_back(name.to_string());
    }
  }
  // The names are gone. What they alone needed goes too, unless somebody uses the store just now.
  Result<Store> store = open_store(invocation, {.lock = Store::Lock::kExclusive, .wait = false});
  bool busy = !store.has_value() && store.error().kind == Kind::kConflict;
  if (!store.has_value() && !busy) return std::unexpected(std::move(store).error());
  Garbage garbage = busy ? Garbage() : TRY(collect_garbage(*store, false));
  if (busy) say(invocation, "the store is in use: what is not needed stays until `prune`");
  if (invocation.json) {
    CollectedFacts collected = facts_of(garbage);
    collected.names = std::move(facts.names);
    return print_json(json::encode(collected));
  }
  if (invocation.quiet) return {};
  std::string text;
  for (const std::string& name : facts.names) text += cat("removed ", name, "\n");
  return print(busy ? text : text + collected_text("removed", garbage));
}

Status run_prune(const Invocation& invocation) {
  bool dry_run = invocation.options.has("dry-run");
  Result<Store> store = open_store(invocation, {.lock = Store::Lock::kExclusive});
  bool missing = !store.has_value() && store.error().kind == Kind::kNotFound;
  if (!store.has_value() && !missing) return std::unexpected(std::move(store).error());
  Garbage garbage = missing ? Garbage() : TRY(collect_garbage(*store, dry_run));
  if (invocation.json) return print_json(json::encode(facts_of(garbage)));
  if (invocation.quiet) return {};
  return print(collected_text(dry_run ? "would remove" : "removed", garbage));
}

constexpr std::array kVerbs = {
    Verb{"ls", "", "list the images", "", kNoOptions, 0, 0, nullptr, run_ls},
    Verb{"inspect", "NAME", "tell all about an image", "", kPlatformOption, 1, 1, check_names,
         run_inspect},
    Verb{"tag", "NAME NEW", "give an image another name, or move that name to it", "", kNoOptions,
         2, 2, check_names, run_tag},
    Verb{"rm", "NAME...", "remove names, and what nothing else needs",
         "Layers of bundles stay as long as the bundle's directory exists.", kNoOptions, 1,
         kAnyNumber, check_names, run_rm},
    Verb{"prune", "", "remove what no name and no bundle needs, and what was left half-made",
         "Waits until nobody imports or unpacks.", kPruneOptions, 0, 0, nullptr, run_prune},
};

}  // namespace

std::span<const Verb> store_verbs() { return kVerbs; }

}  // namespace crunlite::image
