// SPDX-License-Identifier: Apache-2.0
#include "oci/state.h"

#include <gtest/gtest.h>

namespace crunlite::oci {
namespace {

TEST(ContainerStatus, HasAWordForEach) {
  for (ContainerStatus status :
       {ContainerStatus::kCreating, ContainerStatus::kCreated, ContainerStatus::kRunning,
        ContainerStatus::kPaused, ContainerStatus::kStopped}) {
    Result<ContainerStatus> read = parse_container_status(to_text(status));
    ASSERT_TRUE(read.has_value()) << to_text(status);
    EXPECT_EQ(*read, status);
  }
  EXPECT_EQ(to_text(ContainerStatus::kStopped), "stopped");
  for (std::string_view text : {"", "Running", "running ", "unknown"}) {
    EXPECT_FALSE(parse_container_status(text).has_value()) << text;
  }
}

TEST(State, IsWrittenAsTheSpecificationSays) {
  State state{.oci_version = "1.2.0",
              .id = "c",
              .status = ContainerStatus::kRunning,
              .pid = 7,
              .bundle = "/b",
              .annotations = {{"k", "v"}},
              .rootfs = "",
              .created = "",
              .owner = ""};
  EXPECT_EQ(json::write(json::encode(state)),
            R"({"ociVersion":"1.2.0","id":"c","status":"running","pid":7,"bundle":"/b",)"
            R"("annotations":{"k":"v"}})");
}

TEST(State, AlwaysHoldsAPid) {
  State state{.oci_version = "1.2.0",
              .id = "c",
              .status = ContainerStatus::kStopped,
              .pid = 0,
              .bundle = "/b",
              .annotations = {},
              .rootfs = "/b/rootfs",
              .created = "2026-01-02T03:04:05Z",
              .owner = "root"};
  std::string text = write_state(state);
  Result<json::Value> document = json::parse(text);
  ASSERT_TRUE(document.has_value());
  ASSERT_NE(document->find("pid"), nullptr);
  EXPECT_EQ(*document->find("pid"), json::Value(int64_t{0}));
  Result<State> again = parse_state(text);
  ASSERT_TRUE(again.has_value()) << again.error().message;
  EXPECT_EQ(again->created, state.created);
  EXPECT_EQ(write_state(*again), text);
}

TEST(State, RefusesByField) {
  EXPECT_EQ(parse_state(R"({"ociVersion":"1","id":"c","status":"dead","pid":1,"bundle":"/b"})")
                .error()
                .message,
            "status: \"dead\" is no status of a container");
  EXPECT_EQ(parse_state(R"({"ociVersion":"1","id":"c","status":"running","bundle":"/b"})")
                .error()
                .message,
            "pid: missing");
  EXPECT_EQ(parse_state(std::string(size_t{4} << 20, ' ') + " ").error().kind, Kind::kLimit);
}

}  // namespace
}  // namespace crunlite::oci
