// SPDX-License-Identifier: Apache-2.0
// What is broken in a compressed stream, hostile_archives.cc tries; here is what must work.
#include "image/compression.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/unit/image/tar_builder.h"

namespace crunlite::image {
namespace {

// Gives at most so many bytes at once, as a pipe or a slow disk might.
class Trickle : public ByteReader {
 public:
  Trickle(std::string_view bytes, size_t piece) : bytes_(bytes), piece_(piece) {}
  Result<size_t> read(std::span<char> buffer) override {
    size_t length = std::min({bytes_.size(), piece_, buffer.size()});
    std::copy_n(bytes_.begin(), length, buffer.begin());
    bytes_.remove_prefix(length);
    return length;
  }

 private:
  std::string_view bytes_;
  size_t piece_;
};

Result<std::string> decompress(ByteReader& source, size_t room) {
  std::unique_ptr<Decompressor> stream = TRY(Decompressor::create(source));
  std::string all;
  std::string buffer(room, '\0');
  for (;;) {
    size_t length = TRY(stream->read(buffer));
    if (length == 0) return all;
    all.append(buffer, 0, length);
  }
}

std::string mixed_text(size_t size) {
  std::string text;
  uint32_t state = 7;
  while (text.size() < size) {
    state = state * 1664525 + 1013904223;
    text.append(std::to_string(state % 1000)).append(state % 7, 'z');
  }
  text.resize(size);
  return text;
}

TEST(Compression, IsToldByTheFirstBytes) {
  using namespace std::string_view_literals;
  EXPECT_EQ(detect_compression("\x1f\x8b\x08"sv), Compression::kGzip);
  EXPECT_EQ(detect_compression("\x28\xb5\x2f\xfd"sv), Compression::kZstd);
  EXPECT_EQ(detect_compression("\x50\x2a\x4d\x18"sv), Compression::kZstd);
  EXPECT_EQ(detect_compression("\x5f\x2a\x4d\x18"sv), Compression::kZstd);
  for (std::string_view plain :
       {""sv, "\x1f"sv, "\x28\xb5\x2f"sv, "\x60\x2a\x4d\x18"sv, "\x2a\x4d\x18"sv, "etc/passwd"sv}) {
    EXPECT_EQ(detect_compression(plain), Compression::kNone);
  }
}

TEST(Compression, HasNames) {
  EXPECT_EQ(compression_name(Compression::kGzip), "gzip");
  EXPECT_EQ(compression_name(Compression::kZstd), "zstd");
  EXPECT_EQ(compression_name(Compression::kNone), "none");
}

TEST(Compression, UndoesEachFormInPiecesOfAnySize) {
  const std::string text = mixed_text(300'000);
  const std::pair<std::string, Compression> forms[] = {
      {text, Compression::kNone},
      {gzip(text), Compression::kGzip},
      {gzip(text.substr(0, 1000)) + gzip("") + gzip(text.substr(1000)), Compression::kGzip},
      {zstd(text), Compression::kZstd},
      {zstd(text.substr(0, 1000)) + zstd("") + zstd(text.substr(1000), 19), Compression::kZstd},
  };
  for (const auto& [bytes, form] : forms) {
    for (size_t piece : {size_t{1}, size_t{7}, size_t{1000}, bytes.size()}) {
      for (size_t room : {size_t{1}, size_t{500}, size_t{1} << 20}) {
        if (piece * room > (size_t{1} << 30) || piece + room < 500) continue;
        Trickle source(bytes, piece);
        Result<std::string> plain = decompress(source, room);
        ASSERT_TRUE(plain.has_value()) << plain.error().message << " " << piece << " " << room;
        EXPECT_TRUE(*plain == text) << compression_name(form) << " " << piece << " " << room;
      }
    }
    MemoryReader source(bytes);
    EXPECT_EQ(Decompressor::create(source).value()->compression(), form);
  }
}

TEST(Compression, OfNothingIsNothing) {
  MemoryReader source("");
  EXPECT_EQ(decompress(source, 100).value(), "");
}

// Each end but the true ones is an error: nothing is taken for complete that is not.
TEST(Compression, NoticesEveryCut) {
  const std::string text = mixed_text(3000);
  const std::string parts[] = {gzip(text), zstd(text)};
  for (const std::string& part : parts) {
    const std::string whole = part + part;
    for (size_t size = 4; size <= whole.size(); size++) {
      MemoryReader source(std::string_view(whole).substr(0, size));
      Result<std::string> plain = decompress(source, 1 << 16);
      bool complete = size == part.size() || size == whole.size();
      EXPECT_EQ(plain.has_value(), complete) << size << " of " << whole.size();
    }
  }
}

// A distance before the begin of the data: the library's counts are wrong after that error.
TEST(Compression, CopesWithAnyDamageToGzip) {
  const std::string text = mixed_text(3000);
  const std::string whole = gzip(text);
  for (size_t at = 10; at < whole.size(); at++) {
    for (int bit = 0; bit < 8; bit++) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      MemoryReader source(damaged);
      // Some bits mean nothing: those that fill the last byte before the checksum.
      Result<std::string> plain = decompress(source, 1 << 16);
      EXPECT_TRUE(!plain.has_value() || *plain == text) << at << " " << bit;
    }
  }
}

// The window that a frame asks for is bounded: 128 MiB here, which zstd --long would make.
TEST(Compression, RefusesAZstdWindowAbove8MiB) {
  const std::string header("\x28\xb5\x2f\xfd\x00\x88\x01\x00\x00", 9);  // 2^27
  MemoryReader source(header);
  Result<std::string> plain = decompress(source, 1 << 16);
  ASSERT_FALSE(plain.has_value());
  EXPECT_EQ(plain.error().message, "zstd: the window is larger than 8388608 bytes");
}

TEST(Compression, HandsOnTheErrorOfItsSource) {
  class Broken : public ByteReader {
    Result<size_t> read(std::span<char>) override { return fail(Kind::kSystem, "disk on fire"); }
  };
  Broken source;
  EXPECT_EQ(Decompressor::create(source).error().message, "disk on fire");
}

}  // namespace
}  // namespace crunlite::image
