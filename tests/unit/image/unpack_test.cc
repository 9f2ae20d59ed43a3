// SPDX-License-Identifier: Apache-2.0
#include "image/unpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/limits.h"
#include "image/bundle_dir.h"
#include "image/garbage.h"
#include "image/import.h"
#include "oci/config.h"
#include "tests/unit/image/image_builder.h"

namespace crunlite::image {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::vector<TarFile> kBase = {
    {"./", "", 'd', "", 0751},
    {"etc/", "", 'd'},
    {"etc/passwd", "root:x:0:0::/root:/bin/sh\nu:x:7:8::/home/u:\n"},
    {"etc/group", "g:x:9:u\n"},
    {"bin/sh", "#!\n"},
    {"old/file", "old"}};
const std::vector<TarFile> kUpper = {{".wh.old", ""}, {"opt/new", "new"}};

class UnpackTest : public ::testing::Test {
 protected:
  UnpackTest() : dir_(*TempDir::create("unpack-test")) {}

  std::string path(const std::string& name) { return dir_.path() + "/" + name; }
  Store open(Store::Lock lock = Store::Lock::kShared) {
    Result<Store> store = Store::open({.path = path("store"), .lock = lock, .timeout_ms = 0});
    EXPECT_TRUE(store.has_value()) << store.error().message;
    return std::move(*store);
  }
  void import(const std::vector<std::vector<TarFile>>& layers, const std::string& name,
              const oci::ImageConfig& config = LayoutBuilder::host_config()) {
    LayoutBuilder layout;
    layout.name(layout.add_image(layers, config), name);
    std::string source = path("source.tar");
    write_file(source, layout.write_tar());
    Store store = open();
    ImportOptions options;
    options.source = source;
    Result<ImportResult> result = import_images(store, options, {});
    ASSERT_TRUE(result.has_value()) << result.error().message;
  }
  Result<UnpackedBundle> unpack(const std::string& name, const std::string& bundle,
                                bool copy = false, const Observer& observer = {}) {
    Store store = open();
    UnpackOptions options;
    options.name = *oci::Reference::parse(name);
    options.bundle = path(bundle);
    options.copy = copy;
    return unpack_bundle(store, options, observer);
  }
  // What is in the store and beside it, but for locks and for layers, which may come earlier.
  std::vector<std::string> state() {
    std::vector<std::string> paths = list_tree(dir_.path());
    std::erase_if(paths, [](const std::string& at) {
      return at.starts_with("store/locks/") || at.starts_with("store/layers/");
    });
    return paths;
  }
  std::string failure(const std::string& name, const std::string& bundle, bool copy = false) {
    std::vector<std::string> before = state();
    Result<UnpackedBundle> result = unpack(name, bundle, copy);
    EXPECT_EQ(state(), before);
    return result.has_value() ? "no failure" : result.error().message;
  }
  oci::Config config(const std::string& bundle) {
    return *oci::parse_config(read_text(path(bundle + "/config.json")));
  }
  Garbage collect(bool dry_run = false) {
    Store store = open(Store::Lock::kExclusive);
    Result<Garbage> garbage = collect_garbage(store, dry_run);
    EXPECT_TRUE(garbage.has_value()) << garbage.error().message;
    return garbage.value_or(Garbage());
  }
  void remove(const std::string& name) {
    ASSERT_TRUE(open().remove_ref(*oci::Reference::parse(name)).has_value());
  }

