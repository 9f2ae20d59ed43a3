// SPDX-License-Identifier: Apache-2.0
// What the tests of `crun-lite image` share: a source, a store in the test's directory, and trees
// as text. Main thread only.
#pragma once

#include <string>
#include <vector>

#include "tests/integration/harness.h"

namespace crunlite::integration {

class ImageTest : public RuntimeTest {
 protected:
  void SetUp() override;

  // `image WORDS... --store STORE`.
  [[nodiscard]] Strings words(Strings verb) const;
  [[nodiscard]] Outcome image(Strings verb, const CallOptions& options = {});
  [[nodiscard]] std::string store() const { return directory("store"); }
  // The tar of a root file system with the probe and some hundred files.
  [[nodiscard]] const std::string& source() const { return source_; }
  // All below a directory of the test's, in order; a store's locks left out.
  [[nodiscard]] Strings tree(const std::string& name) const;
  [[nodiscard]] bool knows(const std::string& name);  // `ls` lists it
  void remove_directory(const std::string& name) const;

 private:
  std::string source_;
};

}  // namespace crunlite::integration
