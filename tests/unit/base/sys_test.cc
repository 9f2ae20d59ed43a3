// SPDX-License-Identifier: Apache-2.0
#include "base/sys.h"

#include <errno.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <string>

#include "base/path.h"

namespace crunlite::sys {
namespace {

bool is_cloexec(int fd) { return (::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0; }

TEST(ErrorOf, MapsWhatCallersDecideOn) {
  struct Row {
    int errnum;
    Kind kind;
  };
  for (const Row& row : std::vector<Row>{{ENOENT, Kind::kNotFound},
                                         {EEXIST, Kind::kExists},
                                         {EPERM, Kind::kDenied},
                                         {EACCES, Kind::kDenied},
                                         {ENOSYS, Kind::kUnavailable},
                                         {EMFILE, Kind::kLimit},
                                         {ENOSPC, Kind::kLimit},
                                         {EINVAL, Kind::kSystem}}) {
    Error error = error_of(row.errnum);
    EXPECT_EQ(error.kind, row.kind) << row.errnum;
    EXPECT_EQ(error.errnum, row.errnum);
    EXPECT_EQ(error.message, errno_text(row.errnum));
  }
  EXPECT_EQ(errno_text(ENOENT), "No such file or directory");
}

TEST(Descriptors, AreCloseOnExecFromBirth) {
  Result<TempDir> dir = TempDir::create("sys-test");
  ASSERT_TRUE(dir.has_value());
  UniqueFd file = *openat(dir->fd(), "f", O_RDWR | O_CREAT | O_EXCL, 0600);
  Pipe pipe = *pipe2();
  SocketPair pair = *socketpair(SOCK_STREAM);
  sigset_t none;
  sigemptyset(&none);
  std::vector<UniqueFd> all;
  all.push_back(*open("/dev/null", O_RDONLY));
  all.push_back(*openat2(dir->fd(), "f", O_RDONLY, RESOLVE_BENEATH));
  all.push_back(*dup_cloexec(file.get()));
  all.push_back(*memfd_create("m", 0));
  all.push_back(*sys::socket(AF_UNIX, SOCK_STREAM, 0));
  all.push_back(*signalfd(none));
  all.push_back(*pidfd_open(::getpid()));
  all.push_back(std::move(file));
  all.push_back(std::move(pipe.read_end));
  all.push_back(std::move(pipe.write_end));
  all.push_back(std::move(pair.first));
  all.push_back(std::move(pair.second));
  for (const UniqueFd& fd : all) EXPECT_TRUE(is_cloexec(fd.get()));
  ASSERT_TRUE(set_cloexec(all[0].get(), false).has_value());
  EXPECT_FALSE(is_cloexec(all[0].get()));
}

TEST(ListDir, ReadsFromTheStartEachTime) {
  Result<TempDir> dir = TempDir::create("sys-test");
  ASSERT_TRUE(dir.has_value());
  UniqueFd readable = *openat(dir->fd(), ".", O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(list_dir(readable.get())->empty());
  constexpr int kMany = 2000;  // more than one buffer holds
  const std::string long_name(200, 'n');
  for (int i = 0; i < kMany; i++) {
    ASSERT_TRUE(symlinkat("x", dir->fd(), cat(long_name, i).c_str()).has_value());
  }
  for (int round = 0; round < 2; round++) {
    Result<std::vector<DirEntry>> entries = list_dir(readable.get());
    ASSERT_TRUE(entries.has_value());
    ASSERT_EQ(entries->size(), static_cast<size_t>(kMany));
    EXPECT_EQ(entries->front().name.substr(0, 200), long_name);
  }
  EXPECT_FALSE(list_dir(-1).has_value());
}

TEST(ReadlinkAt, ReadsLongTargets) {
  Result<TempDir> dir = TempDir::create("sys-test");
  ASSERT_TRUE(dir.has_value());
  const std::string target(4095, 't');
  ASSERT_TRUE(symlinkat(target.c_str(), dir->fd(), "l").has_value());
  EXPECT_EQ(readlinkat(dir->fd(), "l"), target);
}

TEST(SendWithFd, CarriesOneDescriptor) {
  SocketPair pair = *socketpair(SOCK_SEQPACKET);
  Pipe pipe = *pipe2();
  ASSERT_TRUE(send_with_fd(pair.first.get(), "hello", pipe.write_end.get()).has_value());
  ASSERT_TRUE(send_with_fd(pair.first.get(), "more", -1).has_value());
  std::array<char, 16> buffer{};
  Result<Received> first = receive_with_fd(pair.second.get(), buffer);
  ASSERT_TRUE(first.has_value());
  EXPECT_EQ(std::string_view(buffer.data(), first->length), "hello");
  ASSERT_TRUE(first->fd.is_open());
  EXPECT_TRUE(is_cloexec(first->fd.get()));
  ASSERT_TRUE(write_all(first->fd.get(), "through").has_value());
  EXPECT_EQ(read(pipe.read_end.get(), buffer), 7U);
  Result<Received> second = receive_with_fd(pair.second.get(), buffer);
  EXPECT_EQ(second->length, 4U);
  EXPECT_FALSE(second->fd.is_open());
  pair.first.reset();
  EXPECT_EQ(receive_with_fd(pair.second.get(), buffer)->length, 0U);
  EXPECT_EQ(send_with_fd(pair.second.get(), "x", -1).error().errnum, EPIPE);  // and no signal
}

TEST(ReceiveWithFd, RefusesToCutMessages) {
  SocketPair pair = *socketpair(SOCK_SEQPACKET);
  std::array<char, 4> buffer{};
  ASSERT_TRUE(send_with_fd(pair.first.get(), "1234", -1).has_value());
  ASSERT_TRUE(send_with_fd(pair.first.get(), "12345", -1).has_value());
  EXPECT_TRUE(receive_with_fd(pair.second.get(), buffer).has_value());
  Result<Received> longer = receive_with_fd(pair.second.get(), buffer);
  ASSERT_FALSE(longer.has_value());
  EXPECT_EQ(longer.error().kind, Kind::kLimit);
}

TEST(ReceiveWithFd, ClosesFurtherDescriptors) {
  SocketPair pair = *socketpair(SOCK_SEQPACKET);
  Pipe pipe = *pipe2();
  std::array<int, 3> fds = {pipe.write_end.get(), pipe.write_end.get(), pipe.write_end.get()};
  char text = 'x';
  struct iovec part = {&text, 1};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  struct msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof fds);
  std::copy_n(reinterpret_cast<const char*>(fds.data()), sizeof fds,
              reinterpret_cast<char*>(CMSG_DATA(header)));
  ASSERT_EQ(::sendmsg(pair.first.get(), &message, 0), 1);
  std::array<char, 4> buffer{};
  {
    Result<Received> received = receive_with_fd(pair.second.get(), buffer);
    ASSERT_TRUE(received.has_value());
    EXPECT_TRUE(received->fd.is_open());
  }
  // Once the last writer is closed, the pipe ends: no copy was kept.
  pipe.write_end.reset();
  EXPECT_EQ(read(pipe.read_end.get(), buffer), 0U);
}

TEST(WaitReady, WaitsAsLongAsItWasTold) {
  Pipe pipe = *pipe2();
  EXPECT_EQ(wait_ready(pipe.read_end.get(), POLLIN, 0), false);
  int64_t start = monotonic_ms();
  EXPECT_EQ(wait_ready(pipe.read_end.get(), POLLIN, 30), false);
  EXPECT_GE(monotonic_ms() - start, 29);
  ASSERT_TRUE(write_all(pipe.write_end.get(), "x").has_value());
  EXPECT_EQ(wait_ready(pipe.read_end.get(), POLLIN, -1), true);
  EXPECT_EQ(wait_ready(pipe.read_end.get(), POLLIN, 0), true);
}

TEST(Openat2, LooksOnlyBeneath) {
  Result<TempDir> dir = TempDir::create("sys-test");
  ASSERT_TRUE(dir.has_value());
  EXPECT_EQ(openat2(dir->fd(), "..", O_PATH, RESOLVE_BENEATH).error().errnum, EXDEV);
  EXPECT_EQ(openat2(dir->fd(), "/", O_PATH, RESOLVE_BENEATH).error().errnum, EXDEV);
  EXPECT_EQ(openat2(dir->fd(), "none", O_PATH, RESOLVE_BENEATH).error().kind, Kind::kNotFound);
  // A mode without O_CREAT is the caller's mistake, and the kernel says so.
  EXPECT_EQ(openat2(dir->fd(), ".", O_PATH, 0, 0600).error().errnum, EINVAL);
}

TEST(GetCwd, TellsWhereWeAre) {
  Result<TempDir> dir = TempDir::create("sys-test");
  ASSERT_TRUE(dir.has_value());
  std::string before = *getcwd();
  UniqueFd back = *open(".", O_PATH | O_DIRECTORY);
  ASSERT_TRUE(fchdir(dir->fd()).has_value());
  Result<std::string> inside = getcwd();
  ASSERT_TRUE(fchdir(back.get()).has_value());
  EXPECT_EQ(*inside, dir->path());
  EXPECT_EQ(*getcwd(), before);
}

TEST(PeerCredentials, AreOurs) {
  SocketPair pair = *socketpair(SOCK_STREAM);
  Result<struct ucred> peer = peer_credentials(pair.first.get());
  ASSERT_TRUE(peer.has_value());
  EXPECT_EQ(peer->pid, ::getpid());
  EXPECT_EQ(peer->uid, ::getuid());
}

TEST(FsConfig, ReportsWhyAMountFailed) {
  Result<UniqueFd> fs = fsopen("no-such-file-system");
  ASSERT_FALSE(fs.has_value());
  EXPECT_TRUE(fs.error().errnum == ENODEV || fs.error().errnum == EPERM) << fs.error().message;
}

}  // namespace
}  // namespace crunlite::sys
