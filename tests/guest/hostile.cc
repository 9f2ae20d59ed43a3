// SPDX-License-Identifier: Apache-2.0
// Verbs that play an attacker, and the hook that records what it was given.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/guest/verbs.h"

extern char** environ;

namespace crunlite::guest {
namespace {

int64_t now_ms() {
  struct timespec now{};
  (void)::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// `flip A B`: exchanges two names without pause until it is killed.
int flip(const Call& call) {
  write_all(1, "ready\n");
  for (;;) {
    (void)::renameat2(AT_FDCWD, call.text(0), AT_FDCWD, call.text(1), RENAME_EXCHANGE);
  }
}

struct Theft {
  std::vector<std::string> seen;
  int opened = 0;
  int write_attempts = 0;
  bool writable = false;
};

// Opens the program of one foreign process for reading, then tries to write through that.
void steal_program(const std::string& pid, const struct stat& own, int64_t deadline, Theft& theft) {
  std::string path = cat("/proc/", pid, "/exe");
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0) return;
  if (info.st_ino == own.st_ino && info.st_dev == own.st_dev) return;
  std::string name = read_link(path.c_str());
  if (std::find(theft.seen.begin(), theft.seen.end(), name) == theft.seen.end()) {
    theft.seen.push_back(name);
  }
  UniqueFd program(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!program.is_open()) return;
  theft.opened++;
  std::string again = cat("/proc/self/fd/", program.get());
  constexpr int kAttempts = 20'000;
  for (int i = 0; i < kAttempts && now_ms() < deadline; i++) {
    UniqueFd writable(::open(again.c_str(), O_WRONLY | O_CLOEXEC));
    theft.write_attempts++;
    // A sealed file opens, and refuses the write itself.
    if (!writable.is_open() || ::write(writable.get(), "stolen", 6) < 0) continue;
    theft.writable = true;
    return;
  }
}

// `steal_exe MS`: says "ready" and tries for so long to write to the program of whoever enters.
int steal_exe(const Call& call) {
  struct stat own{};
  (void)::stat("/proc/self/exe", &own);
  Theft theft;
  int64_t deadline = now_ms() + call.number(0);
  write_all(1, "ready\n");
  while (now_ms() < deadline && !theft.writable) {
    for (const std::string& name : names_in("/proc")) {
      if (!parse_number<int>(name).has_value()) continue;
      steal_program(name, own, deadline, theft);
    }
  }
  Line(call)
      .texts("seen", theft.seen)
      .number("opened", theft.opened)
      .number("attempts", theft.write_attempts)
      .flag("writable", theft.writable)
      .write();
  return kGoOn;
}

// `hook FILE NAME`: appends a line about itself, with what stands on standard input, to FILE.
int hook(const Call& call) {
  std::string state = slurp_fd(0);
  std::vector<std::string> variables;
  for (char** item = environ; *item != nullptr; item++) variables.emplace_back(*item);
  std::string names = "{";
  for (const char* kind : {"ipc", "mnt", "net", "pid", "user", "uts"}) {
    if (names.size() > 1) names.push_back(',');
    names += cat(json_quote(kind), ":", json_quote(read_link(cat("/proc/self/ns/", kind).c_str())));
  }
  char directory[4096] = "";
  (void)::getcwd(directory, sizeof directory);
  std::string line =
      cat("{\"name\":", json_quote(call.text(1)), ",\"state\":", json_quote(state),
          ",\"cwd\":", json_quote(directory),
          ",\"root\":", json_quote(read_link("/proc/self/root")), ",\"namespaces\":", names, "}}");
  std::string numbers = "[";
  for (const std::string& name : names_in("/proc/self/fd")) {
    if (read_link(cat("/proc/self/fd/", name).c_str()).empty()) continue;  // what was listed
    numbers += cat(numbers.size() > 1 ? "," : "", json_quote(name));
  }
  line.insert(line.size() - 1, cat(",\"descriptors\":", numbers, "]"));
  std::string env = "[";
  for (const std::string& item : variables) {
    env += cat(env.size() > 1 ? "," : "", json_quote(item));
  }
  line.insert(line.size() - 1, cat(",\"env\":", env, "]"));
  UniqueFd file(::open(call.text(0), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file.is_open()) return 3;
  write_all(file.get(), line + "\n");
  return kGoOn;
}

// The paths below which a host's files would show through a leaked descriptor.
int find_leaks(const Call& call) {
  std::vector<std::string> leaks;
  for (const std::string& name : names_in("/proc/self/fd")) {
    std::string path = cat("/proc/self/fd/", name, "/", std::string_view(call.text(0)));
    struct stat info{};
    if (::stat(path.c_str(), &info) == 0) leaks.push_back(name);
  }
  Line(call).texts("list", leaks).write();
  return kGoOn;
}

constexpr Verb kVerbs[] = {
    {"flip", flip, "A B: exchanges two names for ever"},
    {"steal_exe", steal_exe, "MS: tries to overwrite the program of others"},
    {"hook", hook, "FILE NAME: records its state and surroundings"},
    {"leaks", find_leaks, "PATH: descriptors below which that path exists"},
};

}  // namespace

std::span<const Verb> hostile_verbs() { return kVerbs; }

}  // namespace crunlite::guest
