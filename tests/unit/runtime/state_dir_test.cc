// SPDX-License-Identifier: Apache-2.0
#include "runtime/state_dir.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr int kPatienceMs = 10'000;

class States : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("state_dir_test");
    ASSERT_TRUE(made.has_value());
    temp_.emplace(std::move(*made));
    root_ = temp_->path() + "/deep/root";
  }

  static ContainerState state_of(std::string id) {
    ContainerState state;
    state.id = std::move(id);
    state.bundle = "/bundle";
    state.created = "2026-11-24T13:34:41Z";
    state.cgroups_path = "/crun-lite-x";
    state.annotations = {{"a", "b"}};
    return state;
  }
  // The state of a container whose init is `pid`.
  static ContainerState state_of_process(pid_t pid) {
    ContainerState state = state_of("web");
    state.pid = pid;
    state.start_ticks = read_process_stat(pid)->start_ticks;
    return state;
  }
  [[nodiscard]] StateDir create(const std::string& id = "web") const {
    Result<StateDir> dir = StateDir::create(root_, state_of(id));
    EXPECT_TRUE(dir.has_value()) << (dir.has_value() ? "" : dir.error().message);
    return std::move(*dir);
  }
  [[nodiscard]] bool exists(const std::string& below) const {
    return sys::fstatat(AT_FDCWD, cat(root_, "/", below).c_str(), AT_SYMLINK_NOFOLLOW).has_value();
  }
  [[nodiscard]] mode_t mode_of(const std::string& below) const {
    return sys::fstatat(AT_FDCWD, cat(root_, "/", below).c_str(), 0)->st_mode & 07777;
  }

  std::optional<TempDir> temp_;
  std::string root_;
};

// A child that waits until its end is closed, without having executed anything or as `cat`.
class Waiting {
 public:
  explicit Waiting(bool executes) {
    Result<sys::Pipe> pipe = sys::pipe2();
    EXPECT_TRUE(pipe.has_value());
    Result<sys::Cloned> cloned = sys::clone3({});
    EXPECT_TRUE(cloned.has_value());
    if (cloned->pid == 0) {
      pipe->write_end.reset();
      if (executes) {
        (void)sys::dup3(pipe->read_end.get(), 0, 0);
        (void)sys::execve("/bin/cat", {"cat"}, {});
      }
      char byte = 0;
      (void)sys::read(pipe->read_end.get(), std::span(&byte, 1));
      ::_exit(0);
    }
    child_ = Child(cloned->pid, std::move(cloned->pidfd));
    write_end_ = std::move(pipe->write_end);
    while (executes && read_process_stat(child_.pid())->is_before_exec()) ::sched_yield();
  }
  [[nodiscard]] pid_t pid() const { return child_.pid(); }
  // Dead, but still there to be reaped.
  void end() {
    write_end_.reset();
    ASSERT_TRUE(sys::waitid(child_.pidfd(), WEXITED | WNOWAIT).has_value());
  }

 private:
  Child child_;
  UniqueFd write_end_;
};

TEST(ContainerId, MayHoldLettersDigitsAndFourSigns) {
  for (const std::string& id :
       {std::string("a"), std::string("0"), std::string("node1.root.5.4294967291.0"),
        std::string("A_b+c-d.e"), std::string("..."), std::string(".hidden"), std::string("-x"),
        std::string(64, 'f'), std::string(limits::kNameBytes, 'x')}) {
    EXPECT_TRUE(check_container_id(id).has_value()) << id;
  }
}

TEST(ContainerId, IsNoPathAndNoMore) {
  for (const std::string& id :
       {std::string(""), std::string("."), std::string(".."), std::string("a/b"), std::string("/"),
        std::string("../x"), std::string("a b"), std::string("a\n"), std::string("a:b"),
        std::string("a\0b", 3), std::string("\xc3\xa4"),
        std::string(limits::kNameBytes + 1, 'x')}) {
    const Status checked = check_container_id(id);
    ASSERT_FALSE(checked.has_value()) << id;
    EXPECT_EQ(checked.error().kind, Kind::kInvalid);
    EXPECT_TRUE(checked.error().message.starts_with("container ID"));
  }
}

