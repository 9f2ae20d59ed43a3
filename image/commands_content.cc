// SPDX-License-Identifier: Apache-2.0
// The verbs that bring images in, and out into bundles.
#include <array>

#include "image/commands.h"
#include "image/import.h"
#include "image/import_names.h"
#include "image/platform.h"
#include "image/unpack.h"

namespace crunlite::image {
namespace {

constexpr std::array kImportOptions = {
    OptionSpec{"ref", '\0', "REF", "which image of the source, by its name there"},
    OptionSpec{"platform", 'p', "OS/ARCH", "of which platform (default: this host's), or \"all\""},
    OptionSpec{"format", '\0', "FORMAT", "oci, docker, rootfs, or auto (default)"},
};
constexpr std::array kUnpackOptions = {
    OptionSpec{"copy", '\0', {}, "a plain tree in rootfs/, for any runtime; no overlay"},
    OptionSpec{"platform", 'p', "OS/ARCH", "of which platform, where the image has several"},
};

// What `import` and `unpack` tell.
struct ImportedFact {
  std::string name;
  oci::Digest digest;
  std::string media_type;
  uint64_t size = 0;
  uint64_t layers = 0;
};
constexpr auto json_fields(ImportedFact*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("name", &ImportedFact::name, kRequired),
                    field("digest", &ImportedFact::digest, kRequired),
                    field("mediaType", &ImportedFact::media_type, kRequired),
                    field("size", &ImportedFact::size, kRequired),
                    field("layers", &ImportedFact::layers, kRequired));
}
struct ImportFacts {
  std::vector<ImportedFact> images;
  uint64_t added_bytes = 0;
};
constexpr auto json_fields(ImportFacts*) {
  using json::field;
  return std::tuple(field("images", &ImportFacts::images, json::kRequired),
                    field("addedBytes", &ImportFacts::added_bytes, json::kRequired));
}

struct UnpackFacts {
  std::string bundle;
  std::string image;
  oci::Digest manifest;
  uint64_t layers = 0;
  std::string root;  // "overlay" or "copy"
  uint64_t dropped_xattrs = 0;
  uint64_t skipped_devices = 0;
};
constexpr auto json_fields(UnpackFacts*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("bundle", &UnpackFacts::bundle, kRequired),
                    field("image", &UnpackFacts::image, kRequired),
                    field("manifest", &UnpackFacts::manifest, kRequired),
                    field("layers", &UnpackFacts::layers, kRequired),
                    field("root", &UnpackFacts::root, kRequired),
                    field("droppedXattrs", &UnpackFacts::dropped_xattrs),
                    field("skippedDevices", &UnpackFacts::skipped_devices));
}

Result<ImportOptions> import_options(const Options& options) {
  ImportOptions import;
  import.source = options.positionals()[0];
  if (options.positionals().size() > 1) import.name = options.positionals()[1];
  if (!import.name.empty()) (void)TRY(parse_name(import.name));
  import.ref = options.value("ref");
  std::string platform = options.value("platform");
  import.all_platforms = platform == "all";
  if (!platform.empty() && !import.all_platforms) import.platform = TRY(parse_platform(platform));
  import.format = TRY(parse_source_format(options.value("format", "auto")));
  return import;
}

Status check_import(const Options& options) {
  TRY(import_options(options));
  return {};
}

Status print_import(const Invocation& invocation, const ImportResult& result) {
  if (invocation.json) {
    ImportFacts facts;
    facts.added_bytes = result.added_bytes;
    for (const ImportedImage& image : result.images) {
      facts.images.push_back({image.record.name, image.record.target.digest,
                              image.record.target.media_type, image.bytes, image.layers});
    }
    return print_json(json::encode(facts));
  }
  if (invocation.quiet) return {};
  std::string text;
  for (const ImportedImage& image : result.images) {
    text += cat("imported ", image.record.name, ": ", counted(image.layers, "layer"), ", ",
                human_bytes(image.bytes), ", ", image.record.target.digest.to_string(), "\n");
  }
  return print(text);
}

Status run_import(const Invocation& invocation) {
  ImportOptions options = TRY(import_options(invocation.options));
  Store store = TRY(open_store(invocation, {.create = true}));
  ImportResult result = TRY(import_images(store, options, invocation.observer), "import");
  invocation.progress.clear();
  return print_import(invocation, result);
}

Result<UnpackOptions> unpack_options(const Options& options) {
  UnpackOptions unpack;
  unpack.name = TRY(parse_name(options.positionals()[0]));
  unpack.bundle = options.positionals()[1];
  unpack.copy = options.has("copy");
  if (options.has("platform")) unpack.platform = TRY(parse_platform(options.value("platform")));
  return unpack;
}

Status check_unpack(const Options& options) {
  TRY(unpack_options(options));
  return {};
}

// What the bundle could not keep of its image.
void tell_losses(const Invocation& invocation, const UnpackedBundle& bundle) {
  if (bundle.losses.devices > 0) {
    say(invocation, cat(counted(bundle.losses.devices, "device node"),
                        " could not be made without privilege, ignoring"));
  }
  if (bundle.losses.xattrs > 0) {
    say(invocation,
        cat(counted(bundle.losses.xattrs, "extended attribute"), " could not be kept, ignoring"));
  }
  for (const std::string& label : bundle.dropped_labels) {
    say(invocation, cat("label ", quote(label), " would steer a runtime, ignoring"));
  }
}

Status print_unpack(const Invocation& invocation, const UnpackedBundle& bundle, bool copy) {
  if (invocation.json) {
    return print_json(json::encode(UnpackFacts{bundle.bundle, bundle.image, bundle.manifest,
                                               bundle.layers, copy ? "copy" : "overlay",
                                               bundle.losses.xattrs, bundle.losses.devices}));
  }
  if (invocation.quiet) return {};
  return print(cat("unpacked ", bundle.image, " to ", bundle.bundle, ": ",
                   copy ? "a copy of " : "an overlay of ", counted(bundle.layers, "layer"), "\n"));
}

Status run_unpack(const Invocation& invocation) {
  UnpackOptions options = TRY(unpack_options(invocation.options));
  Store store = TRY(open_store(invocation, {}));
  UnpackedBundle bundle = TRY(unpack_bundle(store, options, invocation.observer), "unpack");
  invocation.progress.clear();
  tell_losses(invocation, bundle);
  return print_unpack(invocation, bundle, options.copy);
}

constexpr std::array kVerbs = {
    Verb{"import", "SOURCE [NAME[:TAG]]", "import images into the store",
         "SOURCE is an OCI image layout (a folder or a tar), an archive of `docker save`, or the "
         "tar of a\nroot file system, each tar plain or compressed by gzip or zstd; \"-\" is "
         "standard input. Without\nNAME the source's own names are taken.",
         kImportOptions, 1, 2, check_import, run_import},
    Verb{"unpack", "NAME BUNDLE", "make a bundle that a runtime can run",
         "Each layer is unpacked once into the store. The bundle gets a config.json whose first "
         "mount is an\noverlay of them, below a writable layer of its own; nothing is mounted by "
         "this command. BUNDLE must\nnot exist, or be an empty directory.",
         kUnpackOptions, 2, 2, check_unpack, run_unpack},
};

}  // namespace

std::span<const Verb> content_verbs() { return kVerbs; }

}  // namespace crunlite::image
