// SPDX-License-Identifier: Apache-2.0
#include "image/written_names.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include <array>

#include "base/check.h"
#include "base/limits.h"

namespace crunlite::image {
namespace {

constexpr size_t kFirstSlots = 1024;  // a power of two, as all later sizes

}  // namespace

WrittenNames::WrittenNames() : table_(kFirstSlots) { CHECK(RAND_bytes(key_, sizeof key_) == 1); }

uint64_t WrittenNames::hash(uint64_t directory, std::string_view name) const {
  std::array<unsigned char, sizeof key_ + sizeof directory + limits::kNameBytes> text;
  CHECK(name.size() <= limits::kNameBytes);
  memcpy(text.data(), key_, sizeof key_);
  memcpy(&text[sizeof key_], &directory, sizeof directory);
  memcpy(&text[sizeof key_ + sizeof directory], name.data(), name.size());
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  (void)SHA256(text.data(), sizeof key_ + sizeof directory + name.size(), digest.data());
  uint64_t value = 0;
  memcpy(&value, digest.data(), sizeof value);
  return value != 0 ? value : 1;
}

void WrittenNames::add(uint64_t directory, std::string_view name) {
  if (contains(directory, name)) return;
  if (used_ >= limits::kTrackedNames) {
    overflown_ = true;
    return;
  }
  if ((used_ + 1) * 4 > table_.size() * 3) grow();
  insert(hash(directory, name));
  used_++;
}

bool WrittenNames::contains(uint64_t directory, std::string_view name) const {
  uint64_t value = hash(directory, name);
  size_t mask = table_.size() - 1;
  for (size_t at = value & mask; table_[at] != 0; at = (at + 1) & mask) {
    if (table_[at] == value) return true;
  }
  return false;
}

void WrittenNames::insert(uint64_t value) {
  size_t mask = table_.size() - 1;
  size_t at = value & mask;
  while (table_[at] != 0) at = (at + 1) & mask;
  table_[at] = value;
}

void WrittenNames::grow() {
  std::vector<uint64_t> old(table_.size() * 2);
  old.swap(table_);
  for (uint64_t value : old) {
    if (value != 0) insert(value);
  }
}

}  // namespace crunlite::image
