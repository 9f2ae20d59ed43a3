// SPDX-License-Identifier: Apache-2.0
#include "cgroups/directory.h"

#include <dirent.h>
#include <errno.h>

#include <algorithm>
#include <limits>

#include "base/limits.h"
#include "base/path.h"
#include "base/scope.h"
#include "base/sys.h"
#include "base/text.h"
#include "cgroups/files.h"
#include "cgroups/processes.h"

namespace crunlite::cgroups {
namespace {

constexpr uint64_t kDirFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;
constexpr uint64_t kResolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV;
constexpr mode_t kMode = 0755;
constexpr size_t kControlBytes = limits::kMiB;

Result<DirFd> open_dir(int parent, const std::string& name) {
  return sys::openat2(parent, name.c_str(), kDirFlags, kResolve);
}

// The usual case: all but the last component exist.
Result<MadeCgroup> make_last(int root, const std::string& path) {
  Status made = sys::mkdirat(root, path.c_str(), kMode);
  if (!made.has_value() && made.error().errnum != EEXIST) {
    return std::unexpected(with_context(made.error(), "make cgroup ", quote(path)));
  }
  Result<DirFd> dir = open_dir(root, path);
  if (dir.has_value()) return MadeCgroup{std::move(*dir), made.has_value() ? 1U : 0U};
  if (made.has_value()) (void)sys::unlinkat(root, path.c_str(), AT_REMOVEDIR);
  return std::unexpected(with_context(dir.error(), "open cgroup ", quote(path)));
}

// Makes every component that is missing; what it made is undone when it fails. ENOENT: a parent
// was removed meanwhile.
Result<MadeCgroup> make_components(int root, const std::string& path) {
  MadeCgroup at;
  at.dir = TRY(open_dir(root, "."));
  std::string prefix;
  Rollback rollback;
  for (std::string_view component : split(path, '/')) {
    std::string name(component);
    prefix += cat(prefix.empty() ? "" : "/", component);
    Status made = sys::mkdirat(at.dir.get(), name.c_str(), kMode);
    if (made.has_value()) {
      rollback.add([=] { (void)sys::unlinkat(root, prefix.c_str(), AT_REMOVEDIR); });
    } else if (made.error().errnum != EEXIST) {
      return std::unexpected(with_context(made.error(), "make cgroup ", quote(prefix)));
    }
    at.made = made.has_value() ? at.made + 1 : 0;
    at.dir = TRY(open_dir(at.dir.get(), name), "open cgroup ", quote(prefix));
  }
  rollback.commit();
  return at;
}

bool is_gone(const Status& status) { return status.has_value() || status.error().errnum == ENOENT; }

// Removes the cgroups below `top`, innermost first. Those with processes stay.
Status remove_children(int top) {
  struct Level {
    DirFd dir;
    std::vector<std::string> names;
  };
  std::vector<Level> levels;
  levels.push_back({TRY(open_dir(top, ".")), TRY(list_children(top))});
  bool descended = false;  // the last name was tried after its own children
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.names.empty()) {
      levels.pop_back();
      descended = true;
      continue;
    }
    std::string name = level.names.back();
    bool gone = is_gone(sys::unlinkat(level.dir.get(), name.c_str(), AT_REMOVEDIR));
    Result<DirFd> inner = std::unexpected(Error{});
    if (!gone && !descended && levels.size() < limits::kCgroupDepth) {
      inner = open_dir(level.dir.get(), name);
    }
    if (!inner.has_value()) {
      level.names.pop_back();
      descended = false;
      continue;
    }
    std::vector<std::string> names = TRY(list_children(inner->get()));
    levels.push_back({std::move(*inner), std::move(names)});
  }
  return {};
}

std::unexpected<Error> still_used(int cgroup, const std::string& path, const Error& cause) {
  std::string pids;
  Result<std::vector<pid_t>> left = list_processes(cgroup);
  if (left.has_value()) {
    for (size_t i = 0; i < left->size() && i < 5; i++) pids += cat(i == 0 ? "" : ", ", (*left)[i]);
  }
  Error error = cause;
  error.kind = Kind::kConflict;
  error.message = cat("remove cgroup ", quote(path), ": ", cause.message,
                      pids.empty() ? "" : cat(" (processes ", pids, ")"));
  return std::unexpected(std::move(error));
}

