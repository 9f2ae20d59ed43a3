// SPDX-License-Identifier: Apache-2.0
// A set of names within directories, in little memory.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace crunlite::image {

// A whiteout hides only what the layers below hold, even if it stands behind what its own layer
// wrote (image-spec, layer.md); so a layer's own names must be told from others. Holds 64 bits of
// a keyed hash for each: a layer's author does not know the key, hence cannot make two names meet.
// One thread.
class NameSet {
 public:
  NameSet();
  // A directory is its inode; the name "" stands for the directory itself.
  void add(uint64_t directory, std::string_view name);
  void remove(uint64_t directory, std::string_view name);
  [[nodiscard]] bool contains(uint64_t directory, std::string_view name) const;
  // True when limits::kTrackedNames were reached and names are missing since.
  [[nodiscard]] bool is_overflown() const { return overflown_; }

 private:
  [[nodiscard]] uint64_t hash(uint64_t directory, std::string_view name) const;
  // Where the value is, or where it would be.
  [[nodiscard]] size_t slot_of(uint64_t value) const;
  void grow();

  unsigned char key_[16];
  std::vector<uint64_t> table_;  // open addressing with linear probing; 0 is empty
  size_t used_ = 0;
  bool overflown_ = false;
};

}  // namespace crunlite::image
