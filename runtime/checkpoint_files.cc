// SPDX-License-Identifier: Apache-2.0
#include "runtime/checkpoint_files.h"

#include <algorithm>
#include <set>

#include "base/json_map.h"
#include "base/limits.h"
#include "base/path.h"

namespace crunlite::runtime {
namespace {

using Texts = std::vector<std::string>;

// mountinfo writes space, tab, newline and backslash as three octal digits.
std::string unescape(std::string_view text) {
  constexpr size_t kLength = 4;
  constexpr int kOctal = 8;
  std::string out;
  while (!text.empty()) {
    const bool is_escape = text[0] == '\\' && text.size() >= kLength;
    const auto code = is_escape ? parse_number<unsigned char>(text.substr(1, kLength - 1), kOctal)
                                : std::optional<unsigned char>();
    out.push_back(code.has_value() ? static_cast<char>(*code) : text[0]);
    text.remove_prefix(code.has_value() ? kLength : 1);
  }
  return out;
}

// Whether `path` is `directory` or lies below it.
bool is_at_or_below(std::string_view path, std::string_view directory) {
  if (directory == "/") return path.starts_with('/');
  return path.starts_with(directory) &&
         (path.size() == directory.size() || path[directory.size()] == '/');
}

bool is_cgroup(std::string_view type) { return type == "cgroup" || type == "cgroup2"; }

// The mount of config.json that a place belongs to: the innermost, and of those the last.
const namespaces::MountPlan* innermost(const ContainerPlan& plan, std::string_view place) {
  const namespaces::MountPlan* found = nullptr;
  for (const namespaces::MountPlan& mount : plan.mounts) {
    if (mount.options.is_remount || !is_at_or_below(place, mount.destination)) continue;
    if (found != nullptr && mount.destination.size() < found->destination.size()) continue;
    found = &mount;
  }
  return found;
}

size_t index_of(const ContainerPlan& plan, const namespaces::MountPlan& mount) {
  return static_cast<size_t>(&mount - plan.mounts.data());
}

}  // namespace

Result<Texts> parse_descriptors(std::string_view text) {
  Texts streams = TRY(json::decode_text<Texts>(text), kDescriptorsFile);
  if (streams.size() > kStreams) {
    return fail(Kind::kInvalid, kDescriptorsFile, ": more than ", kStreams, " descriptors");
  }
  for (const std::string& name : streams) {
    if (name.size() <= limits::kPathBytes && !name.contains('\0')) continue;
    return fail(Kind::kInvalid, kDescriptorsFile, ": ", quote(name), " is no name");
  }
  return streams;
}

Result<Texts> parse_mount_places(std::string_view text) {
  Texts places = TRY(json::decode_text<Texts>(text), kMountsFile);
  if (places.size() > limits::kMounts) {
    return fail(Kind::kLimit, kMountsFile, ": more than ", limits::kMounts, " mounts");
  }
  std::set<std::string_view> seen;
  for (const std::string& place : places) {
    const bool is_path = place.starts_with('/') && place.size() > 1 &&
                         place.size() < limits::kPathBytes && !place.contains('\0') &&
                         clean_path(place) == place;
    if (!is_path) {
      return fail(Kind::kInvalid, kMountsFile, ": ", quote(place), " is no absolute clean path");
    }
    // CRIU finds the name between brackets, by its beginning.
    if (place.contains(']')) {
      return fail(Kind::kInvalid, kMountsFile, ": ", quote(place), ": has a bracket");
    }
    if (seen.insert(place).second) continue;
    return fail(Kind::kInvalid, kMountsFile, ": ", quote(place), " stands there twice");
  }
  return places;
}

std::string write_texts(const Texts& texts) { return json::write(json::encode(texts)) + "\n"; }

bool is_replaceable(std::string_view stream) {
  return stream.starts_with("pipe:[") || stream.starts_with("file[");
}

std::vector<MountLine> parse_mount_lines(std::string_view mountinfo) {
  constexpr size_t kRoot = 3;
  constexpr size_t kPlace = 4;
  constexpr size_t kFirstOptional = 6;
  std::vector<MountLine> lines;
  for (std::string_view text : split(mountinfo, '\n')) {
    const std::vector<std::string_view> fields = split(text, ' ');
    if (fields.size() <= kFirstOptional) continue;
    // Optional fields end with a dash; the type follows.
    const auto dash = std::find(fields.begin() + kFirstOptional, fields.end(), "-");
    const std::optional<uint64_t> id = parse_number<uint64_t>(fields[0]);
    if (dash == fields.end() || dash + 1 == fields.end() || !id.has_value()) continue;
    lines.push_back({.id = *id,
                     .root = unescape(fields[kRoot]),
                     .place = unescape(fields[kPlace]),
                     .type = std::string(dash[1])});
  }
  return lines;
}

OriginOfMount origin_of(const ContainerPlan& plan, std::string_view place, const MountLine* line) {
  if (line != nullptr && is_cgroup(line->type)) return {.origin = MountOrigin::kCgroup};
  const auto masked = std::find(plan.masked_paths.begin(), plan.masked_paths.end(), place);
  // A directory is masked with a file system of its own, which CRIU makes anew.
  if (masked != plan.masked_paths.end()) {
    const bool is_file = line == nullptr || line->root == "/null";
    return {.origin = is_file ? MountOrigin::kNull : MountOrigin::kOwn};
  }
  const namespaces::MountPlan* mount = innermost(plan, place);
  if (mount != nullptr && mount->options.is_bind) {
    return {.origin = MountOrigin::kBind,
            .index = index_of(plan, *mount),
            .below = std::string(place.substr(std::min(place.size(), mount->destination.size())))};
  }
  if (mount != nullptr && line == nullptr && is_cgroup(mount->type)) {
    return {.origin = MountOrigin::kCgroup, .index = index_of(plan, *mount)};
  }
  for (size_t i = 0; i < plan.devices.size(); i++) {
    if (plan.devices[i].path == place) return {.origin = MountOrigin::kDevice, .index = i};
  }
  return {};
}

}  // namespace crunlite::runtime