// Removes one cgroup with all below it, waiting for processes that are ending.
Status remove_innermost(int parent, const std::string& name, const Removal& removal) {
  Status removed = sys::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
  if (is_gone(removed)) return {};
  int64_t deadline = sys::monotonic_ms() + removal.timeout_ms;
  for (int pause_ms = 1;; pause_ms = std::min(pause_ms * 2, 20)) {
    Result<DirFd> dir = open_dir(parent, name);
    if (!dir.has_value() && dir.error().errnum == ENOENT) return {};
    if (!dir.has_value()) return std::unexpected(dir.error());
    int64_t left_ms = std::max<int64_t>(deadline - sys::monotonic_ms(), 0);
    (void)TRY(wait_until_empty(dir->get(), static_cast<int>(left_ms)));
    TRY(remove_children(dir->get()));
    removed = sys::unlinkat(parent, name.c_str(), AT_REMOVEDIR);
    if (is_gone(removed)) return {};
    if (removed.error().errnum != EBUSY && removed.error().errnum != ENOTEMPTY) {
      return std::unexpected(with_context(removed.error(), "remove cgroup ", quote(removal.path)));
    }
    if (sys::monotonic_ms() >= deadline) {
      return still_used(dir->get(), removal.path, removed.error());
    }
    // It is empty and yet busy for the moment that the kernel needs to let the last process go;
    // nothing tells of its end.
    (void)sys::wait_ready(-1, 0, pause_ms);
  }
}

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

// Why a controller could not be enabled for the children of a cgroup.
Error explain_refusal(int cgroup, const std::string& path, const std::string& controller,
                      Error error) {
  std::string where = path.empty() ? "the root of the cgroup mount" : cat("cgroup ", quote(path));
  std::string why = error.message;
  if (error.errnum == EBUSY) {
    error.kind = Kind::kConflict;
    std::string pids;
    Result<std::string> procs = read_control(cgroup, kProcs);
    std::vector<std::string> words =
        procs.has_value() ? words_of(*procs) : std::vector<std::string>();
    if (words.size() > 5) words.resize(5);
    if (!words.empty()) pids = cat(" (", join(words, ", "), ")");
    why = cat("it has processes of its own", pids, ", which have to move to a sub-cgroup first");
  }
  // EINVAL: no kernel knows this name; ENOENT: it is not available here.
  if (error.errnum == EINVAL || error.errnum == ENOENT) {
    error.kind = Kind::kUnavailable;
    why = "it is not available there";
  }
  error.message = cat("enable controller ", controller, " below ", where, ": ", why);
  return error;
}

// Enables what is missing for the children of one cgroup.
Status enable_here(int cgroup, const std::string& path, const ControllerWish& wish) {
  std::vector<std::string> enabled = words_of(TRY(read_control(cgroup, kSubtreeControl)));
  std::vector<std::string> available = words_of(TRY(read_control(cgroup, kControllers)));
  std::string all;
  std::vector<std::string> missing;
  for (const auto* names : {&wish.required, &wish.wanted}) {
    for (const std::string& name : *names) {
      bool try_it = names == &wish.required || contains(available, name);
      if (!try_it || contains(enabled, name) || contains(missing, name)) continue;
      missing.push_back(name);
      all += cat(all.empty() ? "+" : " +", name);
    }
  }
  if (missing.empty() || write_control(cgroup, kSubtreeControl, all).has_value()) return {};
  // Together they are refused, so one by one: some may be had.
  for (const std::string& name : missing) {
    Status done = write_control(cgroup, kSubtreeControl, cat("+", name));
    if (done.has_value() || !contains(wish.required, name)) continue;
    return std::unexpected(explain_refusal(cgroup, path, name, done.error()));
  }
  return {};
}

Status inherit_file(int parent, int child, const char* file) {
  std::string present = TRY(read_control(child, file));
  if (!trim(present).empty()) return {};
  std::string inherited = TRY(read_control(parent, file));
  return write_control(child, file, trim(inherited));
}

}  // namespace

Result<DirFd> open_mount(const std::string& mount_point) {
  DirFd root = TRY(sys::open(mount_point.c_str(), O_RDONLY | O_DIRECTORY), "cgroup mount ",
                   quote(mount_point));
  Result<struct stat> procs = sys::fstatat(root.get(), kProcs, AT_SYMLINK_NOFOLLOW);
  if (!procs.has_value()) {
    return fail(Kind::kUnavailable, quote(mount_point), ": is no cgroup file system: it has no ",
                kProcs);
  }
  return root;
}

Result<DirFd> open_cgroup(int root, const std::string& path) {
  return open_dir(root, path.empty() ? "." : path);
}

Result<std::vector<std::string>> list_children(int cgroup) {
  std::vector<std::string> names;
  for (sys::DirEntry& entry : TRY(sys::list_dir(cgroup))) {
    if (entry.type == DT_DIR) names.push_back(std::move(entry.name));
  }
  return names;
}

