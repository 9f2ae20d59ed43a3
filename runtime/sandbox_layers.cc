// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_layers.h"

#include <fcntl.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/text.h"
#include "namespaces/mount_options.h"
#include "namespaces/overlay.h"

namespace crunlite::runtime {
namespace {

constexpr std::array<std::string_view, 6> kFresh = {"/dev", "/proc", "/run",
                                                    "/sys", "/tmp",  "/var/tmp"};

constexpr std::string_view kLowerOption = "lowerdir=";

// As overlay's lowerdir wants it.
std::string escape(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c == ':' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

std::string below(const std::string& directory, const std::string& name) {
  return directory == "/" ? cat("/", name) : cat(directory, "/", name);
}

// Collects the layers of one sandbox.
class Layers {
 public:
  explicit Layers(const LayerOptions& options) : options_(options) {
    out_.layer.directory = options.scratch;
  }

  // `list` is a lowerdir, `like` its topmost directory.
  void add_overlay(const std::string& destination, const std::string& list,
                   const std::string& like) {
    const std::string name = cat(out_.layer.uppers.size());
    const std::string place = cat(options_.scratch, "/", name);
    oci::Mount mount;
    mount.destination = destination;
    mount.type = "overlay";
    mount.source = "sandbox";
    // What the host's files contain of device nodes is not for the sandbox.
    mount.options = {cat(kLowerOption, list), cat("upperdir=", place, "/upper"),
                     cat("workdir=", place, "/work"), "nodev"};
    if (options_.user_namespace) mount.options.emplace_back("userxattr");
    out_.mounts.push_back(std::move(mount));
    out_.layer.uppers.push_back({.name = name, .like = like});
  }

  void add_overlay(const std::string& path) { add_overlay(path, escape(path), path); }

  void add_readonly(const std::string& path) {
    out_.mounts.push_back({.destination = path,
                           .type = "bind",
                           .source = path,
                           .options = {"rbind", "rro", "rnodev"}});
  }

  void add_empty_root() {
    out_.mounts.push_back({.destination = "/",
                           .type = "tmpfs",
                           .source = "sandbox",
                           .options = {"nodev", "mode=755"}});
  }

  void add_entry(CopiedEntry::Type type, const std::string& path) {
    out_.layer.entries.push_back({.type = type, .path = path});
  }

  [[nodiscard]] bool has_room(size_t more) const {
    return out_.mounts.size() + out_.layer.entries.size() + more <= limits::kSandboxPieces;
  }

  [[nodiscard]] bool has_mount_on(const std::string& path) const {
    return std::any_of(out_.mounts.begin(), out_.mounts.end(),
                       [&](const oci::Mount& mount) { return mount.destination == path; });
  }

  SandboxLayers take() { return std::move(out_); }

 private:
  const LayerOptions& options_;
  SandboxLayers out_;
};

// Makes a root file system of pieces, down from "/".
class Pieces {
 public:
  Pieces(const SandboxHost& host, const FileView& files, Layers& out)
      : host_(host), files_(files), out_(out) {}

  void take_apart_root() {
    add_all("/", files_.list("/"), 0);
    for (size_t i = 0; i < pending_.size(); i++) {
      const Directory directory = pending_[i];  // the list grows
      take_apart(directory);
    }
  }

  void add_own_place(const std::string& place) {
    std::string path;
    for (std::string_view name : split(std::string_view(place).substr(1), '/')) {
      path.append("/").append(name);
      if (is_fresh(path) || has_mount_below(path)) return;
      const FileSeen file = files_.look(path);
      if (!S_ISDIR(file.mode)) return;
      if (file.owner != host_.uid) continue;
      if (!out_.has_mount_on(path)) out_.add_overlay(path);
      return;
    }
  }

 private:
  struct Directory {
    std::string path;
    size_t depth = 0;
  };

  void add(const std::string& path, const FileSeen& file, size_t depth) {
    if (S_ISDIR(file.mode)) {
      add_directory(path, depth);
    } else if (S_ISLNK(file.mode)) {
      out_.add_entry(CopiedEntry::Type::kLink, path);
    } else if (S_ISREG(file.mode)) {
      add_file(path, file);
    }  // sockets, pipes and devices lead out of the sandbox
  }

  void add_directory(const std::string& path, size_t depth) {
    if (!is_of_files(path)) {
      out_.add_entry(CopiedEntry::Type::kDirectory, path);
    } else if (!has_mount_below(path)) {
      out_.add_overlay(path);
    } else {
      pending_.push_back({path, depth + 1});
    }
  }

  void take_apart(const Directory& directory) {
    const std::vector<FileSeen> files = files_.list(directory.path);
    if (directory.depth > limits::kSandboxDepth || !out_.has_room(files.size())) {
      out_.add_readonly(directory.path);
      return;
    }
    out_.add_entry(CopiedEntry::Type::kDirectory, directory.path);
    add_all(directory.path, files, directory.depth);
  }

  void add_all(const std::string& directory, const std::vector<FileSeen>& files, size_t depth) {
    for (const FileSeen& file : files) {
      const std::string path = below(directory, file.name);
      if (!is_fresh(path)) add(path, file, depth);
    }
  }

  void add_file(const std::string& path, const FileSeen& file) {
    if (file.size <= limits::kSandboxCopyBytes) {
      out_.add_entry(CopiedEntry::Type::kFile, path);
    } else {
      out_.add_readonly(path);
    }
  }

  [[nodiscard]] bool is_of_files(const std::string& path) const {
    const auto mount = std::find_if(host_.mounts.begin(), host_.mounts.end(),
                                    [&](const HostMount& other) { return other.path == path; });
    return mount == host_.mounts.end() || holds_files(mount->type);
  }

  [[nodiscard]] bool has_mount_below(const std::string& path) const {
    return std::any_of(host_.mounts.begin(), host_.mounts.end(), [&](const HostMount& mount) {
      return mount.path != path && is_within(mount.path, path);
    });
  }

  const SandboxHost& host_;
  const FileView& files_;
  Layers& out_;
  std::vector<Directory> pending_;  // with mounts below them, parents first
};

FileSeen seen(std::string name, const struct stat& info) {
  return {.name = std::move(name),
          .mode = info.st_mode,
          .size = static_cast<uint64_t>(info.st_size),
          .owner = info.st_uid,
          .device = info.st_rdev};
}

std::vector<FileSeen> list_host_directory(const std::string& path) {
  std::vector<FileSeen> files;
  const Result<DirFd> dir = sys::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!dir.has_value()) return files;
  Result<std::vector<sys::DirEntry>> entries = sys::list_dir(dir->get());
  if (!entries.has_value()) return files;
  for (sys::DirEntry& entry : *entries) {
    const Result<struct stat> info =
        sys::fstatat(dir->get(), entry.name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (info.has_value()) files.push_back(seen(std::move(entry.name), *info));
  }
  std::sort(files.begin(), files.end(),
            [](const FileSeen& a, const FileSeen& b) { return a.name < b.name; });
  return files;
}

FileSeen look_at_host_file(const std::string& path) {
  const Result<struct stat> info = sys::fstatat(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW);
  return info.has_value() ? seen(split_path(path).name, *info) : FileSeen();
}

}  // namespace

FileView host_file_view() { return {.list = list_host_directory, .look = look_at_host_file}; }

std::span<const std::string_view> fresh_directories() { return kFresh; }

bool is_fresh(std::string_view path) {
  return std::any_of(kFresh.begin(), kFresh.end(),
                     [path](std::string_view directory) { return is_within(path, directory); });
}

SandboxLayers overlay_host(const SandboxHost& host, const LayerOptions& options,
                           const FileView& files) {
  Layers layers(options);
  layers.add_overlay("/");
  for (const HostMount& mount : host.mounts) {
    if (mount.path == "/" || is_fresh(mount.path) || !holds_files(mount.type)) continue;
    const mode_t mode = files.look(mount.path).mode;
    if (S_ISDIR(mode) && !mount.is_readonly) {
      layers.add_overlay(mount.path);
    } else if (mode != 0) {
      layers.add_readonly(mount.path);
    }
  }
  return layers.take();
}

SandboxLayers piece_host_together(const SandboxHost& host, const LayerOptions& options,
                                  const FileView& files,
                                  const std::vector<std::string>& own_places) {
  Layers layers(options);
  layers.add_empty_root();
  Pieces pieces(host, files, layers);
  pieces.take_apart_root();
  for (const std::string& place : own_places) pieces.add_own_place(place);
  return layers.take();
}

SandboxLayers overlay_directory(const std::string& directory, const LayerOptions& options) {
  Layers layers(options);
  layers.add_overlay("/", escape(directory), directory);
  return layers.take();
}

Result<std::vector<std::string>> lower_directories(const oci::Mount& overlay) {
  namespaces::MountPlan plan;
  plan.field = "mounts[0]";
  plan.options = TRY(namespaces::parse_mount_options(overlay.options), plan.field);
  return TRY(namespaces::overlay_layers(plan)).lower;
}

Result<SandboxLayers> overlay_layers_of(const oci::Mount& root, const LayerOptions& options) {
  const std::vector<std::string> lowers = TRY(lower_directories(root));
  const auto lower =
      std::find_if(root.options.begin(), root.options.end(),
                   [](const std::string& option) { return option.starts_with(kLowerOption); });
  Layers layers(options);
  layers.add_overlay("/", lower->substr(kLowerOption.size()), lowers.front());
  return layers.take();
}

}  // namespace crunlite::runtime
