// SPDX-License-Identifier: Apache-2.0
#include "tests/check/rules.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace crunlite::check {
namespace {

const std::string kHead = "// SPDX-License-Identifier: Apache-2.0\n";

// The messages, each with its line, as one text: tables of expectations stay short.
std::string summary(const Findings& findings) {
  std::string text;
  for (const Finding& finding : findings) text += cat(finding.line, ": ", finding.message, "\n");
  return text;
}

TEST(Layers, AreReadFromTheMakefile) {
  Layers layers = parse_layers(
      "LAYER_base := base  # the lowest\nLAYER_oci      := oci base\nLAYERS := x\nLAYER_odd\n");
  ASSERT_EQ(layers.size(), 2U);
  EXPECT_EQ(layers["base"], std::set<std::string>({"base"}));
  EXPECT_EQ(layers["oci"], (std::set<std::string>{"base", "oci"}));
}

TEST(Includes, PointAtLowerLayersOnly) {
  Layers layers =
      parse_layers("LAYER_base := base\nLAYER_oci := oci base\nLAYER_a := a oci base\n");
  struct Case {
    const char* path;
    const char* include;
    const char* message;
  };
  const Case cases[] = {
      {"oci/x.cc", "\"base/text.h\"", ""},
      {"oci/x.cc", "\"oci/x.h\"", ""},
      {"oci/x.cc", "<a/b.h>", ""},
      {"tests/integration/x.cc", "\"a/x.h\"", ""},
      {"base/x.h", "\"oci/x.h\"",
       "1: \"oci/x.h\": base may not include oci, see LAYER_base in the Makefile\n"},
      {"oci/deep/x.cc", "\"a/x.h\"",
       "1: \"a/x.h\": oci may not include a, see LAYER_oci in the Makefile\n"},
      {"tests/unit/oci/x_test.cc", "\"a/x.h\"",
       "1: \"a/x.h\": oci may not include a, see LAYER_oci in the Makefile\n"},
      {"oci/x.cc", "\"x.h\"", "1: \"x.h\": write its path from the root of the tree\n"},
      {"oci/x.cc", "\"tests/x.h\"", "1: \"tests/x.h\": a module may not include tests\n"},
  };
  for (const Case& c : cases) {
    File file = {c.path, cat("#include ", c.include, "\n")};
    EXPECT_EQ(summary(check_includes(file, layers)), c.message) << c.path << ' ' << c.include;
  }
}

TEST(Bans, AreFoundInCodeOnly) {
  struct Case {
    const char* path;
    const char* line;
    const char* banned;  // what the message begins with; empty where all is well
  };
  const Case cases[] = {
      {"oci/x.cc", "int a = system(b);", "system("},
      {"oci/x.cc", "std::system(b);", "system("},
      {"oci/x.cc", "// system(b)", ""},
      {"oci/x.cc", "say(\"system(b)\");", ""},
      {"oci/x.cc", "file_system(b);", ""},
      {"oci/x.cc", "child.exit();", ""},
      {"oci/x.cc", "exit(1);", "exit("},
      {"oci/x.cc", "_exit(1);", ""},
      {"image/main.cc", "exit(1);", ""},
      {"oci/x.cc", "if (::close(fd) != 0) return;", "::close("},
      {"oci/x.cc", "close(fd);", "close(fd"},
      {"oci/x.cc", "close(fds);", ""},
      {"base/unique_fd.h", "(void)::close(old);", ""},
      {"oci/x.cc", "sys::dup3(a, b, 0);", ""},
      {"oci/x.cc", "int a = dup(b);", "dup("},
      {"oci/x.cc", "return errno;", "errno"},
      {"base/sys.cc", "return errno;", ""},
      {"oci/x.cc", "#include <errno.h>", ""},
      {"oci/x.cc", "return sys::error_of(errno);", ""},
      {"oci/x.cc", "int errnum = error.errnum;", ""},
      {"oci/x.cc", "open(p, O_CREAT | O_TRUNC);", "O_TRUNC"},
      {"oci/x.cc", "snprintf(a, 3, b);", ""},
      {"oci/x.cc", "sprintf(a, b);", "sprintf("},
      {"oci/x.cc", "std::stoi(a);", "std::stoi"},
      {"oci/x.cc", "#include <iostream>", "<iostream>"},
      {"oci/x.cc", "#include <filesystem>", "<filesystem>"},
      {"oci/x.cc", "#include \"oci/regex\"", ""},
  };
  for (const Case& c : cases) {
    std::string found = summary(check_bans({c.path, cat("\n", c.line, "\n")}));
    if (*c.banned == '\0') {
      EXPECT_EQ(found, "") << c.line;
    } else {
      EXPECT_TRUE(found.starts_with(cat("2: ", c.banned, " "))) << c.line << ": " << found;
    }
  }
}

std::string lines(int count) {
  std::string text;
  for (int i = 0; i < count; i++) text += "  a();\n";
  return text;
}

TEST(Functions, MayHaveSeventyLines) {
  EXPECT_EQ(summary(check_functions({"a.cc", cat("\nvoid f() {\n", lines(68), "}\n")})), "");
  EXPECT_EQ(summary(check_functions({"a.cc", cat("\nvoid f() {\n", lines(69), "}\n")})),
            "2: f has 71 lines, 70 is the limit\n");
}

TEST(Text, HasALicenceAndNoBlanksAtItsEnds) {
  std::string wide(101, 'x');
  struct Case {
    const char* path;
    std::string text;
    std::string message;
  };
  const Case cases[] = {
      {"a.cc", kHead + "int a;\n", ""},
      {"a.cc", "int a;\n", "1: no line `SPDX-License-Identifier: Apache-2.0`\n"},
      {"a.md", "text\n", ""},
      {"run", "#!/bin/bash\n# SPDX-License-Identifier: Apache-2.0\n", ""},
      {"run", "#!/bin/bash\n", "1: no line `SPDX-License-Identifier: Apache-2.0`\n"},
      {"a.cc", kHead + "int a; \n", "2: blank at the end of the line\n"},
      {"a.cc", kHead + "int a;", "2: no end of line at the end of the file\n"},
      {"a.cc", cat(kHead, "// ", wide, "\n"), "2: line of 104 columns, 100 is the limit\n"},
      {"a.md", cat(wide, "\n"), ""},
      {"a.cc", cat(kHead, "// TO", "DO: later\n"),
       "2: an open end without an issue: name it, as (#12)\n"},
      {"a.cc", cat(kHead, "// TO", "DO(#3): later\n"), ""},
  };
  for (const Case& c : cases) EXPECT_EQ(summary(check_text({c.path, c.text})), c.message) << c.text;
}

TEST(Text, MayHaveEightHundredLines) {
  EXPECT_EQ(summary(check_text({"a.cc", cat(kHead, lines(799))})), "");
  EXPECT_EQ(summary(check_text({"a.cc", cat(kHead, lines(800))})),
            "0: file of 801 lines, 800 is the limit\n");
}

TEST(Header, BeginsWithItsPurpose) {
  EXPECT_EQ(summary(check_header({"a.h", kHead + "// What a is for.\n#pragma once\n"})), "");
  EXPECT_EQ(summary(check_header({"a.h", kHead + "\n#pragma once\n"})),
            "2: a header begins with a sentence: what is it for?\n");
  EXPECT_EQ(summary(check_header({"a.h", kHead + "// What a is for.\n"})),
            "1: a header has a #pragma once\n");
  EXPECT_EQ(summary(check_header({"a.cc", kHead})), "");
}

TEST(Documents, NameWhatIsThere) {
  Tree tree;
  tree.paths = {"README.md", "docs", "docs/a.md", "tests", "tests/run-all"};
  collect_tests({"tests/unit/a_test.cc",
                 "TEST(CpuWeight, MapsTheEnds) {\n}\n// TEST(No, Test)\n"
                 "TEST_F(Mounts,\n       AreUndone) {\n}\n"},
                tree);
  EXPECT_EQ(tree.tests.size(), 2U);
  struct Case {
    const char* line;
    const char* message;
  };
  const Case cases[] = {
      {"see [b](a.md#part) and [c](../README.md) and [d](#here)", ""},
      {"see [e](https://example.org/x) and [f](.)", ""},
      {"see [g](b.md)", "1: the link to b.md is broken\n"},
      {"held by `CpuWeight.MapsTheEnds` and `Mounts.AreUndone`", ""},
      {"held by `CpuWeight.MapsNothing`", "1: there is no test CpuWeight.MapsNothing\n"},
      {"`README.md` `1.2` `config.json` `linux.Seccomp` `SIGTERM.KILL`", ""},
      {"run `tests/run-all` or `tests/gone`", "1: there is no tests/gone\n"},
      {"in `tests/*/x` and `tests/run-all --quick`", ""},
      {"```\n[g](b.md)\n```", ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(summary(check_document({"docs/a.md", c.line}, tree)), c.message) << c.line;
  }
}

}  // namespace
}  // namespace crunlite::check
