// SPDX-License-Identifier: Apache-2.0
#include "runtime/capabilities.h"

#include <errno.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/sys.h"
#include "oci/names.h"

namespace crunlite::runtime {
namespace {

constexpr int kMaxCapabilities = 64;

struct CapFree {
  void operator()(void* pointer) const { (void)cap_free(pointer); }
};
using CapState = std::unique_ptr<std::remove_pointer_t<cap_t>, CapFree>;

std::string capability_name(int number) {
  std::unique_ptr<char, CapFree> name(cap_to_name(number));
  std::string upper = name == nullptr ? cat(number) : std::string(name.get());
  for (char& c : upper) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c;
  return upper;
}

uint64_t parse_set(const oci::Strings& names, std::vector<std::string>& unknown) {
  uint64_t set = 0;
  for (const std::string& name : names) {
    const std::optional<int> number = oci::capability_number(name);
    if (number.has_value()) {
      set |= uint64_t{1} << *number;
    } else if (std::ranges::find(unknown, name) == unknown.end()) {
      unknown.push_back(name);
    }
  }
  return set;
}

Status fill(cap_t state, cap_flag_t flag, uint64_t set) {
  std::vector<cap_value_t> values;
  for (int i = 0; i < kMaxCapabilities; i++) {
    if ((set >> i & 1) != 0) values.push_back(i);
  }
  if (values.empty()) return {};
  if (cap_set_flag(state, flag, static_cast<int>(values.size()), values.data(), CAP_SET) != 0) {
    return fail(Kind::kSystem, "capabilities: libcap refused a set");
  }
  return {};
}

}  // namespace

ParsedCapabilities parse_capabilities(const oci::Capabilities& names) {
  ParsedCapabilities parsed;
  parsed.sets.bounding = parse_set(names.bounding, parsed.unknown);
  parsed.sets.effective = parse_set(names.effective, parsed.unknown);
  parsed.sets.inheritable = parse_set(names.inheritable, parsed.unknown);
  parsed.sets.permitted = parse_set(names.permitted, parsed.unknown);
  parsed.sets.ambient = parse_set(names.ambient, parsed.unknown);
  return parsed;
}

Status add_capability(CapabilitySets& sets, const std::string& name) {
  // By the specification's table: cap_from_name(3) overlooks what follows a name.
  const std::optional<int> number = oci::capability_number(name);
  if (!number.has_value()) return fail(Kind::kInvalid, quote(name), " is not a capability");
  const uint64_t bit = uint64_t{1} << *number;
  sets.bounding |= bit;
  sets.effective |= bit;
  sets.permitted |= bit;
  return {};
}

uint64_t own_bounding_set() {
  uint64_t set = 0;
  for (int i = 0; i < kMaxCapabilities; i++) {
    const Result<int> value = sys::prctl_value(PR_CAPBSET_READ, static_cast<unsigned long>(i));
    if (!value.has_value()) break;  // EINVAL: the kernel has no more
    if (*value == 1) set |= uint64_t{1} << i;
  }
  return set;
}

uint64_t own_effective_set() {
  CapState state(cap_get_proc());
  uint64_t set = 0;
  for (int i = 0; state != nullptr && i < kMaxCapabilities; i++) {
    cap_flag_value_t value = CAP_CLEAR;
    if (cap_get_flag(state.get(), i, CAP_EFFECTIVE, &value) != 0) break;  // no such capability
    if (value == CAP_SET) set |= uint64_t{1} << i;
  }
  return set;
}

std::vector<std::string> restrict_to(CapabilitySets& sets, uint64_t available) {
  const uint64_t wanted =
      sets.bounding | sets.effective | sets.inheritable | sets.permitted | sets.ambient;
  std::vector<std::string> missing;
  for (int i = 0; i < kMaxCapabilities; i++) {
    if ((wanted & ~available) >> i & 1) missing.push_back(capability_name(i));
  }
  sets.bounding &= available;
  sets.permitted &= available;
  sets.effective &= sets.permitted;
  sets.inheritable &= available;
  sets.ambient &= sets.permitted & sets.inheritable;
  return missing;
}

Status drop_bounding(const CapabilitySets& sets) {
  for (int i = 0; i < kMaxCapabilities; i++) {
    if ((sets.bounding >> i & 1) != 0) continue;
    Status dropped = sys::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(i));
    if (dropped.has_value()) continue;
    if (dropped.error().errnum == EINVAL) break;  // the kernel has no more
    return std::unexpected(
        with_context(dropped.error(), "drop ", capability_name(i), " from the bounding set"));
  }
  return {};
}

Status apply_capabilities(const CapabilitySets& sets) {
  CapState state(cap_init());
  if (state == nullptr) return fail(Kind::kSystem, "capabilities: out of memory");
  TRY(fill(state.get(), CAP_EFFECTIVE, sets.effective));
  TRY(fill(state.get(), CAP_PERMITTED, sets.permitted));
  TRY(fill(state.get(), CAP_INHERITABLE, sets.inheritable));
  if (cap_set_proc(state.get()) != 0) {
    return std::unexpected(with_context(sys::error_of(errno), "process.capabilities"));
  }
  (void)sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL);  // Linux before 4.3 has no such set
  for (int i = 0; i < kMaxCapabilities; i++) {
    if ((sets.ambient >> i & 1) == 0) continue;
    TRY(sys::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, static_cast<unsigned long>(i)),
        "process.capabilities.ambient: ", capability_name(i));
  }
  return {};
}

}  // namespace crunlite::runtime
