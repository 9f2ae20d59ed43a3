// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <optional>

#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr int kPatienceMs = 30'000;
constexpr int kSkipStatus = 77;

// Runs it in a child, whose descriptors and root directory are its own, and returns its status.
int in_child(const std::function<int()>& action) {
  Result<sys::Cloned> cloned = sys::clone3({});
  if (!cloned.has_value()) return -1;
  if (cloned->pid == 0) ::_exit(action());
  Child child(cloned->pid, std::move(cloned->pidfd));
  const auto status = child.wait(kPatienceMs);
  return status.has_value() && status->has_value() ? (*status)->shell_status() : -1;
}

std::vector<int> open_descriptors() {
  const Result<UniqueFd> dir = sys::open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  std::vector<int> numbers;
  const auto entries = sys::list_dir(dir->get());
  for (const sys::DirEntry& entry : *entries) {
    const int number = parse_number<int>(entry.name).value_or(-1);
    if (number != dir->get()) numbers.push_back(number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

TEST(CloseAllBut, LeavesTheKeptAndThePreserved) {
  const int status = in_child([] {
    (void)sys::close_range(3, ~0U, 0);
    for (int fd : {3, 4, 5, 6, 9, 10, 11, 200}) {
      if (!sys::dup3(0, fd, O_CLOEXEC).has_value()) return 1;
    }
    ProcessPlan plan;
    plan.preserve_fds = 2;
    // -1 is a descriptor that is not there; 4 is preserved already.
    if (!close_all_but(plan, {200, 4, -1, 9, 10}).has_value()) return 2;
    return open_descriptors() == std::vector<int>{0, 1, 2, 3, 4, 9, 10, 200} ? 0 : 3;
  });
  EXPECT_EQ(status, 0);
}

TEST(CloseAllBut, LeavesTheStreamsAlone) {
  const int status = in_child([] {
    if (!sys::dup3(0, 3, 0).has_value()) return 1;
    if (!close_all_but({}, {}).has_value()) return 2;
    return open_descriptors() == std::vector<int>{0, 1, 2} ? 0 : 3;
  });
  EXPECT_EQ(status, 0);
}

// A container's root is a mount of a directory of the host, which a leaked descriptor may lead to
// beside that mount. From there ".." goes up into the host (CVE-2024-21626).
TEST(WorkingDirectory, BesideTheMountOfTheRootIsOutside) {
  Result<TempDir> dir = TempDir::create("launch_test");
  ASSERT_TRUE(dir.has_value());
  ASSERT_TRUE(make_host_dirs(dir->path() + "/rootfs/inside", 0755).has_value());
  ASSERT_TRUE(sys::mkdirat(dir->fd(), "mounted", 0755).has_value());
  const std::string rootfs = dir->path() + "/rootfs";
  const std::string mounted = dir->path() + "/mounted";
  const int status = in_child([&] {
    const int flags = CLONE_NEWNS | (::geteuid() == 0 ? 0 : CLONE_NEWUSER);
    if (!sys::unshare(flags).has_value()) return kSkipStatus;
    if (!sys::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr).has_value() ||
        !sys::mount(rootfs.c_str(), mounted.c_str(), nullptr, MS_BIND, nullptr).has_value()) {
      return kSkipStatus;
    }
    const Result<UniqueFd> leaked = sys::open((rootfs + "/inside").c_str(), O_PATH | O_DIRECTORY);
    if (!leaked.has_value() || !sys::chroot(mounted.c_str()).has_value()) return 1;
    if (!sys::chdir("/inside").has_value() || sys::getcwd().value_or("") != "/inside") return 2;
    if (!sys::fchdir(leaked->get()).has_value()) return 3;
    return sys::getcwd().has_value() ? 4 : 0;
  });
  if (status == kSkipStatus) GTEST_SKIP() << "no mount namespace can be made here";
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace crunlite::runtime
