// SPDX-License-Identifier: Apache-2.0
// What config_check.cc and linux_check.cc share; for these two only.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"
#include "base/text.h"
#include "oci/config.h"
#include "oci/names.h"

namespace crunlite::oci::internal {

// The member `linux` of a config.
[[nodiscard]] Status check_linux(const Linux& config);

// The members that oci/config_attributes.h holds, of a process and of `linux`.
[[nodiscard]] Status check_process_attributes(const Process& process);
[[nodiscard]] Status check_linux_attributes(const Linux& config);

// All maps of ids under `path`: ranges that exist and do not overlap.
[[nodiscard]] Status check_mappings(const std::vector<IdMapping>& mappings, std::string_view path);

// True when the container has a namespace of this type of its own, or joins one.
[[nodiscard]] bool has_namespace(const Linux& config, std::string_view type);

// Puts the beginning of a path before the rest of it.
[[nodiscard]] inline std::unexpected<Error> beneath(Error error, std::string_view prefix) {
  // The rest is an index, a member after a dot that the prefix ends with, or ": problem".
  bool whole = !prefix.ends_with('.') && !error.message.starts_with('[');
  error.message.insert(0, whole ? cat(prefix, ": ") : std::string(prefix));
  return std::unexpected(std::move(error));
}

template <class T>
[[nodiscard]] Status check_count(const std::vector<T>& items, size_t max) {
  if (items.size() <= max) return {};
  return fail(Kind::kLimit, "more than ", max, " entries");
}

template <size_t N>
[[nodiscard]] Status check_word(const std::array<std::string_view, N>& table,
                                std::string_view word) {
  if (is_known(table, word)) return {};
  return fail(Kind::kInvalid, quote(word), " is unknown");
}

[[nodiscard]] inline Status check_absolute(std::string_view path) {
  if (path.size() >= limits::kPathBytes) return fail(Kind::kLimit, "is too long for a path");
  if (path.starts_with('/')) return {};
  return fail(Kind::kInvalid, quote(path), " is not an absolute path");
}

}  // namespace crunlite::oci::internal
