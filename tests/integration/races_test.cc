// SPDX-License-Identifier: Apache-2.0
// Races: another process exchanges a directory and a link without pause while containers start.
// CRUN_LITE_RACE_ROUNDS says how often (200 unless said; 10,000 in a long run).
#include <unistd.h>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Races : public RuntimeTest {
 protected:
  void SetUp() override {
    RuntimeTest::SetUp();
    make_host_directory(directory("victim"));
    write_host_file(directory("victim/file"), "untouched");
  }
  // Exchanges rootfs/NAME with a link beside it until the end of the test.
  void start_flipper(const std::string& name, const std::string& target) {
    std::string other = rootfs(cat(name, ".other"));
    ASSERT_TRUE(sys::symlinkat(target.c_str(), AT_FDCWD, other.c_str()).has_value());
    Result<sys::Pipe> pipe = sys::pipe2();
    ASSERT_TRUE(pipe.has_value());
    SpawnOptions options;
    options.args = {Host::get().probe(), "flip", rootfs(name), other};
    options.stdout_fd = pipe->write_end.get();
    Result<Child> child = spawn(options);
    ASSERT_TRUE(child.has_value());
    pipe->write_end.reset();
    flipper_ = std::move(*child);
    ASSERT_EQ(LineReader(std::move(pipe->read_end)).next(), "ready");
  }
  void TearDown() override {
    flipper_.kill_and_reap();
    RuntimeTest::TearDown();
  }
  void expect_untouched(int round) {
    ASSERT_EQ(host_names_in(directory("victim")), Strings{"file"}) << "round " << round;
    ASSERT_EQ(read_host_file(directory("victim/file")), "untouched") << "round " << round;
  }
  // The mounts of this test process's namespace, which every escaped mount would change.
  [[nodiscard]] static std::string mounts() { return read_host_file("/proc/self/mountinfo"); }

  Child flipper_;
};

TEST_F(Races, OfMountDestinationsAndDevices) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 makes destinations outside in a race (CVE-2024-45310)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 makes devices of linux.devices through links");
  make_host_directory(rootfs("race"));
  make_host_directory(directory("source"));
  write_host_file(directory("source/data"), "");
  start_flipper("race", directory("victim"));
  config.mount("tmpfs", "tmpfs", "/race/tmpfs").bind(directory("source"), "/race/directory");
  config.bind(directory("source/data"), "/race/plain");
  config.set_json("linux.devices", R"([{"type": "c", "path": "/race/dev", "major": 1, "minor": 3},
                                       {"type": "p", "path": "/race/deep/pipe"}])");
  config.probe({"exit", "0"});
  write_config();
  std::string before = mounts();
  for (int round = 0; round < Host::get().race_rounds(); round++) {
    (void)call({"run", "--bundle", bundle(), id()});
    ASSERT_NO_FATAL_FAILURE(expect_untouched(round));
    ASSERT_EQ(mounts(), before) << "round " << round;
  }
}

TEST_F(Races, OfTheDevDirectory) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 makes links of /dev through a link (CVE-2026-41579)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 makes devices through a link (CVE-2026-47766)");
  start_flipper("dev", directory("victim"));
  config.set_json("mounts", R"([{"destination": "/proc", "type": "proc", "source": "proc"}])");
  config.probe({"exit", "0"});
  write_config();
  std::string before = mounts();
  for (int round = 0; round < Host::get().race_rounds(); round++) {
    (void)call({"run", "--bundle", bundle(), id()});
    ASSERT_NO_FATAL_FAILURE(expect_untouched(round));
    ASSERT_EQ(mounts(), before) << "round " << round;
  }
}

TEST_F(Races, OfAMaskedPath) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 masks with the container's /dev/null (CVE-2025-31133)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 masks with the container's /dev/null");
  config.set_json("mounts", R"([{"destination": "/proc", "type": "proc", "source": "proc"}])");
  write_host_file(rootfs("etc/masked"), "secret");
  write_host_file(rootfs("etc/target"), "chosen");
  write_host_file(rootfs("dev/null"), "chosen");
  config.add_json("linux.maskedPaths", R"("/etc/masked")");
  start_flipper("dev/null", "/etc/target");
  config.probe({"read", "/etc/masked"});
  write_config();
  for (int round = 0; round < Host::get().race_rounds(); round++) {
    Outcome outcome = call({"run", "--bundle", bundle(), id()});
    ASSERT_FALSE(outcome.out.contains("chosen")) << "round " << round;
    ASSERT_FALSE(outcome.out.contains("secret")) << "round " << round;
  }
}

TEST_F(Races, OfTheWorkingDirectoryOfExec) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 enters a leaked directory (CVE-2024-21626)");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 enters a leaked directory");
  make_host_directory(rootfs("race"));
  start_flipper("race", "/proc/self/fd/7");
  launch_probe({"wait"});
  for (int round = 0; round < Host::get().race_rounds(); round++) {
    Outcome outcome = exec({"/bin/probe", "cwd"}, {"--cwd", "/race"});
    if (!outcome.ok()) continue;
    std::string path = Report::parse(outcome.out).text("cwd", "path");
    ASSERT_TRUE(path.starts_with("/race")) << "round " << round << ": " << path;
  }
}

}  // namespace
}  // namespace crunlite::integration
