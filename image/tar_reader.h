// SPDX-License-Identifier: Apache-2.0
// Reads the entries of a tar archive, over libarchive, which only parses: it opens nothing.
#pragma once

#include <time.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

struct archive;
struct archive_entry;

namespace crunlite::image {

enum class EntryType {
  kFile,
  kDirectory,
  kSymlink,
  kHardlink,
  kCharDevice,
  kBlockDevice,
  kFifo,
  kOther
};

struct Xattr {
  std::string name;
  std::string value;
};

// One entry as the archive says it: nothing is checked but the ranges of numbers.
struct TarEntry {
  std::string path;
  std::string link;  // kSymlink, kHardlink
  EntryType type = EntryType::kOther;
  unsigned mode = 0;  // at most 07777
  uint32_t uid = 0;
  uint32_t gid = 0;
  uint64_t size = 0;  // kFile
  struct timespec mtime{};
  uint32_t device_major = 0;
  uint32_t device_minor = 0;
  std::vector<Xattr> xattrs;
};

// Bytes of a file at an offset; between blocks lie holes.
struct TarBlock {
  uint64_t offset = 0;
  std::string_view bytes;
};

// Reads an archive from a source of bytes. The headers of one entry are bounded, since the library
// holds them in memory, and so are large headers together, since it takes time by the square of
// their length to read some of them (access lists). One thread at a time.
class TarReader {
 public:
  // Gives the next bytes, valid until it is called again; none is the end.
  using Source = std::function<Result<std::string_view>()>;

  [[nodiscard]] static Result<std::unique_ptr<TarReader>> open(Source source);
  TarReader(const TarReader&) = delete;
  TarReader& operator=(const TarReader&) = delete;
  ~TarReader();

  // The next entry, or nothing at the archive's end. What is left of the last one is skipped.
  [[nodiscard]] Result<std::optional<TarEntry>> next();
  // The next bytes of the entry's file, or nothing at its end.
  [[nodiscard]] Result<std::optional<TarBlock>> next_block();
  // Reads the source to its end after the archive's end: only zeros may follow.
  [[nodiscard]] Status drain();

 private:
  explicit TarReader(Source source) : source_(std::move(source)) {}
  static ssize_t read_callback(struct archive* reader, void* self, const void** buffer);
  Status skip_data();
  Status check_header_size(uint64_t size);
  [[nodiscard]] uint64_t position() const;
  std::unexpected<Error> failure(std::string_view what);

  struct Free {
    void operator()(struct archive* reader) const;
  };
  Source source_;
  std::unique_ptr<struct archive, Free> archive_;
  std::optional<Error> source_error_;
  std::string_view last_;                 // what the source gave last
  uint64_t delivered_ = 0;                // bytes given to libarchive
  std::optional<uint64_t> header_start_;  // while a header is looked for: where
  uint64_t large_headers_ = 0;            // bytes of large headers so far
  bool source_ended_ = false;
  uint64_t entry_ = 0;  // its number, for messages
};

}  // namespace crunlite::image
