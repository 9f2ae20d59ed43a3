// SPDX-License-Identifier: Apache-2.0
#include "runtime/criu.h"

#include <gtest/gtest.h>
#include <stdlib.h>

namespace crunlite::runtime {
namespace {

TEST(CriuVersions, NewKernelsNeedNewOnes) {
  struct Case {
    CriuVersion version;
    const char* kernel;
    bool works;
  };
  const Case cases[] = {{{3, 16}, "6.1.0-13-amd64", false},
                        {{3, 17}, "6.1.0-13-amd64", true},
                        {{3, 17}, "6.12.9", true},
                        {{3, 17}, "6.13.0", false},
                        {{4, 1}, "6.18.44-fc", false},
                        {{4, 2}, "6.18.44-fc", true},
                        {{4, 1}, "7.0", false},
                        {{5, 0}, "7.0.1", true},
                        {{3, 17}, "unknown", true}};
  for (const Case& one : cases) {
    EXPECT_EQ(check_criu_version(one.version, one.kernel).has_value(), one.works)
        << one.version.major << "." << one.version.minor << " on " << one.kernel;
  }
  EXPECT_EQ(check_criu_version({3, 17}, "6.18.4").error().message,
            "criu 3.17 is too old for kernel 6.18.4, which needs 4.2 or later");
}

TEST(CriuProgram, IsFoundByPathOrName) {
  EXPECT_EQ(find_criu("/bin/true").value_or(""), "/bin/true");
  EXPECT_EQ(find_criu("/bin/no-such-program").error().kind, Kind::kUnavailable);
  EXPECT_TRUE(find_criu("true").value_or("").ends_with("/true"));
  EXPECT_EQ(find_criu("no-such-program").error().kind, Kind::kUnavailable);
}

TEST(CriuLog, ItsLastErrorsAreTold) {
  EXPECT_EQ(last_errors(""), "");
  EXPECT_EQ(last_errors("(00.01) nothing\n(00.02) Warn  (criu/x.c:1): no\n"), "");
  const char* log =
      "(00.010) Error (criu/a.c:1): first\n"
      "(00.020) Error (criu/b.c:2): second\n"
      "(00.021)     33: Error (criu/c.c:3): a\x1b[31m name\n"
      "(00.022) Error (criu/d.c:4)\n"
      "(00.030) Error (criu/e.c:5): Dumping FAILED.\n";
  EXPECT_EQ(last_errors(log), "first; second; a?[31m name");
}

}  // namespace
}  // namespace crunlite::runtime
