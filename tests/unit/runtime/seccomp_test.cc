// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp.h"

#include <gtest/gtest.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/syscall.h>

#include <algorithm>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::runtime {
namespace {

constexpr uint32_t kKilled = SECCOMP_RET_KILL_THREAD;

uint32_t errno_of(uint32_t number) { return SECCOMP_RET_ERRNO | number; }

#if defined(__x86_64__)
constexpr uint32_t kNative = AUDIT_ARCH_X86_64;
#elif defined(__aarch64__)
constexpr uint32_t kNative = AUDIT_ARCH_AARCH64;
#endif

struct Call {
  long number;
  std::vector<uint64_t> args = {};
  uint32_t arch = kNative;
};

// What the kernel would do: the part of classic BPF that seccomp(2) allows and libseccomp uses.
class Machine {
 public:
  explicit Machine(const std::string& program) : code_(program.size() / sizeof(sock_filter)) {
    memcpy(code_.data(), program.data(), code_.size() * sizeof(sock_filter));
  }

  [[nodiscard]] uint32_t judge(const Call& call) const {
    struct seccomp_data data{};
    data.nr = static_cast<int>(call.number);
    data.arch = call.arch;
    std::copy(call.args.begin(), call.args.end(), data.args);
    uint32_t accumulator = 0;
    for (size_t at = 0; at < code_.size(); at++) {
      const sock_filter& line = code_[at];
      switch (line.code) {
        case BPF_LD | BPF_W | BPF_ABS:
          memcpy(&accumulator, reinterpret_cast<const char*>(&data) + line.k, sizeof accumulator);
          break;
        case BPF_ALU | BPF_AND | BPF_K: accumulator &= line.k; break;
        case BPF_RET | BPF_K: return line.k;
        case BPF_JMP | BPF_JA: at += line.k; break;
        default: at += is_met(line, accumulator) ? line.jt : line.jf; break;
      }
    }
    ADD_FAILURE() << "the program has no end";
    return 0;
  }

 private:
  static bool is_met(const sock_filter& line, uint32_t accumulator) {
    switch (line.code) {
      case BPF_JMP | BPF_JEQ | BPF_K: return accumulator == line.k;
      case BPF_JMP | BPF_JGT | BPF_K: return accumulator > line.k;
      case BPF_JMP | BPF_JGE | BPF_K: return accumulator >= line.k;
      case BPF_JMP | BPF_JSET | BPF_K: return (accumulator & line.k) != 0;
      default: ADD_FAILURE() << "instruction " << line.code; return false;
    }
  }

