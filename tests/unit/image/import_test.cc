// SPDX-License-Identifier: Apache-2.0
#include "image/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/image/image_builder.h"

namespace crunlite::image {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::vector<TarFile> kBase = {
    {"etc/", "", 'd'}, {"etc/passwd", "root:x:0:0::/root:/bin/sh\n"}, {"bin/sh", "#!\n"}};
const std::vector<TarFile> kUpper = {{"etc/.wh.passwd", ""}, {"opt/new", "new"}};

class ImportTest : public ::testing::Test {
 protected:
  ImportTest()
      : dir_(*TempDir::create("import-test")),
        store_(*Store::open({.path = dir_.path() + "/store"})) {}

  std::string path(const std::string& name) { return dir_.path() + "/" + name; }
  std::string source(const std::string& bytes) {
    std::string name = path(cat("source", next_++));
    write_file(name, bytes);
    return name;
  }
  Result<ImportResult> import(const std::string& from, const std::string& name = "",
                              ImportOptions options = {}) {
    options.source = from;
    options.name = name;
    return import_images(store_, options, {});
  }
  // The message of an import that must fail and leave nothing.
  std::string failure(const std::string& from, const std::string& name = "",
                      ImportOptions options = {}) {
    std::vector<std::string> before = list_tree(path("store"));
    Result<ImportResult> result = import(from, name, std::move(options));
    EXPECT_EQ(list_tree(path("store")), before);
    return result.has_value() ? "no failure" : result.error().message;
  }
  std::string docker_tar(const std::string& manifest_json, const std::vector<TarFile>& more) {
    std::vector<TarFile> files = more;
    files.push_back({"manifest.json", manifest_json});
    return source(make_tar(files));
  }

  TempDir dir_;
  Store store_;
  int next_ = 0;
};

TEST_F(ImportTest, TakesAFolderUnderItsOwnName) {
  LayoutBuilder layout;
  oci::Descriptor image = layout.add_image({kBase, kUpper});
  layout.name(image, "registry.example/app:1");
  layout.write_folder(path("layout"));
  Result<ImportResult> result = import(path("layout"));
  ASSERT_TRUE(result.has_value()) << result.error().message;
  ASSERT_EQ(result->images.size(), 1U);
  EXPECT_EQ(result->images[0].record.name, "registry.example/app:1");
  EXPECT_EQ(result->images[0].record.target.digest, image.digest);
  EXPECT_THAT(result->images[0].record.target.annotations, IsEmpty());
  EXPECT_EQ(result->images[0].layers, 2U);
  EXPECT_EQ(store_.list_blobs()->size(), 4U);
  EXPECT_GT(result->added_bytes, 0U);
  EXPECT_EQ(import(path("layout"))->added_bytes, 0U);
}

TEST_F(ImportTest, GivesTheSameFromEveryForm) {
  LayoutBuilder layout;
  layout.name(layout.add_image({kBase, kUpper}), "app:1");
  layout.write_folder(path("layout"));
  oci::Digest digest = import(path("layout"), "a")->images[0].record.target.digest;
  for (TarFilter filter : {TarFilter::kNone, TarFilter::kGzip, TarFilter::kZstd}) {
    Result<ImportResult> result = import(source(layout.write_tar(filter)), "b");
    ASSERT_TRUE(result.has_value()) << result.error().message;
    EXPECT_EQ(result->images[0].record.target.digest, digest);
  }
}

TEST_F(ImportTest, TakesADockerArchive) {
  std::string layer = make_tar(kBase);
  oci::ImageConfig config = LayoutBuilder::host_config();
  config.rootfs.diff_ids = {digest_of_bytes(layer), digest_of_bytes(layer)};
  std::string hex(64, 'a');
  std::string tar =
      docker_tar(R"([{"Config":"c.json","RepoTags":["app:1","other/app:2"],"Layers":[")" + hex +
                     R"(/layer.tar","b/layer.tar"]}])",
                 {{hex + "/", "", 'd'},
                  {hex + "/layer.tar", layer},
                  {"c.json", json::write(json::encode(config))},
                  {"b/layer.tar", "", 'l', "../" + hex + "/layer.tar"}});
  Result<ImportResult> result = import(tar);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  ASSERT_EQ(result->images.size(), 2U);
  EXPECT_EQ(result->images[1].record.name, "other/app:2");
  EXPECT_EQ(result->images[0].record.target.digest, result->images[1].record.target.digest);
  EXPECT_EQ(store_.list_blobs()->size(), 3U);  // one layer, used twice
}

TEST_F(ImportTest, TakesARootFileSystem) {
  oci::Digest digests[2];
  for (int i = 0; i < 2; i++) {
    Result<ImportResult> result = import(source(make_tar(kBase, TarFilter::kGzip)), "base:1");
    ASSERT_TRUE(result.has_value()) << result.error().message;
    digests[i] = result->images[0].record.target.digest;
  }
  EXPECT_EQ(digests[0], digests[1]);
  EXPECT_THAT(failure(source(make_tar(kBase))), HasSubstr("does not name its image"));
}

