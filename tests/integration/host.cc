// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/host.h"

#include <dirent.h>
#include <gtest/gtest.h>
#include <linux/magic.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/check.h"
#include "base/limits.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"

namespace crunlite::integration {
namespace {

constexpr char kCgroupRoot[] = "/sys/fs/cgroup";

// The one mutable global: GoogleTest makes the tests, so nothing can be handed to them.
struct Shared {
  Host host;
  std::unique_ptr<TempDir> directory;
  Snapshot before;
};
std::unique_ptr<Shared> shared_;

int environment_number(const char* name, int otherwise) {
  const char* text = ::getenv(name);
  return text == nullptr ? otherwise : parse_number<int>(text).value_or(otherwise);
}

Strings sorted(Strings items) {
  std::sort(items.begin(), items.end());
  return items;
}

Strings lines_of(std::string_view text) {
  Strings lines;
  for (std::string_view line : split(text, '\n')) {
    if (!line.empty()) lines.emplace_back(line);
  }
  return lines;
}

Strings names_in(const std::string& directory) {
  Strings names;
  Result<UniqueFd> fd = sys::open(directory.c_str(), O_RDONLY | O_DIRECTORY);
  if (!fd.has_value()) return names;
  Result<std::vector<sys::DirEntry>> entries = sys::list_dir(fd->get());
  if (!entries.has_value()) return names;  // it was removed meanwhile
  for (const sys::DirEntry& entry : *entries) names.push_back(entry.name);
  return sorted(std::move(names));
}

// Every directory of the cgroup trees whose name bears our prefix; parents before children.
Strings our_cgroups() {
  Strings found;
  Strings open = {kCgroupRoot};
  while (!open.empty()) {
    std::string path = std::move(open.back());
    open.pop_back();
    Result<UniqueFd> fd = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
    if (!fd.has_value()) continue;  // another program's, gone meanwhile
    Result<std::vector<sys::DirEntry>> entries = sys::list_dir(fd->get());
    if (!entries.has_value()) continue;
    // What is made in the tmpfs that holds the hierarchies is no cgroup.
    bool is_tmpfs = sys::file_system_magic(fd->get()).value_or(0) == TMPFS_MAGIC;
    if (is_tmpfs && path != kCgroupRoot) continue;
    for (const sys::DirEntry& entry : *entries) {
      if (entry.type != DT_DIR) continue;
      std::string inner = cat(path, "/", entry.name);
      if (!is_tmpfs && inner.contains(Host::get().prefix())) found.push_back(inner);
      open.push_back(std::move(inner));
    }
  }
  return sorted(std::move(found));
}

Strings open_descriptors() {
  Strings list;
  for (const std::string& name : names_in("/proc/self/fd")) {
    Result<std::string> target = sys::readlinkat(AT_FDCWD, cat("/proc/self/fd/", name).c_str());
    if (target.has_value() && !target->ends_with(cat("/", ::getpid(), "/fd"))) {
      list.push_back(cat(name, " -> ", *target));
    }
  }
  return list;
}

Strings our_files() {
  Strings found;
  for (const char* place : {"/run", "/run/crun-lite", "/run/runc", "/run/crun", "/dev/shm"}) {
    for (const std::string& name : names_in(place)) {
      if (name.contains(Host::get().prefix())) found.push_back(cat(place, "/", name));
    }
  }
  return found;
}

CgroupLayout find_layout() {
  Result<UniqueFd> root = sys::open(kCgroupRoot, O_RDONLY | O_DIRECTORY);
  if (!root.has_value()) return CgroupLayout::kNone;
  constexpr uint32_t kCgroup2Magic = 0x63677270;
  if (sys::file_system_magic(root->get()).value_or(0) == kCgroup2Magic) {
    return CgroupLayout::kUnified;
  }
  if (!host_path_exists(cat(kCgroupRoot, "/memory"))) return CgroupLayout::kNone;
  bool hybrid = host_path_exists(cat(kCgroupRoot, "/unified/cgroup.procs"));
  return hybrid ? CgroupLayout::kHybrid : CgroupLayout::kLegacy;
}

// A hybrid host becomes a legacy one: so both layouts are tested on one machine, and crun, which
// refuses the former, on any. The tmpfs is another one, since crun makes directories in it.
Status hide_unified_hierarchy(const std::string& directory) {
  std::string stage = cat(directory, "/cgroup");
  TRY(sys::mkdirat(AT_FDCWD, stage.c_str(), 0755));
  TRY(sys::mount("tmpfs", stage.c_str(), "tmpfs", 0, "mode=755"), stage);
  for (const std::string& name : names_in(kCgroupRoot)) {
    if (name == "unified") continue;
    std::string to = cat(stage, "/", name);
    TRY(sys::mkdirat(AT_FDCWD, to.c_str(), 0755), to);
    TRY(sys::mount(cat(kCgroupRoot, "/", name).c_str(), to.c_str(), "", MS_BIND, nullptr), to);
  }
  TRY(sys::umount2(kCgroupRoot, MNT_DETACH));
  return sys::mount(stage.c_str(), kCgroupRoot, "", MS_MOVE, nullptr);
}

Status isolate_mounts(const std::string& directory) {
  TRY(sys::unshare(CLONE_NEWNS), "unshare the mount namespace");
  TRY(sys::mount("", "/", "", MS_REC | MS_PRIVATE, nullptr), "make / private");
  return sys::mount("tmpfs", directory.c_str(), "tmpfs", 0, "mode=755");
}

Result<Runtime> find_runtime(const std::string& path) {
  RunOptions options;
  options.spawn.args = {path, "--version"};
  options.timeout_ms = 20'000 * environment_number("CRUN_LITE_TEST_PATIENCE", 1);
  RunOutput output = TRY(crunlite::run(options));
  Runtime runtime{.path = path, .kind = RuntimeKind::kCrunLite};
  if (output.out.starts_with("crun-lite")) return runtime;
  if (output.out.starts_with("runc")) {
    runtime.kind = RuntimeKind::kRunc;
    return runtime;
  }
  if (!output.out.starts_with("crun")) {
    return fail(Kind::kInvalid, path, ": an unknown runtime: ", output.out);
  }
  runtime.kind = RuntimeKind::kCrun;
  return runtime;
}

Status copy_program(const std::string& from, const std::string& to) {
  std::string content = TRY(read_file(AT_FDCWD, from, 256 * limits::kMiB), from);
  UniqueFd file = TRY(sys::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0755), to);
  TRY(sys::fchmod(file.get(), 0755));
  return sys::write_all(file.get(), content);
}

bool is_child_of_ours(const std::string& pid) {
  Result<std::string> stat = read_file(AT_FDCWD, cat("/proc/", pid, "/stat"), 4096);
  if (!stat.has_value()) return false;
  size_t end = stat->rfind(')');  // of the command, which may hold anything
  if (end == std::string::npos) return false;
  std::vector<std::string_view> fields = split(std::string_view(*stat).substr(end + 1), ' ');
  return fields.size() > 2 && parse_number<pid_t>(fields[2]) == ::getpid();
}

Strings living_children() {
  Strings children;
  for (const std::string& name : names_in("/proc")) {
    if (!parse_number<int>(name).has_value() || !is_child_of_ours(name)) continue;
    std::string words =
        read_file(AT_FDCWD, cat("/proc/", name, "/cmdline"), 65536).value_or("(gone)");
    std::replace(words.begin(), words.end(), '\0', ' ');
    children.push_back(cat(name, " ", words));
  }
  return children;
}

// False while a child lives.
bool reap_dead() {
  for (;;) {
    pid_t pid = ::waitpid(-1, nullptr, WNOHANG);
    if (pid < 0) return true;
    if (pid == 0) return false;
  }
}

void add_missing(Strings& out, std::string_view what, const Strings& all, const Strings& known) {
  for (const std::string& item : all) {
    if (std::find(known.begin(), known.end(), item) == known.end()) {
      out.push_back(cat(what, ": ", item));
    }
  }
}

}  // namespace

