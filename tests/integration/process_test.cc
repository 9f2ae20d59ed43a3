// SPDX-License-Identifier: Apache-2.0
// The "process" object of config.json (config.md#process).
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Process : public RuntimeTest {};

TEST_F(Process, ArgumentsPassUnchanged) {
  Strings words = {"--", "a b", "", "\"quoted\"", "$HOME", "*", "\t", "-x", "--y=z", "last"};
  Strings all = {"args"};
  all.insert(all.end(), words.begin(), words.end());
  EXPECT_EQ(run_probe(all).texts("args", "list"), words);
}

TEST_F(Process, EnvironmentIsWhatTheConfigSays) {
  config.set("process.env", Strings{"PATH=/bin", "HOME=/x", "EMPTY=", "A=b=c", "SPACE= a b "});
  Strings seen = run_probe({"env"}).texts("env", "list");
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(seen, (Strings{"A=b=c", "EMPTY=", "HOME=/x", "PATH=/bin", "SPACE= a b "}));
}

TEST_F(Process, EnvironmentOfTheRuntimeStaysOutside) {
  CallOptions options;
  options.env = Strings{"PATH=/usr/bin:/bin", "SECRET_OF_HOST=1", "LD_PRELOAD="};
  Strings seen = run_probe({"env"}, options).texts("env", "list");
  EXPECT_FALSE(contains(seen, "SECRET_OF_HOST=1"));
}

TEST_F(Process, HomeComesFromThePasswordFileWhereItIsNotSet) {
  config.set("process.env", Strings{"PATH=/bin"});
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  EXPECT_TRUE(contains(run_probe({"env"}).texts("env", "list"), "HOME=/home/alice"));
}

TEST_F(Process, ProgramIsFoundInThePathOfTheConfig) {
  config.set("process.env", Strings{"PATH=/nowhere:/bin"});
  config.args({"probe", "exit", "4"});
  EXPECT_EQ(run().status, 4);
}

TEST_F(Process, ProgramWithASlashIsRelativeToTheWorkingDirectory) {
  config.set("process.cwd", "/bin");
  config.args({"./probe", "exit", "4"});
  EXPECT_EQ(run().status, 4);
}

TEST_F(Process, WorkingDirectory) {
  config.set("process.cwd", "/tmp");
  EXPECT_EQ(run_probe({"cwd"}).text("cwd", "path"), "/tmp");
}

TEST_F(Process, MissingWorkingDirectoryIsMade) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 does not make a missing working directory");
  config.set("process.cwd", "/srv/made/here");
  EXPECT_EQ(run_probe({"cwd"}).text("cwd", "path"), "/srv/made/here");
}

TEST_F(Process, UserAndGroups) {
  config.set_json("process.user",
                  R"({"uid": 1000, "gid": 1001, "additionalGids": [50, 44, 2147483647]})");
  Report report = run_probe({"ids"});
  EXPECT_EQ(report.numbers("ids", "uids"), (std::vector<int64_t>{1000, 1000, 1000}));
  EXPECT_EQ(report.numbers("ids", "gids"), (std::vector<int64_t>{1001, 1001, 1001}));
  std::vector<int64_t> groups = report.numbers("ids", "groups");
  std::sort(groups.begin(), groups.end());
  EXPECT_EQ(groups, (std::vector<int64_t>{44, 50, 2147483647}));
}

TEST_F(Process, IdsAboveTwoToThe31) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 refuses ids above 2147483647");
  config.set_json("process.user",
                  R"({"uid": 4294967294, "gid": 3000000000, "additionalGids": [4294967290]})");
  Report report = run_probe({"ids"});
  EXPECT_EQ(report.numbers("ids", "uids"), (std::vector<int64_t>(3, 4294967294)));
  EXPECT_EQ(report.numbers("ids", "gids"), (std::vector<int64_t>(3, 3000000000)));
  EXPECT_EQ(report.numbers("ids", "groups"), (std::vector<int64_t>{4294967290}));
}

TEST_F(Process, GroupsOfTheCallerStayOutside) {
  Report report = run_probe({"ids"});
  EXPECT_EQ(report.numbers("ids", "groups"), std::vector<int64_t>{});
}

TEST_F(Process, Umask) {
  EXPECT_EQ(run_probe({"ids"}).number("ids", "umask"), 0022);
  config.set("process.user.umask", 0077);
  EXPECT_EQ(run_probe({"ids"}).number("ids", "umask"), 0077);
  config.set("process.user.umask", 0);
  EXPECT_EQ(run_probe({"ids"}).number("ids", "umask"), 0);
}

