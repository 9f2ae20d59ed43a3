// SPDX-License-Identifier: Apache-2.0
// Remembers what a layer wrote into an existing tree, in little memory.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace crunlite::image {

// A set of names within directories. A whiteout hides only what earlier layers wrote, even if it
// stands behind what its own layer wrote (image-spec, layer.md), so that this must be known where
// both lie in one tree. Holds 64 bits of a keyed hash for each: a layer's author does not know the
// key, hence cannot make two names meet. One thread.
class WrittenNames {
 public:
  WrittenNames();
  void add(uint64_t directory, std::string_view name);
  [[nodiscard]] bool contains(uint64_t directory, std::string_view name) const;
  // True when limits::kTrackedNames were reached and names are missing since.
  [[nodiscard]] bool is_overflown() const { return overflown_; }

 private:
  [[nodiscard]] uint64_t hash(uint64_t directory, std::string_view name) const;
  void insert(uint64_t value);
  void grow();

  unsigned char key_[16];
  std::vector<uint64_t> table_;  // open addressing; 0 is empty
  size_t used_ = 0;
  bool overflown_ = false;
};

}  // namespace crunlite::image