  std::vector<sock_filter> code_;
};

oci::SeccompSyscall rule(oci::Strings names, std::string action,
                         std::vector<oci::SeccompArg> args = {}) {
  oci::SeccompSyscall out;
  out.names = std::move(names);
  out.action = std::move(action);
  out.args = std::move(args);
  return out;
}

oci::SeccompArg arg(uint32_t index, std::string op, uint64_t value, uint64_t value_two = 0) {
  return {.index = index, .value = value, .value_two = value_two, .op = std::move(op)};
}

oci::Seccomp profile(std::string default_action, std::vector<oci::SeccompSyscall> syscalls) {
  oci::Seccomp out;
  out.default_action = std::move(default_action);
  out.syscalls = std::move(syscalls);
  return out;
}

Machine compile(const oci::Seccomp& wanted) {
  Result<SeccompFilter> filter = compile_seccomp(wanted);
  EXPECT_TRUE(filter.has_value()) << (filter.has_value() ? "" : filter.error().message);
  return Machine(filter.value_or(SeccompFilter()).program);
}

TEST(SeccompProgram, DoesWhatTheDefaultActionSays) {
  struct Row {
    const char* action;
    std::optional<uint32_t> number;
    uint32_t verdict;
  };
  for (const Row& row : std::initializer_list<Row>{
           {"SCMP_ACT_ALLOW", {}, SECCOMP_RET_ALLOW},
           {"SCMP_ACT_ERRNO", {}, errno_of(EPERM)},
           {"SCMP_ACT_ERRNO", 38, errno_of(38)},
           {"SCMP_ACT_ERRNO", 0, errno_of(0)},
           {"SCMP_ACT_ERRNO", 4094, errno_of(4094)},
           {"SCMP_ACT_KILL", {}, kKilled},
           {"SCMP_ACT_KILL_THREAD", {}, kKilled},
           {"SCMP_ACT_KILL_PROCESS", {}, SECCOMP_RET_KILL_PROCESS},
           {"SCMP_ACT_TRAP", {}, SECCOMP_RET_TRAP},
           {"SCMP_ACT_LOG", {}, SECCOMP_RET_LOG},
           {"SCMP_ACT_TRACE", {}, SECCOMP_RET_TRACE | 1U},
           {"SCMP_ACT_TRACE", 7, SECCOMP_RET_TRACE | 7U},
       }) {
    // A rule of another action keeps the library from leaving the judging out.
    const bool allows = std::string_view(row.action) == "SCMP_ACT_ALLOW";
    oci::Seccomp wanted = profile(
        row.action, {rule({"getppid"}, allows ? "SCMP_ACT_KILL_PROCESS" : "SCMP_ACT_ALLOW")});
    wanted.default_errno_ret = row.number;
    EXPECT_EQ(compile(wanted).judge({SYS_getpid}), row.verdict) << row.action;
  }
}

TEST(SeccompProgram, JudgesByName) {
  oci::Seccomp wanted = profile("SCMP_ACT_ERRNO", {rule({"read", "write"}, "SCMP_ACT_ALLOW"),
                                                   rule({"ptrace"}, "SCMP_ACT_KILL_PROCESS"),
                                                   rule({"clone3"}, "SCMP_ACT_ERRNO")});
  wanted.syscalls[2].errno_ret = ENOSYS;
  const Machine machine = compile(wanted);
  EXPECT_EQ(machine.judge({SYS_read}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_write}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_ptrace}), SECCOMP_RET_KILL_PROCESS);
  EXPECT_EQ(machine.judge({SYS_clone3}), errno_of(ENOSYS));
  EXPECT_EQ(machine.judge({SYS_mount}), errno_of(EPERM));
  // Newer than all that is named: as from an older kernel.
  EXPECT_EQ(machine.judge({SYS_clone3 + 1}), errno_of(ENOSYS));
  EXPECT_EQ(machine.judge({SYS_clone3 - 1}), errno_of(EPERM));
}

