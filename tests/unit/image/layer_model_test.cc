// SPDX-License-Identifier: Apache-2.0
// Random layers, unpacked in both forms, must mean the same as in the model, and overlayfs must
// show the same as our own look through the layers.
#include "tests/unit/image/layer_model.h"

#include <ctype.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <random>

#include "base/path.h"
#include "base/sys.h"
#include "image/layer.h"
#include "tests/unit/image/tree_text.h"

namespace crunlite::image {
namespace {

constexpr int kRounds = 100;
constexpr int kLayers = 4;
constexpr int kEntries = 14;

class Generator {
 public:
  explicit Generator(unsigned seed) : engine_(seed) {}

  // A layer for this tree; seldom one that must be refused.
  ModelLayer layer(const LayerModel& below) {
    ModelLayer entries;
    LayerModel model = below.clone();
    model.begin_layer();
    for (int i = 0; i < kEntries; i++) {
      ModelEntry next = entry();
      LayerModel trial = model.clone();
      bool valid = trial.apply(next);
      if (!valid && number(60) != 0) continue;
      entries.push_back(std::move(next));
      if (!valid) break;
      model = std::move(trial);
    }
    return entries;
  }

 private:
  ModelEntry entry() {
    static constexpr const char* kTargets[] = {"a",  "b",       "../a", "/b",        "c/a",
                                               "..", "/a/../b", ".",    "none/../c", "/c/d"};
    // Links are rare: with many of them most layers would only be loops.
    char type = "ffffddddhhwwwool"[number(16)];
    ModelEntry entry{.type = type, .path = path(type)};
    if (type == 'f') entry.text = cat("t", number(1000));
    if (type == 'f' && number(4) == 0) entry.mode = 0600;
    if (type == 'd') entry.mode = number(3) == 0 ? 0711 : 0755;
    if (type == 'l') entry.text = kTargets[number(std::size(kTargets))];
    if (type == 'h') entry.text = path('f');
    if (type == 'o' && number(8) == 0) entry.path.clear();
    return entry;
  }
  // Some names clash with those of other types, most do not.
  std::string path(char type) {
    std::string text;
    for (size_t depth = number(3); depth > 0; depth--) {
      text.append(1, "aaabbbcccl"[number(10)]).append("/");
    }
    const std::string_view last = type == 'd' || type == 'o' ? "aabbccfl"
                                  : type == 'l'              ? "lllllmca"
                                  : type == 'w'              ? "abcfghlm"
                                                             : "fffggghb";
    return text + last[number(last.size())];
  }
  size_t number(size_t below) {
    return std::uniform_int_distribution<size_t>(0, below - 1)(engine_);
  }
  std::mt19937 engine_;
};

// A hard link to a file below breaks the file's own links there, as in overlayfs.
std::vector<std::string> without_links(std::vector<std::string> lines) {
  for (std::string& line : lines) {
    size_t at = line.rfind(" x");
    bool digits = at != std::string::npos && at + 2 < line.size() &&
                  std::all_of(line.begin() + static_cast<ptrdiff_t>(at) + 2, line.end(),
                              [](unsigned char c) { return isdigit(c) != 0; });
    if (digits) line.resize(at);
  }
  return lines;
}

Result<LayerResult> unpack(const std::string& tar, int root, LayerForm form,
                           const std::vector<int>& lowers) {
  LayerOptions options;
  options.form = form;
  options.lowers = lowers;
  if (::geteuid() != 0) options.ownership = Ownership::kIgnore;
  MemoryReader blob(tar);
  return unpack_layer(blob, root, options);
}

// The marks of opaque directories, where a mount shows them, mean nothing more there.
std::vector<std::string> without_marks(std::vector<std::string> lines) {
  constexpr std::string_view kMark = " opaque";
  for (std::string& line : lines) {
    if (line.ends_with(kMark)) line.resize(line.size() - kMark.size());
  }
  return lines;
}

// What the kernel shows of these directories.
enum class Marks { kTrusted, kUser };
Result<std::vector<std::string>> describe_mount(const std::vector<std::string>& paths,
                                                Marks marks) {
  UniqueFd fs = TRY(sys::fsopen("overlay"));
  if (marks == Marks::kUser) TRY(sys::fsconfig_flag(fs.get(), "userxattr"));
  TRY(sys::fsconfig_string(fs.get(), "lowerdir", join(paths, ":").c_str()));
  TRY(sys::fsconfig_create(fs.get()));
  UniqueFd mount = TRY(sys::fsmount(fs.get(), 0));
  return describe_tree(mount.get());
}

class RandomLayers : public testing::Test {
 protected:
  RandomLayers() : dir_(TempDir::create("crun-lite-model").value()) {
    make("empty");
    make("plain");
  }
  UniqueFd make(const std::string& name) {
    EXPECT_TRUE(sys::mkdirat(dir_.fd(), name.c_str(), 0755).has_value());
    return sys::openat(dir_.fd(), name.c_str(), O_PATH | O_DIRECTORY).value();
  }

