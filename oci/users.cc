// SPDX-License-Identifier: Apache-2.0
#include "oci/users.h"

#include <algorithm>
#include <optional>

#include "base/limits.h"
#include "base/text.h"

namespace crunlite::oci {
namespace {

constexpr size_t kPasswdFields = 7;
constexpr size_t kGroupFields = 4;
constexpr uint32_t kNoId = UINT32_MAX;  // chown and setresuid read it as "leave as it is"

using Fields = std::vector<std::string_view>;

bool is_decimal(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

// An id in a file: leading zeros are as good there as for the C library.
std::optional<uint32_t> file_id(std::string_view text) {
  if (!is_decimal(text)) return {};
  std::optional<uint32_t> id = parse_number<uint32_t>(text);
  if (!id.has_value() || *id == kNoId) return {};
  return id;
}

// An id that somebody asked for.
Result<uint32_t> asked_id(std::string_view text) {
  if (text.size() > 1 && text[0] == '0') {
    return fail(Kind::kInvalid, quote(text), " is a number with leading zeros");
  }
  std::optional<uint32_t> id = file_id(text);
  if (id.has_value()) return *id;
  return fail(Kind::kInvalid, quote(text), " is not from 0 to ", kNoId - 1);
}

// Takes the next line that may be an entry: not a comment, and none of NIS's "+" and "-". False
// at the end.
bool next_entry(std::string_view& text, size_t field_count, Fields& fields) {
  while (!text.empty()) {
    size_t end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty() || line[0] == '#' || line[0] == '+' || line[0] == '-') continue;
    fields = split(line, ':');
    // The C library takes passwd entries without the last fields, too.
    if (fields.size() < kGroupFields || fields[0].empty()) continue;
    fields.resize(field_count);
    return true;
  }
  return false;
}

// The first entry for which the predicate holds.
template <class Predicate>
std::optional<Fields> find_entry(std::string_view text, size_t field_count, Predicate holds) {
  Fields fields;
  while (next_entry(text, field_count, fields)) {
    if (holds(fields)) return fields;
  }
  return {};
}

Status check_name(std::string_view name) {
  if (name.empty()) return fail(Kind::kInvalid, "is empty");
  if (name.size() > limits::kNameBytes) {
    return fail(Kind::kLimit, "is longer than ", limits::kNameBytes, " characters");
  }
  if (name[0] == '+' || name[0] == '-') {
    return fail(Kind::kInvalid, quote(name), " starts with a sign");
  }
  return {};
}

// Fills in what passwd says of a user. A number need not be listed, a name must be.
Status look_up_user(std::string_view user, std::string_view passwd, ResolvedUser& out) {
  TRY(check_name(user), "user");
  std::optional<Fields> entry;
  if (is_decimal(user)) {
    out.uid = TRY(asked_id(user), "user");
    entry = find_entry(passwd, kPasswdFields,
                       [&](const Fields& fields) { return file_id(fields[2]) == out.uid; });
    if (!entry.has_value()) return {};
  } else {
    entry =
        find_entry(passwd, kPasswdFields, [&](const Fields& fields) { return fields[0] == user; });
    if (!entry.has_value()) {
      return fail(Kind::kNotFound, "user ", quote(user), " is not in /etc/passwd");
    }
  }
  const Fields& fields = *entry;
  std::optional<uint32_t> uid = file_id(fields[2]);
  std::optional<uint32_t> gid = file_id(fields[3]);
  if (!uid.has_value() || !gid.has_value()) {
    return fail(Kind::kInvalid, "user ", quote(user), ": /etc/passwd has no valid ",
                uid.has_value() ? "gid" : "uid", " for it");
  }
  out.uid = *uid;
  out.gid = *gid;
  out.name = fields[0];
  out.home = fields[5];
  return {};
}

Result<std::vector<uint32_t>> groups_of(std::string_view name, std::string_view group) {
  std::vector<uint32_t> gids;
  Fields fields;
  while (next_entry(group, kGroupFields, fields)) {
    std::optional<uint32_t> gid = file_id(fields[2]);
    if (!gid.has_value()) continue;
    Fields members = split(fields[3], ',');
    if (std::ranges::find(members, name) == members.end()) continue;
    gids.push_back(*gid);
    if (gids.size() > limits::kGroups) {
      return fail(Kind::kLimit, "user ", quote(name), " is in more than ", limits::kGroups,
                  " groups");
    }
  }
  std::ranges::sort(gids);
  auto twice = std::ranges::unique(gids);
  gids.erase(twice.begin(), twice.end());
  return gids;
}

}  // namespace

Result<ResolvedUser> resolve_user(std::string_view user, const UserDatabase& database) {
  ResolvedUser resolved;
  size_t colon = user.find(':');
  TRY(look_up_user(user.substr(0, colon), database.passwd, resolved));
  if (colon != std::string_view::npos) {
    resolved.gid = TRY(resolve_group(user.substr(colon + 1), database));
  } else if (!resolved.name.empty()) {
    resolved.additional_gids = TRY(groups_of(resolved.name, database.group));
  }
  return resolved;
}

Result<uint32_t> resolve_group(std::string_view group, const UserDatabase& database) {
  TRY(check_name(group), "group");
  if (is_decimal(group)) return TRY(asked_id(group), "group");
  std::optional<Fields> entry = find_entry(
      database.group, kGroupFields, [&](const Fields& fields) { return fields[0] == group; });
  if (!entry.has_value()) {
    return fail(Kind::kNotFound, "group ", quote(group), " is not in /etc/group");
  }
  std::optional<uint32_t> gid = file_id((*entry)[2]);
  if (gid.has_value()) return *gid;
  return fail(Kind::kInvalid, "group ", quote(group), ": /etc/group has no valid gid for it");
}

}  // namespace crunlite::oci