TEST(SeccompProgram, JudgesOtherArchitecturesOnlyWhenTheyAreNamed) {
  oci::Seccomp wanted = profile("SCMP_ACT_ERRNO", {rule({"read"}, "SCMP_ACT_ALLOW")});
  constexpr long kReadOfX86 = 3;
  EXPECT_EQ(compile(wanted).judge({kReadOfX86, {}, AUDIT_ARCH_I386}), kKilled);
  wanted.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
  const Machine machine = compile(wanted);
  EXPECT_EQ(machine.judge({kReadOfX86, {}, AUDIT_ARCH_I386}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({kReadOfX86 - 1, {}, AUDIT_ARCH_I386}), errno_of(EPERM));
  EXPECT_EQ(machine.judge({kReadOfX86 + 1, {}, AUDIT_ARCH_I386}), errno_of(ENOSYS));
  EXPECT_EQ(machine.judge({0x40000000 + SYS_read}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({0x40000000 + SYS_read + 1}), errno_of(ENOSYS));
  EXPECT_EQ(machine.judge({SYS_read}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_read, {}, AUDIT_ARCH_AARCH64}), kKilled);
}

TEST(SeccompProgram, ComparesArguments) {
  constexpr uint64_t kValue = 0x1'0000'0005;  // both halves count
  struct Row {
    const char* op;
    std::vector<uint64_t> allowed;
    std::vector<uint64_t> refused;
  };
  for (const Row& row : std::vector<Row>{
           {"SCMP_CMP_EQ", {kValue}, {5, kValue - 1, kValue + 1, 0x2'0000'0005}},
           {"SCMP_CMP_NE", {5, 0, UINT64_MAX}, {kValue}},
           {"SCMP_CMP_LT", {0, kValue - 1, 0xffff'ffff}, {kValue, kValue + 1, UINT64_MAX}},
           {"SCMP_CMP_LE", {0, kValue - 1, kValue}, {kValue + 1, UINT64_MAX}},
           {"SCMP_CMP_GT", {kValue + 1, UINT64_MAX}, {kValue, kValue - 1, 0xffff'ffff}},
           {"SCMP_CMP_GE", {kValue, kValue + 1}, {kValue - 1, 0xffff'ffff}}}) {
    const Machine machine = compile(
        profile("SCMP_ACT_ERRNO", {rule({"ioctl"}, "SCMP_ACT_ALLOW", {arg(1, row.op, kValue)})}));
    for (uint64_t value : row.allowed) {
      EXPECT_EQ(machine.judge({SYS_ioctl, {0, value}}), SECCOMP_RET_ALLOW) << row.op << value;
    }
    for (uint64_t value : row.refused) {
      EXPECT_EQ(machine.judge({SYS_ioctl, {value, value, kValue}}) == SECCOMP_RET_ALLOW, false)
          << row.op << value;
    }
  }
}

// config-linux.md: value is the mask, valueTwo what must be left under it.
TEST(SeccompProgram, ComparesUnderAMask) {
  constexpr uint64_t kNamespaces = 0x7e020000;
  const Machine machine = compile(
      profile("SCMP_ACT_ERRNO",
              {rule({"clone"}, "SCMP_ACT_ALLOW", {arg(0, "SCMP_CMP_MASKED_EQ", kNamespaces, 0)}),
               rule({"unshare"}, "SCMP_ACT_ALLOW", {arg(0, "SCMP_CMP_MASKED_EQ", 0xf0, 0x30)})}));
  EXPECT_EQ(machine.judge({SYS_clone, {17}}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_clone, {17 | 0x10000000}}), errno_of(EPERM));
  EXPECT_EQ(machine.judge({SYS_unshare, {0xff3f}}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_unshare, {0x2f}}), errno_of(EPERM));
}

TEST(SeccompProgram, WantsAllArgumentsOfARuleAtOnce) {
  const Machine machine = compile(profile(
      "SCMP_ACT_ERRNO",
      {rule({"socket"}, "SCMP_ACT_ALLOW", {arg(0, "SCMP_CMP_EQ", 16), arg(2, "SCMP_CMP_EQ", 9)})}));
  EXPECT_EQ(machine.judge({SYS_socket, {16, 3, 9}}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_socket, {16, 3, 8}}), errno_of(EPERM));
  EXPECT_EQ(machine.judge({SYS_socket, {15, 3, 9}}), errno_of(EPERM));
}

TEST(SeccompProgram, TakesAnArgumentThatIsNamedTwiceAsEither) {
  const Machine machine = compile(profile(
      "SCMP_ACT_ERRNO",
      {rule({"socket"}, "SCMP_ACT_ALLOW", {arg(0, "SCMP_CMP_EQ", 1), arg(0, "SCMP_CMP_EQ", 2)})}));
  EXPECT_EQ(machine.judge({SYS_socket, {1}}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_socket, {2}}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_socket, {3}}), errno_of(EPERM));
}

TEST(SeccompProgram, PassesOverUnknownCallsAndRepeatedRules) {
  const Machine machine = compile(
      profile("SCMP_ACT_ERRNO",
              {rule({"no_such_call", "read"}, "SCMP_ACT_ALLOW"), rule({"read"}, "SCMP_ACT_ALLOW"),
               rule({"personality"}, "SCMP_ACT_ALLOW", {arg(0, "SCMP_CMP_EQ", 8)}),
               rule({"personality"}, "SCMP_ACT_ALLOW", {arg(0, "SCMP_CMP_EQ", 8)}),
               rule({"personality"}, "SCMP_ACT_ALLOW"),
               rule({"write"}, "SCMP_ACT_ERRNO")}));  // the default action: says nothing
  EXPECT_EQ(machine.judge({SYS_read}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_personality, {9}}), SECCOMP_RET_ALLOW);
  EXPECT_EQ(machine.judge({SYS_write}), errno_of(EPERM));
}

TEST(SeccompProfile, IsRefusedByItsField) {
  struct Row {
    oci::Seccomp profile;
    std::string error;
    Kind kind = Kind::kInvalid;
  };
  const auto with = [](auto change) {
    oci::Seccomp wanted = profile("SCMP_ACT_ERRNO", {rule({"read"}, "SCMP_ACT_ALLOW")});
    change(wanted);
    return wanted;
  };
  for (const Row& row : std::vector<Row>{
           {with([](auto& p) { p.default_action = "ALLOW"; }),
            "linux.seccomp.defaultAction: \"ALLOW\" is unknown"},
           {with([](auto& p) { p.default_errno_ret = 4095; }),
            "linux.seccomp.defaultErrnoRet: 4095 is above 4094"},
           {with([](auto& p) { p.syscalls[0].errno_ret = 1; }),
            "linux.seccomp.syscalls[0].errnoRet: has no meaning for SCMP_ACT_ALLOW"},
           {with([](auto& p) { p.syscalls[0].args = {arg(6, "SCMP_CMP_EQ", 0)}; }),
            "linux.seccomp.syscalls[0].args[0].index: 6 is above 5"},
           {with([](auto& p) { p.syscalls[0].args = {arg(0, "EQ", 0)}; }),
            "linux.seccomp.syscalls[0].args[0].op: \"EQ\" is unknown"},
           {with([](auto& p) { p.architectures = {"SCMP_ARCH_X86", "x86"}; }),
            "linux.seccomp.architectures[1]: \"x86\" is unknown"},
           {with([](auto& p) { p.flags = {"SECCOMP_FILTER_FLAG_NEW_LISTENER"}; }),
            "linux.seccomp.flags[0]: \"SECCOMP_FILTER_FLAG_NEW_LISTENER\" is not supported"},
       }) {
    const Result<SeccompFilter> filter = compile_seccomp(row.profile);
    ASSERT_FALSE(filter.has_value()) << row.error;
    EXPECT_EQ(filter.error().message, row.error);
    EXPECT_EQ(filter.error().kind, row.kind);
  }
}

TEST(SeccompProfile, TranslatesFlags) {
  oci::Seccomp wanted = profile("SCMP_ACT_ALLOW", {rule({"ptrace"}, "SCMP_ACT_ERRNO")});
  wanted.flags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG",
                  "SECCOMP_FILTER_FLAG_SPEC_ALLOW", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
  EXPECT_EQ(compile_seccomp(wanted)->flags, 0x27);
}

// The kernel takes 4096 instructions; a longer program would be cut to a part of it.
TEST(SeccompProfile, WithMoreInstructionsThanTheKernelTakesIsRefused) {
  oci::Seccomp wanted = profile("SCMP_ACT_ERRNO", {});
  for (uint64_t i = 0; i < 1500; i++) {
    wanted.syscalls.push_back(
        rule({"ioctl"}, "SCMP_ACT_ALLOW", {arg(1, "SCMP_CMP_EQ", i * 0x1'0000'0001)}));
  }
  const Result<SeccompFilter> filter = compile_seccomp(wanted);
  ASSERT_FALSE(filter.has_value());
  EXPECT_EQ(filter.error().kind, Kind::kLimit);
}

class SeccompCache : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("seccomp_test");
    ASSERT_TRUE(made.has_value());
    dir_.emplace(std::move(*made));
  }

  [[nodiscard]] std::vector<std::string> names() const {
    Result<UniqueFd> readable = sys::openat(dir_->fd(), ".", O_RDONLY | O_DIRECTORY);
    const auto entries = sys::list_dir(readable->get());
    std::vector<std::string> out;
    for (const sys::DirEntry& entry : *entries) out.push_back(entry.name);
    return out;
  }
  [[nodiscard]] std::string content() const {
    return read_file(dir_->fd(), names().at(0), 1 << 20).value_or("");
  }
  void replace(const std::string& text) {
    ASSERT_TRUE(
        write_atomic(dir_->fd(), names().at(0), text, 0600, Durability::kVolatile).has_value());
  }

  const oci::Seccomp profile_ =
      profile("SCMP_ACT_ERRNO", {rule({"read", "write"}, "SCMP_ACT_ALLOW")});
  std::optional<TempDir> dir_;
};