TEST_F(States, AreKeptAsTheyWere) {
  const StateDir dir = create();
  ContainerState state = state_of("web");
  state.pid = 4711;
  state.start_ticks = UINT64_MAX;
  state.owner = 1000;
  state.namespaces = 0x20000000;
  state.has_reaper = true;
  oci::Hook hook;
  hook.path = "/hook";
  hook.args = {"hook", "x"};
  state.later_hooks.poststop = {hook};
  cgroups::GroupDir group;
  group.mount_point = "/sys/fs/cgroup";
  group.path = "web";
  state.cgroup.emplace().dirs = {group};
  ASSERT_TRUE(dir.write(state).has_value());
  const Result<ContainerState> read = StateDir::open(root_, "web")->read();
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(json::write(json::encode(*read)), json::write(json::encode(state)));
  EXPECT_EQ(read->start_ticks, UINT64_MAX);
  EXPECT_EQ(read->later_hooks.poststop[0].args, (oci::Strings{"hook", "x"}));
}

TEST_F(States, AreNobodyElsesToRead) {
  const StateDir dir = create();
  ASSERT_TRUE(dir.write_config("{}").has_value());
  EXPECT_EQ(mode_of(""), mode_t{0700});
  EXPECT_EQ(mode_of("web"), mode_t{0700});
  EXPECT_EQ(mode_of("web/state.json"), mode_t{0600});
  EXPECT_EQ(mode_of("web/config.json"), mode_t{0600});
  EXPECT_EQ(dir.read_config().value_or(""), "{}");
  EXPECT_FALSE(dir.write_config("{}").has_value());  // once only
}

TEST_F(States, AreMadeOnceForAnId) {
  const StateDir dir = create();
  const Result<StateDir> again = StateDir::create(root_, state_of("web"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().kind, Kind::kExists);
  EXPECT_EQ(again.error().message, "container with id exists: web");
  EXPECT_TRUE(exists("web/state.json"));  // the first one is left alone
}

TEST_F(States, ThatAreMissingAreNotFound) {
  for (bool has_root : {false, true}) {
    if (has_root) (void)create("other");
    const Result<StateDir> dir = StateDir::open(root_, "web");
    ASSERT_FALSE(dir.has_value());
    EXPECT_EQ(dir.error().kind, Kind::kNotFound);
    EXPECT_EQ(dir.error().message, "container \"web\" does not exist");
  }
  EXPECT_EQ(StateDir::open(root_, "../root/other").error().kind, Kind::kInvalid);
}

TEST_F(States, AreNotReachedThroughALink) {
  const StateDir dir = create("other");
  ASSERT_TRUE(sys::symlinkat("other", dir.root_fd(), "web").has_value());
  EXPECT_FALSE(StateDir::open(root_, "web").has_value());
}

TEST_F(States, OfAnotherIdAreRefused) {
  const StateDir dir = create();
  ASSERT_TRUE(dir.write(state_of("other")).has_value());
  EXPECT_EQ(dir.read().error().message, "container \"web\": foreign state");
}

TEST_F(States, ThatAreBrokenAreNamed) {
  const StateDir dir = create();
  for (const char* text : {"", "{", "[]", R"({"id":"web","pid":"1"})", R"({"pid":1})"}) {
    ASSERT_TRUE(
        write_atomic(dir.fd(), "state.json", text, 0600, Durability::kVolatile).has_value());
    const Result<ContainerState> read = dir.read();
    ASSERT_FALSE(read.has_value()) << text;
    EXPECT_TRUE(read.error().message.starts_with("container \"web\": state.json")) << text;
  }
}

TEST_F(States, AreListedByTheirIds) {
  EXPECT_TRUE(list_containers(root_)->empty());  // there is no such directory
  const StateDir b = create("b");
  const StateDir a = create("a");
  ASSERT_TRUE(sys::mkdirat(a.root_fd(), "half", 0700).has_value());
  ASSERT_TRUE(write_atomic(a.root_fd(), "seccomp-1", "x", 0600, Durability::kVolatile).has_value());
  EXPECT_EQ(list_containers(root_).value_or(std::vector<std::string>()),
            (std::vector<std::string>{"a", "b"}));
}

TEST_F(States, AreLockedByOneAtATime) {
  StateDir creator = create();
  StateDir other = std::move(*StateDir::open(root_, "web"));
  const Status locked = other.lock(0);
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().kind, Kind::kConflict);
  EXPECT_EQ(locked.error().message, "container \"web\" is busy");
  EXPECT_FALSE(other.lock(30).has_value());
  creator.unlock();
  EXPECT_TRUE(other.lock(0).has_value());
  EXPECT_FALSE(creator.lock(0).has_value());
}

