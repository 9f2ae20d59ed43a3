// SPDX-License-Identifier: Apache-2.0
#include "image/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "image/digest.h"

namespace crunlite::image {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

oci::Digest digest_of_text(std::string_view text) { return *oci::Digest::parse(*digest_of(text)); }

oci::Reference reference(std::string_view text) { return *oci::Reference::parse(text); }

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() : dir_(*TempDir::create("store-test")) {}

  Result<Store> open(Store::Lock lock = Store::Lock::kShared, bool create = true,
                     int timeout_ms = 0) {
    return Store::open(
        {.path = dir_.path() + "/store", .lock = lock, .create = create, .timeout_ms = timeout_ms});
  }
  void add_blob(Store& store, std::string_view text) {
    Session session = *store.make_session();
    ASSERT_TRUE(write_atomic(session.fd(), "blob", text, 0600, Durability::kVolatile).has_value());
    ASSERT_TRUE(store.adopt_blob(session.fd(), "blob", digest_of_text(text)).has_value());
    ASSERT_TRUE(store.sync_blobs().has_value());
  }
  static RefRecord ref(const std::string& name, std::string_view text) {
    RefRecord record;
    record.name = name;
    record.target.media_type = std::string(oci::kMediaTypeManifest);
    record.target.digest = digest_of_text(text);
    record.target.size = text.size();
    record.imported = rfc3339(0);
    return record;
  }
  void add_layer(Store& store, std::string_view text) {
    Session session = *store.make_session();
    LayerRecord record;
    record.chain_id = record.diff_id = digest_of_text(text);
    record.bytes = 7;
    ASSERT_TRUE(sys::mkdirat(session.fd(), "tree", 0500).has_value());
    ASSERT_TRUE(store.adopt_layer(session.fd(), "tree", record).has_value());
  }
  std::vector<std::string> names_in(const std::string& path) {
    UniqueFd fd = *sys::openat(dir_.fd(), path.c_str(), O_RDONLY | O_DIRECTORY);
    std::vector<std::string> names;
    Result<std::vector<sys::DirEntry>> entries = sys::list_dir(fd.get());
    for (const sys::DirEntry& entry : *entries) names.push_back(entry.name);
    return names;
  }

  TempDir dir_;
};

TEST_F(StoreTest, IsMadeOnlyWhereWanted) {
  Result<Store> missing = open(Store::Lock::kShared, false);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, Kind::kNotFound);
  ASSERT_TRUE(open().has_value());
  EXPECT_TRUE(open(Store::Lock::kShared, false).has_value());
  struct stat info = *sys::fstatat(dir_.fd(), "store", 0);
  EXPECT_EQ(info.st_mode & 0777U, 0700U);
}

TEST_F(StoreTest, LeavesForeignDirectoriesAlone) {
  ASSERT_TRUE(make_host_dirs(dir_.path() + "/store/photos", 0755).has_value());
  Result<Store> store = open();
  ASSERT_FALSE(store.has_value());
  EXPECT_EQ(store.error().kind, Kind::kConflict);
  EXPECT_THAT(store.error().message, HasSubstr("it holds \"photos\""));
  EXPECT_THAT(names_in("store"), ElementsAre("photos"));
}

TEST_F(StoreTest, FinishesAHalfMadeStore) {
  ASSERT_TRUE(make_host_dirs(dir_.path() + "/store/blobs", 0700).has_value());
  EXPECT_TRUE(open().has_value());
}