constexpr int64_t bit(int number) { return int64_t{1} << number; }
constexpr int64_t kChown = bit(0), kKill = bit(5), kSetgid = bit(6), kSetuid = bit(7),
                  kBind = bit(10), kAudit = bit(29);

int64_t set_of(const Report& report, std::string_view name) {
  return parse_number<int64_t>(report.text("caps", name), 16).value_or(-1);
}

TEST_F(Process, CapabilitiesOfRoot) {
  Report report = run_probe({"caps"});
  EXPECT_EQ(set_of(report, "bounding"), kAudit | kKill | kBind);
  EXPECT_EQ(set_of(report, "permitted"), kAudit | kKill | kBind);
  EXPECT_EQ(set_of(report, "effective"), kAudit | kKill | kBind);
  EXPECT_EQ(set_of(report, "inheritable"), 0);
  EXPECT_EQ(set_of(report, "ambient"), 0);
}

TEST_F(Process, FiveSetsAreToldApart) {
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  config.set("process.capabilities.bounding",
             Strings{"CAP_CHOWN", "CAP_KILL", "CAP_SETGID", "CAP_SETUID"});
  config.set("process.capabilities.permitted", Strings{"CAP_KILL", "CAP_SETGID"});
  config.set("process.capabilities.effective", Strings{"CAP_KILL"});
  config.set("process.capabilities.inheritable", Strings{"CAP_KILL", "CAP_SETGID"});
  config.set("process.capabilities.ambient", Strings{"CAP_KILL"});
  Report report = run_probe({"caps"});
  EXPECT_EQ(set_of(report, "bounding"), kChown | kKill | kSetgid | kSetuid);
  EXPECT_EQ(set_of(report, "inheritable"), kKill | kSetgid);
  // execve(2) of a file without capabilities leaves an ordinary user the ambient ones only.
  EXPECT_EQ(set_of(report, "permitted"), kKill);
  EXPECT_EQ(set_of(report, "effective"), kKill);
  EXPECT_EQ(set_of(report, "ambient"), kKill);
}

TEST_F(Process, AnOrdinaryUserHasNoneWithoutAmbient) {
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  Report report = run_probe({"caps"});
  EXPECT_EQ(set_of(report, "bounding"), kAudit | kKill | kBind);
  EXPECT_EQ(set_of(report, "permitted"), 0);
  EXPECT_EQ(set_of(report, "effective"), 0);
}

TEST_F(Process, EmptySetsDropEverything) {
  config.set_json("process.capabilities", "{}");
  Report report = run_probe({"caps", ",", "chown", "/tmp", "1", "1"});
  for (const char* name : {"bounding", "permitted", "effective", "inheritable", "ambient"}) {
    EXPECT_EQ(set_of(report, name), 0) << name;
  }
  EXPECT_EQ(report.error("chown /tmp 1 1"), "EPERM");
}

TEST_F(Process, AllCapabilitiesOfTheKernelCanBeGiven) {
  // Root of the host may lack some itself: those it has.
  Result<std::string> status = read_file(AT_FDCWD, "/proc/self/status", 65536);
  ASSERT_TRUE(status.has_value());
  std::string own = status->substr(status->find("CapEff:") + 7, 17);
  Strings names = {"CAP_CHOWN",      "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_SYS_ADMIN",
                   "CAP_SYS_PTRACE", "CAP_NET_ADMIN",    "CAP_BPF",    "CAP_CHECKPOINT_RESTORE"};
  config.capabilities(names);
  Report report = run_probe({"caps"});
  int64_t wanted = kChown | bit(1) | bit(3) | bit(21) | bit(19) | bit(12) | bit(39) | bit(40);
  int64_t possible = parse_number<int64_t>(trim(own), 16).value_or(0);
  EXPECT_EQ(set_of(report, "effective"), wanted & possible);
  EXPECT_EQ(set_of(report, "ambient"), wanted & possible);
}

TEST_F(Process, AnUnknownCapabilityIsAWarningOnly) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 fails on an unknown capability");
  config.add_json("process.capabilities.bounding", R"("CAP_OF_THE_FUTURE")");
  config.add_json("process.capabilities.permitted", R"("CAP_OF_THE_FUTURE")");
  EXPECT_EQ(set_of(run_probe({"caps"}), "bounding"), kAudit | kKill | kBind);
}

