// SPDX-License-Identifier: Apache-2.0
// Blobs on their way into the store: written beside it, hashed as they are written, and moved in
// together once an import knows which of them it wants.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "image/compression.h"
#include "image/digest.h"
#include "image/progress.h"
#include "image/store.h"
#include "oci/image.h"

namespace crunlite::image {

// What a blob must be. Without a digest or a size, anything is right.
struct Expected {
  std::optional<oci::Digest> digest;
  std::optional<uint64_t> size;
};

struct SpooledBlob {
  oci::Digest digest;
  uint64_t size = 0;
  std::string first_bytes;  // a few, to tell its compression by
};

// Owns its session below the store's tmp/: what was not committed is removed at the end. Borrows
// the store. One thread.
class Spool {
 public:
  [[nodiscard]] static Result<Spool> create(Store& store);

  // Writes a stream to its end. Refused unless it is as expected; nothing of it is kept then.
  [[nodiscard]] Result<SpooledBlob> write(ByteReader& from, const Expected& expected,
                                          uint64_t max_bytes);
  [[nodiscard]] Result<SpooledBlob> write_text(std::string_view text);

  // A blob that is being written by its owner's own loop, as an archive gives it.
  class Writer;
  [[nodiscard]] Result<Writer> start(oci::DigestAlgorithm algorithm);

  // True for blobs of this spool and of the store.
  [[nodiscard]] bool has(const oci::Digest& digest, uint64_t size) const;
  // The whole of a spooled or stored blob, checked against its descriptor.
  [[nodiscard]] Result<std::string> read(const oci::Descriptor& descriptor, size_t max_bytes) const;
  [[nodiscard]] Result<std::string> read_first(const oci::Digest& digest, size_t max_bytes) const;

  // Moves these blobs into the store, and returns when they are on disk. Those which the store has
  // already are left out. The bytes added.
  [[nodiscard]] Result<uint64_t> commit(const std::vector<oci::Digest>& digests);

 private:
  friend class Writer;
  struct File {
    std::string name;
    uint64_t size;
  };
  Spool(Store& store, Session session) : store_(store), session_(std::move(session)) {}
  [[nodiscard]] Result<UniqueFd> open(const oci::Digest& digest) const;

  Store& store_;
  Session session_;
  std::map<oci::Digest, File> files_;
  uint64_t next_ = 0;
};

// Owns the file until finish(); removes it when it is dropped before. Borrows the spool.
class Spool::Writer {
 public:
  Writer(Writer&& other) noexcept = default;
  Writer& operator=(Writer&&) = delete;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;
  ~Writer();

  [[nodiscard]] Status append(std::string_view bytes);
  // Checks the whole, and makes it a blob of the spool.
  [[nodiscard]] Result<SpooledBlob> finish(const Expected& expected);

 private:
  friend class Spool;
  Writer(Spool& spool, std::string name, UniqueFd fd, Digester digester)
      : spool_(&spool),
        name_(std::move(name)),
        fd_(std::move(fd)),
        digester_(std::move(digester)) {}

  Spool* spool_;
  std::string name_;
  UniqueFd fd_;  // closed once finished
  Digester digester_;
  uint64_t size_ = 0;
  std::string first_bytes_;
};

// The digest of our own for the specification's algorithm.
[[nodiscard]] DigestAlgorithm digest_algorithm(oci::DigestAlgorithm algorithm);

}  // namespace crunlite::image
