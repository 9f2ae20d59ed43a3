// SPDX-License-Identifier: Apache-2.0
#include "image/digest.h"

#include <openssl/evp.h>

#include <array>
#include <vector>

#include "base/check.h"
#include "base/sys.h"

namespace crunlite::image {
namespace {

constexpr size_t kBufferBytes = size_t{1} << 17;

struct Algorithm {
  DigestAlgorithm algorithm;
  std::string_view prefix;
  const EVP_MD* (*evp)();
};
constexpr Algorithm kAlgorithms[] = {
    {DigestAlgorithm::kSha256, "sha256:", EVP_sha256},
    {DigestAlgorithm::kSha512, "sha512:", EVP_sha512},
};

const Algorithm& entry_of(DigestAlgorithm algorithm) {
  for (const Algorithm& entry : kAlgorithms) {
    if (entry.algorithm == algorithm) return entry;
  }
  return kAlgorithms[0];
}

}  // namespace

std::optional<DigestAlgorithm> digest_algorithm_of(std::string_view digest) {
  for (const Algorithm& entry : kAlgorithms) {
    if (digest.starts_with(entry.prefix)) return entry.algorithm;
  }
  return {};
}

void Digester::Free::operator()(evp_md_ctx_st* context) const { EVP_MD_CTX_free(context); }

Result<Digester> Digester::create(DigestAlgorithm algorithm) {
  Digester digester(algorithm, EVP_MD_CTX_new());
  const EVP_MD* evp = entry_of(algorithm).evp();
  if (!digester.context_ || EVP_DigestInit_ex(digester.context_.get(), evp, nullptr) != 1) {
    // A libcrypto that is configured to allow some algorithms only refuses the others here.
    return fail(Kind::kUnavailable, "digest ", entry_of(algorithm).prefix,
                " libcrypto does not provide it");
  }
  return digester;
}

void Digester::update(std::string_view bytes) {
  CHECK(context_ != nullptr);
  // Cannot fail once the context is initialized.
  CHECK(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
}

std::string Digester::finish() {
  CHECK(context_ != nullptr);
  std::array<unsigned char, EVP_MAX_MD_SIZE> value;
  unsigned length = 0;
  CHECK(EVP_DigestFinal_ex(context_.get(), value.data(), &length) == 1);
  context_.reset();
  std::string_view bytes(reinterpret_cast<const char*>(value.data()), length);
  return cat(entry_of(algorithm_).prefix, hex(bytes));
}

Result<FdDigest> digest_fd(int fd, DigestAlgorithm algorithm, const Progress& progress) {
  Digester digester = TRY(Digester::create(algorithm));
  std::vector<char> buffer(kBufferBytes);
  FdDigest result;
  for (;;) {
    size_t length = TRY(sys::read(fd, buffer));
    if (length == 0) break;
    digester.update({buffer.data(), length});
    result.bytes += length;
    if (progress) progress(result.bytes);
  }
  result.digest = digester.finish();
  return result;
}

Result<std::string> digest_of(std::string_view bytes, DigestAlgorithm algorithm) {
  Digester digester = TRY(Digester::create(algorithm));
  digester.update(bytes);
  return digester.finish();
}

}  // namespace crunlite::image
