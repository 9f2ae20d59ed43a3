// SPDX-License-Identifier: Apache-2.0
#include "namespaces/mount_options.h"

#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <string_view>

namespace crunlite::namespaces {
namespace {

struct AttributeOption {
  std::string_view name;
  uint64_t set;
  uint64_t clear;
};

// Each has a recursive form with an "r" in front; a name of the table comes first, so "relatime" is
// no recursive "elatime".
constexpr std::array<AttributeOption, 18> kAttributes = {{
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
}};

// Said by callers of old; they change nothing here.
constexpr std::array<std::string_view, 3> kIgnored = {"defaults", "loud", "silent"};

struct PropagationOption {
  std::string_view name;
  unsigned long flag;
};
constexpr std::array<PropagationOption, 4> kPropagations = {{
    {"private", MS_PRIVATE},
    {"shared", MS_SHARED},
    {"slave", MS_SLAVE},
    {"unbindable", MS_UNBINDABLE},
}};

constexpr std::array<std::string_view, 1> kRefused = {"copy-symlink"};

const AttributeOption* find_attribute(std::string_view name) {
  auto found = std::find_if(kAttributes.begin(), kAttributes.end(),
                            [&](const AttributeOption& option) { return option.name == name; });
  return found == kAttributes.end() ? nullptr : found;
}

const PropagationOption* find_propagation(std::string_view name) {
  auto found = std::find_if(kPropagations.begin(), kPropagations.end(),
                            [&](const PropagationOption& option) { return option.name == name; });
  return found == kPropagations.end() ? nullptr : found;
}

// A later option wins over an earlier one, as in mount(8).
void apply(const AttributeOption& option, uint64_t& set, uint64_t& clear) {
  set = (set & ~option.clear) | option.set;
  clear = (clear & ~option.set) | option.clear;
}

bool take_known_option(std::string_view name, MountOptions& out) {
  if (name == "bind" || name == "rbind") {
    out.is_bind = true;
    out.is_recursive = name == "rbind";
    return true;
  }
  if (name == "idmap" || name == "ridmap") {
    out.is_id_mapped = true;
    out.maps_recursively = name == "ridmap";
    return true;
  }
  if (name == "remount") {
    out.is_remount = true;
    return true;
  }
  if (name == "tmpcopyup") {
    out.copies_up = true;
    return true;
  }
  if (std::find(kIgnored.begin(), kIgnored.end(), name) != kIgnored.end()) return true;
  if (const AttributeOption* option = find_attribute(name)) {
    apply(*option, out.attributes_set, out.attributes_clear);
    return true;
  }
  const bool has_prefix = name.starts_with('r');
  const std::string_view base = has_prefix ? name.substr(1) : name;
  if (const PropagationOption* option = find_propagation(base)) {
    out.propagation = option->flag;
    out.is_propagation_recursive = has_prefix;
    return true;
  }
  if (const AttributeOption* option = has_prefix ? find_attribute(base) : nullptr) {
    apply(*option, out.recursive_set, out.recursive_clear);
    return true;
  }
  return false;
}

}  // namespace

Result<MountOptions> parse_mount_options(const oci::Strings& options) {
  MountOptions out;
  for (size_t i = 0; i < options.size(); i++) {
    const std::string& name = options[i];
    if (take_known_option(name, out)) continue;
    const size_t equals = name.find('=');
    const std::string key = name.substr(0, equals);
    // An extension of another runtime, whose maps stand in the option itself.
    if (equals != std::string::npos && (key == "idmap" || key == "ridmap")) {
      return fail(Kind::kUnavailable, "options[", i, "]: ", quote(name),
                  " is not supported: use uidMappings and gidMappings");
    }
    if (std::find(kRefused.begin(), kRefused.end(), key) != kRefused.end()) {
      return fail(Kind::kUnavailable, "options[", i, "]: ", quote(name), " is not supported");
    }
    if (key.empty()) return fail(Kind::kInvalid, "options[", i, "]: is empty");
    if (equals == std::string::npos) {
      out.flags.push_back(name);
    } else {
      out.values.emplace_back(key, name.substr(equals + 1));
    }
  }
  return out;
}

Result<Propagation> parse_propagation(std::string_view name) {
  if (name.empty()) return Propagation{};
  if (const PropagationOption* option = find_propagation(name)) {
    return Propagation{option->flag, false};
  }
  const PropagationOption* option =
      name.starts_with('r') ? find_propagation(name.substr(1)) : nullptr;
  if (option == nullptr) {
    return fail(Kind::kInvalid, quote(name), " is not one of private, shared, slave, unbindable, ",
                "rprivate, rshared, rslave, runbindable");
  }
  return Propagation{option->flag, true};
}

std::vector<std::string> known_mount_options() {
  std::vector<std::string> names = {"bind", "rbind", "remount", "tmpcopyup", "idmap", "ridmap"};
  for (const AttributeOption& option : kAttributes) {
    names.emplace_back(option.name);
    names.push_back(cat("r", option.name));
  }
  for (const PropagationOption& option : kPropagations) {
    names.emplace_back(option.name);
    names.push_back(cat("r", option.name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace crunlite::namespaces
