// SPDX-License-Identifier: Apache-2.0
#include "cgroups/devices.h"

#include <linux/bpf_common.h>

#include <algorithm>
#include <array>
#include <limits>
#include <span>

#include "base/bpf.h"
#include "base/limits.h"
#include "base/text.h"

namespace crunlite::cgroups {
namespace {

struct DefaultDevice {
  uint32_t major = 0;
  std::optional<uint32_t> minor;
};
// config-linux.md#default-devices, and the terminals of devpts.
constexpr std::array<DefaultDevice, 9> kDefaultDevices = {{
    {1, 3},              // null
    {1, 5},              // zero
    {1, 7},              // full
    {1, 8},              // random
    {1, 9},              // urandom
    {5, 0},              // tty
    {5, 1},              // console
    {5, 2},              // ptmx
    {136, std::nullopt}  // pts/*
}};

// -1 is how callers written in Go say "all".
Result<std::optional<uint32_t>> number_of(const std::optional<int64_t>& number,
                                          std::string_view name) {
  if (!number.has_value() || *number == -1) return std::nullopt;
  if (*number < 0 || *number > std::numeric_limits<uint32_t>::max()) {
    return fail(Kind::kInvalid, name, ": ", *number, " is no device number");
  }
  return static_cast<uint32_t>(*number);
}

Result<uint32_t> access_of(std::string_view text) {
  if (text.empty()) return kAllAccess;
  uint32_t access = 0;
  for (char c : text) {
    if (c == 'm') access |= kMknod;
    if (c == 'r') access |= kRead;
    if (c == 'w') access |= kWrite;
    if (std::string_view("rwm").find(c) == std::string_view::npos) {
      return fail(Kind::kInvalid, "access: ", quote(text), " is not made of r, w and m");
    }
  }
  return access;
}

Result<DeviceFilterRule> rule_of(const oci::DeviceRule& rule) {
  DeviceFilterRule checked;
  checked.allow = rule.allow;
  bool known = rule.type.empty() || rule.type == "a" || rule.type == "b" || rule.type == "c";
  if (!known) return fail(Kind::kInvalid, "type: ", quote(rule.type), " is not a, b or c");
  if (!rule.type.empty()) checked.type = rule.type[0];
  checked.major = TRY(number_of(rule.major, "major"));
  checked.minor = TRY(number_of(rule.minor, "minor"));
  checked.access = TRY(access_of(rule.access));
  return checked;
}

// Registers of the program.
constexpr uint8_t kAnswer = BPF_REG_0;
constexpr uint8_t kContext = BPF_REG_1;
constexpr uint8_t kType = BPF_REG_2;
constexpr uint8_t kUndecided = BPF_REG_3;  // the kinds of access that no rule decided yet
constexpr uint8_t kMajor = BPF_REG_4;
constexpr uint8_t kMinor = BPF_REG_5;

// Collects instructions. Jumps stay within a few rules: 16 bits suffice.
class Assembler {
 public:
  void load(uint8_t to, size_t offset) {
    add(BPF_LDX | BPF_MEM | BPF_W, to, kContext, static_cast<int16_t>(offset), 0);
  }
  void copy(uint8_t to, uint8_t from) { add(BPF_ALU | BPF_MOV | BPF_X, to, from, 0, 0); }
  void alu(uint8_t operation, uint8_t to, uint32_t value) {
    add(static_cast<uint8_t>(BPF_ALU | operation | BPF_K), to, 0, 0, value);
  }
  // Jumps over `skip` instructions if the 32-bit comparison holds.
  void jump_if(uint8_t comparison, uint8_t reg, uint32_t value, int skip) {
    add(static_cast<uint8_t>(BPF_JMP32 | comparison | BPF_K), reg, 0, static_cast<int16_t>(skip),
        value);
  }
  void jump(int skip) { add(BPF_JMP | BPF_JA, 0, 0, static_cast<int16_t>(skip), 0); }
  void answer(bool allow) {
    add(BPF_ALU | BPF_MOV | BPF_K, kAnswer, 0, 0, allow ? 1 : 0);
    add(BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
  }
  std::vector<bpf_insn> take() { return std::move(program_); }

 private:
  void add(uint8_t code, uint8_t to, uint8_t from, int16_t offset, uint32_t value) {
    bpf_insn instruction{};
    instruction.code = code;
    instruction.dst_reg = to & 0xf;
    instruction.src_reg = from & 0xf;
    instruction.off = offset;
    instruction.imm = static_cast<int32_t>(value);
    program_.push_back(instruction);
  }
  std::vector<bpf_insn> program_;
};

// True when both allow everything to numbers of one kind: the type and the major number then need
// to be compared only once.
bool shares_comparisons(const DeviceFilterRule& a, const DeviceFilterRule& b) {
  auto plain = [](const DeviceFilterRule& rule) {
    return rule.allow && rule.access == kAllAccess && rule.minor.has_value();
  };
  return plain(a) && plain(b) && a.type == b.type && a.major == b.major;
}

// Assembles rules that share their comparisons, or a single one.
void assemble_rules(std::span<const DeviceFilterRule> rules, Assembler& out) {
  const DeviceFilterRule& rule = rules.front();
  bool all_access = rule.access == kAllAccess;
  int minors = rules.size() > 1 ? static_cast<int>(rules.size()) : 0;
  int body = all_access ? 2 : 4;  // how many instructions follow the comparisons
  if (minors > 0) body += minors + 1;
  int comparisons =
      (rule.type != 'a') + rule.major.has_value() + (minors == 0 && rule.minor.has_value());
  auto unless_equal = [&](uint8_t reg, uint32_t value) {
    comparisons--;
    out.jump_if(BPF_JNE, reg, value, comparisons + body);
  };
  if (rule.type != 'a') {
    unless_equal(kType, rule.type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR);
  }
  if (rule.major.has_value()) unless_equal(kMajor, *rule.major);
  if (minors == 0 && rule.minor.has_value()) unless_equal(kMinor, *rule.minor);
  for (int i = 0; i < minors; i++) {
    out.jump_if(BPF_JEQ, kMinor, rules[static_cast<size_t>(i)].minor.value_or(0), minors - i);
  }
  if (minors > 0) out.jump(2);
  if (all_access) {
    out.answer(rule.allow);
  } else if (rule.allow) {
    out.alu(BPF_AND, kUndecided, ~rule.access & kAllAccess);
    out.jump_if(BPF_JNE, kUndecided, 0, 2);
    out.answer(true);
  } else {
    out.jump_if(BPF_JSET, kUndecided, rule.access, 1);
    out.jump(2);
    out.answer(false);
  }
}

std::string legacy_text(const DeviceFilterRule& rule) {
  auto number = [](const std::optional<uint32_t>& value) {
    return value.has_value() ? cat(*value) : std::string("*");
  };
  std::string text = cat(rule.type, " ", number(rule.major), ":", number(rule.minor), " ");
  if ((rule.access & kRead) != 0) text.push_back('r');
  if ((rule.access & kWrite) != 0) text.push_back('w');
  if ((rule.access & kMknod) != 0) text.push_back('m');
  return text;
}

bool covers(const std::optional<uint32_t>& wide, const std::optional<uint32_t>& narrow) {
  return !wide.has_value() || (narrow.has_value() && *wide == *narrow);
}

bool covers(const DeviceFilterRule& wide, const DeviceFilterRule& narrow) {
  return (wide.type == 'a' || wide.type == narrow.type) && covers(wide.major, narrow.major) &&
         covers(wide.minor, narrow.minor);
}

bool overlaps(const DeviceFilterRule& a, const DeviceFilterRule& b) {
  bool type = a.type == b.type || a.type == 'a' || b.type == 'a';
  bool major = covers(a.major, b.major) || covers(b.major, a.major);
  bool minor = covers(a.minor, b.minor) || covers(b.minor, a.minor);
  return type && major && minor && (a.access & b.access) != 0;
}

// Takes what `rule` says out of the exceptions; false when the rest is none that v1 could say.
bool subtract(const DeviceFilterRule& rule, std::vector<DeviceFilterRule>& exceptions) {
  for (DeviceFilterRule& exception : exceptions) {
    if (!overlaps(rule, exception)) continue;
    if (!covers(rule, exception)) return false;
    exception.access &= ~rule.access;
  }
  std::erase_if(exceptions, [](const DeviceFilterRule& rest) { return rest.access == 0; });
  return true;
}

}  // namespace

Result<std::vector<DeviceFilterRule>> device_rules(const std::vector<oci::DeviceRule>& rules) {
  constexpr std::string_view kField = "linux.resources.devices";
  if (rules.size() > limits::kDeviceRules) {
    return fail(Kind::kLimit, kField, ": more than ", limits::kDeviceRules, " rules");
  }
  std::vector<DeviceFilterRule> checked;
  checked.reserve(rules.size() + kDefaultDevices.size());
  for (size_t i = 0; i < rules.size(); i++) {
    Result<DeviceFilterRule> rule = rule_of(rules[i]);
    if (!rule.has_value()) {
      Error error = std::move(rule).error();
      error.message.insert(0, cat(kField, "[", i, "]."));
      return std::unexpected(std::move(error));
    }
    checked.push_back(*rule);
  }
  for (const DefaultDevice& device : kDefaultDevices) {
    DeviceFilterRule rule;
    rule.allow = true;
    rule.type = 'c';
    rule.major = device.major;
    rule.minor = device.minor;
    checked.push_back(rule);
  }
  return checked;
}

std::vector<bpf_insn> assemble(const std::vector<DeviceFilterRule>& rules) {
  Assembler out;
  out.load(kType, offsetof(bpf_cgroup_dev_ctx, access_type));
  out.copy(kUndecided, kType);
  out.alu(BPF_AND, kType, 0xffff);
  out.alu(BPF_RSH, kUndecided, 16);
  out.load(kMajor, offsetof(bpf_cgroup_dev_ctx, major));
  out.load(kMinor, offsetof(bpf_cgroup_dev_ctx, minor));
  // From the last rule to the first: the first that matches here is the last that was given.
  constexpr size_t kLongestRun = 1024;  // its jumps have 16 bits
  for (size_t end = rules.size(); end > 0;) {
    size_t start = end - 1;
    while (start > 0 && end - start < kLongestRun &&
           shares_comparisons(rules[start - 1], rules[end - 1])) {
      start--;
    }
    assemble_rules(std::span(rules).subspan(start, end - start), out);
    // Nothing after it could be reached, and the kernel's verifier refuses such code.
    if (rules[start].matches_all()) return out.take();
    end = start;
  }
  out.answer(false);
  return out.take();
}

Result<UniqueFd> load_program(const std::vector<bpf_insn>& program) {
  static constexpr char kLicense[] = "Apache-2.0";
  bpf_attr attributes{};
  attributes.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
  attributes.insns = reinterpret_cast<uintptr_t>(program.data());
  attributes.insn_cnt = static_cast<uint32_t>(program.size());
  attributes.license = reinterpret_cast<uintptr_t>(kLicense);
  std::string_view("crun_lite_dev").copy(attributes.prog_name, sizeof attributes.prog_name - 1);
  return UniqueFd(TRY(sys::bpf(BPF_PROG_LOAD, attributes), "load device rules"));
}

Result<uint32_t> attach_program(int cgroup, int program, int replaced) {
  bpf_prog_info info{};
  bpf_attr query{};
  query.info.bpf_fd = static_cast<uint32_t>(program);
  query.info.info_len = sizeof info;
  query.info.info = reinterpret_cast<uintptr_t>(&info);
  TRY(sys::bpf(BPF_OBJ_GET_INFO_BY_FD, query), "query device rules");
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  // ALLOW_MULTI: rules of others above and here (systemd's) go on to count.
  attributes.attach_flags = BPF_F_ALLOW_MULTI;
  if (replaced >= 0) {
    attributes.attach_flags |= BPF_F_REPLACE;
    attributes.replace_bpf_fd = static_cast<uint32_t>(replaced);
  }
  TRY(sys::bpf(BPF_PROG_ATTACH, attributes), "attach device rules");
  return info.id;
}

Result<UniqueFd> open_program(uint32_t id) {
  bpf_attr attributes{};
  attributes.prog_id = id;
  return UniqueFd(TRY(sys::bpf(BPF_PROG_GET_FD_BY_ID, attributes), "open device rules ", id));
}

Status detach_program(int cgroup, int program) {
  bpf_attr attributes{};
  attributes.target_fd = static_cast<uint32_t>(cgroup);
  attributes.attach_bpf_fd = static_cast<uint32_t>(program);
  attributes.attach_type = BPF_CGROUP_DEVICE;
  TRY(sys::bpf(BPF_PROG_DETACH, attributes), "detach device rules");
  return {};
}

Result<std::vector<LegacyDeviceWrite>> legacy_device_writes(
    const std::vector<DeviceFilterRule>& rules) {
  // What stands before the last rule for everything has no effect.
  auto base = std::ranges::find_if(rules.rbegin(), rules.rend(),
                                   [](const DeviceFilterRule& r) { return r.matches_all(); });
  bool allow_all = base != rules.rend() && base->allow;
  // The kernel keeps one list of exceptions from that base.
  std::vector<DeviceFilterRule> exceptions;
  for (auto rule = base.base(); rule != rules.end(); ++rule) {
    if (rule->allow != allow_all) {
      for (char type : {'b', 'c'}) {
        if (rule->type != 'a' && rule->type != type) continue;
        exceptions.push_back(*rule);
        exceptions.back().type = type;
      }
    } else if (!subtract(*rule, exceptions)) {
      return fail(Kind::kUnavailable, "linux.resources.devices[", rule - rules.begin(),
                  "]: cgroup v1 cannot take a part out of an earlier rule");
    }
  }
  std::vector<LegacyDeviceWrite> writes = {{.allow = allow_all, .text = "a"}};
  for (const DeviceFilterRule& exception : exceptions) {
    writes.push_back({.allow = exception.allow, .text = legacy_text(exception)});
  }
  return writes;
}

}  // namespace crunlite::cgroups