  // One more layer, in both forms; false when it was refused, as it should.
  bool add(const ModelLayer& layer) {
    history_.append(text_of(layer));
    SCOPED_TRACE(history_);
    std::string tar = tar_of(layer);
    bool valid = model_.apply(layer);
    UniqueFd plain = sys::openat(dir_.fd(), "plain", O_PATH | O_DIRECTORY).value();
    Result<LayerResult> in_place = unpack(tar, plain.get(), LayerForm::kPlain, {});
    EXPECT_EQ(in_place.has_value(), valid) << (valid ? in_place.error().message : "");

    std::string name = cat("layer", layers_.size());
    UniqueFd fresh = make(name);
    std::vector<int> lowers = fds();
    Result<LayerResult> beside = unpack(tar, fresh.get(), LayerForm::kOverlay, lowers);
    EXPECT_EQ(beside.has_value(), valid) << (valid ? beside.error().message : "");
    layers_.insert(layers_.begin(), std::move(fresh));
    paths_.insert(paths_.begin(), cat(dir_.path(), "/", name));
    if (!valid) return false;

    EXPECT_EQ(without_links(describe_tree(plain.get())), model_.describe());
    EXPECT_EQ(without_links(describe_layers(fds())), model_.describe());
    return !HasFailure();
  }
  void compare_with_kernel() {
    std::vector<std::string> paths = paths_;
    paths.push_back(dir_.path() + "/empty");  // the kernel wants two at least
    for (Marks marks : {Marks::kTrusted, Marks::kUser}) {
      Result<std::vector<std::string>> shown = describe_mount(paths, marks);
      if (!shown.has_value()) {
        GTEST_SKIP() << "cannot mount overlayfs: " << shown.error().message;
      }
      EXPECT_EQ(without_links(without_marks(*shown)), model_.describe()) << history_;
    }
  }
  [[nodiscard]] const LayerModel& model() const { return model_; }
  [[nodiscard]] std::vector<int> fds() const {
    std::vector<int> fds;
    for (const UniqueFd& layer : layers_) fds.push_back(layer.get());
    return fds;
  }
  void reset() {
    for (const std::string& path : paths_) EXPECT_TRUE(remove_layer(AT_FDCWD, path).has_value());
    EXPECT_TRUE(remove_layer(dir_.fd(), "plain").has_value());
    make("plain");
    layers_.clear();
    paths_.clear();
    history_.clear();
    model_ = LayerModel();
  }

 private:
  TempDir dir_;
  std::vector<UniqueFd> layers_;    // topmost first
  std::vector<std::string> paths_;  // likewise
  std::string history_;
  LayerModel model_;
};

TEST_F(RandomLayers, MeanTheSameInBothFormsAndInTheModel) {
  int complete = 0;
  for (int seed = 0; seed < kRounds && !HasFailure(); seed++) {
    SCOPED_TRACE(cat("seed ", seed));
    Generator generator(static_cast<unsigned>(seed));
    int applied = 0;
    while (applied < kLayers && add(generator.layer(model()))) applied++;
    if (applied == kLayers) complete++;
    reset();
  }
  // Random layers are often refused; enough must not be, or the test would prove little.
  EXPECT_GE(complete, kRounds / 5);
}

TEST_F(RandomLayers, LookTheSameThroughOverlayfs) {
  for (int seed = 1000; seed < 1000 + kRounds && !HasFailure(); seed++) {
    SCOPED_TRACE(cat("seed ", seed));
    Generator generator(static_cast<unsigned>(seed));
    int applied = 0;
    while (applied < kLayers && add(generator.layer(model()))) applied++;
    if (applied == kLayers) compare_with_kernel();
    if (IsSkipped()) return;
    reset();
  }
}

}  // namespace
}  // namespace crunlite::image