  TempDir dir_;
};

TEST_F(UnpackTest, StacksTheLayersOfTheStore) {
  import({kBase, kUpper}, "app:1");
  Result<UnpackedBundle> bundle = unpack("app:1", "b1");
  ASSERT_TRUE(bundle.has_value()) << bundle.error().message;
  EXPECT_EQ(bundle->bundle, path("b1"));
  EXPECT_EQ(bundle->layers, 2U);
  EXPECT_THAT(list_tree(path("b1")), ElementsAre("config.json", "rootfs/", "upper/", "work/"));
  EXPECT_EQ(sys::fstatat(AT_FDCWD, path("b1").c_str(), 0)->st_mode & 0777U, 0700U);
  EXPECT_EQ(sys::fstatat(AT_FDCWD, path("b1/upper").c_str(), 0)->st_mode & 0777U, 0751U);
  oci::Mount root = config("b1").mounts[0];
  EXPECT_EQ(root.destination, "/");
  ASSERT_GE(root.options.size(), 3U);
  EXPECT_THAT(root.options[0], StartsWith("lowerdir=" + path("store/layers/")));
  EXPECT_EQ(root.options[1], "upperdir=" + path("b1/upper"));
  // The topmost layer comes first: it has what the second layer brought.
  std::string top = root.options[0].substr(9, root.options[0].find(':') - 9);
  EXPECT_EQ(read_text(top + "/opt/new"), "new");
  struct stat before = *sys::fstatat(AT_FDCWD, top.c_str(), 0);
  ASSERT_TRUE(unpack("app:1", "b2").has_value());
  EXPECT_EQ(config("b2").mounts[0].options[0], root.options[0]);
  EXPECT_EQ(sys::fstatat(AT_FDCWD, top.c_str(), 0)->st_ino, before.st_ino);
}

TEST_F(UnpackTest, CopiesAPlainTree) {
  oci::ImageConfig image = LayoutBuilder::host_config();
  image.config.emplace().user = "u";
  image.config->working_dir = "/srv/app";
  import({kBase, kUpper}, "app:1", image);
  Result<UnpackedBundle> bundle = unpack("app:1", "b", true);
  ASSERT_TRUE(bundle.has_value()) << bundle.error().message;
  std::vector<std::string> tree = list_tree(path("b"));
  EXPECT_THAT(tree, Contains("rootfs/opt/new"));
  EXPECT_THAT(tree, Contains("rootfs/srv/app/"));
  EXPECT_THAT(tree, Not(Contains("rootfs/old/")));
  EXPECT_THAT(tree, Not(Contains(std::string(kUnfinishedFile))));
  oci::Config made = config("b");
  EXPECT_EQ(made.mounts[0].destination, "/proc");
  EXPECT_EQ(made.process->user.uid, 7U);
  EXPECT_EQ(made.process->user.gid, 8U);
  EXPECT_THAT(made.process->env, Contains("HOME=/home/u"));
}

TEST_F(UnpackTest, ResolvesTheUserThroughTheLayers) {
  oci::ImageConfig image = LayoutBuilder::host_config();
  image.config.emplace().user = "u";
  import({kBase, {{"etc/passwd", "u:x:70:80::/:\n"}}}, "moved:1", image);
  ASSERT_TRUE(unpack("moved:1", "b").has_value());
  EXPECT_EQ(config("b").process->user.uid, 70U);
  import({kBase, {{"etc/.wh.passwd", ""}}}, "gone:1", image);
  for (bool copy : {false, true}) {
    EXPECT_THAT(failure("gone:1", "c", copy), HasSubstr("config.User"));
  }
}

TEST_F(UnpackTest, TakesAnEmptyDirectoryAndNothingElse) {
  import({kBase}, "app:1");
  ASSERT_TRUE(make_host_dirs(path("empty"), 0755).has_value());
  EXPECT_TRUE(unpack("app:1", "empty").has_value());
  EXPECT_EQ(sys::fstatat(AT_FDCWD, path("empty").c_str(), 0)->st_mode & 0777U, 0755U);
  EXPECT_THAT(failure("app:1", "empty"), HasSubstr("is not an empty directory"));
  write_file(path("file"), "x");
  EXPECT_THAT(failure("app:1", "file"), HasSubstr("is not an empty directory"));
  ASSERT_TRUE(sys::symlinkat("nowhere", dir_.fd(), "link").has_value());
  EXPECT_THAT(failure("app:1", "link"), HasSubstr("is not an empty directory"));
  EXPECT_THAT(failure("app:1", "no/parent"), HasSubstr("No such file"));
  EXPECT_THAT(failure("app:1", ".."), HasSubstr("does not end in a name"));
  EXPECT_THAT(failure("other:1", "b"), HasSubstr("image other:1: not in the store"));
}

TEST_F(UnpackTest, RefusesDamagedBlobsAndWrongDiffIds) {
  import({kBase, kUpper}, "app:1");
  for (const std::string& blob : list_tree(path("store/blobs/sha256"))) {
    std::string file = path("store/blobs/sha256/" + blob);
    std::string bytes = read_text(file);
    std::string damaged = bytes;
    damaged[damaged.size() / 2] ^= 1;
    write_file(file, damaged);
    EXPECT_THAT(failure("app:1", "b", true), Not(HasSubstr("no failure"))) << blob;
    write_file(file, bytes);
  }
  LayoutBuilder layout;
  oci::ImageConfig image = LayoutBuilder::host_config();
  image.rootfs.diff_ids = {digest_of_bytes("another")};
  oci::Manifest manifest;
  manifest.config = layout.add_document(oci::kMediaTypeConfig, image);
  manifest.layers = {layout.add_blob(oci::kMediaTypeLayerGzip, make_tar(kBase, TarFilter::kGzip))};
  layout.name(layout.add_document(oci::kMediaTypeManifest, manifest), "liar:1");
  write_file(path("liar.tar"), layout.write_tar());
  ImportOptions options;
  options.source = path("liar.tar");
  {
    Store store = open();
    ASSERT_TRUE(import_images(store, options, {}).has_value());
  }
  for (bool copy : {false, true}) {
    EXPECT_THAT(failure("liar:1", "b", copy), HasSubstr("its diff ID is"));
  }
  EXPECT_THAT(list_tree(path("store/layers")), IsEmpty());
}

TEST_F(UnpackTest, LeavesNothingWhenInterrupted) {
  import({kBase, kUpper}, "app:1");
  std::vector<std::string> before = state();
  for (bool copy : {false, true}) {
    bool finished = false;
    for (int allowed = 0; allowed < 200 && !finished; allowed++) {
      int left = allowed;
      Observer observer;
      observer.interrupted = [&] { return left-- <= 0; };
      Result<UnpackedBundle> result = unpack("app:1", "b", copy, observer);
      finished = result.has_value();
      if (finished) break;
      EXPECT_THAT(result.error().message, HasSubstr("interrupted"));
      EXPECT_EQ(state(), before);
    }
    EXPECT_TRUE(finished);
    ASSERT_TRUE(remove_tree(dir_.fd(), "b").has_value());
    EXPECT_EQ(collect().bundles, 1U);
    before = state();
  }
}

TEST_F(UnpackTest, LetsSeveralImportAndUnpackAtOnce) {
  std::vector<std::thread> threads;
  LayoutBuilder layout;
  layout.name(layout.add_image({kBase, kUpper}), "app:1");
  write_file(path("source.tar"), layout.write_tar());
  for (int i = 0; i < 4; i++) {
    threads.emplace_back([this, i] {
      Store store = open();
      ImportOptions import;
      import.source = path("source.tar");
      Result<ImportResult> imported = import_images(store, import, {});
      EXPECT_TRUE(imported.has_value()) << imported.error().message;
      UnpackOptions options;
      options.name = *oci::Reference::parse("app:1");
      options.bundle = path(cat("b", i));
      Result<UnpackedBundle> bundle = unpack_bundle(store, options, {});
      EXPECT_TRUE(bundle.has_value()) << bundle.error().message;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(*open().list_layers(), SizeIs(2));
  Garbage garbage = collect();
  EXPECT_EQ(garbage.blobs + garbage.layers + garbage.bundles + garbage.leftovers, 0U);
}

TEST_F(UnpackTest, KeepsTheLayersOfLivingBundles) {
  import({kBase, kUpper}, "app:1");
  ASSERT_TRUE(unpack("app:1", "b").has_value());
  remove("app:1");
  Garbage counted = collect(true);
  EXPECT_EQ(counted.blobs, 4U);
  EXPECT_THAT(*open().list_blobs(), SizeIs(4));
  Garbage first = collect();
  EXPECT_EQ(first.blobs, 4U);
  EXPECT_EQ(first.bytes, counted.bytes);
  EXPECT_EQ(first.layers + first.bundles, 0U);
  EXPECT_THAT(*open().list_layers(), SizeIs(2));
  ASSERT_TRUE(remove_tree(dir_.fd(), "b").has_value());
  Garbage second = collect();
  EXPECT_EQ(second.layers, 2U);
  EXPECT_EQ(second.bundles, 1U);
  EXPECT_THAT(list_tree(path("store")),
              ElementsAre("blobs/", "blobs/sha256/", "blobs/sha512/", "bundles/", "layers/", "lock",
                          "locks/", "refs/", "tmp/", "version"));
}

TEST_F(UnpackTest, CollectsNothingWhenADocumentIsDamaged) {
  import({kBase}, "app:1");
  import({kUpper}, "other:1");
  remove("other:1");
  oci::Digest digest = open().find_ref(*oci::Reference::parse("app:1"))->target.digest;
  write_file(path("store/blobs/sha256/" + digest.hex),
             std::string(read_text(path("store/blobs/sha256/" + digest.hex)).size(), ' '));
  Store store = open(Store::Lock::kExclusive);
  Result<Garbage> garbage = collect_garbage(store, false);
  ASSERT_FALSE(garbage.has_value());
  EXPECT_THAT(garbage.error().message, HasSubstr("is damaged"));
  EXPECT_THAT(*store.list_blobs(), SizeIs(6));
}

// What a process leaves that dies in the middle, at each of the steps.
TEST_F(UnpackTest, RemovesHalfMadeBundlesByTheirToken) {
  import({kBase}, "app:1");
  BundleRecord record;
  record.bundle = path("half");
  record.token = "0123456789abcdef";
  record.made_directory = true;
  const std::string token(kUnfinishedFile);
  struct Case {
    std::vector<std::pair<std::string, std::string>> files;
    std::vector<std::string> left;
  };
  const Case cases[] = {
      {{}, {}},
      {{{token, record.token}}, {}},
      {{{token, record.token}, {"rootfs/deep/file", "x"}, {"config.json", "{}"}}, {}},
      {{{token, "another"}, {"mine", "x"}}, {"half/", "half/" + token, "half/mine"}},
      {{{"mine", "x"}}, {"half/", "half/mine"}},
  };
  for (const Case& one : cases) {
    ASSERT_TRUE(open().put_bundle(record).has_value());
    ASSERT_TRUE(make_host_dirs(path("half"), 0700).has_value());
    for (const auto& [name, text] : one.files) write_file(path("half/" + name), text);
    EXPECT_EQ(collect().bundles, 1U);
    std::vector<std::string> left = list_tree(dir_.path());
    std::erase_if(left, [](const std::string& at) { return !at.starts_with("half/"); });
    EXPECT_EQ(left, one.left);
    EXPECT_THAT(*open().list_bundles(), IsEmpty());
    ASSERT_TRUE(remove_tree(dir_.fd(), "half").has_value());
  }
}

TEST_F(UnpackTest, MakesABundleWhereADeadProcessLeftOne) {
  import({kBase}, "app:1");
  BundleRecord record;
  record.bundle = path("half");
  record.token = "0123456789abcdef";
  record.made_directory = true;
  ASSERT_TRUE(open().put_bundle(record).has_value());
  write_file(path("half/") + std::string(kUnfinishedFile), record.token);
  write_file(path("half/rootfs/file"), "x");
  Result<UnpackedBundle> bundle = unpack("app:1", "half");
  ASSERT_TRUE(bundle.has_value()) << bundle.error().message;
  EXPECT_THAT(list_tree(path("half")), ElementsAre("config.json", "rootfs/", "upper/", "work/"));
}

}  // namespace
}  // namespace crunlite::image
