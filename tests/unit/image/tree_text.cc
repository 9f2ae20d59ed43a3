// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/tree_text.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/check.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "base/text.h"

namespace crunlite::image {
namespace {

constexpr size_t kShortBytes = 64;

std::string octal(mode_t mode) {
  std::string text = "0000";
  for (size_t i = 4; i-- > 0; mode >>= 3) text[i] = static_cast<char>('0' + (mode & 7));
  return text;
}

std::string content_text(int dir, const std::string& name, const struct stat& info) {
  if (info.st_size > static_cast<off_t>(kShortBytes)) return cat(" # ", info.st_size);
  // An ordinary user may own what it may not read.
  Result<UniqueFd> fd = sys::openat(dir, name.c_str(), O_RDONLY | O_NOFOLLOW);
  if (!fd.has_value()) return " unreadable";
  Result<std::string> content = read_fd(fd->get(), kShortBytes);
  CHECK(content.has_value());
  return content->empty() ? std::string() : cat(" = ", *content);
}

// Everything about parent/name but its path.
std::string describe(int dir, const std::string& name, const struct stat& info) {
  std::string text;
  mode_t usual = 0644;
  switch (info.st_mode & S_IFMT) {
    case S_IFDIR: usual = 0755; break;
    case S_IFREG: text = content_text(dir, name, info); break;
    case S_IFLNK: {
      Result<std::string> target = sys::readlinkat(dir, name.c_str());
      CHECK(target.has_value());
      return cat(" -> ", *target);
    }
    case S_IFIFO: text = " fifo"; break;
    case S_IFCHR:
      if (is_whiteout(info)) return " whiteout";
      text = cat(" char ", major(info.st_rdev), ":", minor(info.st_rdev));
      break;
    case S_IFBLK: text = cat(" block ", major(info.st_rdev), ":", minor(info.st_rdev)); break;
    default: text = " unknown"; break;
  }
  mode_t mode = info.st_mode & 07777;
  if (mode != usual) text.append(cat(" ", octal(mode)));
  if (!S_ISDIR(info.st_mode) && info.st_nlink > 1) text.append(cat(" x", info.st_nlink));
  return text;
}

using Visit = std::function<void(const std::string& path, int dir, const std::string& name,
                                 const struct stat& info, int opened)>;

// NOLINTNEXTLINE(misc-no-recursion): trees of tests are as deep as the test makes them
void walk(int dir, const std::string& prefix, const Visit& visit) {
  Result<std::vector<sys::DirEntry>> entries = sys::list_dir(dir);
  CHECK(entries.has_value());
  for (const sys::DirEntry& entry : *entries) {
    Result<struct stat> info = sys::fstatat(dir, entry.name.c_str(), AT_SYMLINK_NOFOLLOW);
    CHECK(info.has_value());
    std::string path = prefix + entry.name;
    UniqueFd inner;
    if (S_ISDIR(info->st_mode)) {
      Result<UniqueFd> fd = sys::openat(dir, entry.name.c_str(), O_RDONLY | O_DIRECTORY);
      if (fd.has_value()) inner = std::move(*fd);
      path.push_back('/');
    }
    visit(path, dir, entry.name, *info, inner.get());
    if (inner.is_open()) walk(inner.get(), path, visit);
  }
}

UniqueFd open_readable(int dir) {
  Result<UniqueFd> fd = sys::openat(dir, ".", O_RDONLY | O_DIRECTORY);
  CHECK(fd.has_value());
  return std::move(*fd);
}

// NOLINTNEXTLINE(misc-no-recursion): as above
void walk_layers(const LowerLayers& layers, const std::string& path,
                 const std::vector<uint16_t>& members, std::vector<std::string>& lines) {
  std::vector<std::string> names;
  for (uint16_t member : members) {
    Result<UniqueFd> dir = layers.open_read(member, path, O_RDONLY | O_DIRECTORY);
    CHECK(dir.has_value());
    Result<std::vector<sys::DirEntry>> entries = sys::list_dir(dir->get());
    CHECK(entries.has_value());
    for (sys::DirEntry& entry : *entries) names.push_back(std::move(entry.name));
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  for (const std::string& name : names) {
    Result<std::optional<LowerEntry>> entry = layers.look_up(path, members, name);
    CHECK(entry.has_value());
    if (!entry->has_value()) continue;
    std::string below = path.empty() ? name : cat(path, "/", name);
    Result<UniqueFd> dir = layers.open_read((*entry)->layer, path, O_RDONLY | O_DIRECTORY);
    CHECK(dir.has_value());
    bool is_dir = S_ISDIR((*entry)->info.st_mode);
    lines.push_back(cat(below, is_dir ? "/" : "", describe(dir->get(), name, (*entry)->info)));
    if (is_dir) walk_layers(layers, below, (*entry)->members, lines);
  }
}

}  // namespace

std::vector<std::string> describe_tree(int dir) {
  std::vector<std::string> lines;
  walk(open_readable(dir).get(), "",
       [&](const std::string& path, int parent, const std::string& name, const struct stat& info,
           int opened) {
         std::string line = path + describe(parent, name, info);
         if (opened >= 0 && is_opaque(opened).value_or(false)) line.append(" opaque");
         lines.push_back(std::move(line));
       });
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> describe_layers(const std::vector<int>& fds) {
  LowerLayers layers(fds);
  std::vector<std::string> lines;
  walk_layers(layers, "", layers.all_members(), lines);
  std::sort(lines.begin(), lines.end());
  return lines;
}

std::vector<std::string> fingerprint_tree(int dir) {
  std::vector<std::string> lines;
  auto times = [](const struct stat& info) {
    return cat(" inode ", info.st_ino, " owner ", info.st_uid, ":", info.st_gid, " links ",
               info.st_nlink, " mtime ", info.st_mtim.tv_sec, ".", info.st_mtim.tv_nsec, " ctime ",
               info.st_ctim.tv_sec, ".", info.st_ctim.tv_nsec);
  };
  Result<struct stat> top = sys::fstatat(dir, "", AT_EMPTY_PATH);
  CHECK(top.has_value());
  lines.push_back(cat(".", times(*top), " mode ", octal(top->st_mode & 07777)));
  walk(open_readable(dir).get(), "",
       [&](const std::string& path, int parent, const std::string& name, const struct stat& info,
           int) { lines.push_back(cat(path, describe(parent, name, info), times(info))); });
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace crunlite::image
