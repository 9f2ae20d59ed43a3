// SPDX-License-Identifier: Apache-2.0
// What a layer becomes. What hostile layers must not become, hostile_layer_test.cc tries.
#include "image/layer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/scope.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "tests/unit/image/tar_builder.h"
#include "tests/unit/image/tree_text.h"

namespace crunlite::image {
namespace {

using testing::HasSubstr;
using Lines = std::vector<std::string>;

class Layer : public testing::Test {
 protected:
  Layer() : dir_(TempDir::create("crun-lite-layer").value()), root_(make("root")) {
    options_.ownership = is_root() ? Ownership::kApply : Ownership::kIgnore;
  }
  ~Layer() override {
    for (const char* name : {"root", "below", "middle"}) (void)remove_layer(dir_.fd(), name);
  }

  static bool is_root() { return ::geteuid() == 0; }
  UniqueFd make(const char* name) {
    EXPECT_TRUE(sys::mkdirat(dir_.fd(), name, 0700).has_value());
    return sys::openat(dir_.fd(), name, O_PATH | O_DIRECTORY).value();
  }
  Result<LayerResult> unpack(const std::string& blob, int root) {
    MemoryReader reader(blob);
    return unpack_layer(reader, root, options_);
  }
  Result<LayerResult> unpack(const TarBuilder& tar) { return unpack(tar.str(), root_.get()); }
  LayerResult must_unpack(const TarBuilder& tar) {
    Result<LayerResult> result = unpack(tar);
    EXPECT_TRUE(result.has_value()) << result.error().message;
    return result.value_or(LayerResult());
  }
  // A layer beneath; the next one is unpacked upon it.
  UniqueFd unpack_below(const char* name, const TarBuilder& tar) {
    UniqueFd below = make(name);
    Result<LayerResult> result = unpack(tar.str(), below.get());
    EXPECT_TRUE(result.has_value()) << result.error().message;
    options_.lowers.insert(options_.lowers.begin(), below.get());
    return below;
  }
  [[nodiscard]] struct stat stat_of(const char* path) const {
    return sys::fstatat(root_.get(), path, AT_SYMLINK_NOFOLLOW).value();
  }
  [[nodiscard]] std::string xattr_of(const char* path, const char* name) const {
    UniqueFd fd = sys::openat(root_.get(), path, O_RDONLY | O_NOFOLLOW).value();
    return sys::fgetxattr(fd.get(), name).value_or("(none)");
  }
  [[nodiscard]] Lines tree() const { return describe_tree(root_.get()); }

