// SPDX-License-Identifier: Apache-2.0
#include "cgroups/devices.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <string>

namespace crunlite::cgroups {
namespace {

struct Request {
  char type;
  uint32_t major;
  uint32_t minor;
  uint32_t access;
};

// Interprets the few instructions that the assembler uses, as the kernel would, and checks what
// its verifier checks: jumps within the program, registers written before they are read, no end
// without an exit. Returns the answer, or -1.
class Machine {
 public:
  explicit Machine(const std::vector<bpf_insn>& program) : program_(program) {}

  int run(const Request& request) {
    uint32_t type = request.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR;
    context_ = {request.access << 16 | type, request.major, request.minor};
    for (size_t at = 0; at < program_.size();) {
      const bpf_insn& insn = program_[at];
      if (insn.code == (BPF_JMP | BPF_EXIT)) return static_cast<int>(registers_[0].value());
      at += 1 + static_cast<size_t>(step(insn));
    }
    ADD_FAILURE() << "ran off the end";
    return -1;
  }

 private:
  int step(const bpf_insn& insn) {
    std::optional<uint32_t>& to = registers_[insn.dst_reg];
    auto value = static_cast<uint32_t>(insn.imm);
    switch (insn.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        EXPECT_EQ(insn.src_reg, BPF_REG_1);
        to = context_.at(static_cast<size_t>(insn.off) / 4);
        return 0;
      case BPF_ALU | BPF_MOV | BPF_X: to = registers_[insn.src_reg]; return 0;
      case BPF_ALU | BPF_MOV | BPF_K: to = value; return 0;
      case BPF_ALU | BPF_AND | BPF_K: to = to.value() & value; return 0;
      case BPF_ALU | BPF_RSH | BPF_K: to = to.value() >> value; return 0;
      case BPF_JMP32 | BPF_JNE | BPF_K: return to.value() != value ? insn.off : 0;
      case BPF_JMP32 | BPF_JEQ | BPF_K: return to.value() == value ? insn.off : 0;
      case BPF_JMP32 | BPF_JSET | BPF_K: return (to.value() & value) != 0 ? insn.off : 0;
      case BPF_JMP | BPF_JA: return insn.off;
      default: ADD_FAILURE() << "unknown instruction " << int{insn.code}; return 0;
    }
  }