TEST_F(States, AreUnlockedAtTheEndOfTheirValue) {
  std::optional<StateDir> creator(create());
  StateDir other = std::move(*StateDir::open(root_, "web"));
  StateDir moved = std::move(*creator);
  creator.reset();
  EXPECT_FALSE(other.lock(0).has_value());
  std::optional<StateDir>(std::move(moved)).reset();
  EXPECT_TRUE(other.lock(0).has_value());
}

TEST_F(States, AreRemovedAsAWhole) {
  StateDir dir = create();
  ASSERT_TRUE(dir.write_config("{}").has_value());
  ASSERT_TRUE(listen_for_start(dir).has_value());
  ASSERT_TRUE(dir.remove().has_value());
  EXPECT_FALSE(exists("web"));
  EXPECT_TRUE(dir.remove().has_value());  // a second time does nothing
  EXPECT_TRUE(StateDir::create(root_, state_of("web")).has_value());
}

// A second `delete` that waited for the lock of the first must not take a new container for the
// old.
TEST_F(States, OfADeletedContainerAreNotThoseOfANewOne) {
  std::optional<StateDir> first(create());
  StateDir late = std::move(*StateDir::open(root_, "web"));
  ASSERT_TRUE(first->remove().has_value());
  first.reset();
  const StateDir second = create();
  const Status locked = late.lock(0);
  ASSERT_FALSE(locked.has_value());
  EXPECT_EQ(locked.error().kind, Kind::kNotFound);
  EXPECT_TRUE(late.remove().has_value());
  EXPECT_TRUE(exists("web/state.json"));
}

TEST_F(States, BeforeAnInitAreCreatingOnlyWhileTheirCreatorLives) {
  std::optional<StateDir> creator(create());
  const StateDir reader = std::move(*StateDir::open(root_, "web"));
  EXPECT_EQ(*status_of(reader, *reader.read()), ContainerStatus::kCreating);
  EXPECT_EQ(*status_of(*creator, *creator->read()), ContainerStatus::kCreating);
  creator.reset();
  EXPECT_EQ(*status_of(reader, *reader.read()), ContainerStatus::kStopped);
}

TEST_F(States, GoFromCreatingToStopped) {
  StateDir dir = create();
  Waiting init(/*executes=*/false);
  const ContainerState state = state_of_process(init.pid());
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kCreating);
  const Result<UniqueFd> listener = listen_for_start(dir);
  ASSERT_TRUE(listener.has_value());
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kCreating);  // not offered yet
  ASSERT_TRUE(offer_start(dir).has_value());
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kCreated);
  EXPECT_TRUE(open_init(state).has_value());
  init.end();
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kStopped);
  EXPECT_FALSE(is_init_alive(state));
  EXPECT_EQ(open_init(state).error().kind, Kind::kConflict);
}

TEST_F(States, AreRunningOnceTheProgramIsExecuted) {
  StateDir dir = create();
  const Waiting init(/*executes=*/true);
  const ContainerState state = state_of_process(init.pid());
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kRunning);
  // `start` was killed before it could take the socket away.
  const Result<UniqueFd> listener = listen_for_start(dir);
  ASSERT_TRUE(offer_start(dir).has_value());
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kRunning);
}

