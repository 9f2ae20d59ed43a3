// SPDX-License-Identifier: Apache-2.0
#include "runtime/sync.h"

#include <errno.h>
#include <gtest/gtest.h>
#include <string.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr int kPatienceMs = 10'000;

class Conversation : public testing::Test {
 protected:
  void SetUp() override {
    Result<ChannelPair> pair = make_channel_pair();
    ASSERT_TRUE(pair.has_value());
    parent_ = std::move(pair->parent);
    child_ = std::move(pair->child);
  }

  // What both ends write before the text: step, kind, errno, length.
  static std::string packet(std::array<uint32_t, 4> header, std::string_view text = "") {
    std::string bytes(sizeof header, '\0');
    memcpy(bytes.data(), header.data(), sizeof header);
    return bytes.append(text);
  }

  Channel parent_;
  Channel child_;
};

TEST_F(Conversation, CarriesEachStep) {
  for (Step step : {Step::kProceed, Step::kMountsReady, Step::kHooksDone, Step::kConsole,
                    Step::kReady, Step::kCommit, Step::kStart}) {
    ASSERT_TRUE(parent_.send(step).has_value());
    const Result<Message> message = child_.expect(step, kPatienceMs);
    ASSERT_TRUE(message.has_value()) << message.error().message;
    EXPECT_FALSE(message->fd.is_open());
  }
  EXPECT_FALSE(parent_.is_peer_gone() || child_.is_peer_gone());
}

TEST_F(Conversation, KeepsMessagesApartAndInOrder) {
  ASSERT_TRUE(child_.send(Step::kConsole).has_value());
  ASSERT_TRUE(child_.send(Step::kReady).has_value());
  EXPECT_TRUE(parent_.expect(Step::kConsole, kPatienceMs).has_value());
  EXPECT_TRUE(parent_.expect(Step::kReady, kPatienceMs).has_value());
}

TEST_F(Conversation, CarriesADescriptor) {
  const Result<TempDir> dir = TempDir::create("sync_test");
  ASSERT_TRUE(dir.has_value());
  ASSERT_TRUE(child_.send(Step::kConsole, dir->fd()).has_value());
  const Result<Message> message = parent_.expect(Step::kConsole, kPatienceMs);
  ASSERT_TRUE(message.has_value());
  ASSERT_TRUE(message->fd.is_open());
  EXPECT_EQ(sys::fstat(message->fd.get())->st_ino, sys::fstat(dir->fd())->st_ino);
  EXPECT_EQ(::fcntl(message->fd.get(), F_GETFD), FD_CLOEXEC);
}

TEST_F(Conversation, CarriesAFailureWhateverWasExpected) {
  const Error sent = {.kind = Kind::kNotFound, .errnum = ENOENT, .message = "exec: \"x\": gone"};
  for (bool at_the_end : {false, true}) {
    ASSERT_TRUE(child_.send_failure(sent).has_value());
    const Status got =
        at_the_end ? parent_.expect_end(kPatienceMs)
                   : Status(std::unexpected(parent_.expect(Step::kReady, kPatienceMs).error()));
    ASSERT_FALSE(got.has_value());
    EXPECT_EQ(got.error().kind, sent.kind);
    EXPECT_EQ(got.error().errnum, sent.errnum);
    EXPECT_EQ(got.error().message, sent.message);
    EXPECT_FALSE(parent_.is_peer_gone());  // it has said why
  }
}

TEST_F(Conversation, CarriesAsMuchTextAsFits) {
  for (size_t length : {size_t{0}, limits::kSyncTextBytes, limits::kSyncTextBytes + 1}) {
    ASSERT_TRUE(child_.send_failure({.message = std::string(length, 'x')}).has_value());
    const Result<Message> message = parent_.receive(kPatienceMs);
    ASSERT_TRUE(message.has_value());
    EXPECT_EQ(message->text.size(), std::min(length, limits::kSyncTextBytes));
  }
}

TEST_F(Conversation, RefusesAnotherStep) {
  ASSERT_TRUE(child_.send(Step::kMountsReady).has_value());
  const Result<Message> message = parent_.expect(Step::kReady, kPatienceMs);
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(message.error().kind, Kind::kBug);
  EXPECT_EQ(message.error().message, "expected ready, got mounts ready");
  ASSERT_TRUE(child_.send(Step::kReady).has_value());
  EXPECT_EQ(parent_.expect_end(kPatienceMs).error().message, "expected the end, got ready");
}