TEST_F(ImportTest, ChoosesThePlatform) {
  LayoutBuilder layout;
  oci::ImageConfig foreign = LayoutBuilder::host_config();
  foreign.architecture = "vax";
  oci::Descriptor images[] = {layout.add_image({kBase}, foreign), layout.add_image({kUpper})};
  oci::Index inner;
  for (oci::Descriptor& image : images) {
    image.platform = oci::host_platform();
    if (&image == &images[0]) image.platform->architecture = "vax";
    inner.manifests.push_back(image);
  }
  oci::Descriptor nested = layout.add_document(oci::kMediaTypeIndex, inner);
  layout.name(nested, "app:1");
  std::string tar = source(layout.write_tar());
  EXPECT_EQ(import(tar)->images[0].record.target.digest, images[1].digest);
  EXPECT_EQ(store_.list_blobs()->size(), 3U);
  ImportOptions options;
  options.platform = oci::host_platform();
  options.platform->architecture = "vax";
  EXPECT_EQ(import(tar, "", options)->images[0].record.target.digest, images[0].digest);
  options.platform->architecture = "pdp11";
  EXPECT_THAT(failure(tar, "", options),
              HasSubstr("no image for linux/pdp11, there are linux/vax"));
  options = {};
  options.all_platforms = true;
  EXPECT_EQ(import(tar, "", options)->images[0].record.target.digest, nested.digest);
  EXPECT_EQ(store_.list_blobs()->size(), 7U);
}

TEST_F(ImportTest, RefusesAnotherPlatformThanTheHosts) {
  LayoutBuilder layout;
  oci::ImageConfig foreign = LayoutBuilder::host_config();
  foreign.architecture = "vax";
  layout.name(layout.add_image({kBase}, foreign), "app:1");
  EXPECT_THAT(failure(source(layout.write_tar())), HasSubstr("this one is for linux/vax"));
}

TEST_F(ImportTest, PicksAmongSeveralImages) {
  LayoutBuilder layout;
  layout.name(layout.add_image({kBase}), "one:1");
  layout.name(layout.add_image({kUpper}), "two:1");
  std::string tar = source(layout.write_tar());
  EXPECT_THAT(failure(tar, "x:1"),
              HasSubstr("choose one by --ref, there are \"one:1\", \"two:1\""));
  ImportOptions options;
  options.ref = "two:1";
  EXPECT_EQ(import(tar, "x:1", options)->images[0].record.name, "x:1");
  EXPECT_EQ(import(tar, "one:1")->images.size(), 1U);
  EXPECT_EQ(import(tar)->images.size(), 2U);
}

TEST_F(ImportTest, RefusesDamagedBlobs) {
  for (int damage = 0; damage < 4; damage++) {
    LayoutBuilder layout;
    oci::Descriptor image = layout.add_image({kBase});
    layout.name(image, "app:1");
    std::string blob;  // of the layer, the only one that is gzip
    for (auto& [name, bytes] : layout.files) {
      if (bytes.starts_with("\x1f\x8b")) blob = name;
    }
    switch (damage) {
      case 0: layout.files[blob].back() ^= 1; break;
      case 1: layout.files[blob].pop_back(); break;
      case 2: layout.files[blob] += '\0'; break;
      default: layout.files.erase(blob); break;
    }
    std::string folder = path(cat("layout", damage));
    layout.write_folder(folder);
    constexpr const char* kExpected[] = {"has the digest", "its descriptor says", "is larger than",
                                         "No such file"};
    EXPECT_THAT(failure(folder), AllOf(HasSubstr("layer 1 of 1"), HasSubstr(kExpected[damage])));
    std::string message = failure(source(layout.write_tar()));
    EXPECT_THAT(message,
                damage == 3 ? HasSubstr("not in the archive") : HasSubstr("has the digest"));
  }
}

TEST_F(ImportTest, NeverFollowsLinksOfAFolder) {
  LayoutBuilder layout;
  layout.name(layout.add_image({kBase}), "app:1");
  layout.write_folder(path("layout"));
  std::string index = path("layout/index.json");
  write_file(path("outside"), read_text(index));
  ASSERT_TRUE(sys::unlinkat(AT_FDCWD, index.c_str(), 0).has_value());
  ASSERT_TRUE(sys::symlinkat("../outside", AT_FDCWD, index.c_str()).has_value());
  EXPECT_THAT(failure(path("layout")), HasSubstr("index.json"));
  ASSERT_TRUE(sys::unlinkat(AT_FDCWD, index.c_str(), 0).has_value());
  ASSERT_TRUE(sys::mknodat(AT_FDCWD, index.c_str(), S_IFIFO | 0600, 0).has_value());
  EXPECT_THAT(failure(path("layout")), HasSubstr("index.json: is not a regular file"));
}