TEST_F(States, WithAReaperAreRunningWithoutAnExecutedProgram) {
  StateDir dir = create();
  const Waiting init(/*executes=*/false);
  ContainerState state = state_of_process(init.pid());
  state.has_reaper = true;
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kRunning);
}

TEST_F(States, AreStoppedWhenAnotherProcessHasThePid) {
  StateDir dir = create();
  const Waiting init(/*executes=*/true);
  ContainerState state = state_of_process(init.pid());
  state.start_ticks++;
  EXPECT_EQ(*status_of(dir, state), ContainerStatus::kStopped);
  EXPECT_EQ(open_init(state).error().message, "container \"web\" is not running");
  for (pid_t pid : {-1, 0}) {
    state.pid = pid;
    EXPECT_FALSE(is_init_alive(state)) << pid;
    EXPECT_FALSE(open_init(state).has_value()) << pid;
  }
}

// sun_path holds 107 bytes; the directory may lie deeper.
TEST_F(States, HaveASocketAtAnyDepth) {
  for (int i = 0; i < 5; i++) root_.append("/").append(50, 'd');
  StateDir dir = create(std::string(limits::kNameBytes, 'x'));
  const Result<UniqueFd> listener = listen_for_start(dir);
  ASSERT_TRUE(listener.has_value()) << listener.error().message;
  EXPECT_FALSE(connect_for_start(dir).has_value());
  ASSERT_TRUE(offer_start(dir).has_value());
  const Result<UniqueFd> caller = connect_for_start(dir);
  ASSERT_TRUE(caller.has_value()) << caller.error().message;
  ASSERT_TRUE(sys::wait_ready(listener->get(), 1 /* POLLIN */, kPatienceMs).value_or(false));
  EXPECT_TRUE(sys::accept4(listener->get(), 0).has_value());
  const struct stat info = *sys::fstatat(dir.fd(), kStartSocket, AT_SYMLINK_NOFOLLOW);
  EXPECT_EQ(info.st_mode & 07777, mode_t{0600});
}

TEST(ProcessStats, AreReadOfANameWithParentheses) {
  const Result<ProcessStat> own = read_process_stat(::getpid());
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->state, 'R');
  EXPECT_GT(own->start_ticks, 0U);
  EXPECT_FALSE(own->is_before_exec());
  Result<UniqueFd> name = sys::open("/proc/self/comm", O_RDWR);
  ASSERT_TRUE(name.has_value());
  const std::string before = read_fd(name->get(), 4096).value_or("x");
  ASSERT_TRUE(sys::write_all(name->get(), ") Z 1 (a b").has_value());
  EXPECT_EQ(read_process_stat(::getpid())->start_ticks, own->start_ticks);
  ASSERT_TRUE(sys::write_all(name->get(), trim(before)).has_value());
}

TEST(ProcessStats, OfAMissingProcessAreNotFound) {
  EXPECT_EQ(read_process_stat((1 << 22) + 1).error().kind, Kind::kNotFound);
}

TEST(OciStateOfAContainer, HasAPidWhileThereIsAnInit) {
  ContainerState state;
  state.id = "web";
  state.pid = 7;
  state.bundle = "/b";
  state.annotations = {{"k", "v"}};
  const oci::State running = oci_state(state, ContainerStatus::kRunning);
  EXPECT_EQ(running.pid, 7);
  EXPECT_EQ(running.oci_version, oci::kOciVersion);
  EXPECT_EQ(running.bundle, "/b");
  EXPECT_EQ(running.annotations.at("k"), "v");
  EXPECT_EQ(oci_state(state, ContainerStatus::kStopped).pid, 0);
}

TEST(DefaultRoot, IsTheUsersOwn) {
  if (::geteuid() == 0) {
    EXPECT_EQ(default_root(), "/run/crun-lite");
  } else {
    EXPECT_TRUE(default_root().contains("/crun-lite")) << default_root();
  }
}

}  // namespace
}  // namespace crunlite::runtime
