// SPDX-License-Identifier: Apache-2.0
#include "image/tar_reader.h"

#include <gtest/gtest.h>

#include "tests/unit/image/tar_builder.h"

namespace crunlite::image {
namespace {

// Gives an archive in pieces of this size.
TarReader::Source source_of(std::string bytes, size_t piece) {
  auto held = std::make_shared<std::string>(std::move(bytes));
  auto at = std::make_shared<size_t>(0);
  return [held, at, piece]() -> Result<std::string_view> {
    std::string_view next = std::string_view(*held).substr(*at, piece);
    *at += next.size();
    return next;
  };
}

std::unique_ptr<TarReader> reader_of(const TarBuilder& tar, size_t piece = 1 << 17) {
  return TarReader::open(source_of(tar.str(), piece)).value();
}

TEST(TarReader, GivesEveryField) {
  auto reader = reader_of(TarBuilder().entry({.name = "d/c",
                                              .type = '3',
                                              .mode = 04640,
                                              .uid = 1,
                                              .gid = 2,
                                              .mtime = 3,
                                              .device_major = 4,
                                              .device_minor = 5},
                                             {}, {{"mtime", "3.5"}, {"SCHILY.xattr.user.a", "b"}}));
  TarEntry entry = reader->next().value().value();
  EXPECT_EQ(entry.path, "d/c");
  EXPECT_EQ(entry.type, EntryType::kCharDevice);
  EXPECT_EQ(entry.mode, 04640U);
  EXPECT_EQ(entry.uid, 1U);
  EXPECT_EQ(entry.gid, 2U);
  EXPECT_EQ(entry.mtime.tv_sec, 3);
  EXPECT_EQ(entry.mtime.tv_nsec, 500'000'000);
  EXPECT_EQ(entry.device_major, 4U);
  EXPECT_EQ(entry.device_minor, 5U);
  ASSERT_EQ(entry.xattrs.size(), 1U);
  EXPECT_EQ(entry.xattrs[0].name, "user.a");
  EXPECT_EQ(entry.xattrs[0].value, "b");
  EXPECT_FALSE(reader->next().value().has_value());
  EXPECT_TRUE(reader->drain().has_value());
}

TEST(TarReader, TellsTypesApart) {
  auto reader = reader_of(
      TarBuilder().file("f").dir("d").symlink("l", "t").hardlink("h", "f").fifo("p").device(
          "b", '4', 1, 2));
  struct {
    EntryType type;
    std::string_view link;
  } const expected[] = {{EntryType::kFile, ""},     {EntryType::kDirectory, ""},
                        {EntryType::kSymlink, "t"}, {EntryType::kHardlink, "f"},
                        {EntryType::kFifo, ""},     {EntryType::kBlockDevice, ""}};
  for (const auto& one : expected) {
    TarEntry entry = reader->next().value().value();
    EXPECT_EQ(entry.type, one.type) << entry.path;
    EXPECT_EQ(entry.link, one.link) << entry.path;
  }
}

TEST(TarReader, SkipsWhatIsNotReadInPiecesOfAnySize) {
  const std::string data(5000, 'x');
  for (size_t piece : {size_t{1}, size_t{100}, size_t{512}, size_t{1000}, size_t{1} << 17}) {
    auto reader = reader_of(TarBuilder().file("a", data).file("b", data).file("c", "end"), piece);
    EXPECT_EQ(reader->next().value()->path, "a");
    EXPECT_EQ(reader->next().value()->path, "b");
    std::optional<TarBlock> block = reader->next_block().value();
    EXPECT_EQ(block->offset, 0U);
    EXPECT_EQ(reader->next().value()->path, "c");
    EXPECT_EQ(reader->next_block().value()->bytes.substr(0, 3),
              std::string_view("end").substr(0, std::min<size_t>(piece, 3)));
    EXPECT_FALSE(reader->next().value().has_value());
    EXPECT_TRUE(reader->drain().has_value()) << piece;
  }
}

TEST(TarReader, FindsDataBehindTheEndInPiecesOfAnySize) {
  const std::string whole = TarBuilder().file("a").str() + "x";
  for (size_t piece : {size_t{1}, size_t{100}, size_t{512}, size_t{1000}, size_t{1} << 17}) {
    auto reader = TarReader::open(source_of(whole, piece)).value();
    while (reader->next().value().has_value()) {
    }
    Status drained = reader->drain();
    ASSERT_FALSE(drained.has_value()) << piece;
    EXPECT_EQ(drained.error().message, "tar: data follows the end of the archive");
  }
}

TEST(TarReader, HandsOnTheErrorOfItsSource) {
  auto reader =
      TarReader::open([]() -> Result<std::string_view> { return fail(Kind::kLimit, "enough"); });
  // The library reads its first bytes when it is opened, or later.
  Error error = reader.has_value() ? (*reader)->next().error() : reader.error();
  EXPECT_EQ(error.kind, Kind::kLimit);
  EXPECT_EQ(error.message, "enough");
}

}  // namespace
}  // namespace crunlite::image
