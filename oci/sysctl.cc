// SPDX-License-Identifier: Apache-2.0
#include "oci/sysctl.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"

namespace crunlite::oci {
namespace {

constexpr std::array<std::string_view, 8> kIpcParameters = {
    "kernel/msgmax", "kernel/msgmnb", "kernel/msgmni", "kernel/sem",
    "kernel/shmall", "kernel/shmmax", "kernel/shmmni", "kernel/shm_rmid_forced"};

bool is_key_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
         c == '/' || c == '_' || c == '-' || c == ':' || c == '@';
}

// Dots and slashes change places when the first separator is a dot, so that the name of a network
// interface can hold the other one.
std::string path_of(std::string_view key) {
  std::string path(key);
  size_t first = path.find_first_of("./");
  if (first == std::string::npos || path[first] == '/') return path;
  for (char& c : path) {
    if (c == '.') {
      c = '/';
    } else if (c == '/') {
      c = '.';
    }
  }
  return path;
}

std::string_view namespace_of(std::string_view path) {
  if (path.starts_with("net/")) return "network";
  if (path.starts_with("fs/mqueue/")) return "ipc";
  if (path == "kernel/domainname") return "uts";
  return std::ranges::find(kIpcParameters, path) != kIpcParameters.end() ? "ipc" : "";
}

}  // namespace

Result<Sysctl> parse_sysctl(std::string_view key) {
  if (key.empty()) return fail(Kind::kInvalid, "is empty");
  if (key.size() > limits::kNameBytes) {
    return fail(Kind::kLimit, "is longer than ", limits::kNameBytes, " characters");
  }
  if (!std::ranges::all_of(key, is_key_character)) {
    return fail(Kind::kInvalid, "is not the name of a kernel parameter");
  }
  std::string path = path_of(key);
  for (std::string_view name : split(path, '/')) {
    if (name.empty() || name == "." || name == "..") {
      return fail(Kind::kInvalid, "is not the name of a kernel parameter");
    }
  }
  if (path == "kernel/hostname") return fail(Kind::kInvalid, "is set by \"hostname\"");
  std::string_view type = namespace_of(path);
  if (!type.empty()) return Sysctl{std::move(path), type};
  return fail(Kind::kInvalid, "belongs to the whole host, not to a namespace");
}

}  // namespace crunlite::oci