TEST_F(StoreTest, RefusesAnUnknownFormat) {
  ASSERT_TRUE(open().has_value());
  ASSERT_TRUE(write_atomic(dir_.fd(), "version", "", 0600, Durability::kVolatile).has_value());
  UniqueFd store = *sys::openat(dir_.fd(), "store", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(
      write_atomic(store.get(), "version", "crun-lite image store 9\n", 0600, Durability::kVolatile)
          .has_value());
  Result<Store> opened = open();
  ASSERT_FALSE(opened.has_value());
  EXPECT_THAT(opened.error().message, HasSubstr("crun-lite image store 9"));
}

TEST_F(StoreTest, IsSharedByUsersAndClosedToTheCollector) {
  Result<Store> first = open();
  Result<Store> second = open();
  ASSERT_TRUE(first.has_value() && second.has_value());
  Result<Store> collector = open(Store::Lock::kExclusive);
  ASSERT_FALSE(collector.has_value());
  EXPECT_EQ(collector.error().kind, Kind::kConflict);
}

TEST_F(StoreTest, KeepsBlobsByDigest) {
  Store store = *open();
  oci::Digest digest = digest_of_text("hello");
  EXPECT_FALSE(store.has_blob(digest, 5));
  add_blob(store, "hello");
  add_blob(store, "hello");  // the same again
  EXPECT_TRUE(store.has_blob(digest, 5));
  EXPECT_FALSE(store.has_blob(digest, 4));
  EXPECT_EQ(*read_fd(store.open_blob(digest)->get(), 100), "hello");
  EXPECT_THAT(*store.list_blobs(), ElementsAre(digest));
  EXPECT_EQ(*store.remove_blob(digest), 5U);
  EXPECT_FALSE(store.has_blob(digest, 5));
  EXPECT_THAT(names_in("store/tmp"), IsEmpty());
}

TEST_F(StoreTest, KeepsReferencesByName) {
  Store store = *open();
  std::string long_name = std::string(200, 'a') + ":" + std::string(120, 'b');
  ASSERT_TRUE(store.put_ref(ref("b:1", "x")).has_value());
  ASSERT_TRUE(store.put_ref(ref(long_name, "x")).has_value());
  ASSERT_TRUE(store.put_ref(ref("b:1", "y")).has_value());
  std::vector<RefRecord> refs = *store.list_refs();
  ASSERT_EQ(refs.size(), 2U);
  EXPECT_EQ(refs[1].name, "b:1");
  EXPECT_EQ(store.find_ref(reference("b:1"))->target.digest, digest_of_text("y"));
  ASSERT_TRUE(store.remove_ref(reference("b:1")).has_value());
  Result<RefRecord> gone = store.find_ref(reference("b:1"));
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().kind, Kind::kNotFound);
  EXPECT_EQ(store.remove_ref(reference("b:1")).error().kind, Kind::kNotFound);
}

TEST_F(StoreTest, RefusesADamagedReferenceByItsFile) {
  Store store = *open();
  ASSERT_TRUE(store.put_ref(ref("b:1", "x")).has_value());
  UniqueFd refs = *sys::openat(dir_.fd(), "store/refs", O_RDONLY | O_DIRECTORY);
  std::string file = names_in("store/refs").front();
  ASSERT_TRUE(write_atomic(refs.get(), file, "{}", 0600, Durability::kVolatile).has_value());
  Result<std::vector<RefRecord>> listed = store.list_refs();
  ASSERT_FALSE(listed.has_value());
  EXPECT_THAT(listed.error().message, HasSubstr(file + ": name: missing"));
}

TEST_F(StoreTest, KeepsLayersOnce) {
  Store store = *open();
  oci::Digest chain = digest_of_text("layer");
  EXPECT_FALSE(store.find_layer(chain, false)->has_value());
  add_layer(store, "layer");
  ASSERT_TRUE(store.find_layer(chain, false)->has_value());
  EXPECT_EQ((*store.find_layer(chain, false))->chain_id, chain);
  EXPECT_THAT(*store.list_layers(), ElementsAre(short_name(chain, false)));
  EXPECT_FALSE(store.find_layer(chain, true)->has_value());
  EXPECT_EQ(store.layer_path(short_name(chain, false)),
            dir_.path() + "/store/layers/" + short_name(chain, false));
  Result<uint64_t> freed = store.remove_layer(short_name(chain, false));
  ASSERT_TRUE(freed.has_value()) << freed.error().message;
  EXPECT_EQ(*freed, 7U);
  EXPECT_THAT(names_in("store/layers"), IsEmpty());
  EXPECT_THAT(names_in("store/tmp"), IsEmpty());
}