  TempDir dir_;
  UniqueFd root_;
  LayerOptions options_;
};

TEST_F(Layer, TellsWhatItWas) {
  const std::string tar = TarBuilder().dir("d").file("d/f", "x").symlink("l", "d").str();
  const std::string blob = gzip(tar);
  options_.digest_blob = true;
  Result<LayerResult> result = unpack(blob, root_.get());
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(result->diff_id, digest_of(tar).value());
  EXPECT_EQ(result->blob_digest, digest_of(blob).value());
  EXPECT_EQ(result->compression, Compression::kGzip);
  EXPECT_EQ(result->entries, 3U);
  EXPECT_EQ(result->bytes, tar.size());
  EXPECT_EQ(result->blob_bytes, blob.size());
  EXPECT_EQ(tree(), (Lines{"d/", "d/f = x", "l -> d"}));
}

TEST_F(Layer, HashesByTheAlgorithmsAskedFor) {
  const std::string tar = TarBuilder().file("f").str();
  options_.digest_blob = true;
  options_.blob_algorithm = DigestAlgorithm::kSha512;
  Result<LayerResult> result = unpack(tar, root_.get());
  ASSERT_TRUE(result.has_value());
  EXPECT_EQ(result->diff_id, digest_of(tar).value());
  EXPECT_EQ(result->blob_digest, digest_of(tar, DigestAlgorithm::kSha512).value());
}

TEST_F(Layer, ReadsADescriptor) {
  UniqueFd blob = sys::memfd_create("layer", 0).value();
  ASSERT_TRUE(sys::write_all(blob.get(), zstd(TarBuilder().file("f", "x").str())).has_value());
  ASSERT_TRUE(sys::lseek(blob.get(), 0, SEEK_SET).has_value());
  Result<LayerResult> result = unpack_layer(blob.get(), root_.get(), options_);
  ASSERT_TRUE(result.has_value()) << result.error().message;
  EXPECT_EQ(tree(), Lines{"f = x"});
}

TEST_F(Layer, KeepsLargeContent) {
  std::string content;
  for (int i = 0; i < 400'000; i++) content.append(std::to_string(i));
  must_unpack(TarBuilder().file("f", content).file("g", "x"));
  Result<std::string> read = read_file(root_.get(), "f", content.size());
  EXPECT_TRUE(read.value() == content);
}

TEST_F(Layer, KeepsModesWhateverTheUmask) {
  mode_t before = ::umask(0777);
  Defer restore([before] { ::umask(before); });
  must_unpack(TarBuilder().dir("d", 0777).file("d/f", {}, 0666).fifo("p").file("e/g", {}, 04711));
  EXPECT_EQ(tree(), (Lines{"d/ 0777", "d/f 0666", "e/", "e/g 4711", "p fifo"}));
}

TEST_F(Layer, KeepsTimes) {
  auto at = [](const char* name, char type, int64_t mtime) {
    return TarHeader{.name = name, .type = type, .mode = 0755, .mtime = mtime, .link = "x"};
  };
  must_unpack(TarBuilder()
                  .entry(at("d", '5', 1000))
                  .entry(at("d/f", '0', 2000))
                  .entry(at("d/l", '2', 3000))
                  .entry(at("d/p", '6', -4000))
                  .entry(at("d/e", '5', 5000), {}, {{"mtime", "5000.25"}})
                  .file("d/e/g"));
  EXPECT_EQ(stat_of("d").st_mtim.tv_sec, 1000);
  EXPECT_EQ(stat_of("d/f").st_mtim.tv_sec, 2000);
  EXPECT_EQ(stat_of("d/l").st_mtim.tv_sec, 3000);
  EXPECT_EQ(stat_of("d/p").st_mtim.tv_sec, -4000);
  EXPECT_EQ(stat_of("d/e").st_mtim.tv_sec, 5000);
  EXPECT_EQ(stat_of("d/e").st_mtim.tv_nsec, 250'000'000);
}

// More than are kept open, used in turns: each gets its mode and time, however often reopened.
TEST_F(Layer, KeepsModesAndTimesOfManyDirectories) {
  constexpr int kDirs = 300;
  TarBuilder tar;
  auto name = [](int i) { return cat("d", i); };
  for (int i = 0; i < kDirs; i++) {
    tar.entry({.name = name(i), .type = '5', .mode = 0500 + i % 8, .mtime = 1000 + i});
  }
  for (int round = 0; round < 3; round++) {
    for (int i = 0; i < kDirs; i++) tar.file(cat(name(i), "/f", round));
  }
  must_unpack(tar);
  for (int i = 0; i < kDirs; i++) {
    struct stat info = stat_of(name(i).c_str());
    EXPECT_EQ(info.st_mode & 07777, 0500U + static_cast<unsigned>(i % 8)) << i;
    EXPECT_EQ(info.st_mtim.tv_sec, 1000 + i) << i;
  }
}

TEST_F(Layer, KeepsOwners) {
  if (!is_root()) GTEST_SKIP() << "needs root: device nodes, owners and capabilities";
  must_unpack(TarBuilder()
                  .entry({.name = "d", .type = '5', .mode = 0755, .uid = 1, .gid = 2})
                  .entry({.name = "d/f", .uid = 3000000, .gid = 4})
                  .entry({.name = "d/l", .type = '2', .uid = 5, .gid = 6, .link = "f"})
                  .entry({.name = "s", .mode = 06755, .uid = 7, .gid = 8})
                  .entry({.name = "g", .type = '5', .mode = 02775, .gid = 9})
                  .file("g/f"));
  EXPECT_EQ(stat_of("d").st_uid, 1U);
  EXPECT_EQ(stat_of("d").st_gid, 2U);
  EXPECT_EQ(stat_of("d/f").st_uid, 3000000U);
  EXPECT_EQ(stat_of("d/l").st_uid, 5U);
  EXPECT_EQ(stat_of("d/l").st_gid, 6U);
  EXPECT_EQ(stat_of("s").st_uid, 7U);
  EXPECT_EQ(stat_of("s").st_mode & 07777, 06755U);
  EXPECT_EQ(stat_of("g/f").st_gid, 0U) << "the group of its directory was inherited";
}

TEST_F(Layer, LeavesOwnersOutWhenAskedTo) {
  options_.ownership = Ownership::kIgnore;
  LayerResult result = must_unpack(TarBuilder()
                                       .entry({.name = "f", .uid = 12, .gid = 34})
                                       .device("c", '3', 1, 3)
                                       .device("b", '4', 8, 0));
  EXPECT_EQ(stat_of("f").st_uid, ::geteuid());
  EXPECT_EQ(result.skipped_devices, 2U);
  EXPECT_EQ(tree(), Lines{"f"});
}

TEST_F(Layer, KeepsTheXattrsOfUsersAndDropsOthers) {
  LayerResult result =
      must_unpack(TarBuilder().entry({.name = "f"}, {},
                                     {{"SCHILY.xattr.user.a", std::string("1\0002", 3)},
                                      {"LIBARCHIVE.xattr.user.b", base64("2")},
                                      {"SCHILY.xattr.user.overlay.opaque", "y"},
                                      {"SCHILY.xattr.trusted.overlay.opaque", "y"},
                                      {"SCHILY.xattr.security.selinux", "label"}}));
  EXPECT_EQ(xattr_of("f", "user.a"), std::string("1\0002", 3));
  EXPECT_EQ(xattr_of("f", "user.b"), "2");
  EXPECT_EQ(xattr_of("f", "user.overlay.opaque"), "(none)");
  EXPECT_EQ(xattr_of("f", "trusted.overlay.opaque"), "(none)");
  EXPECT_EQ(result.dropped_xattrs, 3U);
}

TEST_F(Layer, KeepsCapabilitiesOfAFileWithAnotherOwner) {
  if (!is_root()) GTEST_SKIP() << "needs root: device nodes, owners and capabilities";
  // cap_net_raw+ep, as the kernel keeps it.
  const std::string capability("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  must_unpack(TarBuilder().entry({.name = "f", .mode = 0755, .uid = 1, .size = 1}, "x",
                                 {{"SCHILY.xattr.security.capability", capability}}));
  EXPECT_EQ(xattr_of("f", "security.capability"), capability);
}

TEST_F(Layer, MarksOpaqueDirectoriesForBothKindsOfMounts) {
  UniqueFd below = unpack_below("below", TarBuilder().file("d/f"));
  must_unpack(TarBuilder().file("d/.wh..wh..opq"));
  EXPECT_EQ(xattr_of("d", "user.overlay.opaque"), "y");
  EXPECT_EQ(xattr_of("d", "trusted.overlay.opaque"), is_root() ? "y" : "(none)");
}

TEST_F(Layer, SeesTheLayersBelowAsOverlayfsDoes) {
  UniqueFd lowest = unpack_below(
      "below", TarBuilder().file("a/old").file("b/old").file("c/old").symlink("l", "a"));
  UniqueFd middle =
      unpack_below("middle", TarBuilder().file(".wh.a").file("b/.wh..wh..opq").file("c/new"));
  // Whiteouts of what the middle layer hides already are left out.
  must_unpack(TarBuilder().file("a/.wh.old").file("b/.wh.old").file("c/.wh.old").file("l/x"));
  EXPECT_EQ(tree(), (Lines{"a/", "a/x", "c/", "c/old whiteout"}));
}

TEST_F(Layer, TakesItsRootFromTheArchive) {
  must_unpack(
      TarBuilder().file("f").entry({.name = "./", .type = '5', .mode = 0711, .mtime = 1234}));
  struct stat info = stat_of(".");
  EXPECT_EQ(info.st_mode & 07777, 0711U);
  EXPECT_EQ(info.st_mtim.tv_sec, 1234);
}

TEST_F(Layer, TakesItsRootFromBelowElse) {
  must_unpack(TarBuilder().file("f"));
  EXPECT_EQ(stat_of(".").st_mode & 07777, 0755U);
  UniqueFd below = unpack_below(
      "below", TarBuilder().entry({.name = "./", .type = '5', .mode = 0751, .mtime = 1234}));
  UniqueFd upper = make("middle");
  ASSERT_TRUE(unpack(TarBuilder().file("f").str(), upper.get()).has_value());
  struct stat info = sys::fstatat(upper.get(), ".", 0).value();
  EXPECT_EQ(info.st_mode & 07777, 0751U);
  EXPECT_EQ(info.st_mtim.tv_sec, 1234);
}

TEST_F(Layer, LeavesAPlainTreesRootAsItIs) {
  options_.form = LayerForm::kPlain;
  must_unpack(TarBuilder().file("f"));
  EXPECT_EQ(stat_of(".").st_mode & 07777, 0700U);
}

TEST_F(Layer, CopiesAllOfAFileBelowThatIsLinkedTo) {
  UniqueFd below = unpack_below(
      "below", TarBuilder().entry({.name = "d/f", .mode = 0640, .uid = 0, .size = 3, .mtime = 77},
                                  "abc", {{"SCHILY.xattr.user.a", "1"}}));
  must_unpack(TarBuilder().hardlink("new", "d/f"));
  EXPECT_EQ(tree(), (Lines{"d/", "d/f = abc 0640 x2", "new = abc 0640 x2"}));
  EXPECT_EQ(stat_of("new").st_mtim.tv_sec, 77);
  EXPECT_EQ(xattr_of("new", "user.a"), "1");
}

TEST_F(Layer, RefusesARootThatIsNotEmpty) {
  must_unpack(TarBuilder().file("f"));
  Result<LayerResult> again = unpack(TarBuilder().file("g"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().message, "layer: its root is not empty");
  EXPECT_EQ(tree(), Lines{"f"});
}

TEST_F(Layer, NamesTheEntryThatIsWrong) {
  Result<LayerResult> result = unpack(TarBuilder().file("a").entry({.name = "b/c", .uid = -5}));
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "layer: \"b/c\": uid: -5 is out of range");
}

TEST_F(Layer, TellsItsProgress) {
  const std::string blob = TarBuilder().file("f", std::string(3'000'000, 'x')).str();
  std::vector<uint64_t> told;
  options_.progress = [&](uint64_t bytes) { told.push_back(bytes); };
  ASSERT_TRUE(unpack(blob, root_.get()).has_value());
  ASSERT_GE(told.size(), 4U);
  EXPECT_TRUE(std::is_sorted(told.begin(), told.end()));
  EXPECT_EQ(told.back(), blob.size());
}

TEST_F(Layer, StopsWhenItIsInterrupted) {
  int calls = 0;
  options_.interrupted = [&] { return ++calls > 5; };
  TarBuilder tar;
  for (int i = 0; i < 100; i++) tar.file(cat("f", i));
  Result<LayerResult> result = unpack(tar);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, Kind::kConflict);
  EXPECT_THAT(result.error().message, HasSubstr("interrupted"));
  EXPECT_LT(tree().size(), 10U);
}

// A source that gives nothing for as long as it is not told to stop.
TEST_F(Layer, IsInterruptedWhileItsSourceIsSilent) {
  class Silent : public ByteReader {
   public:
    explicit Silent(int fd) : fd_(fd) {}
    Result<size_t> read(std::span<char> buffer) override { return sys::read(fd_, buffer); }

   private:
    int fd_;
  };
  sys::Pipe pipe = sys::pipe2().value();
  Silent blob(pipe.read_end.get());
  // Ends the blob: whoever interrupts a pull closes its connection, too.
  options_.interrupted = [&] {
    pipe.write_end.reset();
    return true;
  };
  Result<LayerResult> result = unpack_layer(blob, root_.get(), options_);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("interrupted"));
}

TEST_F(Layer, HandsOnTheErrorOfItsSource) {
  class Broken : public ByteReader {
   public:
    Result<size_t> read(std::span<char> buffer) override {
      if (given_) return fail(Kind::kSystem, "disk on fire");
      given_ = true;
      std::string tar = TarBuilder().file("f", std::string(1000, 'x')).str();
      std::copy_n(tar.begin(), 700, buffer.begin());
      return 700;
    }

   private:
    bool given_ = false;
  };
  Broken blob;
  Result<LayerResult> result = unpack_layer(blob, root_.get(), options_);
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message, HasSubstr("disk on fire"));
  EXPECT_EQ(result.error().kind, Kind::kSystem);
}

TEST_F(Layer, RefusesAClosedDescriptor) {
  Result<LayerResult> result = unpack_layer(-1, root_.get(), options_);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().errnum, EBADF);
}

}  // namespace
}  // namespace crunlite::image