  const std::vector<bpf_insn>& program_;
  std::array<uint32_t, 3> context_{};
  std::array<std::optional<uint32_t>, 11> registers_{};
};

bool allows(const std::vector<DeviceFilterRule>& rules, const Request& request) {
  std::vector<bpf_insn> program = assemble(rules);
  return Machine(program).run(request) == 1;
}

std::vector<DeviceFilterRule> checked(const std::vector<oci::DeviceRule>& rules) {
  Result<std::vector<DeviceFilterRule>> result = device_rules(rules);
  EXPECT_TRUE(result.has_value()) << (result.has_value() ? "" : result.error().message);
  return result.value_or(std::vector<DeviceFilterRule>());
}

const oci::DeviceRule kDenyAll = {false, "", {}, {}, "rwm"};
const oci::DeviceRule kAllowAll = {true, "a", {}, {}, "rwm"};

TEST(DeviceRules, AllowTheDefaultsWhateverTheConfigSays) {
  const Request defaults[] = {{'c', 1, 3, 7}, {'c', 1, 5, 7}, {'c', 1, 7, 7},
                              {'c', 1, 8, 7}, {'c', 1, 9, 7}, {'c', 5, 0, 7},
                              {'c', 5, 1, 7}, {'c', 5, 2, 7}, {'c', 136, 4711, 7}};
  for (const auto& rules : {checked({}), checked({kDenyAll}), checked({kAllowAll})}) {
    for (const Request& request : defaults) {
      EXPECT_TRUE(allows(rules, request)) << request.major << ":" << request.minor;
    }
  }
}

TEST(DeviceRules, DenyOthersUnlessToldOtherwise) {
  const Request others[] = {{'b', 1, 3, kRead},  {'c', 1, 4, kRead}, {'c', 10, 200, kWrite},
                            {'b', 8, 0, kMknod}, {'c', 1, 2, kRead}, {'c', 135, 0, kRead}};
  for (const Request& request : others) {
    EXPECT_FALSE(allows(checked({}), request)) << request.major;
    EXPECT_FALSE(allows(checked({kDenyAll}), request)) << request.major;
    EXPECT_TRUE(allows(checked({kAllowAll}), request)) << request.major;
    EXPECT_FALSE(allows(checked({kAllowAll, kDenyAll}), request)) << request.major;
    EXPECT_TRUE(allows(checked({kDenyAll, kAllowAll}), request)) << request.major;
  }
}

TEST(DeviceRules, DecideEachKindOfAccessByItsLastRule) {
  std::vector<DeviceFilterRule> rules = checked({{true, "b", 8, {}, "r"},
                                                 {true, "b", 8, 1, "w"},
                                                 {false, "b", 8, 2, "r"},
                                                 {false, "c", 8, {}, ""}});
  struct Case {
    Request request;
    bool allowed;
  };
  const Case cases[] = {
      {{'b', 8, 0, kRead}, true},           {{'b', 8, 0, kWrite}, false},
      {{'b', 8, 0, kRead | kWrite}, false}, {{'b', 8, 1, kRead | kWrite}, true},  // by two rules
      {{'b', 8, 1, kAllAccess}, false},     {{'b', 8, 2, kRead}, false},
      {{'b', 8, 2, kMknod}, false},         {{'c', 8, 0, kRead}, false},
      {{'b', 9, 0, kRead}, false},
  };
  for (const Case& test : cases) {
    EXPECT_EQ(allows(rules, test.request), test.allowed)
        << test.request.type << test.request.major << ":" << test.request.minor << " "
        << test.request.access;
  }
}

TEST(DeviceRules, TakeMinusOneAsAll) {
  std::vector<DeviceFilterRule> rules = checked({{true, "c", 10, -1, "rw"}});
  EXPECT_TRUE(allows(rules, {'c', 10, 77, kRead | kWrite}));
  EXPECT_FALSE(allows(rules, {'c', 10, 77, kMknod}));
}

TEST(DeviceRules, ReachTheEndOfTheNumbers) {
  constexpr uint32_t kTop = std::numeric_limits<uint32_t>::max();
  std::vector<DeviceFilterRule> rules = checked({{true, "c", kTop, kTop, "r"}});
  EXPECT_TRUE(allows(rules, {'c', kTop, kTop, kRead}));
  EXPECT_FALSE(allows(rules, {'c', kTop, kTop - 1, kRead}));
}

TEST(DeviceRules, AreRefusedByName) {
  struct Case {
    oci::DeviceRule rule;
    const char* message = nullptr;
  };
  const Case cases[] = {
      {{true, "x", {}, {}, "r"}, "linux.resources.devices[1].type: \"x\" is not a, b or c"},
      {{true, "bc", {}, {}, "r"}, "linux.resources.devices[1].type: \"bc\" is not a, b or c"},
      {{true, "c", -2, {}, "r"}, "linux.resources.devices[1].major: -2 is no device number"},
      {{true, "c", 1, 4294967296, "r"},
       "linux.resources.devices[1].minor: 4294967296 is no device number"},
      {{true, "c", 1, 3, "rx"},
       "linux.resources.devices[1].access: \"rx\" is not made of r, w and m"},
  };
  for (const Case& test : cases) {
    Result<std::vector<DeviceFilterRule>> result = device_rules({kDenyAll, test.rule});
    ASSERT_FALSE(result.has_value()) << test.message;
    EXPECT_EQ(result.error().kind, Kind::kInvalid);
    EXPECT_EQ(result.error().message, test.message);
  }
  EXPECT_EQ(device_rules(std::vector<oci::DeviceRule>(4097)).error().kind, Kind::kLimit);
}

// What the rules mean, said as plainly as possible.
bool allowed_by_definition(const std::vector<DeviceFilterRule>& rules, const Request& request) {
  for (uint32_t bit : {kMknod, kRead, kWrite}) {
    if ((request.access & bit) == 0) continue;
    bool allowed = false;
    for (const DeviceFilterRule& rule : rules) {
      bool match = (rule.type == 'a' || rule.type == request.type) &&
                   rule.major.value_or(request.major) == request.major &&
                   rule.minor.value_or(request.minor) == request.minor && (rule.access & bit) != 0;
      if (match) allowed = rule.allow;
    }
    if (!allowed) return false;
  }
  return true;
}

// Rules over few numbers, so that they meet. With `runs` most of them allow all access, so that
// runs of them are assembled together.
std::vector<DeviceFilterRule> random_rules(std::mt19937& random, bool runs) {
  auto below = [&](uint32_t bound) { return static_cast<uint32_t>(random() % bound); };
  std::vector<DeviceFilterRule> rules(below(7));
  for (DeviceFilterRule& rule : rules) {
    rule.allow = below(runs ? 5 : 2) > 0;
    rule.type = "bca"[below(runs ? 2 : 3)];
    if (below(3) > 0) rule.major = below(runs ? 1 : 3);
    if (below(runs ? 5 : 3) > 0) rule.minor = below(3);
    rule.access = runs && below(5) > 0 ? kAllAccess : 1 + below(7);
  }
  return rules;
}

TEST(DeviceProgram, AgreesWithTheDefinitionOnRandomRules) {
  std::mt19937 random(20240229);  // NOLINT: the same cases every time
  for (int round = 0; round < 800; round++) {
    std::vector<DeviceFilterRule> rules = random_rules(random, round % 2 == 1);
    std::vector<bpf_insn> program = assemble(rules);
    for (uint32_t n = 0; n < 2 * 3 * 3 * 7; n++) {
      Request request = {"bc"[n % 2], n / 2 % 3, n / 6 % 3, 1 + n / 18};
      int answer = Machine(program).run(request);
      ASSERT_EQ(answer == 1, allowed_by_definition(rules, request)) << "round " << round;
    }
  }
}

TEST(DeviceProgram, EndsWhereNothingCouldBeReached) {
  // Dead code behind "deny everything" would be refused by the verifier.
  std::vector<DeviceFilterRule> all(1);
  EXPECT_EQ(assemble(all).size(), 6U + 2U);
  std::vector<DeviceFilterRule> hidden(3);
  hidden[0].major = 1;
  EXPECT_EQ(assemble(hidden).size(), 6U + 2U);
}

TEST(LegacyDeviceWrites, SayTheUsualLists) {
  std::vector<DeviceFilterRule> rules = {
      {.allow = true, .major = 9},  // before "everything": without effect
      {.allow = false},
      {.allow = true, .type = 'c', .major = 1, .minor = 3, .access = kRead | kWrite},
      {.allow = false, .type = 'b', .major = 8},  // denied already
      {.allow = true, .major = 7},
  };
  std::vector<LegacyDeviceWrite> expected = {
      {false, "a"}, {true, "c 1:3 rw"}, {true, "b 7:* rwm"}, {true, "c 7:* rwm"}};
  EXPECT_EQ(legacy_device_writes(rules), expected);
  EXPECT_EQ(legacy_device_writes({})->size(), 1U);
}

TEST(LegacyDeviceWrites, TakeExceptionsBack) {
  std::vector<DeviceFilterRule> rules = {
      {.allow = true},
      {.allow = false, .type = 'c', .major = 1, .minor = 3},
      {.allow = false, .type = 'c', .major = 1, .minor = 5},
      {.allow = true, .type = 'c', .major = 1, .minor = 3},
      {.allow = true, .type = 'c', .major = 1, .minor = 5, .access = kRead},
  };
  std::vector<LegacyDeviceWrite> expected = {{true, "a"}, {false, "c 1:5 wm"}};
  EXPECT_EQ(legacy_device_writes(rules), expected);
}

TEST(LegacyDeviceWrites, RefuseWhatOneListCannotSay) {
  Result<std::vector<LegacyDeviceWrite>> result =
      legacy_device_writes({{.allow = false},
                            {.allow = true, .type = 'c', .major = 1},
                            {.allow = false, .type = 'c', .major = 1, .minor = 3}});
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, Kind::kUnavailable);
  EXPECT_EQ(result.error().message,
            "linux.resources.devices[2]: cgroup v1 cannot take a part out of an earlier rule");
}

}  // namespace
}  // namespace crunlite::cgroups