TEST_F(ImportTest, KeepsNamesOfAnArchiveInside) {
  const std::string manifest_json = R"([{"Config":"c.json","RepoTags":["a:1"],"Layers":["l"]}])";
  struct Case {
    std::vector<TarFile> files;
    const char* message;
  };
  const Case cases[] = {
      {{{"blobs", "", 'd'}, {"../c.json", "x"}}, "leads out of the archive"},
      {{{"blobs", "", 'd'}, {"/c.json", "x"}}, "leads out of the archive"},
      {{{"blobs", "", 'd'}, {"c.json", "", 'l', "../../etc/passwd"}}, "leads out of the archive"},
      {{{"blobs", "", 'd'}, {"c.json", "", 'l', "/etc/passwd"}}, "leads out of the archive"},
      {{{"blobs", "", 'd'}, {"c.json", "", 'l', "c.json"}}, "\"c.json\": not in the archive"},
      {{{"blobs", "", 'd'}, {"c.json", "", 'c'}}, "neither a file, a directory nor a link"},
  };
  for (const Case& one : cases) {
    std::vector<TarFile> files = one.files;
    files.push_back({"manifest.json", manifest_json});
    EXPECT_THAT(failure(source(make_tar(files))), HasSubstr(one.message));
  }
}

TEST_F(ImportTest, RefusesWhatIsNoImage) {
  struct Case {
    std::string bytes;
    const char* message;
  };
  const Case cases[] = {
      {"", "tar"},
      {"not a tar at all, but some text", "is not a tar archive"},
      {"\xfd"
       "7zXZ",
       "is compressed with xz"},
      {make_tar({}), "empty"},
      {make_tar({{"blobs/", "", 'd'}}), "neither an OCI image layout nor"},
      {make_tar(kBase).substr(0, 1500), "tar"},
      {make_tar(kBase, TarFilter::kGzip).substr(0, 100), "gzip"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(failure(source(one.bytes), "x:1"), HasSubstr(one.message));
  }
  ASSERT_TRUE(make_host_dirs(path("empty"), 0755).has_value());
  EXPECT_THAT(failure(path("empty")), HasSubstr("not an OCI image layout"));
  EXPECT_THAT(failure(path("missing")), HasSubstr("No such file"));
}

TEST_F(ImportTest, RefusesAWrongDiffIdOfAPlainLayer) {
  LayoutBuilder layout;
  oci::ImageConfig config = LayoutBuilder::host_config();
  config.rootfs.diff_ids = {digest_of_bytes("another")};
  oci::Manifest manifest;
  manifest.config = layout.add_document(oci::kMediaTypeConfig, config);
  manifest.layers = {layout.add_blob(oci::kMediaTypeLayer, make_tar(kBase))};
  layout.name(layout.add_document(oci::kMediaTypeManifest, manifest), "app:1");
  EXPECT_THAT(failure(source(layout.write_tar())), HasSubstr("whose diff ID is"));
}

TEST_F(ImportTest, BoundsIndexesWithinIndexes) {
  LayoutBuilder layout;
  oci::Descriptor at = layout.add_image({kBase});
  for (int depth = 0; depth < 6; depth++) {
    oci::Index index;
    index.manifests = {at};
    at = layout.add_document(oci::kMediaTypeIndex, index);
    layout.index.manifests.clear();
    layout.name(at, "app:1");
    Result<ImportResult> result = import(source(layout.write_tar()));
    // index.json itself is one more level.
    EXPECT_EQ(result.has_value(), depth < 5) << depth;
    if (!result.has_value()) {
      EXPECT_THAT(result.error().message, HasSubstr("nested deeper than 4"));
    }
  }
}

TEST_F(ImportTest, StopsWhenInterrupted) {
  LayoutBuilder layout;
  layout.name(layout.add_image({kBase}), "app:1");
  std::vector<std::string> before = list_tree(path("store"));
  for (int calls : {0, 1}) {
    int left = calls;
    ImportOptions options;
    options.source = source(layout.write_tar());
    Observer observer{.progress = {}, .interrupted = [&] { return left-- <= 0; }};
    Result<ImportResult> result = import_images(store_, options, observer);
    ASSERT_FALSE(result.has_value());
    EXPECT_THAT(result.error().message, HasSubstr("interrupted"));
    EXPECT_EQ(list_tree(path("store")), before);
  }
}

TEST_F(ImportTest, TellsItsProgress) {
  LayoutBuilder layout;
  layout.name(layout.add_image({kBase}), "app:1");
  ImportOptions options;
  options.source = source(layout.write_tar());
  uint64_t last = 0;
  uint64_t whole = 0;
  Observer observer;
  observer.progress = [&](std::string_view what, uint64_t done, uint64_t total) {
    EXPECT_EQ(what, options.source);
    EXPECT_GE(done, last);
    last = done;
    whole = total;
  };
  ASSERT_TRUE(import_images(store_, options, observer).has_value());
  EXPECT_EQ(last, whole);
  EXPECT_GT(last, 0U);
}

}  // namespace
}  // namespace crunlite::image
