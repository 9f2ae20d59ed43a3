// SPDX-License-Identifier: Apache-2.0
// Readers that an import is put together from: a source that can be interrupted, bytes read ahead,
// a copy on the way, and bounds.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>

#include "base/result.h"
#include "image/compression.h"
#include "image/digest.h"
#include "image/progress.h"

namespace crunlite::image {

constexpr size_t kReadBytes = size_t{1} << 20;

// Reads a borrowed descriptor, which may be a pipe or a terminal that gives nothing for hours: it
// can be interrupted while it waits. Tells its progress under the name `what`.
class SourceReader : public ByteReader {
 public:
  SourceReader(int fd, std::string what, const Observer& observer);
  [[nodiscard]] Result<size_t> read(std::span<char> buffer) override;
  [[nodiscard]] uint64_t bytes() const { return bytes_; }

 private:
  int fd_;
  std::string what_;
  const Observer& observer_;
  uint64_t bytes_ = 0;
  uint64_t total_ = 0;  // of a regular file, otherwise 0
};

// Bytes that were read ahead, and then the rest of their stream.
class ReplayReader : public ByteReader {
 public:
  ReplayReader(std::string ahead, ByteReader& rest) : ahead_(std::move(ahead)), rest_(rest) {}
  [[nodiscard]] Result<size_t> read(std::span<char> buffer) override;

 private:
  std::string ahead_;
  size_t used_ = 0;
  ByteReader& rest_;
};

// Hands every byte on to `sink` as it is read.
class TeeReader : public ByteReader {
 public:
  using Sink = std::function<Status(std::string_view)>;
  TeeReader(ByteReader& source, Sink sink) : source_(source), sink_(std::move(sink)) {}
  [[nodiscard]] Result<size_t> read(std::span<char> buffer) override;

 private:
  ByteReader& source_;
  Sink sink_;
};

// Refuses a stream with more bytes than allowed, or which grew too much out of `compressed` ones.
class BoundedReader : public ByteReader {
 public:
  struct Bounds {
    uint64_t max_bytes;
    uint64_t max_expansion;
    uint64_t expansion_floor;
  };
  using Compressed = std::function<uint64_t()>;  // bytes read from the compressed side so far
  BoundedReader(ByteReader& source, Bounds bounds, Compressed compressed)
      : source_(source), bounds_(bounds), compressed_(std::move(compressed)) {}
  [[nodiscard]] Result<size_t> read(std::span<char> buffer) override;

 private:
  ByteReader& source_;
  Bounds bounds_;
  Compressed compressed_;
  uint64_t bytes_ = 0;
};

// At most the first `max_bytes` of a stream; fewer only at its end.
[[nodiscard]] Result<std::string> read_ahead(ByteReader& source, size_t max_bytes);

}  // namespace crunlite::image