TEST_F(Conversation, SeesThatThePeerHasClosed) {
  child_.close();
  const Result<Message> message = parent_.expect(Step::kReady, kPatienceMs);
  ASSERT_FALSE(message.has_value());
  EXPECT_TRUE(parent_.is_peer_gone());
  EXPECT_TRUE(parent_.expect_end(kPatienceMs).has_value());
}

TEST_F(Conversation, SeesThatThePeerHasClosedWhenItSends) {
  child_.close();
  EXPECT_FALSE(parent_.send(Step::kProceed).has_value());  // and no SIGPIPE
  EXPECT_TRUE(parent_.is_peer_gone());
}

// The peer fails before it has read what was sent to it.
TEST_F(Conversation, PrefersWhatThePeerSaidLast) {
  ASSERT_TRUE(parent_.send(Step::kProceed).has_value());
  ASSERT_TRUE(child_.send_failure({.kind = Kind::kDenied, .message = "join cgroup"}).has_value());
  child_.close();
  const Result<Message> message = parent_.expect(Step::kReady, kPatienceMs);
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(message.error().message, "join cgroup");
}

TEST_F(Conversation, PrefersWhatThePeerSaidLastWhenItSends) {
  ASSERT_TRUE(child_.send_failure({.kind = Kind::kDenied, .message = "join cgroup"}).has_value());
  child_.close();
  const Status sent = parent_.send(Step::kProceed);
  ASSERT_FALSE(sent.has_value());
  EXPECT_EQ(sent.error().message, "join cgroup");
  EXPECT_EQ(sent.error().kind, Kind::kDenied);
  EXPECT_FALSE(parent_.is_peer_gone());
}

TEST_F(Conversation, DoesNotWaitForEver) {
  const int64_t before = sys::monotonic_ms();
  const Result<Message> message = parent_.expect(Step::kReady, 20);
  ASSERT_FALSE(message.has_value());
  EXPECT_EQ(message.error().kind, Kind::kLimit);
  EXPECT_EQ(message.error().message, "no answer within 20 ms");
  EXPECT_GE(sys::monotonic_ms() - before, 19);
  EXPECT_FALSE(parent_.is_peer_gone());
  EXPECT_EQ(parent_.expect_end(0).error().kind, Kind::kLimit);
}

TEST_F(Conversation, RefusesPacketsThatAreNone) {
  const auto failed = static_cast<uint32_t>(Step::kFailed);
  const auto last_kind = static_cast<uint32_t>(Kind::kBug);
  for (const std::string& bytes : {
           std::string("x"),
           std::string(15, '\0'),
           packet({0, 0, 0, 1}),
           packet({0, 0, 0, 0}, "x"),
           packet({failed, 0, 0, 5}, "four"),
           packet({failed, 0, 0, UINT32_MAX}, "four"),
           packet({failed + 1, 0, 0, 0}),
           packet({UINT32_MAX, 0, 0, 0}),
           packet({0, last_kind + 1, 0, 0}),
       }) {
    ASSERT_TRUE(sys::send_with_fd(child_.fd(), bytes, -1).has_value());
    const Result<Message> message = parent_.receive(kPatienceMs);
    ASSERT_FALSE(message.has_value());
    EXPECT_EQ(message.error().kind, Kind::kBug) << message.error().message;
  }
}

TEST_F(Conversation, RefusesOversizedPackets) {
  const auto length = static_cast<uint32_t>(limits::kSyncTextBytes + 1);
  const std::string bytes =
      packet({static_cast<uint32_t>(Step::kFailed), 0, 0, length}, std::string(length, 'x'));
  ASSERT_TRUE(sys::send_with_fd(child_.fd(), bytes, -1).has_value());
  EXPECT_FALSE(parent_.receive(kPatienceMs).has_value());
  ASSERT_TRUE(child_.send(Step::kReady).has_value());  // and goes on behind it
  EXPECT_TRUE(parent_.expect(Step::kReady, kPatienceMs).has_value());
}

}  // namespace
}  // namespace crunlite::runtime