struct HostBuilder {
  static Status fill(Host& host, const std::string& runtime, const std::string& probe) {
    host.prefix_ = cat("crun-lite-test-", ::getpid());
    host.directory_ = shared_->directory->path();
    TRY(isolate_mounts(host.directory_), host.directory_);
    host.patience_ = environment_number("CRUN_LITE_TEST_PATIENCE", 1);
    host.race_rounds_ = environment_number("CRUN_LITE_RACE_ROUNDS", 200);
    host.runtime_ = TRY(find_runtime(runtime), runtime);
    const char* layout = ::getenv("CRUN_LITE_TEST_LAYOUT");
    bool legacy = layout != nullptr && std::string_view(layout) == "legacy";
    host.cgroups_ = find_layout();
    if (host.cgroups_ == CgroupLayout::kHybrid &&
        (legacy || host.runtime_.kind == RuntimeKind::kCrun)) {
      TRY(hide_unified_hierarchy(host.directory_), "hide the unified hierarchy");
      host.cgroups_ = CgroupLayout::kLegacy;
    }
    TRY(sys::mount("", "/", "", MS_REC | MS_SHARED, nullptr), "make / shared");
    host.probe_ = cat(host.directory_, "/probe");
    return copy_program(probe, host.probe_);
  }
};

Status Host::prepare(const std::string& runtime, const std::string& probe,
                     const std::string& injector) {
  CHECK(shared_ == nullptr);
  shared_ = std::make_unique<Shared>();
  shared_->directory = std::make_unique<TempDir>(TRY(TempDir::create("crun-lite-test-")));
  TRY(sys::prctl(PR_SET_CHILD_SUBREAPER, 1));
  TRY(HostBuilder::fill(shared_->host, runtime, probe));
  shared_->host.injector_ = injector;
  shared_->before = take_snapshot();
  return {};
}