TEST_F(Process, NoNewPrivileges) {
  EXPECT_EQ(run_probe({"caps"}).number("caps", "no_new_privs"), 1);
  config.set("process.noNewPrivileges", false);
  EXPECT_EQ(run_probe({"caps"}).number("caps", "no_new_privs"), 0);
}

TEST_F(Process, ResourceLimits) {
  config.set_json("process.rlimits", R"([
    {"type": "RLIMIT_NOFILE", "soft": 100, "hard": 200},
    {"type": "RLIMIT_CORE", "soft": 0, "hard": 0},
    {"type": "RLIMIT_AS", "soft": 1073741824, "hard": 2147483648},
    {"type": "RLIMIT_CPU", "soft": 60, "hard": 61},
    {"type": "RLIMIT_NPROC", "soft": 50, "hard": 60},
    {"type": "RLIMIT_STACK", "soft": 4194304, "hard": 8388608}])");
  Report report = run_probe({"rlimits"});
  EXPECT_EQ(report.text("rlimits", "NOFILE"), "100 200");
  EXPECT_EQ(report.text("rlimits", "CORE"), "0 0");
  EXPECT_EQ(report.text("rlimits", "AS"), "1073741824 2147483648");
  EXPECT_EQ(report.text("rlimits", "CPU"), "60 61");
  EXPECT_EQ(report.text("rlimits", "NPROC"), "50 60");
  EXPECT_EQ(report.text("rlimits", "STACK"), "4194304 8388608");
}

// What the runtime itself still has to do in the container is not subject to them.
TEST_F(Process, ResourceLimitsBeginWithTheProgram) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 is itself stopped by the limits of the program");
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 is itself stopped by the limits of the program");
  config.set("process.env", Strings{"PATH=/bin"});
  config.set_json("process.user", R"({"uid": 1000, "gid": 1000})");
  config.set_json("process.rlimits", R"([
    {"type": "RLIMIT_NOFILE", "soft": 3, "hard": 3},
    {"type": "RLIMIT_AS", "soft": 16777216, "hard": 16777216},
    {"type": "RLIMIT_DATA", "soft": 1048576, "hard": 1048576}])");
  EXPECT_TRUE(contains(run_probe({"env"}).texts("env", "list"), "HOME=/home/alice"));
  launch_probe({"exit", "7"});
  EXPECT_EQ(wait_init().value_or(ExitStatus()).code, 7);
}

TEST_F(Process, AnUnlimitedResource) {
  config.set_json("process.rlimits", R"([
    {"type": "RLIMIT_FSIZE", "soft": 1000000, "hard": 18446744073709551615}])");
  EXPECT_EQ(run_probe({"rlimits"}).text("rlimits", "FSIZE"), "1000000 unlimited");
}

TEST_F(Process, OomScoreAdjustment) {
  config.set("process.oomScoreAdj", 500);
  Report report = run_probe({"read", "/proc/self/oom_score_adj"});
  EXPECT_EQ(report.text("read /proc/self/oom_score_adj", "data"), "500\n");
}

TEST_F(Process, OomScoreAdjustmentIsInheritedUnlessSaid) {
  Report report = run_probe({"read", "/proc/self/oom_score_adj"});
  EXPECT_EQ(report.text("read /proc/self/oom_score_adj", "data"),
            read_host_file("/proc/self/oom_score_adj"));
}

TEST_F(Process, SignalsAreNeitherBlockedNorIgnored) {
  Report report = run_probe({"masks"});
  EXPECT_EQ(report.texts("masks", "blocked"), Strings{});
  EXPECT_EQ(report.texts("masks", "ignored"), Strings{});
}

TEST_F(Process, IsProcessOneOfItsNamespace) {
  Report report = run_probe({"pids", ",", "processes"});
  EXPECT_EQ(report.number("pids", "pid"), 1);
  EXPECT_EQ(report.number("pids", "ppid"), 0);
  EXPECT_EQ(report.texts("processes", "list"), Strings{"1 /bin/probe pids , processes"});
}

TEST_F(Process, HostAndDomainName) {
  EXPECT_EQ(run_probe({"uts"}).text("uts", "hostname"), "guest");
}

TEST_F(Process, DomainName) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 does not know domainname");
  config.set("domainname", "example.org");
  EXPECT_EQ(run_probe({"uts"}).text("uts", "domainname"), "example.org");
}

TEST_F(Process, LongHostName) {
  std::string name(64, 'h');
  config.set("hostname", name);
  EXPECT_EQ(run_probe({"uts"}).text("uts", "hostname"), name);
}