TEST_F(SeccompCache, HoldsWhatTheCompilerGave) {
  const std::string compiled = compile_seccomp(profile_)->program;
  EXPECT_EQ(compile_cached(profile_, dir_->fd())->program, compiled);
  ASSERT_EQ(names().size(), 1U);
  EXPECT_EQ(compile_cached(profile_, dir_->fd())->program, compiled);
  EXPECT_EQ(compile_cached(profile_, -1)->program, compiled);
  EXPECT_EQ(names().size(), 1U);
}

TEST_F(SeccompCache, IsReallyRead) {
  const std::string compiled = compile_cached(profile_, dir_->fd())->program;
  std::string text = content();
  ASSERT_TRUE(text.ends_with(compiled));
  text.back() = static_cast<char>(text.back() ^ 1);
  replace(text);
  EXPECT_NE(compile_cached(profile_, dir_->fd())->program, compiled);
}

TEST_F(SeccompCache, KeepsFlagsWithTheProfile) {
  oci::Seccomp logged = profile_;
  logged.flags = {"SECCOMP_FILTER_FLAG_LOG"};
  EXPECT_EQ(compile_cached(profile_, dir_->fd())->flags, 0U);
  EXPECT_EQ(compile_cached(logged, dir_->fd())->flags, unsigned{SECCOMP_FILTER_FLAG_LOG});
  EXPECT_EQ(compile_cached(logged, dir_->fd())->flags, unsigned{SECCOMP_FILTER_FLAG_LOG});
  EXPECT_EQ(names().size(), 2U);
}