Strings Host::finish() {
  Strings left = reap_children(5000);
  Strings more = differences(shared_->before, take_snapshot());
  left.insert(left.end(), more.begin(), more.end());
  Status unmounted = sys::umount2(shared_->host.directory_.c_str(), MNT_DETACH);
  if (!unmounted.has_value()) left.push_back(unmounted.error().message);
  shared_.reset();
  return left;
}

const Host& Host::get() {
  CHECK(shared_ != nullptr);
  return shared_->host;
}

Snapshot take_snapshot() {
  return {.mounts = lines_of(read_host_file("/proc/self/mountinfo")),
          .cgroups = our_cgroups(),
          .descriptors = open_descriptors(),
          .files = our_files()};
}

Strings differences(const Snapshot& before, const Snapshot& after) {
  Strings list;
  add_missing(list, "mount left", after.mounts, before.mounts);
  add_missing(list, "mount lost", before.mounts, after.mounts);
  add_missing(list, "cgroup left", after.cgroups, before.cgroups);
  add_missing(list, "descriptor left", after.descriptors, before.descriptors);
  add_missing(list, "file left", after.files, before.files);
  return list;
}

Strings reap_children(int grace_ms) {
  int64_t deadline = sys::monotonic_ms() + int64_t{grace_ms} * Host::get().patience();
  while (!reap_dead()) {
    if (sys::monotonic_ms() > deadline) break;
    (void)::poll(nullptr, 0, 2);  // a child's end has no descriptor unless its pid is known
  }
  if (reap_dead()) return {};
  Strings left;
  for (const std::string& child : living_children()) {
    left.push_back(cat("process left: ", child));
    pid_t pid = parse_number<pid_t>(child.substr(0, child.find(' '))).value_or(0);
    CHECK(pid > 0);
    (void)sys::kill(pid, SIGKILL);  // it may have ended meanwhile
    (void)::waitpid(pid, nullptr, 0);
  }
  (void)reap_dead();
  return left;
}

void remove_our_cgroups() {
  Strings cgroups = our_cgroups();
  // Children come after their parents, so from the back.
  for (auto path = cgroups.rbegin(); path != cgroups.rend(); ++path) {
    (void)::rmdir(path->c_str());  // a busy one was reported already
  }
}

std::string cgroup_file(std::string_view controller, std::string_view cgroup,
                        std::string_view file) {
  if (Host::get().cgroups() == CgroupLayout::kUnified) return cat(kCgroupRoot, cgroup, "/", file);
  return cat(kCgroupRoot, "/", controller, cgroup, "/", file);
}

bool has_controller(std::string_view controller) {
  if (Host::get().cgroups() != CgroupLayout::kUnified) {
    return host_path_exists(cat(kCgroupRoot, "/", controller, "/cgroup.procs"));
  }
  std::string text = read_host_file(cat(kCgroupRoot, "/cgroup.controllers"));
  std::vector<std::string_view> all = split(trim(text), ' ');
  return std::find(all.begin(), all.end(), controller) != all.end();
}

std::string read_host_file(const std::string& path) {
  Result<std::string> text = read_file(AT_FDCWD, path, limits::kKernelFileBytes);
  if (!text.has_value()) {
    ADD_FAILURE() << path << ": " << text.error().message;
    return "";
  }
  return *text;
}

void write_host_file(const std::string& path, std::string_view content, mode_t mode) {
  (void)::unlink(path.c_str());  // mostly there is none
  Result<UniqueFd> file = sys::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL, mode);
  if (!file.has_value()) {
    ADD_FAILURE() << path << ": " << file.error().message;
    return;
  }
  EXPECT_TRUE(sys::fchmod(file->get(), mode).has_value()) << path;
  EXPECT_TRUE(sys::write_all(file->get(), content).has_value()) << path;
}

bool host_path_exists(const std::string& path) {
  return sys::fstatat(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW).has_value();
}

Strings host_names_in(const std::string& directory) { return names_in(directory); }

void make_host_directory(const std::string& path, mode_t mode) {
  Status made = sys::mkdirat(AT_FDCWD, path.c_str(), mode);
  if (!made.has_value()) {
    ADD_FAILURE() << path << ": " << made.error().message;
    return;
  }
  EXPECT_TRUE(sys::fchmodat(AT_FDCWD, path.c_str(), mode).has_value()) << path;
}

std::string host_namespace(std::string_view type, std::string_view pid) {
  return sys::readlinkat(AT_FDCWD, cat("/proc/", pid, "/ns/", type).c_str()).value_or("");
}

}  // namespace crunlite::integration
