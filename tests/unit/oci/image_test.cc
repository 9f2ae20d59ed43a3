// SPDX-License-Identifier: Apache-2.0
#include "oci/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/limits.h"

namespace crunlite::oci {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kDigest = "sha256:" + std::string(64, 'a');

std::string descriptor(std::string_view type, std::string_view size = "10",
                       std::string_view more = "") {
  return cat(R"({"mediaType":")", type, R"(","digest":")", kDigest, R"(","size":)", size, more,
             "}");
}

std::string manifest(std::string_view layers, std::string_view more = "") {
  return cat(R"({"schemaVersion":2,"config":)", descriptor(kMediaTypeConfig), R"(,"layers":[)",
             layers, "]", more, "}");
}

std::string index(std::string_view manifests, std::string_view more = "") {
  return cat(R"({"schemaVersion":2,"manifests":[)", manifests, "]", more, "}");
}

std::string config(std::string_view diff_ids, std::string_view more = "") {
  return cat(R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[)",
             diff_ids, "]}", more, "}");
}

template <class T>
std::string error_of(const Result<T>& result) {
  return result.has_value() ? "no error" : result.error().message;
}

TEST(LayerCompression, KnowsEachLayerType) {
  struct Row {
    std::string_view type;
    Compression compression;
    bool nondistributable;
  };
  for (const Row& row : std::vector<Row>{
           {"application/vnd.oci.image.layer.v1.tar", Compression::kNone, false},
           {"application/vnd.oci.image.layer.v1.tar+gzip", Compression::kGzip, false},
           {"application/vnd.oci.image.layer.v1.tar+zstd", Compression::kZstd, false},
           {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", Compression::kGzip,
            true},
           {"application/vnd.docker.image.rootfs.diff.tar.gzip", Compression::kGzip, false},
           {"application/vnd.docker.image.rootfs.diff.tar", Compression::kNone, false},
           {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", Compression::kGzip,
            true}}) {
    Result<Compression> compression = layer_compression(row.type);
    ASSERT_TRUE(compression.has_value()) << row.type;
    EXPECT_EQ(*compression, row.compression) << row.type;
    EXPECT_EQ(is_nondistributable(row.type), row.nondistributable) << row.type;
  }
}

TEST(LayerCompression, RefusesAllElse) {
  for (std::string_view type :
       {std::string_view(), kMediaTypeConfig, kMediaTypeManifest, kMediaTypeEmpty,
        std::string_view("application/vnd.oci.image.layer.v1.tar+bzip2"),
        std::string_view("application/vnd.oci.image.layer.v1.tar+gzip+encrypted"),
        std::string_view("APPLICATION/vnd.oci.image.layer.v1.tar"),
        std::string_view("application/vnd.oci.image.layer.v1.tar ")}) {
    EXPECT_FALSE(layer_compression(type).has_value()) << type;
    EXPECT_FALSE(is_nondistributable(type)) << type;
  }
}

TEST(MediaTypes, KnowTheTwoFamilies) {
  EXPECT_TRUE(is_index_type(kMediaTypeIndex));
  EXPECT_TRUE(is_index_type("application/vnd.docker.distribution.manifest.list.v2+json"));
  EXPECT_FALSE(is_index_type(kMediaTypeManifest));
  EXPECT_TRUE(is_manifest_type(kMediaTypeManifest));
  EXPECT_TRUE(is_manifest_type("application/vnd.docker.distribution.manifest.v2+json"));
  EXPECT_FALSE(is_manifest_type("application/vnd.docker.distribution.manifest.v1+json"));
  EXPECT_TRUE(is_config_type(kMediaTypeConfig));
  EXPECT_TRUE(is_config_type("application/vnd.docker.container.image.v1+json"));
  EXPECT_FALSE(is_config_type(kMediaTypeEmpty));
}

TEST(ParseManifest, ReadsWhatItHolds) {
  std::string text =
      manifest(descriptor(kMediaTypeLayerGzip, "10", R"(,"annotations":{"k":"v"},"urls":["u"])"),
               cat(R"(,"annotations":{"a":"b"},"unknown":{"x":[1]},"subject":)",
                   descriptor(kMediaTypeManifest)));
  Result<Manifest> parsed = parse_manifest(text, kMediaTypeManifest);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->config.media_type, kMediaTypeConfig);
  ASSERT_EQ(parsed->layers.size(), 1U);
  EXPECT_EQ(parsed->layers[0].digest.to_string(), kDigest);
  EXPECT_EQ(parsed->layers[0].size, 10U);
  EXPECT_EQ(parsed->layers[0].annotations.at("k"), "v");
  EXPECT_EQ(parsed->layers[0].urls, Strings{"u"});
  EXPECT_EQ(parsed->annotations.at("a"), "b");
  EXPECT_TRUE(parsed->subject.has_value());
  EXPECT_TRUE(parse_manifest(manifest("")).has_value());
}

