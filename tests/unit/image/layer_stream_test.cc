// SPDX-License-Identifier: Apache-2.0
#include "image/layer_stream.h"

#include <gtest/gtest.h>

#include "tests/unit/image/tar_builder.h"

namespace crunlite::image {
namespace {

StreamOptions wide_options() {
  StreamOptions options;
  options.max_blob_bytes = options.max_bytes = uint64_t{1} << 40;
  options.max_expansion = 1000;
  options.expansion_floor = uint64_t{1} << 30;
  return options;
}

// Never ends.
class Endless : public ByteReader {
 public:
  Result<size_t> read(std::span<char> buffer) override {
    std::fill(buffer.begin(), buffer.end(), 'x');
    return buffer.size();
  }
};

TEST(LayerStream, GivesAllBytesInOrder) {
  std::string text;
  for (int i = 0; i < 500'000; i++) text.append(std::to_string(i));
  std::string blob = gzip(text);
  MemoryReader reader(blob);
  auto stream = LayerStream::start(reader, wide_options()).value();
  std::string all;
  for (;;) {
    std::string_view piece = stream->next().value();
    if (piece.empty()) break;
    all.append(piece);
  }
  EXPECT_TRUE(all == text);
  EXPECT_EQ(stream->end().bytes, text.size());
  EXPECT_EQ(stream->end().blob_bytes, blob.size());
  EXPECT_EQ(stream->end().diff_id, digest_of(text).value());
  EXPECT_EQ(stream->end().blob_digest, "");
  EXPECT_EQ(stream->next().value(), "") << "the end stays the end";
}

TEST(LayerStream, EndsItsThreadWhenNobodyReads) {
  Endless source;
  auto stream = LayerStream::start(source, wide_options()).value();
}

TEST(LayerStream, EndsItsThreadInTheMiddle) {
  Endless source;
  auto stream = LayerStream::start(source, wide_options()).value();
  for (int i = 0; i < 100; i++) EXPECT_FALSE(stream->next().value().empty());
}

TEST(LayerStream, StopsAtTheBoundOfTheBlob) {
  Endless source;
  StreamOptions options = wide_options();
  options.max_blob_bytes = 1'000'000;
  auto stream = LayerStream::start(source, options).value();
  Result<std::string_view> piece = stream->next();
  while (piece.has_value()) piece = stream->next();
  EXPECT_EQ(piece.error().kind, Kind::kLimit);
  EXPECT_EQ(piece.error().message, "is larger than 1000000 bytes");
  EXPECT_LT(stream->blob_bytes(), 1'000'001U);
}

TEST(LayerStream, GivesWhatCameBeforeAnError) {
  const std::string text(1'000'000, 'y');
  std::string blob = gzip(text);
  blob.resize(blob.size() - 1);
  MemoryReader reader(blob);
  auto stream = LayerStream::start(reader, wide_options()).value();
  size_t bytes = 0;
  Result<std::string_view> piece = stream->next();
  for (; piece.has_value(); piece = stream->next()) bytes += piece->size();
  EXPECT_EQ(piece.error().message, "gzip: the stream is cut short");
  EXPECT_GT(bytes, text.size() / 2);
}

}  // namespace
}  // namespace crunlite::image
