// SPDX-License-Identifier: Apache-2.0
#include "image/name_set.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/limits.h"

namespace crunlite::image {
namespace {

constexpr size_t kFirstSlots = 1024;  // a power of two, as all later sizes

}  // namespace

NameSet::NameSet() : table_(kFirstSlots) { CHECK(RAND_bytes(key_, sizeof key_) == 1); }

uint64_t NameSet::hash(uint64_t directory, std::string_view name) const {
  std::array<unsigned char, sizeof key_ + sizeof directory + limits::kNameBytes> text;
  CHECK(name.size() <= limits::kNameBytes);
  memcpy(text.data(), key_, sizeof key_);
  memcpy(&text[sizeof key_], &directory, sizeof directory);
  std::copy(name.begin(), name.end(), &text[sizeof key_ + sizeof directory]);
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest;
  (void)SHA256(text.data(), sizeof key_ + sizeof directory + name.size(), digest.data());
  uint64_t value = 0;
  memcpy(&value, digest.data(), sizeof value);
  return value != 0 ? value : 1;
}

size_t NameSet::slot_of(uint64_t value) const {
  size_t mask = table_.size() - 1;
  size_t at = value & mask;
  while (table_[at] != 0 && table_[at] != value) at = (at + 1) & mask;
  return at;
}

void NameSet::add(uint64_t directory, std::string_view name) {
  uint64_t value = hash(directory, name);
  if (table_[slot_of(value)] == value) return;
  if (used_ >= limits::kTrackedNames) {
    overflown_ = true;
    return;
  }
  if ((used_ + 1) * 4 > table_.size() * 3) grow();
  table_[slot_of(value)] = value;
  used_++;
}

void NameSet::remove(uint64_t directory, std::string_view name) {
  size_t hole = slot_of(hash(directory, name));
  if (table_[hole] == 0) return;
  table_[hole] = 0;
  used_--;
  // Those behind may have been pushed there: each moves to where it is looked for now.
  size_t mask = table_.size() - 1;
  for (size_t at = (hole + 1) & mask; table_[at] != 0; at = (at + 1) & mask) {
    uint64_t value = table_[at];
    table_[at] = 0;
    table_[slot_of(value)] = value;
  }
}

bool NameSet::contains(uint64_t directory, std::string_view name) const {
  uint64_t value = hash(directory, name);
  return table_[slot_of(value)] == value;
}

void NameSet::grow() {
  std::vector<uint64_t> old(table_.size() * 2);
  old.swap(table_);
  for (uint64_t value : old) {
    if (value != 0) table_[slot_of(value)] = value;
  }
}

}  // namespace crunlite::image