TEST(ParseManifest, RefusesByField) {
  struct Row {
    std::string text;
    std::string error;
  };
  const std::string layer = descriptor(kMediaTypeLayer);
  for (const Row& row : std::vector<Row>{
           {"", "invalid JSON"},
           {"[]", "document: expected an object"},
           {"{}", "schemaVersion: missing"},
           {R"({"schemaVersion":1})", "schemaVersion: 1 is not supported"},
           {R"({"schemaVersion":3})", "schemaVersion: 3 is not supported"},
           {R"({"schemaVersion":"2"})", "schemaVersion: expected an integer"},
           {R"({"schemaVersion":2.0})", "schemaVersion: expected an integer"},
           {R"({"schemaVersion":2,"layers":[]})", "config: missing"},
           {R"({"schemaVersion":2,"config":)" + descriptor(kMediaTypeConfig) + "}",
            "layers: missing"},
           {manifest("", R"(,"manifests":[])"), "manifests: does not belong"},
           {manifest("", R"(,"manifests":null)"), "manifests: does not belong"},
           {manifest("", R"(,"fsLayers":[])"), "fsLayers: does not belong"},
           {manifest("", R"(,"layers":[])"), "invalid JSON"},
           {manifest("", R"(,"mediaType":"application/x")"), "mediaType: \"application/x\""},
           {manifest("", cat(R"(,"mediaType":")", kMediaTypeIndex, "\"")), "mediaType: "},
           {manifest(descriptor("application/x")), "layers[0].mediaType: \"application/x\""},
           {manifest(layer + "," + descriptor("")), "layers[1].mediaType: \"\""},
           {manifest(descriptor(kMediaTypeLayer, "-1")), "layers[0].size: expected an integer"},
           {manifest(descriptor(kMediaTypeLayer, "1.5")), "layers[0].size: expected an integer"},
           {manifest(descriptor(kMediaTypeLayer, "1e3")), "layers[0].size: expected an integer"},
           {manifest(descriptor(kMediaTypeLayer, "\"1\"")), "layers[0].size: expected an integer"},
           {manifest(descriptor(kMediaTypeLayer, "18446744073709551616")), "layers[0].size: "},
           {manifest(descriptor(kMediaTypeLayer, cat(limits::kBlobBytes + 1))), "layers[0].size: "},
           {manifest(R"({"mediaType":"x","size":1})"), "layers[0].digest: missing"},
           {manifest(R"({"mediaType":"x","size":1,"digest":"sha256:a/../../b"})"),
            "layers[0].digest: digest "},
           {cat(R"({"schemaVersion":2,"layers":[],"config":)",
                descriptor(kMediaTypeConfig, cat(limits::kImageConfigBytes + 1)), "}"),
            "config.size: "},
           {cat(R"({"schemaVersion":2,"layers":[],"config":)", descriptor(kMediaTypeEmpty), "}"),
            "config.mediaType: "},
       }) {
    EXPECT_THAT(error_of(parse_manifest(row.text)), StartsWith(row.error)) << row.text;
  }
}

TEST(ParseManifest, BoundsItsSizeAndLayers) {
  std::string text = manifest("");
  text.resize(limits::kManifestBytes, ' ');
  EXPECT_TRUE(parse_manifest(text).has_value());
  text.push_back(' ');
  EXPECT_EQ(parse_manifest(text).error().kind, Kind::kLimit);

  std::string layers = descriptor(kMediaTypeLayer);
  for (size_t i = 1; i < limits::kLayers; i++) layers += "," + descriptor(kMediaTypeLayer);
  EXPECT_TRUE(parse_manifest(manifest(layers)).has_value());
  layers += "," + descriptor(kMediaTypeLayer);
  EXPECT_EQ(parse_manifest(manifest(layers)).error().kind, Kind::kLimit);
}

TEST(ParseManifest, HoldsTheDescriptorsMediaType) {
  std::string text = manifest("", cat(R"(,"mediaType":")", kMediaTypeManifest, "\""));
  EXPECT_TRUE(parse_manifest(text).has_value());
  EXPECT_TRUE(parse_manifest(text, kMediaTypeManifest).has_value());
  EXPECT_THAT(
      error_of(parse_manifest(text, "application/vnd.docker.distribution.manifest.v2+json")),
      HasSubstr("contradicts"));
  EXPECT_TRUE(parse_manifest(manifest(""), "application/vnd.docker.distribution.manifest.v2+json")
                  .has_value());
}

