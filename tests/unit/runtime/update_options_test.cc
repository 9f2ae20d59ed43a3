// SPDX-License-Identifier: Apache-2.0
#include "runtime/update_options.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "runtime/control.h"

namespace crunlite::runtime {
namespace {

Result<std::string> asked_by(const std::vector<std::string>& words) {
  const Options options =
      TRY(Options::parse(update_options(), words, Positionals::kAnywhere), "update");
  return json::write(json::encode(TRY(resources_of(options))));
}

TEST(UpdateOptions, BecomeResources) {
  EXPECT_EQ(asked_by({}).value(), R"({"memory":{},"cpu":{},"blockIO":{}})");
  EXPECT_EQ(
      asked_by({"--memory", "64M", "--memory-swap=-1", "--memory-reservation", "1.5g"}).value(),
      R"({"memory":{"limit":67108864,"reservation":1610612736,"swap":-1},"cpu":{},)"
      R"("blockIO":{}})");
  EXPECT_EQ(asked_by({"--cpu-share", "512", "--cpu-quota=-1", "--cpu-period", "50000", "--cpu-idle",
                      "1", "--cpu-burst", "7", "--cpuset-cpus", "0-1", "--cpuset-mems", "0",
                      "--cpu-rt-period", "9", "--cpu-rt-runtime", "8"})
                .value(),
            R"({"memory":{},"cpu":{"shares":512,"quota":-1,"burst":7,"period":50000,)"
            R"("realtimeRuntime":8,"realtimePeriod":9,"cpus":"0-1","mems":"0","idle":1},)"
            R"("blockIO":{}})");
  EXPECT_EQ(asked_by({"--pids-limit", "-1", "--blkio-weight", "20"}).value(),
            R"({"memory":{},"cpu":{},"pids":{"limit":-1},"blockIO":{"weight":20}})");
}

TEST(UpdateOptions, AreRefusedByName) {
  for (const char* name : {"memory", "memory-swap", "cpu-period", "cpu-quota", "cpu-share",
                           "pids-limit", "blkio-weight", "cpu-idle"}) {
    const Result<std::string> asked = asked_by({cat("--", name), "1x1"});
    ASSERT_FALSE(asked.has_value()) << name;
    EXPECT_TRUE(asked.error().message.starts_with(cat("invalid value for --", name, ": \"1x1\"")))
        << asked.error().message;
  }
  EXPECT_FALSE(asked_by({"--memory", "-2"}).has_value());
  EXPECT_FALSE(asked_by({"--blkio-weight", "65536"}).has_value());
  EXPECT_FALSE(asked_by({"--cpu-period", "-1"}).has_value());
  EXPECT_FALSE(asked_by({"--l3-cache-schema", "x"}).has_value());
}

TEST(MergedJson, ReplacesMemberByMember) {
  const auto merged = [](const char* base, const char* changes) {
    return json::write(merge_json(json::parse(base).value(), json::parse(changes).value()));
  };
  EXPECT_EQ(merged(R"({"a":{"b":1,"c":[1,2]},"d":4})", R"({"a":{"c":[3],"e":5}})"),
            R"({"a":{"b":1,"c":[3],"e":5},"d":4})");
  EXPECT_EQ(merged(R"({"a":1})", R"({"a":{"b":2}})"), R"({"a":{"b":2}})");
  EXPECT_EQ(merged(R"({})", R"({"a":null})"), R"({"a":null})");
}

}  // namespace
}  // namespace crunlite::runtime
