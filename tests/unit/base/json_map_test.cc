// SPDX-License-Identifier: Apache-2.0
#include "base/json_map.h"

#include <gtest/gtest.h>

#include <string>

namespace crunlite::json {
namespace {

struct Inner {
  uint8_t small = 0;
  std::optional<bool> said;
};
constexpr auto json_fields(Inner*) {
  return std::tuple(field("small", &Inner::small, kRequired), field("said", &Inner::said));
}

struct Outer {
  std::string text;
  int64_t number = 0;
  uint64_t large = 0;
  bool flag = false;
  std::vector<Inner> list;
  std::map<std::string, Inner> named;
  std::optional<Inner> maybe;
  std::optional<std::vector<std::string>> words;
  Value any;
};
constexpr auto json_fields(Outer*) {
  return std::tuple(
      field("text", &Outer::text), field("number", &Outer::number), field("large", &Outer::large),
      field("flag", &Outer::flag), field("list", &Outer::list), field("named", &Outer::named),
      field("maybe", &Outer::maybe), field("words", &Outer::words), field("any", &Outer::any),
      refused("later"), refused("never", "goes against the grain"));
}

std::string error_of(std::string_view text) {
  Result<Outer> decoded = decode_text<Outer>(text);
  return decoded.has_value() ? "no error" : decoded.error().message;
}

TEST(Decode, FillsEveryMember) {
  Result<Outer> outer = decode_text<Outer>(
      R"({"text":"t","number":-5,"large":18446744073709551615,"flag":true,
          "list":[{"small":255},{"small":0,"said":false}],"named":{"a b":{"small":1}},
          "maybe":{"small":2},"words":[],"any":[1,"x"],"unknown":{"x":1}})");
  ASSERT_TRUE(outer.has_value()) << outer.error().message;
  EXPECT_EQ(outer->text, "t");
  EXPECT_EQ(outer->number, -5);
  EXPECT_EQ(outer->large, UINT64_MAX);
  EXPECT_TRUE(outer->flag);
  ASSERT_EQ(outer->list.size(), 2U);
  EXPECT_EQ(outer->list[0].small, 255);
  EXPECT_FALSE(outer->list[0].said.has_value());
  EXPECT_EQ(outer->list[1].said, false);
  EXPECT_EQ(outer->named.at("a b").small, 1);
  EXPECT_EQ(outer->maybe->small, 2);
  EXPECT_TRUE(outer->words.has_value());
  EXPECT_EQ(write(outer->any), R"([1,"x"])");
}

TEST(Decode, TakesNullForMissing) {
  Result<Outer> outer = decode_text<Outer>(
      R"({"text":null,"number":null,"list":null,"named":null,"maybe":null,"later":null})");
  ASSERT_TRUE(outer.has_value()) << outer.error().message;
  EXPECT_FALSE(outer->maybe.has_value());
}

TEST(Decode, NamesThePath) {
  EXPECT_EQ(error_of("[]"), "document: expected an object");
  EXPECT_EQ(error_of(R"({"text":1})"), "text: expected a string");
  EXPECT_EQ(error_of(R"({"text":"a\u0000"})"), "text: contains a NUL character");
  EXPECT_EQ(error_of(R"({"number":"1"})"), "number: expected an integer");
  EXPECT_EQ(error_of(R"({"number":1.0})"), "number: expected an integer");
  EXPECT_EQ(error_of(R"({"number":9223372036854775808})"),
            "number: expected an integer from -9223372036854775808 to 9223372036854775807");
  EXPECT_EQ(error_of(R"({"large":-1})"),
            "large: expected an integer from 0 to 18446744073709551615");
  EXPECT_EQ(error_of(R"({"flag":1})"), "flag: expected true or false");
  EXPECT_EQ(error_of(R"({"list":{}})"), "list: expected an array");
  EXPECT_EQ(error_of(R"({"list":[{"small":1},{"small":256}]})"),
            "list[1].small: expected an integer from 0 to 255");
  EXPECT_EQ(error_of(R"({"list":[{"small":1},null]})"), "list[1]: expected an object");
  EXPECT_EQ(error_of(R"({"list":[{}]})"), "list[0].small: missing");
  EXPECT_EQ(error_of(R"({"named":{"a\nb":{"small":true}}})"),
            "named[\"a\\x0ab\"].small: expected an integer");
  EXPECT_EQ(error_of(R"({"maybe":{"small":null}})"), "maybe.small: missing");
  EXPECT_EQ(error_of(R"({"words":["a",2]})"), "words[1]: expected a string");
  Result<std::vector<Inner>> list = decode_text<std::vector<Inner>>(R"([{"small":-1}])");
  EXPECT_EQ(list.error().message, "[0].small: expected an integer from 0 to 255");
}

TEST(Decode, RefusesUnsupportedMembersThatHoldSomething) {
  for (std::string_view text : {"null", "false", "0", "\"\"", "[]", "{}"}) {
    EXPECT_EQ(error_of(cat(R"({"later":)", text, "}")), "no error") << text;
  }
  for (std::string_view text :
       {"true", "1", "-1", "0.5", "\"x\"", "[0]", "{\"a\":0}", "18446744073709551615"}) {
    EXPECT_EQ(error_of(cat(R"({"later":)", text, "}")), "later: is not supported") << text;
  }
  Result<Outer> outer = decode_text<Outer>(R"({"never":1})");
  EXPECT_EQ(outer.error().message, "never: goes against the grain");
  EXPECT_EQ(outer.error().kind, Kind::kUnavailable);
}

TEST(Encode, WritesOnlyWhatWasSaid) {
  EXPECT_EQ(write(encode(Outer())), "{}");
  EXPECT_EQ(write(encode(Inner())), R"({"small":0})");
  Outer outer;
  outer.large = UINT64_MAX;
  outer.list = {{.small = 1, .said = false}};
  outer.maybe = Inner{};
  outer.words.emplace();
  EXPECT_EQ(write(encode(outer)),
            R"({"large":18446744073709551615,"list":[{"small":1,"said":false}],)"
            R"("maybe":{"small":0},"words":[]})");
}

}  // namespace
}  // namespace crunlite::json