TEST(ParseIndex, ReadsPlatforms) {
  std::string text = index(descriptor(
      kMediaTypeManifest, "10",
      R"(,"platform":{"architecture":"arm64","os":"linux","variant":"v8","os.version":"1"})"));
  Result<Index> parsed = parse_index(text, kMediaTypeIndex);
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  ASSERT_EQ(parsed->manifests.size(), 1U);
  EXPECT_EQ(parsed->manifests[0].platform->variant, "v8");
  EXPECT_EQ(parsed->manifests[0].platform->os_version, "1");
  EXPECT_TRUE(parse_index(index(descriptor("application/anything"))).has_value());
  EXPECT_TRUE(parse_index(index("")).has_value());
}

TEST(ParseIndex, RefusesByField) {
  struct Row {
    std::string text;
    std::string error;
  };
  for (const Row& row : std::vector<Row>{
           {R"({"schemaVersion":2})", "manifests: missing"},
           {R"({"schemaVersion":1,"manifests":[]})", "schemaVersion: 1"},
           {index("", R"(,"layers":[])"), "layers: does not belong"},
           {index("", R"(,"config":{})"), "config: does not belong"},
           {index("", cat(R"(,"mediaType":")", kMediaTypeManifest, "\"")), "mediaType: "},
           {index(descriptor("")), "manifests[0].mediaType: is empty"},
           {index(descriptor(kMediaTypeManifest, cat(limits::kManifestBytes + 1))),
            "manifests[0].size: "},
           {index(descriptor(kMediaTypeManifest, "1", R"(,"platform":{"os":"linux"})")),
            "manifests[0].platform.architecture: missing"},
       }) {
    EXPECT_THAT(error_of(parse_index(row.text)), StartsWith(row.error)) << row.text;
  }
}

TEST(ParseImageConfig, ReadsTheContainersDefaults) {
  Result<ImageConfig> parsed = parse_image_config(config(
      "\"" + kDigest + "\"",
      R"(,"config":{"User":"1:2","ExposedPorts":{"80/tcp":{}},"Env":["A=b"],"Entrypoint":null,
          "Cmd":["sh"],"Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"l":"m"},
          "StopSignal":"SIGINT","Healthcheck":{"Test":["CMD","x"],"Interval":1000000000}},
          "history":[{"created_by":"x","empty_layer":true}])"));
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  ASSERT_TRUE(parsed->config.has_value());
  EXPECT_EQ(parsed->config->user, "1:2");
  EXPECT_TRUE(parsed->config->exposed_ports.contains("80/tcp"));
  EXPECT_TRUE(parsed->config->entrypoint.empty());
  EXPECT_EQ(parsed->config->cmd, Strings{"sh"});
  EXPECT_EQ(parsed->config->working_dir, "/w");
  EXPECT_EQ(parsed->config->healthcheck->interval, 1'000'000'000);
  EXPECT_TRUE(parsed->history.at(0).empty_layer);
  EXPECT_EQ(parsed->rootfs.diff_ids.at(0).to_string(), kDigest);
}

TEST(ParseImageConfig, RefusesByField) {
  struct Row {
    std::string text;
    std::string error;
  };
  for (const Row& row : std::vector<Row>{
           {"{}", "architecture: missing"},
           {R"({"architecture":"","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})",
            "architecture: is empty"},
           {R"({"architecture":"a","os":"","rootfs":{"type":"layers","diff_ids":[]}})",
            "os: is empty"},
           {R"({"architecture":"a","os":"b"})", "rootfs: missing"},
           {R"({"architecture":"a","os":"b","rootfs":{"type":"layers"}})",
            "rootfs.diff_ids: missing"},
           {R"({"architecture":"a","os":"b","rootfs":{"type":"x","diff_ids":[]}})",
            "rootfs.type: \"x\""},
           {config("\"sha256:1\""), "rootfs.diff_ids[0]: digest"},
           {config("1"), "rootfs.diff_ids[0]: expected a string"},
           {config("", R"(,"config":{"Env":"A=b"})"), "config.Env: expected an array"},
           {config("", R"(,"config":{"Env":["A\u0000"]})"), "config.Env[0]: contains a NUL"},
           {config("", R"(,"config":{"Volumes":{"/v":1}})"),
            "config.Volumes[\"/v\"]: expected an object"},
           {config("", R"(,"config":{"Volumes":["/v"]})"), "config.Volumes: expected an object"},
       }) {
    EXPECT_THAT(error_of(parse_image_config(row.text)), StartsWith(row.error)) << row.text;
  }
}

