// SPDX-License-Identifier: Apache-2.0
// FakeTree: a temporary directory that looks like mounted cgroup hierarchies, and a group in it.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "base/path.h"
#include "base/sys.h"
#include "cgroups/group.h"
#include "cgroups/hierarchy.h"

namespace crunlite::cgroups {

// Files in it hold what was written last, as long as no longer text stood there before: the
// kernel's files are written without truncation.
class FakeTree {
 public:
  FakeTree() : dir_(TempDir::create("cgroups_test")) { EXPECT_TRUE(dir_.has_value()); }

  [[nodiscard]] std::string path(const std::string& below) const {
    return dir_->path() + "/" + below;
  }

  // Makes a cgroup with these files, and its parents with empty cgroup.procs.
  void make(const std::string& cgroup, const std::map<std::string, std::string>& files = {}) {
    std::string prefix;
    for (std::string_view name : split(cgroup, '/')) {
      prefix += cat(prefix.empty() ? "" : "/", name);
      (void)sys::mkdirat(dir_->fd(), prefix.c_str(), 0755);  // it may be there
      if (!exists(prefix + "/cgroup.procs")) put(prefix + "/cgroup.procs", "");
    }
    for (const auto& [name, text] : files) put(cat(cgroup, "/", name), text);
  }
  void put(const std::string& file, const std::string& text) {
    (void)sys::unlinkat(dir_->fd(), file.c_str(), 0);  // it may be there
    auto fd = sys::openat(dir_->fd(), file.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0644);
    ASSERT_TRUE(fd.has_value()) << file;
    ASSERT_TRUE(sys::write_all(fd->get(), text).has_value());
  }
  [[nodiscard]] std::string get(const std::string& file) const {
    return read_file(dir_->fd(), file, 65536).value_or("(missing)");
  }
  [[nodiscard]] bool exists(const std::string& file) const {
    return sys::fstatat(dir_->fd(), file.c_str(), AT_SYMLINK_NOFOLLOW).has_value();
  }

  [[nodiscard]] MountedHierarchy unified(std::optional<std::string> own_path = "") const {
    return {.unified = true,
            .mount_point = path("unified"),
            .root = "/",
            .own_path = std::move(own_path)};
  }
  [[nodiscard]] MountedHierarchy legacy(const std::string& name,
                                        std::optional<std::string> own_path = "") const {
    MountedHierarchy mount;
    for (std::string_view part : split(name, ',')) mount.controllers.emplace_back(part);
    mount.mount_point = path(name);
    mount.root = "/";
    mount.own_path = std::move(own_path);
    return mount;
  }

 private:
  Result<TempDir> dir_;
};

// The group "/app", without device rules.
inline Group group_in(const Hierarchy& hierarchy) {
  GroupSpec spec{.path = "/app"};
  spec.devices_optional = true;
  Result<Group> group = Group::create(hierarchy, spec);
  EXPECT_TRUE(group.has_value()) << group.error().message;
  return std::move(*group);
}

}  // namespace crunlite::cgroups
