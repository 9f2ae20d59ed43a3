// SPDX-License-Identifier: Apache-2.0
// `crun-lite image` as people call it, and the bundles it makes, run by the runtime.
#include <signal.h>

#include "base/json.h"
#include "base/text.h"
#include "tests/integration/image_support.h"

namespace crunlite::integration {
namespace {

TEST_F(ImageTest, AnImportedImageRuns) {
  ASSERT_OK(image({"import", source(), "app:1"}));
  ASSERT_OK(image({"unpack", "app:1", directory("b")}));
  std::string text = read_host_file(directory("b/config.json"));
  size_t at = text.find("\"sh\"");
  ASSERT_NE(at, std::string::npos);
  write_host_file(directory("b/config.json"),
                  text.replace(at, 4, "\"/bin/probe\", \"exit\", \"7\""));
  will_remove(id());
  Strings before = tree("store");
  EXPECT_EQ(call({"run", "--bundle", directory("b"), id()}).status, 7);
  EXPECT_EQ(tree("store"), before);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(ImageTest, WrongWordsAreErrorsOfUsage) {
  struct Case {
    Strings words;
    std::string_view message;
  };
  const std::vector<Case> cases = {
      {{"fly"}, "\"fly\" is no verb"},
      {{"ls", "--wings"}, "ls: option --wings: is unknown"},
      {{"ls", "x"}, "ls: too many arguments"},
      {{"import"}, "import: missing arguments"},
      {{"import", "x", "UPPER"}, "name \"UPPER\""},
      {{"import", "x", "--format", "cpio"}, "format \"cpio\""},
      {{"import", "x", "--platform=linux"}, "platform \"linux\""},
      {{"unpack", "a:1@sha256:00", "b"}, "a:1@sha256:00"},
      {{"rm"}, "rm: missing arguments"},
  };
  for (const Case& one : cases) {
    Outcome outcome = image(one.words);
    EXPECT_EQ(outcome.status, 2) << one.message;
    EXPECT_TRUE(outcome.err.starts_with("crun-lite image: ")) << outcome.err;
    EXPECT_TRUE(outcome.err.contains(one.message)) << outcome.err;
  }
  EXPECT_EQ(image({"inspect", "none:1"}).status, 1);
  for (const char* verb : {"import", "unpack", "ls", "inspect", "tag", "rm", "prune"}) {
    EXPECT_OK(image({verb, "--help"}));
  }
}

TEST_F(ImageTest, FactsAreJson) {
  ASSERT_OK(image({"import", source(), "app:1", "--quiet"}));
  ASSERT_OK(image({"tag", "app:1", "host.example/other"}));
  for (const Strings& verb : std::vector<Strings>{{"import", source(), "app:2"},
                                                  {"ls"},
                                                  {"inspect", "app:1"},
                                                  {"unpack", "app:1", directory("b")},
                                                  {"prune", "--dry-run"},
                                                  {"rm", "app:2"}}) {
    Strings with_json = verb;
    with_json.emplace_back("--json");
    Outcome outcome = image(with_json);
    EXPECT_OK(outcome);
    EXPECT_TRUE(json::parse(outcome.out).has_value()) << verb[0] << outcome.out;
  }
  EXPECT_TRUE(knows("host.example/other:latest"));
  EXPECT_FALSE(knows("app:2"));
}

TEST_F(ImageTest, TwoImportsAtOnceBothSucceed) {
  Running first = launch(words({"import", source(), "app:1"}));
  Running second = launch(words({"import", source(), "app:1"}));
  EXPECT_OK(first.wait());
  EXPECT_OK(second.wait());
  EXPECT_TRUE(knows("app:1"));
  Outcome pruned = image({"prune"});
  EXPECT_TRUE(pruned.out.contains("removed 0 blobs, 0 layers, 0 bundles, 0 leftovers"))
      << pruned.out;
}

// A source that says nothing more must not hold the program: it ends, and leaves nothing.
TEST_F(ImageTest, ASignalEndsAnImportCleanly) {
  auto half_made = [this] {
    Strings paths = tree("store");
    std::erase_if(
        paths, [](const std::string& path) { return !path.starts_with("tmp/") || path == "tmp/"; });
    return paths;
  };
  for (int signal : {SIGTERM, SIGINT}) {
    Result<sys::Pipe> pipe = sys::pipe2();
    ASSERT_TRUE(pipe.has_value());
    CallOptions options;
    options.stdin_fd = pipe->read_end.get();
    Running running = launch(words({"import", "-", "app:1", "--format=rootfs"}), options);
    ASSERT_TRUE(sys::write_all(pipe->write_end.get(), std::string(4096, '\0')).has_value());
    // The session of a started import shows that it is past its beginning.
    for (int64_t end = deadline_in(20'000); sys::monotonic_ms() < end;) {
      if (!half_made().empty()) break;
      (void)sys::wait_ready(-1, 0, 10);
    }
    ASSERT_TRUE(sys::pidfd_send_signal(running.child().pidfd(), signal).has_value());
    Outcome outcome = running.wait();
    EXPECT_EQ(outcome.status, 128 + signal) << outcome.err;
    EXPECT_TRUE(outcome.err.contains("interrupted")) << outcome.err;
    EXPECT_TRUE(half_made().empty());
  }
}

}  // namespace
}  // namespace crunlite::integration
