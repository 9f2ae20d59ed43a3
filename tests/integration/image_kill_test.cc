// SPDX-License-Identifier: Apache-2.0
// `crun-lite image` is killed in the middle: after `prune` nothing half-made is left, and what was
// acknowledged is whole.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <time.h>

#include <algorithm>

#include "base/text.h"
#include "tests/integration/image_support.h"

namespace crunlite::integration {
namespace {

constexpr int kKills = 30;

class ImageFaults : public ImageTest {
 protected:
  static int64_t now_us() {
    struct timespec now{};
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
  }
  static void wait_us(int64_t microseconds) {
    struct timespec time = {microseconds / 1'000'000, microseconds % 1'000'000 * 1000};
    (void)::ppoll(nullptr, 0, &time, nullptr);
  }
  int64_t life_of(const Strings& verb) {
    int64_t start = now_us();
    EXPECT_OK(image(verb));
    return now_us() - start;
  }
  // True when it was killed before its end.
  bool kill_after(const Strings& verb, int64_t microseconds) {
    Running running = launch(words(verb));
    wait_us(microseconds);
    Status sent = sys::pidfd_send_signal(running.child().pidfd(), SIGKILL);
    EXPECT_TRUE(sent.has_value() || sent.error().errnum == ESRCH);
    return running.wait().status == 128 + SIGKILL;
  }
  // The store without unpacked layers, which may be kept for the image's next bundle.
  [[nodiscard]] Strings store_without_layers() const {
    Strings paths = tree("store");
    std::erase_if(paths, [](const std::string& path) { return path.starts_with("layers/"); });
    return paths;
  }
  // Kills `unpack` at moments spread over its life.
  void kill_unpack(const Strings& verb) {
    ASSERT_OK(image({"import", source(), "app:1"}));
    Strings expected = store_without_layers();
    int64_t life_us = life_of(verb);
    Strings whole = tree("b");
    int killed = 0;
    for (int i = 0; i < kKills; i++) {
      remove_directory("b");
      // Without a name and a bundle the layers go too, so that each round unpacks them anew.
      ASSERT_OK(image({"rm", "app:1"}));
      ASSERT_OK(image({"import", source(), "app:1"}));
      if (kill_after(verb, life_us * i / kKills)) killed++;
      ASSERT_OK(image({"prune"})) << "kill " << i;
      Strings left = tree("b");
      if (left != Strings{"(none)"}) {
        EXPECT_EQ(left, whole) << "kill " << i;
        remove_directory("b");
        ASSERT_OK(image({"prune"}));
      }
      EXPECT_EQ(store_without_layers(), expected) << "kill " << i;
      // Nothing stands in the way of the next one.
      ASSERT_OK(image(verb)) << "kill " << i;
      EXPECT_EQ(tree("b"), whole) << "kill " << i;
    }
    EXPECT_GE(killed, kKills / 3) << "too few kills hit the program alive";
  }
};

TEST_F(ImageFaults, KilledInImport) {
  int64_t life_us = life_of({"import", source(), "app:1"});
  ASSERT_OK(image({"rm", "app:1"}));
  const Strings empty = tree("store");
  int killed = 0;
  for (int i = 0; i < kKills; i++) {
    if (kill_after({"import", source(), "app:1"}, life_us * i / kKills)) killed++;
    ASSERT_OK(image({"prune"})) << "kill " << i;
    if (knows("app:1")) {
      // What has a name is whole.
      EXPECT_OK(image({"unpack", "app:1", directory("b"), "--copy"})) << "kill " << i;
      remove_directory("b");
      ASSERT_OK(image({"rm", "app:1"}));
    }
    EXPECT_EQ(tree("store"), empty) << "kill " << i << " after " << life_us * i / kKills << " us";
  }
  EXPECT_GE(killed, kKills / 3) << "too few kills hit the program alive";
}

TEST_F(ImageFaults, KilledInUnpack) { kill_unpack({"unpack", "app:1", directory("b")}); }

TEST_F(ImageFaults, KilledInUnpackOfACopy) {
  kill_unpack({"unpack", "app:1", directory("b"), "--copy"});
}

TEST_F(ImageFaults, KilledInRemoveAndPrune) {
  for (int i = 0; i < kKills; i++) {
    ASSERT_OK(image({"import", source(), "app:1"}));
    ASSERT_OK(image({"unpack", "app:1", directory("b")}));
    remove_directory("b");
    (void)kill_after({"rm", "app:1"}, int64_t{i} * 700);
    if (knows("app:1")) {
      ASSERT_OK(image({"rm", "app:1"}));
    }
    ASSERT_OK(image({"prune"}));
    for (const std::string& path : tree("store")) {
      EXPECT_FALSE(path.starts_with("blobs/sha256/") && path.size() > 13) << "kill " << i << path;
      EXPECT_FALSE(path.starts_with("layers/") && path.size() > 7) << "kill " << i << path;
      EXPECT_FALSE(path.starts_with("refs/") && path.size() > 5) << "kill " << i << path;
    }
  }
}

}  // namespace
}  // namespace crunlite::integration
