// SPDX-License-Identifier: Apache-2.0
// Each hostile layer is refused or contained; what stands beside the root never changes.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "base/path.h"
#include "base/sys.h"
#include "image/layer.h"
#include "tests/unit/image/hostile_cases.h"
#include "tests/unit/image/tree_text.h"

namespace crunlite::image {
namespace {

constexpr int64_t kMaxMs = 20'000;  // each takes milliseconds; a slow machine under a sanitizer

HostileCases all_cases() {
  HostileCases all;
  for (HostileCases (*some)() :
       {name_cases, link_cases, type_cases, number_cases, sparse_cases, archive_cases, bound_cases,
        attribute_cases, whiteout_cases, below_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

// A directory with "root", "below" for a layer beneath, and the sentinel.
class Place {
 public:
  Place() : dir_(TempDir::create("crun-lite-hostile").value()) {
    for (const char* name : {"root", "below", "sentinel", "sentinel/full"}) {
      EXPECT_TRUE(sys::mkdirat(dir_.fd(), name, 0755).has_value());
    }
    write("sentinel/file", "untouched");
    write("sentinel/full/inner", "untouched too");
    EXPECT_TRUE(sys::symlinkat("full/inner", dir_.fd(), "sentinel/link").has_value());
    EXPECT_TRUE(sys::fchmodat(dir_.fd(), "root", 0700).has_value());
  }
  ~Place() {
    // What an ordinary user could not remove as it is: directories without permissions.
    for (const char* name : {"root", "below"}) (void)remove_layer(dir_.fd(), name);
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

  [[nodiscard]] const std::string& path() const { return dir_.path(); }
  [[nodiscard]] UniqueFd open(const char* name) const {
    return sys::openat(dir_.fd(), name, O_PATH | O_DIRECTORY | O_NOFOLLOW).value();
  }
  // The names beside the root, and the sentinel in every detail.
  [[nodiscard]] std::vector<std::string> surroundings() const {
    std::vector<std::string> lines = fingerprint_tree(open("sentinel").get());
    UniqueFd top = sys::openat(dir_.fd(), ".", O_RDONLY | O_DIRECTORY).value();
    std::set<std::string> names;
    Result<std::vector<sys::DirEntry>> entries = sys::list_dir(top.get());
    for (const sys::DirEntry& entry : entries.value()) names.insert(entry.name);
    lines.insert(lines.end(), names.begin(), names.end());
    return lines;
  }

 private:
  void write(const char* name, std::string_view text) {
    UniqueFd fd = sys::openat(dir_.fd(), name, O_WRONLY | O_CREAT | O_EXCL, 0644).value();
    EXPECT_TRUE(sys::write_all(fd.get(), text).has_value());
  }
  TempDir dir_;
};

// Puts the path of `top` for "{top}"; at a line's begin, adds lines for the directories on the way.
std::vector<std::string> expand(const std::vector<std::string>& lines, const std::string& top) {
  constexpr std::string_view kTop = "{top}";
  std::set<std::string> expanded;
  for (const std::string& line : lines) {
    if (!line.starts_with(kTop)) {
      std::string text = line;
      if (size_t at = text.find(kTop); at != std::string::npos) text.replace(at, kTop.size(), top);
      expanded.insert(text);
      continue;
    }
    for (size_t at = top.find('/', 1); at != std::string::npos; at = top.find('/', at + 1)) {
      expanded.insert(top.substr(1, at));
    }
    expanded.insert(top.substr(1) + "/");
    expanded.insert(top.substr(1) + line.substr(kTop.size()));
  }
  return {expanded.begin(), expanded.end()};
}

Result<LayerResult> unpack(const std::string& blob, int root, const LayerOptions& options) {
  MemoryReader reader(blob);
  return unpack_layer(reader, root, options);
}

class HostileLayer : public testing::TestWithParam<HostileCase> {
 protected:
  void run(LayerForm form) {
    const HostileCase& test = GetParam();
    if (test.needs == Needs::kRoot && ::geteuid() != 0) {
      GTEST_SKIP() << "needs root: device nodes, owners and capabilities";
    }
    Place place;
    LayerOptions options;
    options.form = form;
    options.ownership = ::geteuid() == 0 ? Ownership::kApply : Ownership::kIgnore;
    UniqueFd root = place.open("root");
    UniqueFd below = place.open("below");
    bool overlay = form == LayerForm::kOverlay;
    if (!test.base.empty()) {
      Result<LayerResult> base = unpack(test.base, overlay ? below.get() : root.get(), options);
      ASSERT_TRUE(base.has_value()) << base.error().message;
      if (overlay) options.lowers = {below.get()};
    }
    std::vector<std::string> below_before = fingerprint_tree(below.get());
    std::vector<std::string> before = place.surroundings();
    if (test.tune) test.tune(options);
    std::string blob = test.blob(place.path());

    int64_t start_ms = sys::monotonic_ms();
    Result<LayerResult> result = unpack(blob, root.get(), options);
    EXPECT_LT(sys::monotonic_ms() - start_ms, kMaxMs);

    EXPECT_EQ(place.surroundings(), before);
    EXPECT_EQ(fingerprint_tree(below.get()), below_before) << "the layer below changed";
    if (!test.refused.empty()) {
      ASSERT_FALSE(result.has_value()) << testing::PrintToString(describe_tree(root.get()));
      EXPECT_THAT(result.error().message, testing::HasSubstr(test.refused));
      EXPECT_EQ(result.error().kind, test.kind) << result.error().message;
      return;
    }
    ASSERT_TRUE(result.has_value()) << result.error().message;
    const auto& expected = !overlay && !test.plain.empty() ? test.plain : test.tree;
    EXPECT_EQ(describe_tree(root.get()), expand(expected, place.path()));
  }
};

TEST_P(HostileLayer, IsRefusedOrContainedAsOverlay) { run(LayerForm::kOverlay); }
TEST_P(HostileLayer, IsRefusedOrContainedAsPlainTree) { run(LayerForm::kPlain); }

INSTANTIATE_TEST_SUITE_P(Corpus, HostileLayer, testing::ValuesIn(all_cases()),
                         [](const testing::TestParamInfo<HostileCase>& one) {
                           return one.param.name;
                         });

TEST(HostileCorpus, HoldsAtLeastAHundredCasesOfDifferentNames) {
  std::set<std::string> names;
  for (const HostileCase& test : all_cases()) {
    EXPECT_TRUE(names.insert(test.name).second) << test.name;
  }
  EXPECT_GE(names.size(), 100U);
}

}  // namespace

void PrintTo(const HostileCase& test, std::ostream* out);
void PrintTo(const HostileCase& test, std::ostream* out) { *out << test.name; }

}  // namespace crunlite::image
