// SPDX-License-Identifier: Apache-2.0
#include "base/options.h"

#include <gtest/gtest.h>

#include <array>

namespace crunlite {
namespace {

constexpr std::array kSpecs = {
    OptionSpec{"bundle", 'b', "DIR", "the bundle"},
    OptionSpec{"env", 'e', "NAME=VALUE", "a variable"},
    OptionSpec{"tty", 't', {}, "a terminal"},
    OptionSpec{"interactive", 'i', {}, "keep it open"},
    OptionSpec{"count", '\0', "N", "how many"},
    OptionSpec{"secret", 's', {}, "accepted", true},
};

using Words = std::vector<std::string>;

Result<Options> parse(const Words& args, Positionals positionals = Positionals::kAnywhere) {
  return Options::parse(kSpecs, args, positionals);
}

TEST(Options, OfAnEmptyLineAreOff) {
  const Result<Options> options = parse({});
  ASSERT_TRUE(options.has_value());
  EXPECT_FALSE(options->has("tty"));
  EXPECT_FALSE(options->has("bundle"));
  EXPECT_EQ(options->value("bundle"), "");
  EXPECT_EQ(options->value("bundle", "."), ".");
  EXPECT_TRUE(options->values("env").empty());
  EXPECT_TRUE(options->positionals().empty());
}

TEST(Options, TakeTheirValueInEachForm) {
  for (const Words& args : std::vector<Words>{{"--bundle", "/b"},
                                              {"--bundle=/b"},
                                              {"-b", "/b"},
                                              {"-b/b"},
                                              {"-b=/b"},
                                              {"-tb/b"},
                                              {"-itb", "/b"},
                                              {"--bundle=/a", "-b", "/b"}}) {
    const Result<Options> options = parse(args);
    ASSERT_TRUE(options.has_value()) << options.error().message;
    EXPECT_TRUE(options->has("bundle"));
    EXPECT_EQ(options->value("bundle"), "/b") << args[0];
    EXPECT_TRUE(options->positionals().empty());
  }
}

TEST(Options, TakeAnyTextAsAValue) {
  struct Row {
    Words args;
    std::string value;
  };
  for (const Row& row : std::vector<Row>{{{"--env", "--tty"}, "--tty"},
                                         {{"--env", "--"}, "--"},
                                         {{"--env", "-"}, "-"},
                                         {{"--env", ""}, ""},
                                         {{"--env="}, ""},
                                         {{"--env=a=b=c"}, "a=b=c"},
                                         {{"-e", "-t"}, "-t"},
                                         {{"-ea=b"}, "a=b"},
                                         {{"-e==b"}, "=b"}}) {
    const Result<Options> options = parse(row.args);
    ASSERT_TRUE(options.has_value()) << options.error().message;
    EXPECT_EQ(options->value("env", "otherwise"), row.value) << row.args[0];
    EXPECT_FALSE(options->has("tty"));
  }
}

TEST(Options, KeepAllValuesOfARepeatedOne) {
  const Result<Options> options = parse({"-e", "a=1", "x", "--env=b=2", "-ec=3"});
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->values("env"), (Words{"a=1", "b=2", "c=3"}));
  EXPECT_EQ(options->value("env"), "c=3");
  EXPECT_EQ(options->positionals(), (Words{"x"}));
}

TEST(Options, ThatAreFlagsAreOnOrOff) {
  struct Row {
    Words args;
    bool is_on;
  };
  for (const Row& row : std::vector<Row>{{{"--tty"}, true},
                                         {{"-t"}, true},
                                         {{"-it"}, true},
                                         {{"-ti"}, true},
                                         {{"--tty=true"}, true},
                                         {{"--tty=false"}, false},
                                         {{"--tty", "--tty=false"}, false},
                                         {{"--tty=false", "-t"}, true},
                                         {{"-tt"}, true}}) {
    const Result<Options> options = parse(row.args);
    ASSERT_TRUE(options.has_value()) << options.error().message;
    EXPECT_EQ(options->has("tty"), row.is_on) << row.args[0];
  }
}

TEST(Options, AFlagTakesNoWord) {
  const Result<Options> options = parse({"--tty", "false", "-i", "true"});
  ASSERT_TRUE(options.has_value());
  EXPECT_TRUE(options->has("tty"));
  EXPECT_EQ(options->positionals(), (Words{"false", "true"}));
}

TEST(Options, MayStandAmongPositionals) {
  const Result<Options> options = parse({"kill", "-t", "web", "-", "", "9"});
  ASSERT_TRUE(options.has_value());
  EXPECT_TRUE(options->has("tty"));
  EXPECT_EQ(options->positionals(), (Words{"kill", "web", "-", "", "9"}));
}

TEST(Options, EndAtTwoDashes) {
  const Result<Options> options = parse({"a", "--", "-t", "--", "--unknown"});
  ASSERT_TRUE(options.has_value());
  EXPECT_FALSE(options->has("tty"));
  EXPECT_EQ(options->positionals(), (Words{"a", "-t", "--", "--unknown"}));
}

TEST(Options, EndAtTheFirstPositionalWhereTheRestIsACommand) {
  struct Row {
    Words args;
    Words positionals;
  };
  for (const Row& row : std::vector<Row>{
           {{"-t", "web", "ls", "-i", "--", "--bundle"}, {"web", "ls", "-i", "--", "--bundle"}},
           {{"-t", "--", "-web", "ls"}, {"-web", "ls"}},
           {{"-t", "-", "-i"}, {"-", "-i"}},
           {{"-t", "", "-i"}, {"", "-i"}},
           {{"-t"}, {}}}) {
    const Result<Options> options = parse(row.args, Positionals::kEndOptions);
    ASSERT_TRUE(options.has_value()) << options.error().message;
    EXPECT_TRUE(options->has("tty"));
    EXPECT_FALSE(options->has("interactive"));
    EXPECT_EQ(options->positionals(), row.positionals);
  }
}

TEST(Options, AreRefusedByName) {
  struct Row {
    Words args;
    std::string error;
  };
  for (const Row& row :
       std::vector<Row>{{{"--unknown"}, "option --unknown: is unknown"},
                        {{"--unknown=1"}, "option --unknown: is unknown"},
                        {{"--bund", "x"}, "option --bund: is unknown"},  // no abbreviations
                        {{"--=x"}, "option --: is unknown"},
                        {{"--Tty"}, "option --Tty: is unknown"},
                        {{"-x"}, "option -x: is unknown"},
                        {{"-tx"}, "option -x: is unknown"},
                        {{"-t=true"}, "option -=: is unknown"},
                        {{"-9"}, "option -9: is unknown"},
                        {{"--bundle"}, "option --bundle: needs a value"},
                        {{"-b"}, "option -b: needs a value"},
                        {{"-tb"}, "option -b: needs a value"},
                        {{"--tty=yes"}, "option --tty: \"yes\" is not true or false"},
                        {{"--tty="}, "option --tty: \"\" is not true or false"}}) {
    const Result<Options> options = parse(row.args);
    ASSERT_FALSE(options.has_value()) << row.args[0];
    EXPECT_EQ(options.error().message, row.error);
    EXPECT_EQ(options.error().kind, Kind::kInvalid);
  }
}

TEST(Options, WithoutALetterHaveNoShortForm) {
  const std::string nul(1, '\0');
  EXPECT_FALSE(parse({"-" + nul, "5"}).has_value());
}

TEST(Options, ThatAreNumbersAreWhole) {
  struct Row {
    const char* text;
    std::optional<int> number;
  };
  for (const Row& row : std::initializer_list<Row>{{"0", 0},
                                                   {"2147483647", 2147483647},
                                                   {"-1", -1},
                                                   {"2147483648", {}},
                                                   {"", {}},
                                                   {"1.5", {}},
                                                   {"0x10", {}},
                                                   {" 1", {}},
                                                   {"+1", {}},
                                                   {"1a", {}}}) {
    const Result<Options> options = parse({cat("--count=", std::string_view(row.text))});
    ASSERT_TRUE(options.has_value());
    const Result<int> number = options->number("count", 7);
    ASSERT_EQ(number.has_value(), row.number.has_value()) << row.text;
    if (number.has_value()) {
      EXPECT_EQ(*number, *row.number);
    } else {
      EXPECT_EQ(number.error().message,
                cat("option --count: ", quote(row.text), " is not a whole number"));
    }
  }
  EXPECT_EQ(*parse({})->number("count", 7), 7);
}

TEST(Options, HelpAlignsAndHides) {
  const std::string help = options_help(kSpecs);
  EXPECT_TRUE(help.starts_with("  -b, --bundle DIR            the bundle\n")) << help;
  EXPECT_NE(help.find("\n      --count N               how many\n"), std::string::npos) << help;
  EXPECT_EQ(help.find("secret"), std::string::npos);
  constexpr std::array kLong = {OptionSpec{"a-name-that-reaches-the-column", '\0', "VALUE", "x"}};
  EXPECT_EQ(options_help(kLong), "      --a-name-that-reaches-the-column VALUE  x\n");
}

}  // namespace
}  // namespace crunlite