TEST_F(SeccompCache, SeesACollision) {
  const std::string compiled = compile_cached(profile_, dir_->fd())->program;
  const std::string own = content();
  std::string other = own;
  other.replace(other.find("read"), 4, "brk_");  // the profile that this file would be of
  replace(other);
  EXPECT_EQ(compile_cached(profile_, dir_->fd())->program, compiled);
  EXPECT_EQ(content(), own);
}

// A file that was cut short must never mean a weaker filter, or none.
TEST_F(SeccompCache, SeesEveryCut) {
  const std::string compiled = compile_cached(profile_, dir_->fd())->program;
  const std::string own = content();
  for (size_t length = 0; length < own.size(); length++) {
    replace(own.substr(0, length));
    const Result<SeccompFilter> filter = compile_cached(profile_, dir_->fd());
    ASSERT_TRUE(filter.has_value()) << length;
    ASSERT_EQ(filter->program, compiled) << length;
  }
  replace(own + "x");
  EXPECT_EQ(compile_cached(profile_, dir_->fd())->program, compiled);
}

TEST_F(SeccompCache, ThatCannotBeWrittenCostsOnlyTime) {
  const Result<UniqueFd> null = sys::open("/dev/null", O_RDONLY);
  ASSERT_TRUE(null.has_value());
  EXPECT_EQ(compile_cached(profile_, null->get())->program, compile_seccomp(profile_)->program);
}

TEST_F(SeccompCache, KeepsNothingOfAProfileThatIsRefused) {
  oci::Seccomp wrong = profile_;
  wrong.default_action = "x";
  EXPECT_FALSE(compile_cached(wrong, dir_->fd()).has_value());
  EXPECT_TRUE(names().empty());
}

}  // namespace
}  // namespace crunlite::runtime
