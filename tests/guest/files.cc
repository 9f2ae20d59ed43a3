// SPDX-License-Identifier: Apache-2.0
// Verbs that try one thing with a file and report the outcome.
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/text.h"
#include "base/unique_fd.h"
#include "tests/guest/verbs.h"

namespace crunlite::guest {
namespace {

int finish(const Call& call, long result) {
  Line(call).outcome(result).write();
  return kGoOn;
}

int read_path(const Call& call) {
  UniqueFd file(::open(call.text(0), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  std::string data;
  long result = file.get();
  if (file.is_open()) {
    errno = 0;
    data = slurp_fd(file.get());
    if (data.empty() && errno != 0) result = -1;
  }
  Line(call).outcome(result).text("data", data).write();
  return kGoOn;
}

// Opens an existing file and writes the text to it at once.
int write_path(const Call& call) {
  UniqueFd file(::open(call.text(0), O_WRONLY | O_CLOEXEC));
  if (!file.is_open()) return finish(call, -1);
  std::string_view data = call.text(1);
  return finish(call, ::write(file.get(), data.data(), data.size()));
}

int create_path(const Call& call) {
  UniqueFd file(::open(call.text(0), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  return finish(call, file.get());
}

int open_path(const Call& call) {
  std::string_view how = call.text(1);
  int flags = how == "rw" ? O_RDWR : how == "w" ? O_WRONLY : O_RDONLY;
  UniqueFd file(::open(call.text(0), flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  return finish(call, file.get());
}

constexpr std::pair<mode_t, const char*> kTypes[] = {
    {S_IFREG, "file"},  {S_IFDIR, "directory"}, {S_IFLNK, "link"},   {S_IFCHR, "character"},
    {S_IFBLK, "block"}, {S_IFIFO, "fifo"},      {S_IFSOCK, "socket"}};

const char* type_name(mode_t mode) {
  for (auto [type, name] : kTypes) {
    if ((mode & S_IFMT) == type) return name;
  }
  return "unknown";
}

int stat_path(const Call& call) {
  struct stat info{};
  Line line(call);
  long result = ::lstat(call.text(0), &info);
  line.outcome(result);
  if (result == 0) {
    line.text("type", type_name(info.st_mode))
        .number("mode", info.st_mode & 07777)
        .number("uid", info.st_uid)
        .number("gid", info.st_gid)
        .number("size", info.st_size)
        .number("inode", static_cast<int64_t>(info.st_ino))
        .text("device", cat(major(info.st_rdev), ":", minor(info.st_rdev)))
        .text("link", read_link(call.text(0)));
  }
  line.write();
  return kGoOn;
}

int statfs_path(const Call& call) {
  struct statfs info{};
  Line line(call);
  line.outcome(::statfs(call.text(0), &info));
  line.number("magic", static_cast<int64_t>(info.f_type))
      .number("bytes", static_cast<int64_t>(info.f_blocks) * static_cast<int64_t>(info.f_bsize))
      .number("inodes", static_cast<int64_t>(info.f_files));
  line.write();
  return kGoOn;
}

int list_path(const Call& call) {
  UniqueFd directory(::open(call.text(0), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  Line line(call);
  line.outcome(directory.get());
  line.texts("list", names_in(call.text(0))).write();
  return kGoOn;
}

int make_node(const Call& call) {
  std::string_view type = call.text(1);
  mode_t mode = type == "c" ? S_IFCHR : type == "b" ? S_IFBLK : S_IFIFO;
  dev_t device =
      makedev(static_cast<unsigned>(call.number(2)), static_cast<unsigned>(call.number(3)));
  return finish(call, ::mknod(call.text(0), mode | 0600, device));
}

int make_directory(const Call& call) { return finish(call, ::mkdir(call.text(0), 0755)); }
int remove_path(const Call& call) { return finish(call, ::unlink(call.text(0))); }
int link_symbolic(const Call& call) { return finish(call, ::symlink(call.text(0), call.text(1))); }
int change_mode(const Call& call) {
  auto mode = parse_number<unsigned>(call.text(1), 8).value_or(0);
  return finish(call, ::chmod(call.text(0), mode));
}
int change_owner(const Call& call) {
  auto uid = static_cast<uid_t>(call.number(1));
  return finish(call, ::chown(call.text(0), uid, static_cast<gid_t>(call.number(2))));
}
int change_directory(const Call& call) { return finish(call, ::chdir(call.text(0))); }
int change_root(const Call& call) { return finish(call, ::chroot(call.text(0))); }

int mount_path(const Call& call) {
  auto flags = static_cast<unsigned long>(call.number(3));
  const char* data = call.args.size() > 4 ? call.text(4) : nullptr;
  return finish(call, ::mount(call.text(0), call.text(1), call.text(2), flags, data));
}
int unmount_path(const Call& call) { return finish(call, ::umount2(call.text(0), MNT_DETACH)); }

constexpr Verb kVerbs[] = {
    {"read", read_path, "PATH"},
    {"write", write_path, "PATH TEXT: to a file that exists"},
    {"create", create_path, "PATH: a new file"},
    {"open", open_path, "PATH [r|w|rw]"},
    {"stat", stat_path, "PATH: of the link itself"},
    {"statfs", statfs_path, "PATH"},
    {"list", list_path, "DIRECTORY"},
    {"mknod", make_node, "PATH c|b|p MAJOR MINOR"},
    {"mkdir", make_directory, "PATH"},
    {"unlink", remove_path, "PATH"},
    {"symlink", link_symbolic, "TARGET PATH"},
    {"chmod", change_mode, "PATH MODE"},
    {"chown", change_owner, "PATH UID GID"},
    {"chdir", change_directory, "PATH"},
    {"chroot", change_root, "PATH"},
    {"mount", mount_path, "SOURCE TARGET TYPE FLAGS [DATA]"},
    {"umount", unmount_path, "PATH"},
};

}  // namespace

std::span<const Verb> file_verbs() { return kVerbs; }

}  // namespace crunlite::guest
