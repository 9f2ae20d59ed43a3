// SPDX-License-Identifier: Apache-2.0
#include "runtime/criu_messages.h"

#include <gtest/gtest.h>

using std::string_literals::operator""s;

namespace crunlite::runtime {
namespace {

// Bytes as protoc writes them for images/rpc.proto.
TEST(CriuRequests, AreThoseOfRpcProto) {
  EXPECT_EQ(encode_version_request(), "\x08\x0a\x20\x01");
  EXPECT_EQ(encode_notify_reply(true), "\x08\x06\x18\x01");
  EXPECT_EQ(encode_notify_reply(false), "\x08\x06\x18\x00"s);
}

TEST(CriuRequests, HoldTheirOptions) {
  CriuOptions options;
  options.images_fd = 5;
  options.pid = 300;
  options.log_file = "dump.log";
  options.leave_running = true;
  options.external = {"mnt[/x]:/x"};
  options.inherited = {{.key = "pipe:[7]", .fd = 200}};
  const std::string request = encode_request(CriuRequest::kDump, options);
  EXPECT_TRUE(request.starts_with("\x08\x01\x12")) << "type 1, then the options";
  EXPECT_EQ(static_cast<size_t>(request[3]), request.size() - 4);
  for (const std::string& part :
       {"\x08\x05"s, "\x10\xac\x02"s, "\x18\x01"s,
        "\x52\x08"
        "dump.log"s,
        "\xaa\x02\x0a"
        "mnt[/x]:/x"s,
        "\xda\x01\x0d\x0a\x08pipe:[7]\x10\xc8\x01"s,
        "\x90\x02\x00"s /* the runtime manages cgroups */, "\x80\x04\x03"s /* no network lock */}) {
    EXPECT_TRUE(request.contains(part)) << testing::PrintToString(part);
  }
  options.tcp_established = true;
  EXPECT_FALSE(encode_request(CriuRequest::kDump, options).contains("\x80\x04\x03"s));
}

TEST(CriuReplies, OfARestore) {
  const Result<CriuReply> reply = decode_reply("\x08\x02\x10\x01\x22\x03\x08\xd2\x09"s);
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(reply->is(CriuRequest::kRestore));
  EXPECT_TRUE(reply->is_success);
  EXPECT_EQ(reply->pid, 1234);
}

TEST(CriuReplies, OfANotification) {
  const Result<CriuReply> reply =
      decode_reply("\x08\x06\x10\x01\x2a\x11\x0a\x0cpost-restore\x10\x80\x01"s);
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(reply->is(CriuRequest::kNotify));
  EXPECT_EQ(reply->script, "post-restore");
  EXPECT_EQ(reply->pid, 128);
}

TEST(CriuReplies, OfAFailureAndOfAVersion) {
  const Result<CriuReply> failure = decode_reply("\x08\x01\x10\x00\x38\x10\x4a\x02no"s);
  ASSERT_TRUE(failure.has_value());
  EXPECT_FALSE(failure->is_success);
  EXPECT_EQ(failure->errnum, 16);
  EXPECT_EQ(failure->message, "no");
  const Result<CriuReply> version =
      decode_reply("\x08\x0a\x10\x01\x52\x06\x08\x04\x10\x02\x20\x01"s);
  ASSERT_TRUE(version.has_value());
  EXPECT_EQ(version->version.major, 4);
  EXPECT_EQ(version->version.minor, 2);
}

TEST(CriuReplies, UnknownFieldsArePassedOver) {
  const Result<CriuReply> reply = decode_reply(
      "\x08\x02\x59"
      "12345678"
      "\x5d"
      "1234"
      "\x62\x01x\x10\x01"s);
  ASSERT_TRUE(reply.has_value());
  EXPECT_TRUE(reply->is_success);
}

TEST(CriuReplies, MalformedOnesAreErrors) {
  for (const std::string& bytes :
       {"\x08"s, "\x08\x80"s, "\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"s, "\x0b"s,
        "\x4a\x05no"s, "\x22\x02\x08"s, "\x22\x06\x08\xff\xff\xff\xff\x0f"s,
        "\x59"
        "1234"s}) {
    EXPECT_FALSE(decode_reply(bytes).has_value()) << testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace crunlite::runtime
