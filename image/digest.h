// SPDX-License-Identifier: Apache-2.0
// Digests of content in the form of the OCI image specification ("sha256:..."), over libcrypto.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_md_ctx_st;  // libcrypto's EVP_MD_CTX

namespace crunlite::image {

enum class DigestAlgorithm { kSha256, kSha512 };

// The algorithm of a digest's text, "sha512:..." -> kSha512; nothing for those we cannot compute.
[[nodiscard]] std::optional<DigestAlgorithm> digest_algorithm_of(std::string_view digest);

// Computes one digest over the bytes it is given in order. A resource; one thread at a time.
class Digester {
 public:
  [[nodiscard]] static Result<Digester> create(
      DigestAlgorithm algorithm = DigestAlgorithm::kSha256);

  void update(std::string_view bytes);
  // The digest of all bytes so far as "algorithm:hex"; once only, update() must not follow.
  [[nodiscard]] std::string finish();

 private:
  struct Free {
    void operator()(evp_md_ctx_st* context) const;
  };
  explicit Digester(DigestAlgorithm algorithm, evp_md_ctx_st* context)
      : algorithm_(algorithm), context_(context) {}

  DigestAlgorithm algorithm_;
  std::unique_ptr<evp_md_ctx_st, Free> context_;  // empty after finish()
};

// Called with the number of bytes done so far, from time to time and in order.
using Progress = std::function<void(uint64_t done_bytes)>;

struct FdDigest {
  std::string digest;
  uint64_t bytes = 0;
};
// The digest of what read(2) still gives from `fd`, to its end.
[[nodiscard]] Result<FdDigest> digest_fd(int fd,
                                         DigestAlgorithm algorithm = DigestAlgorithm::kSha256,
                                         const Progress& progress = {});

// The digest of bytes in memory.
[[nodiscard]] Result<std::string> digest_of(std::string_view bytes,
                                            DigestAlgorithm algorithm = DigestAlgorithm::kSha256);

}  // namespace crunlite::image
