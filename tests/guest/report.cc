// SPDX-License-Identifier: Apache-2.0
#include "tests/guest/report.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/unique_fd.h"

namespace crunlite::guest {

int64_t Call::number(size_t index, int64_t otherwise) const {
  std::string_view word = text(index);
  if (word.starts_with("0x")) {
    auto value = parse_number<uint64_t>(word.substr(2), 16);
    return value ? static_cast<int64_t>(*value) : otherwise;
  }
  return parse_number<int64_t>(word).value_or(otherwise);
}

std::string Call::title() const {
  std::string title(verb);
  for (const char* word : args) title += cat(" ", std::string_view(word));
  return title;
}

std::string json_quote(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '"' && c != '\\') {
      out.push_back(c);
    } else {
      out += cat("\\u00", kDigits[byte >> 4], kDigits[byte & 15]);
    }
  }
  out.push_back('"');
  return out;
}

Line::Line(const Call& call) : json_(cat("{\"call\":", json_quote(call.title()))) {}

Line& Line::raw(std::string_view name, std::string_view json) {
  json_ += cat(",", json_quote(name), ":", json);
  return *this;
}

Line& Line::text(std::string_view name, std::string_view value) {
  return raw(name, json_quote(value));
}

Line& Line::number(std::string_view name, int64_t value) { return raw(name, cat(value)); }

Line& Line::flag(std::string_view name, bool value) { return raw(name, value ? "true" : "false"); }

Line& Line::texts(std::string_view name, const std::vector<std::string>& values) {
  std::string json = "[";
  for (const std::string& value : values) {
    if (json.size() > 1) json.push_back(',');
    json += json_quote(value);
  }
  return raw(name, json + "]");
}

Line& Line::outcome(long result) {
  int errnum = result < 0 ? errno : 0;
  const char* name = errnum != 0 ? strerrorname_np(errnum) : "";
  number("errno", errnum);
  return text("error", name != nullptr ? name : "unknown");
}

void Line::write() {
  json_ += "}\n";
  write_all(1, json_);
}

void write_all(int fd, std::string_view data) {
  while (!data.empty()) {
    ssize_t length = ::write(fd, data.data(), data.size());
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return;
    data.remove_prefix(static_cast<size_t>(length));
  }
}

std::string slurp_fd(int fd) {
  constexpr size_t kMaxBytes = 1 << 20;
  std::string text;
  char buffer[16384];
  while (text.size() < kMaxBytes) {
    ssize_t length = ::read(fd, buffer, sizeof buffer);
    if (length < 0 && errno == EINTR) continue;
    if (length <= 0) return text;
    text.append(buffer, static_cast<size_t>(length));
  }
  return text;
}

std::string slurp(const char* path) {
  UniqueFd file(::open(path, O_RDONLY | O_CLOEXEC));
  return file.is_open() ? slurp_fd(file.get()) : std::string();
}

std::string read_link(const char* path) {
  char buffer[4096];
  ssize_t length = ::readlink(path, buffer, sizeof buffer);
  return length < 0 ? std::string() : std::string(buffer, static_cast<size_t>(length));
}

std::vector<std::string> names_in(const char* directory) {
  std::vector<std::string> names;
  DIR* dir = ::opendir(directory);
  if (dir == nullptr) return names;
  while (struct dirent* entry = ::readdir(dir)) {
    std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  (void)::closedir(dir);
  std::sort(names.begin(), names.end());
  return names;
}

int new_process() { return static_cast<int>(::syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0)); }

void wait_ms(int64_t milliseconds) {
  struct timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  int64_t start = now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
  int64_t left = milliseconds;
  while (left > 0) {
    (void)::poll(nullptr, 0, static_cast<int>(left));
    (void)::clock_gettime(CLOCK_MONOTONIC, &now);
    left = start + milliseconds - (now.tv_sec * 1000 + now.tv_nsec / 1'000'000);
  }
}

}  // namespace crunlite::guest
