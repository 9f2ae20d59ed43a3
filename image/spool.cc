// SPDX-License-Identifier: Apache-2.0
#include "image/spool.h"

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "image/readers.h"

namespace crunlite::image {
namespace {

constexpr size_t kFirstBytes = 16;

Status check_expected(const SpooledBlob& blob, const Expected& expected) {
  if (expected.size.has_value() && *expected.size != blob.size) {
    return fail(Kind::kInvalid, "has ", blob.size, " bytes, its descriptor says ", *expected.size);
  }
  if (expected.digest.has_value() && *expected.digest != blob.digest) {
    return fail(Kind::kInvalid, "has the digest ", blob.digest.to_string(), ", not ",
                expected.digest->to_string());
  }
  return {};
}

}  // namespace

DigestAlgorithm digest_algorithm(oci::DigestAlgorithm algorithm) {
  switch (algorithm) {
    case oci::DigestAlgorithm::kSha256: return DigestAlgorithm::kSha256;
    case oci::DigestAlgorithm::kSha512: return DigestAlgorithm::kSha512;
  }
  CHECK(false);
}

Result<Spool> Spool::create(Store& store) { return Spool(store, TRY(store.make_session())); }

Result<Spool::Writer> Spool::start(oci::DigestAlgorithm algorithm) {
  std::string name = cat(next_++);
  UniqueFd fd =
      TRY(sys::openat(session_.fd(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600),
          "store: tmp");
  return Writer(*this, std::move(name), std::move(fd),
                TRY(Digester::create(digest_algorithm(algorithm))));
}

Spool::Writer::~Writer() {
  // The session removes what this cannot.
  if (fd_.is_open()) (void)sys::unlinkat(spool_->session_.fd(), name_.c_str(), 0);
}

Status Spool::Writer::append(std::string_view bytes) {
  if (first_bytes_.size() < kFirstBytes) {
    first_bytes_.append(bytes.substr(0, kFirstBytes - first_bytes_.size()));
  }
  digester_.update(bytes);
  size_ += bytes.size();
  TRY(sys::write_all(fd_.get(), bytes), "store: tmp");
  return {};
}

Result<SpooledBlob> Spool::Writer::finish(const Expected& expected) {
  SpooledBlob blob;
  blob.digest = TRY(oci::Digest::parse(digester_.finish()));
  blob.size = size_;
  blob.first_bytes = std::move(first_bytes_);
  TRY(check_expected(blob, expected));
  auto [at, added] = spool_->files_.try_emplace(blob.digest, File{name_, size_});
  if (!added) {
    TRY(sys::unlinkat(spool_->session_.fd(), name_.c_str(), 0), "store: tmp");
  }
  fd_.reset();
  return blob;
}

Result<SpooledBlob> Spool::write(ByteReader& from, const Expected& expected, uint64_t max_bytes) {
  Writer writer = TRY(start(expected.digest.has_value() ? expected.digest->algorithm
                                                        : oci::DigestAlgorithm::kSha256));
  std::vector<char> buffer(kReadBytes);
  uint64_t bytes = 0;
  for (;;) {
    size_t length = TRY(from.read(buffer));
    if (length == 0) return writer.finish(expected);
    bytes += length;
    if (bytes > max_bytes) return fail(Kind::kLimit, "is larger than ", max_bytes, " bytes");
    TRY(writer.append(std::string_view(buffer.data(), length)));
  }
}

Result<SpooledBlob> Spool::write_text(std::string_view text) {
  Writer writer = TRY(start(oci::DigestAlgorithm::kSha256));
  TRY(writer.append(text));
  return writer.finish({});
}

bool Spool::has(const oci::Digest& digest, uint64_t size) const {
  auto found = files_.find(digest);
  if (found != files_.end()) return found->second.size == size;
  return store_.has_blob(digest, size);
}

Result<UniqueFd> Spool::open(const oci::Digest& digest) const {
  auto found = files_.find(digest);
  if (found == files_.end()) return store_.open_blob(digest);
  return TRY(sys::openat(session_.fd(), found->second.name.c_str(), O_RDONLY), "store: tmp");
}

Result<std::string> Spool::read(const oci::Descriptor& descriptor, size_t max_bytes) const {
  if (descriptor.size > max_bytes) {
    return fail(Kind::kLimit, "is larger than ", max_bytes, " bytes");
  }
  UniqueFd fd = TRY(open(descriptor.digest));
  std::string text = TRY(read_fd(fd.get(), max_bytes));
  SpooledBlob found;
  found.size = text.size();
  found.digest =
      TRY(oci::Digest::parse(TRY(digest_of(text, digest_algorithm(descriptor.digest.algorithm)))));
  TRY(check_expected(found, {descriptor.digest, descriptor.size}));
  return text;
}

Result<std::string> Spool::read_first(const oci::Digest& digest, size_t max_bytes) const {
  UniqueFd fd = TRY(open(digest));
  FdReader reader(fd.get());
  return read_ahead(reader, max_bytes);
}

Result<uint64_t> Spool::commit(const std::vector<oci::Digest>& digests) {
  std::vector<oci::Digest> wanted = digests;
  std::ranges::sort(wanted);
  wanted.erase(std::ranges::unique(wanted).begin(), wanted.end());
  std::erase_if(wanted, [&](const oci::Digest& digest) {
    auto found = files_.find(digest);
    return found == files_.end() || store_.has_blob(digest, found->second.size);
  });
  // The contents first and together, so that the journal is written once for many files.
  for (const oci::Digest& digest : wanted) {
    UniqueFd fd = TRY(open(digest));
    TRY(sys::fsync(fd.get()), "store: sync ", digest.to_string());
  }
  uint64_t added = 0;
  for (const oci::Digest& digest : wanted) {
    auto file = files_.find(digest);
    TRY(store_.adopt_blob(session_.fd(), file->second.name, digest));
    added += file->second.size;
    files_.erase(file);
  }
  TRY(store_.sync_blobs());
  return added;
}

}  // namespace crunlite::image
