// SPDX-License-Identifier: Apache-2.0
#include "base/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "base/limits.h"

namespace crunlite::json {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Parse, KeepsEachKindOfValue) {
  EXPECT_TRUE(parse("null")->is_null());
  EXPECT_EQ(*parse("true"), Value(true));
  EXPECT_EQ(*parse(" \t\r\n0 "), Value(int64_t{0}));
  EXPECT_EQ(*parse("-9223372036854775808"), Value(std::numeric_limits<int64_t>::min()));
  EXPECT_EQ(*parse("9223372036854775807"), Value(std::numeric_limits<int64_t>::max()));
  EXPECT_EQ(*parse("9223372036854775808"), Value(uint64_t{1} << 63));
  EXPECT_EQ(*parse("18446744073709551615"), Value(std::numeric_limits<uint64_t>::max()));
  EXPECT_NE(parse("18446744073709551616")->get<double>(), nullptr);
  EXPECT_EQ(*parse("1.0"), Value(1.0));
  EXPECT_EQ(*parse("1e2"), Value(100.0));
  EXPECT_EQ(*parse(R"("a\u00e9\n\u0000")"), Value(std::string("a\xc3\xa9\n\0", 5)));
  EXPECT_EQ(*parse("[]"), Value(Array()));
  EXPECT_EQ(*parse(R"({"b":1,"a":[{}]})")->find("b"), Value(int64_t{1}));
  EXPECT_EQ(parse(R"({"b":1})")->find("c"), nullptr);
  EXPECT_EQ(parse("[1]")->find("c"), nullptr);
}

TEST(Parse, RefusesWhatIsNoDocument) {
  for (const std::string& text : std::vector<std::string>{"",
                                                          " ",
                                                          "nul",
                                                          "True",
                                                          "'a'",
                                                          "\"a",
                                                          "[1,]",
                                                          "[1",
                                                          "{\"a\":1,}",
                                                          "{\"a\"}",
                                                          "{a:1}",
                                                          "{1:2}",
                                                          "{} {}",
                                                          "{}x",
                                                          "1 2",
                                                          "01",
                                                          "+1",
                                                          "-",
                                                          ".5",
                                                          "1.",
                                                          "1e",
                                                          "1e999",
                                                          "NaN",
                                                          "Infinity",
                                                          "/**/1",
                                                          "[1]//",
                                                          "\"\n\"",
                                                          R"("\x")",
                                                          R"("\ud800")",
                                                          R"("\udc00")",
                                                          "\"\xff\"",
                                                          "\"\xc0\x80\"",
                                                          "\"\xed\xa0\x80\"",
                                                          "\xef\xbb\xbf{}",
                                                          std::string("{}\0", 3),
                                                          std::string("{}\0x", 4),
                                                          std::string("\0{}", 3),
                                                          std::string("\"a\0b\"", 5)}) {
    Result<Value> value = parse(text);
    EXPECT_FALSE(value.has_value()) << testing::PrintToString(text);
  }
}

TEST(Parse, SaysWhere) {
  EXPECT_THAT(parse("{\n  \"a\": x\n}").error().message,
              StartsWith("invalid JSON, line 2, column 8: "));
  EXPECT_EQ(parse(std::string("[1,\n\0]", 6)).error().message,
            "invalid JSON, line 2, column 1: a NUL character");
}

TEST(Parse, RefusesTwoMembersOfOneName) {
  for (std::string_view text :
       {R"({"a":1,"b":2,"a":3})", R"([{"a":1,"\u0061":1}])", R"({"x":{"":1,"":2}})"}) {
    Result<Value> value = parse(text);
    ASSERT_FALSE(value.has_value()) << text;
    EXPECT_THAT(value.error().message, HasSubstr("stands twice"));
  }
  EXPECT_TRUE(parse(R"({"a":1,"A":2,"b":{"a":1}})").has_value());
}

TEST(Parse, BoundsNesting) {
  const size_t depth = limits::kJsonDepth;
  EXPECT_TRUE(parse(std::string(depth, '[') + std::string(depth, ']')).has_value());
  Result<Value> deeper = parse(std::string(depth + 1, '[') + std::string(depth + 1, ']'));
  ASSERT_FALSE(deeper.has_value());
  EXPECT_EQ(deeper.error().kind, Kind::kLimit);
  EXPECT_THAT(deeper.error().message, HasSubstr("nested deeper"));
  EXPECT_FALSE(parse(std::string(1'000'000, '[')).has_value());
}

TEST(Parse, BoundsTheNumberOfValues) {
  std::string most = "[0";
  for (size_t i = 2; i < limits::kJsonValues; i++) most += ",0";
  EXPECT_TRUE(parse(most + "]").has_value());
  Result<Value> more = parse(most + ",0]");
  ASSERT_FALSE(more.has_value());
  EXPECT_EQ(more.error().kind, Kind::kLimit);
}

TEST(Write, GivesBackWhatWasRead) {
  for (std::string_view text :
       {"null", "true", "-1", "18446744073709551615", "1.5", R"("a\"\\\u0001é")", "[]", "{}",
        R"({"b":[1,{"c":null}],"a":""})"}) {
    Value value = *parse(text);
    EXPECT_EQ(*parse(write(value)), value) << text;
    EXPECT_EQ(*parse(write(value, Style::kIndented)), value) << text;
  }
  EXPECT_EQ(write(*parse(R"( { "b" : [ 1 , 2 ] } )")), R"({"b":[1,2]})");
  EXPECT_EQ(write(*parse(R"({"b":[1]})"), Style::kIndented), "{\n  \"b\": [\n    1\n  ]\n}");
}

TEST(Write, AlwaysGivesADocument) {
  EXPECT_EQ(write(Value(std::string("a\xff"
                                    "b\xc3"))),
            "\"a\xef\xbf\xbd"
            "b\xef\xbf\xbd\"");
  Object object;
  object.emplace_back("\xfe", Value(std::numeric_limits<double>::infinity()));
  EXPECT_EQ(write(Value(object)), "{\"\xef\xbf\xbd\":null}");
  EXPECT_EQ(write(Value(std::string("\0", 1))), R"("\u0000")");
}

}  // namespace
}  // namespace crunlite::json
