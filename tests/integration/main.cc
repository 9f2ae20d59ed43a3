// SPDX-License-Identifier: Apache-2.0
// integration_test [--runtime PROGRAM] [--probe PROGRAM] [GoogleTest options]: root is needed. The
// defaults are crun-lite and probe beside this program; CRUN_LITE_RUNTIME names another runtime.
#include <gtest/gtest.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <string>
#include <string_view>

#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "tests/integration/host.h"

namespace crunlite::integration {
namespace {

struct Programs {
  std::string runtime;
  std::string probe;
  std::string injector;
};

Programs default_programs() {
  std::string own = sys::readlinkat(AT_FDCWD, "/proc/self/exe").value_or("./integration_test");
  std::string beside = split_path(own).parent;
  Programs programs = {cat(beside, "/crun-lite"), cat(beside, "/probe"), cat(beside, "/inject")};
  const char* named = ::getenv("CRUN_LITE_RUNTIME");
  if (named != nullptr && *named != '\0') programs.runtime = named;
  return programs;
}

// Relative paths would be wrong once a wrapper changes the directory.
std::string absolute(const std::string& path) {
  if (path.starts_with('/')) return path;
  return clean_path(cat(sys::getcwd().value_or("/"), "/", path));
}

int run_tests(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  Programs programs = default_programs();
  for (int i = 1; i + 1 < argc; i += 2) {
    std::string_view name = argv[i];
    if (name == "--runtime") programs.runtime = argv[i + 1];
    if (name == "--probe") programs.probe = argv[i + 1];
  }
  if (::geteuid() != 0) {
    fprintf(stderr, "integration_test: must be run by root\n");
    return 2;
  }
  Status prepared = Host::prepare(absolute(programs.runtime), absolute(programs.probe),
                                  absolute(programs.injector));
  if (!prepared.has_value()) {
    fprintf(stderr, "integration_test: %s\n", prepared.error().message.c_str());
    return 2;
  }
  int failed = RUN_ALL_TESTS();
  Strings left = Host::finish();
  for (const std::string& item : left) {
    fprintf(stderr, "integration_test: after all tests: %s\n", item.c_str());
  }
  return failed != 0 || !left.empty() ? 1 : 0;
}

}  // namespace
}  // namespace crunlite::integration

int main(int argc, char** argv) { return crunlite::integration::run_tests(argc, argv); }
