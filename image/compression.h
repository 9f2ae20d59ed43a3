// SPDX-License-Identifier: Apache-2.0
// Streams of bytes, and the decompression of gzip and zstd, told apart by their first bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace crunlite::image {

// A stream that is read once, from its beginning to its end. One thread at a time.
class ByteReader {
 public:
  ByteReader() = default;
  ByteReader(const ByteReader&) = delete;
  ByteReader& operator=(const ByteReader&) = delete;
  virtual ~ByteReader() = default;

  // Reads some bytes, at least one; 0 is the end. Not called again after the end or an error.
  [[nodiscard]] virtual Result<size_t> read(std::span<char> buffer) = 0;
};

// Reads a borrowed descriptor by read(2): a mapped file would count as our memory.
class FdReader : public ByteReader {
 public:
  explicit FdReader(int fd) : fd_(fd) {}
  [[nodiscard]] Result<size_t> read(std::span<char> buffer) override;

 private:
  int fd_;
};

// Reads bytes in memory, which it borrows.
class MemoryReader : public ByteReader {
 public:
  explicit MemoryReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] Result<size_t> read(std::span<char> buffer) override;

 private:
  std::string_view bytes_;
};

enum class Compression { kNone, kGzip, kZstd };

// By the first bytes of a stream (4 are enough); media types may lie.
[[nodiscard]] Compression detect_compression(std::string_view first_bytes);
[[nodiscard]] std::string_view compression_name(Compression compression);  // "gzip"

// The plain bytes of a stream which is gzip, zstd or neither. Memory is bounded: a few buffers, and
// for zstd a window of at most 8 MiB.
// Concatenated gzip members and zstd frames are one stream, skippable frames are skipped. A wrong
// checksum, a cut stream, and anything else after the last member are errors.
class Decompressor : public ByteReader {
 public:
  // `source` is borrowed and must outlive the decompressor. Reads the stream's first bytes.
  [[nodiscard]] static Result<std::unique_ptr<Decompressor>> create(ByteReader& source);

  [[nodiscard]] virtual Compression compression() const = 0;
};

}  // namespace crunlite::image