// Descriptors of the caller, left open on purpose.
class Descriptors : public RuntimeTest {
 protected:
  // Opens directories of the host at the lowest free numbers from 3 on, not close-on-exec.
  void open_many(int count) {
    for (int i = 0; i < count; i++) {
      Result<UniqueFd> fd = sys::open("/", O_RDONLY | O_DIRECTORY);
      ASSERT_TRUE(fd.has_value());
      passed_.push_back(fd->get());
      opened_.push_back(std::move(*fd));
    }
  }
  Strings numbers_seen(const Report& report) {
    Strings numbers;
    const auto* table = report.value("fds", "table").get<json::Object>();
    if (table == nullptr) return numbers;
    for (const json::Member& member : *table) numbers.push_back(member.first);
    return numbers;
  }

  void TearDown() override {
    opened_.clear();
    RuntimeTest::TearDown();
  }

  std::vector<int> passed_;
  std::vector<UniqueFd> opened_;
};

TEST_F(Descriptors, OnlyTheThreeStandardOnesAreThere) {
  open_many(40);
  CallOptions options;
  options.pass_fds = passed_;
  Report report = run_probe({"fds", ",", "leaks", "etc/passwd"}, options);
  EXPECT_EQ(numbers_seen(report), (Strings{"0", "1", "2"}));
  EXPECT_EQ(report.texts("leaks etc/passwd", "list"), Strings{});
}

TEST_F(Descriptors, OfCreateAreClosedToo) {
  open_many(10);
  CallOptions options;
  options.pass_fds = passed_;
  launch_probe({"fds", ",", "wait"}, {}, options);
  EXPECT_EQ(numbers_seen(Report::parse(output().next())), (Strings{"0", "1", "2"}));
}

TEST_F(Descriptors, PreservedOnesPass) {
  // A shell puts files at 3, 4 and 5, as callers do.
  write_host_file(directory("three"), "3");
  write_host_file(directory("four"), "4");
  config.probe({"fds"});
  write_config();
  Strings shell = {
      "/bin/sh", "-c",
      cat("exec 3<", directory("three"), " 4<", directory("four"), " 5</ ; exec \"$@\""), "sh"};
  Outcome outcome =
      call({"run", "--preserve-fds", "2", "--bundle", bundle(), id()}, {.wrapper = shell});
  ASSERT_OK(outcome);
  EXPECT_EQ(numbers_seen(Report::parse(outcome.out)), (Strings{"0", "1", "2", "3", "4"}));
  outcome = call({"run", "--preserve-fds=0", "--bundle", bundle(), id()}, {.wrapper = shell});
  ASSERT_OK(outcome);
  EXPECT_EQ(numbers_seen(Report::parse(outcome.out)), (Strings{"0", "1", "2"}));
}

TEST_F(Descriptors, PreservedOnesMustBeOpen) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 does not check that preserved descriptors are open");
  config.probe({"exit", "0"});
  write_config();
  Outcome outcome = call({"run", "--preserve-fds", "7", "--bundle", bundle(), id()});
  EXPECT_NE(outcome.status, 0);
  EXPECT_NE(outcome.err, "");
}

TEST_F(Descriptors, SocketsOfActivationPass) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 passes the descriptors without LISTEN_FDS");
  config.probe({"listen_fds", ",", "fds"});
  write_config();
  Result<sys::SocketPair> pair = sys::socketpair(SOCK_STREAM);
  ASSERT_TRUE(pair.has_value());
  std::string fd = cat(pair->first.get());
  // LISTEN_PID is the runtime's own pid, which only the shell that becomes the runtime knows.
  std::string script = fd == "3" ? "" : cat("exec 3<&", fd, " ", fd, "<&-; ");
  CallOptions options;
  options.wrapper = {"/bin/sh", "-c", cat(script, "LISTEN_PID=$$ exec \"$@\""), "sh"};
  options.pass_fds = {pair->first.get()};
  options.env = Strings{"PATH=/usr/sbin:/usr/bin:/bin", "LISTEN_FDS=1", "LISTEN_FDNAMES=web"};
  Outcome outcome = call({"run", "--bundle", bundle(), id()}, options);
  ASSERT_OK(outcome);
  Report report = Report::parse(outcome.out);
  EXPECT_EQ(report.text("listen_fds", "LISTEN_FDS"), "1");
  EXPECT_EQ(report.text("listen_fds", "LISTEN_PID"), "1");
  EXPECT_TRUE(report.flag("listen_fds", "sockets"));
  EXPECT_EQ(numbers_seen(report), (Strings{"0", "1", "2", "3"}));
}

}  // namespace
}  // namespace crunlite::integration
