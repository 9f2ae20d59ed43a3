// SPDX-License-Identifier: Apache-2.0
#include "tests/check/source.h"

#include <gtest/gtest.h>

namespace crunlite::check {
namespace {

TEST(BlankOut, KeepsCodeAndLines) {
  struct Case {
    const char* source;
    const char* blanked;
  };
  const Case cases[] = {
      {"int a; // system(\nint b;", "int a;           \nint b;"},
      {"a /* b\nc */ d", "a     \n     d"},
      {"f(\"exit(\\\"\") g", "f(\"       \") g"},
      {"'\"' x '\\'' y", "' ' x '  ' y"},
      {"1'000'000; \"x\"", "1'000'000; \" \""},
      {"R\"(a\"b)\" c", "R\"     \" c"},
      {"R\"x(a)\" )x\" c", "R\"        \" c"},
      {"\"open\nnext", "\"    \nnext"},
      {"/* never closed", "               "},
      {"", ""},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(blank_out(c.source, Directives::kKeep), c.blanked) << c.source;
  }
}

TEST(BlankOut, BlanksDirectivesWithTheirContinuation) {
  EXPECT_EQ(blank_out("#define A {\\\n  {\nint b;", Directives::kBlank),
            "            \n   \nint b;");
  EXPECT_EQ(blank_out("#if 1\n", Directives::kKeep), "#if 1\n");
}

struct Expected {
  const char* name;
  int first_line;
  int last_line;
};

void expect_functions(const char* source, std::vector<Expected> expected) {
  std::vector<Function> found = find_functions(source);
  ASSERT_EQ(found.size(), expected.size()) << source;
  for (size_t i = 0; i < found.size(); i++) {
    EXPECT_EQ(found[i].name, expected[i].name) << source;
    EXPECT_EQ(found[i].first_line, expected[i].first_line) << source;
    EXPECT_EQ(found[i].last_line, expected[i].last_line) << source;
  }
}

TEST(FindFunctions, CountsFromDeclarationToBrace) {
  expect_functions("int f(int a) {\n  return a;\n}\n", {{"f", 1, 3}});
  expect_functions("\n\ntemplate <class T>\nT g(\n    T a) {\n}\n", {{"g", 3, 6}});
  expect_functions("int f();\nstatic int x = 3;\n", {});
}

TEST(FindFunctions, LooksIntoNamespacesAndTypes) {
  expect_functions(
      "namespace a {\nnamespace {\nclass B : public C {\n public:\n  void d() { e(); }\n"
      "  int f_ = 0;\n};\n}\nvoid B::g() const {\n}\n}\n",
      {{"d", 5, 5}, {"B::g", 9, 10}});
  expect_functions("extern \"C\" {\nint f(void) { return 0; }\n}\n", {{"f", 2, 2}});
  expect_functions("Result<struct stat> fstat(int fd) {\n}\n", {{"fstat", 1, 2}});
}

TEST(FindFunctions, KeepsConstructorsWhole) {
  expect_functions("A::A(int b)\n    : b_{b},\n      c_{1} {\n  d();\n}\nint e() {\n}\n",
                   {{"A::A", 1, 5}, {"e", 6, 7}});
}

TEST(FindFunctions, LeavesTablesAndLambdasOut) {
  expect_functions("constexpr int kA[] = {\n  1, 2,\n};\nint f() { return 1; }\n", {{"f", 4, 4}});
  expect_functions("int f() {\n  auto g = [](int a) {\n    return a;\n  };\n  return g(1);\n}\n",
                   {{"f", 1, 6}});
}

TEST(FindFunctions, KnowsOperatorsAndDefaults) {
  expect_functions("A& A::operator=(A&& a) noexcept {\n}\n", {{"operator", 1, 2}});
  expect_functions("template <class T = int>\nvoid f(int a = 3) {\n}\n", {{"f", 1, 3}});
  expect_functions("TEST(A, B) {\n}\n", {{"TEST", 1, 2}});
}

TEST(FindIncludes, TellsQuotedFromSystem) {
  std::vector<Include> found =
      find_includes("// a\n#include <string>\n#include \"base/text.h\"\n#include\n#include \"");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].path, "string");
  EXPECT_FALSE(found[0].quoted);
  EXPECT_EQ(found[1].path, "base/text.h");
  EXPECT_TRUE(found[1].quoted);
  EXPECT_EQ(found[1].line, 3);
}

TEST(CountColumns, CountsCharactersNotBytes) {
  EXPECT_EQ(count_columns(""), 0U);
  EXPECT_EQ(count_columns("abc"), 3U);
  EXPECT_EQ(count_columns("\xc3\xa9\xe2\x80\xa6"), 2U);
}

}  // namespace
}  // namespace crunlite::check