Result<MadeCgroup> make_cgroup(int root, const std::string& path) {
  constexpr int kAttempts = 16;
  for (int attempt = 1;; attempt++) {
    Result<MadeCgroup> made = make_last(root, path);
    if (made.has_value() || made.error().errnum != ENOENT) return made;
    made = make_components(root, path);
    // A parent vanished under our feet: another container that shared it was removed.
    bool raced = !made.has_value() && made.error().errnum == ENOENT && attempt < kAttempts;
    if (!raced) return made;
  }
}

Status remove_cgroup(int root, const Removal& removal) {
  std::string path = removal.path;
  for (uint32_t i = 0; i < removal.made && !path.empty(); i++) {
    SplitPath parts = split_path(path);
    Result<DirFd> parent = open_cgroup(root, parts.parent);
    if (!parent.has_value() && parent.error().errnum != ENOENT) {
      return std::unexpected(with_context(parent.error(), "cgroup ", quote(parts.parent)));
    }
    if (parent.has_value() && i == 0) {
      TRY(remove_innermost(parent->get(), parts.name, removal));
    } else if (parent.has_value()) {
      Status removed = sys::unlinkat(parent->get(), parts.name.c_str(), AT_REMOVEDIR);
      if (!is_gone(removed)) return {};  // others are in it
    }
    path = parts.parent;
  }
  return {};
}

Result<std::string> read_control(int cgroup, const char* file) {
  UniqueFd fd = TRY(sys::openat(cgroup, file, O_RDONLY | O_NOFOLLOW), file);
  return TRY(read_fd(fd.get(), kControlBytes), file);
}

Status write_control(int cgroup, const char* file, std::string_view text) {
  UniqueFd fd = TRY(sys::openat(cgroup, file, O_WRONLY | O_NOFOLLOW), file);
  TRY(sys::write(fd.get(), text), "write ", quote(text), " to ", file);
  return {};
}

Result<uint64_t> read_key(int cgroup, const char* file, std::string_view key) {
  std::string text = TRY(read_control(cgroup, file));
  for (std::string_view line : split(text, '\n')) {
    if (!line.starts_with(key) || line.substr(key.size(), 1) != " ") continue;
    std::optional<uint64_t> value = parse_number<uint64_t>(trim(line.substr(key.size())));
    if (value.has_value()) return *value;
  }
  return fail(Kind::kNotFound, file, ": has no ", key);
}

Result<uint64_t> read_number(int cgroup, const char* file) {
  std::string text = TRY(read_control(cgroup, file));
  std::string_view word = trim(text);
  if (word == "max") return std::numeric_limits<uint64_t>::max();
  std::optional<uint64_t> value = parse_number<uint64_t>(word);
  if (!value.has_value()) return fail(Kind::kSystem, file, ": ", quote(word), " is no number");
  return *value;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (char c : text) {
    if (c != ' ' && c != '\n' && c != '\t') {
      word.push_back(c);
    } else if (!word.empty()) {
      words.push_back(std::exchange(word, ""));
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

Status enable_controllers(int root, const std::string& path, int cgroup,
                          const ControllerWish& wish) {
  std::vector<std::string> present = words_of(TRY(read_control(cgroup, kControllers)));
  auto there = [&](const std::string& name) { return contains(present, name); };
  if (std::ranges::all_of(wish.required, there) && std::ranges::all_of(wish.wanted, there)) {
    return {};
  }
  DirFd at = TRY(open_dir(root, "."));
  std::string prefix;
  for (std::string_view component : split(path, '/')) {
    TRY(enable_here(at.get(), prefix, wish));
    at = TRY(open_dir(at.get(), std::string(component)), "cgroup ", quote(component));
    prefix += cat(prefix.empty() ? "" : "/", component);
  }
  return {};
}

Status inherit_cpuset(int root, const std::string& path, uint32_t made) {
  std::vector<std::string_view> components = split(path, '/');
  size_t inherited = components.size() - std::min<size_t>(made, components.size());
  DirFd parent = TRY(open_dir(root, "."));
  for (size_t i = 0; i < components.size(); i++) {
    DirFd child = TRY(open_dir(parent.get(), std::string(components[i])));
    if (i >= inherited) {
      TRY(inherit_file(parent.get(), child.get(), kCpusetCpus), "cgroup ", quote(path));
      TRY(inherit_file(parent.get(), child.get(), kCpusetMems), "cgroup ", quote(path));
    }
    parent = std::move(child);
  }
  return {};
}

}  // namespace crunlite::cgroups