TEST_F(StoreTest, TellsLayersOfOneShortNameApart) {
  Store store = *open();
  add_layer(store, "layer");
  oci::Digest other = digest_of_text("layer");
  other.hex.back() = other.hex.back() == '0' ? '1' : '0';
  Result<std::optional<LayerRecord>> found = store.find_layer(other, false);
  ASSERT_FALSE(found.has_value());
  EXPECT_THAT(found.error().message, HasSubstr("its short name is taken by"));
}

TEST_F(StoreTest, KeepsBundleRecords) {
  Store store = *open();
  BundleRecord record;
  record.bundle = "/run/b1";
  record.token = "t";
  record.manifest = digest_of_text("m");
  record.layers = {"0123456789abcdef"};
  ASSERT_TRUE(store.put_bundle(record).has_value());
  record.ready = true;
  ASSERT_TRUE(store.put_bundle(record).has_value());
  std::vector<BundleRecord> bundles = *store.list_bundles();
  ASSERT_EQ(bundles.size(), 1U);
  EXPECT_TRUE(bundles[0].ready);
  EXPECT_THAT(bundles[0].layers, ElementsAre("0123456789abcdef"));
  ASSERT_TRUE(store.remove_bundle_record("/run/b1").has_value());
  EXPECT_TRUE(store.remove_bundle_record("/run/b1").has_value());
  EXPECT_THAT(*store.list_bundles(), IsEmpty());
}

TEST_F(StoreTest, RemovesWhatTheDeadLeft) {
  {
    Store store = *open();
    ASSERT_TRUE(store.put_ref(ref("b:1", "x")).has_value());
    ASSERT_TRUE(store.lock_name("n", 0).has_value());
  }
  for (const char* path : {"store/tmp/dead", "store/tmp/dead/deep"}) {
    ASSERT_TRUE(sys::mkdirat(dir_.fd(), path, 0700).has_value());
  }
  for (const char* path :
       {"store/refs/.x.json.1.new", "store/.version.1.new", "store/layers/0123456789abcdef.json"}) {
    ASSERT_TRUE(sys::openat(dir_.fd(), path, O_WRONLY | O_CREAT | O_EXCL, 0600).has_value());
  }
  Store store = *open(Store::Lock::kExclusive);
  EXPECT_EQ(*store.remove_leftovers(), 4U);
  EXPECT_THAT(names_in("store/tmp"), IsEmpty());
  EXPECT_THAT(names_in("store/locks"), IsEmpty());
  EXPECT_EQ(store.list_refs()->size(), 1U);
}

TEST_F(StoreTest, GivesANameToOneUserAtATime) {
  Store store = *open();
  Result<FileLock> first = store.lock_name("layer", 0);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(store.lock_name("layer", 0).error().kind, Kind::kConflict);
  EXPECT_TRUE(store.lock_name("other", 0).has_value());
}

TEST(DefaultStorePath, FollowsOptionRootAndXdg) {
  auto path_for = [](std::string store, std::string xdg, std::string home, bool is_root) {
    return default_store_path({std::move(store), std::move(xdg), std::move(home), is_root});
  };
  EXPECT_EQ(*path_for("/s", "", "", true), "/s");
  EXPECT_EQ(*path_for("", "", "/root", true), "/var/lib/crun-lite");
  EXPECT_EQ(*path_for("", "/x", "/h", false), "/x/crun-lite");
  EXPECT_EQ(*path_for("", "x", "/h", false), "/h/.local/share/crun-lite");
  EXPECT_FALSE(path_for("", "", "", false).has_value());
}

}  // namespace
}  // namespace crunlite::image