TEST(CheckImage, WantsOneDiffIdForEachLayer) {
  Manifest two_layers;
  two_layers.layers.resize(2);
  ImageConfig image;
  EXPECT_FALSE(check_image(two_layers, image).has_value());
  image.rootfs.diff_ids.resize(1);
  EXPECT_EQ(check_image(two_layers, image).error().message,
            "rootfs.diff_ids: 1 entries for the 2 layers of the manifest");
  image.rootfs.diff_ids.resize(2);
  EXPECT_TRUE(check_image(two_layers, image).has_value());
  image.rootfs.diff_ids.resize(3);
  EXPECT_FALSE(check_image(two_layers, image).has_value());
}

TEST(ParseImageLayout, TakesVersionOne) {
  EXPECT_TRUE(parse_image_layout(R"({"imageLayoutVersion":"1.0.0"})").has_value());
  EXPECT_TRUE(parse_image_layout(R"({"imageLayoutVersion":"1.1.0"})").has_value());
  for (std::string_view text :
       {R"({"imageLayoutVersion":"2.0.0"})", R"({"imageLayoutVersion":"10.0.0"})",
        R"({"imageLayoutVersion":""})", R"({"imageLayoutVersion":1})", "{}", ""}) {
    EXPECT_FALSE(parse_image_layout(text).has_value()) << text;
  }
}

TEST(ParseDockerImages, ReadsEveryImage) {
  auto images = parse_docker_images(
      R"([{"Config":"c.json","RepoTags":["a:b"],"Layers":["1/layer.tar","blobs/sha256/x"]},
          {"Config":"d.json","RepoTags":null,"Layers":[],"Parent":"x"}])");
  ASSERT_TRUE(images.has_value()) << images.error().message;
  ASSERT_EQ(images->size(), 2U);
  EXPECT_EQ((*images)[0].layers.at(1), "blobs/sha256/x");
  EXPECT_TRUE((*images)[1].repo_tags.empty());
}

TEST(ParseDockerImages, RefusesPathsThatLeaveTheArchive) {
  for (std::string_view path : {"", "/etc/passwd", "..", "../x", "a/../../x", "a/.."}) {
    EXPECT_THAT(error_of(parse_docker_images(cat(R"([{"Config":")", path, R"(","Layers":[]}])"))),
                StartsWith("[0].Config: "))
        << path;
    EXPECT_THAT(
        error_of(parse_docker_images(cat(R"([{"Config":"c","Layers":["ok",")", path, R"("]}])"))),
        StartsWith("[0].Layers[1]: "))
        << path;
  }
  EXPECT_TRUE(parse_docker_images(R"([{"Config":"..c","Layers":["a..b","..."]}])").has_value());
  EXPECT_THAT(error_of(parse_docker_images(R"([{"Config":"c","RepoTags":["A"],"Layers":[]}])")),
              StartsWith("[0].RepoTags[0]: reference \"A\""));
  EXPECT_THAT(error_of(parse_docker_images(R"({"Config":"c"})")),
              StartsWith("document: expected an array"));
}

Descriptor for_platform(std::string architecture, std::string variant, std::string os = "linux") {
  Descriptor entry;
  entry.media_type = kMediaTypeManifest;
  entry.platform = Platform{std::move(architecture), std::move(os), "", {}, std::move(variant)};
  return entry;
}

TEST(FindPlatform, TakesTheFirstThatFits) {
  Index list;
  list.manifests = {for_platform("unknown", "", "unknown"), for_platform("amd64", "", "windows"),
                    for_platform("arm64", "v8"), for_platform("amd64", ""),
                    for_platform("amd64", "v3")};
  EXPECT_EQ(find_platform(list, {"amd64", "linux", "", {}, ""}), &list.manifests[3]);
  EXPECT_EQ(find_platform(list, {"arm64", "linux", "", {}, ""}), &list.manifests[2]);
  EXPECT_EQ(find_platform(list, {"arm64", "linux", "", {}, "v7"}), nullptr);
  EXPECT_EQ(find_platform(list, {"riscv64", "linux", "", {}, ""}), nullptr);
}

TEST(FindPlatform, TakesTheOnlyNamelessOne) {
  Descriptor nameless;
  nameless.media_type = kMediaTypeManifest;
  Index list;
  list.manifests = {nameless};
  EXPECT_EQ(find_platform(list, host_platform()), &list.manifests[0]);
  list.manifests.push_back(nameless);
  EXPECT_EQ(find_platform(list, host_platform()), nullptr);
  list.manifests.push_back(for_platform(host_platform().architecture, ""));
  EXPECT_EQ(find_platform(list, host_platform()), &list.manifests[2]);
  list.manifests = {Descriptor{}};
  list.manifests[0].media_type = "application/other";
  EXPECT_EQ(find_platform(list, host_platform()), nullptr);
}

}  // namespace
}  // namespace crunlite::oci
