// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/image_builder.h"

#include <archive.h>
#include <archive_entry.h>
#include <dirent.h>

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"
#include "image/digest.h"

namespace crunlite::image {
namespace {

mode_t type_of(char type) {
  switch (type) {
    case 'd': return AE_IFDIR;
    case 'l': return AE_IFLNK;
    case 'c': return AE_IFCHR;
    default: return AE_IFREG;
  }
}

void write_entry(struct archive* writer, const TarFile& file) {
  struct archive_entry* entry = archive_entry_new();
  archive_entry_set_pathname(entry, file.path.c_str());
  archive_entry_set_filetype(entry, type_of(file.type));
  archive_entry_set_perm(entry, file.mode);
  archive_entry_set_size(entry, static_cast<int64_t>(file.content.size()));
  if (file.type == 'l') archive_entry_set_symlink(entry, file.link.c_str());
  if (file.type == 'h') archive_entry_set_hardlink(entry, file.link.c_str());
  CHECK(archive_write_header(writer, entry) == ARCHIVE_OK);
  auto written = archive_write_data(writer, file.content.data(), file.content.size());
  CHECK(written == static_cast<ssize_t>(file.content.size()));
  archive_entry_free(entry);
}

// NOLINTNEXTLINE(misc-no-recursion): trees of tests are not deep.
void list_into(int dir, const std::string& prefix, std::vector<std::string>& paths) {
  Result<std::vector<sys::DirEntry>> entries = sys::list_dir(dir);
  CHECK(entries.has_value());
  for (const sys::DirEntry& entry : *entries) {
    std::string path = prefix + entry.name;
    struct stat info = *sys::fstatat(dir, entry.name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (!S_ISDIR(info.st_mode)) {
      paths.push_back(path);
      continue;
    }
    paths.push_back(path + "/");
    UniqueFd inner = *sys::openat(dir, entry.name.c_str(), O_RDONLY | O_DIRECTORY);
    list_into(inner.get(), path + "/", paths);
  }
}

}  // namespace

std::string make_tar(const std::vector<TarFile>& files, TarFilter filter) {
  size_t room = 1 << 20;
  for (const TarFile& file : files) room += file.content.size() + 4096;
  std::string bytes(room, '\0');
  size_t used = 0;
  struct archive* writer = archive_write_new();
  archive_write_set_format_pax_restricted(writer);
  if (filter == TarFilter::kGzip) archive_write_add_filter_gzip(writer);
  if (filter == TarFilter::kZstd) archive_write_add_filter_zstd(writer);
  archive_write_set_options(writer, "hdrcharset=BINARY");
  CHECK(archive_write_open_memory(writer, bytes.data(), bytes.size(), &used) == ARCHIVE_OK);
  for (const TarFile& file : files) write_entry(writer, file);
  CHECK(archive_write_close(writer) == ARCHIVE_OK);
  archive_write_free(writer);
  bytes.resize(used);
  return bytes;
}

oci::Digest digest_of_bytes(std::string_view bytes) {
  return *oci::Digest::parse(*digest_of(bytes));
}

LayoutBuilder::LayoutBuilder() {
  index.media_type = std::string(oci::kMediaTypeIndex);
  files["oci-layout"] = R"({"imageLayoutVersion":"1.0.0"})";
}

oci::Descriptor LayoutBuilder::add_blob(std::string_view media_type, const std::string& bytes) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = digest_of_bytes(bytes);
  descriptor.size = bytes.size();
  files["blobs/sha256/" + descriptor.digest.hex] = bytes;
  return descriptor;
}

oci::ImageConfig LayoutBuilder::host_config() {
  oci::ImageConfig config;
  config.os = oci::host_platform().os;
  config.architecture = oci::host_platform().architecture;
  return config;
}

oci::Descriptor LayoutBuilder::add_image(const std::vector<std::vector<TarFile>>& layers,
                                         oci::ImageConfig config, TarFilter filter) {
  std::string_view type = filter == TarFilter::kGzip   ? oci::kMediaTypeLayerGzip
                          : filter == TarFilter::kZstd ? oci::kMediaTypeLayerZstd
                                                       : oci::kMediaTypeLayer;
  oci::Manifest manifest;
  for (const std::vector<TarFile>& layer : layers) {
    config.rootfs.diff_ids.push_back(digest_of_bytes(make_tar(layer)));
    manifest.layers.push_back(add_blob(type, make_tar(layer, filter)));
  }
  manifest.media_type = std::string(oci::kMediaTypeManifest);
  manifest.config = add_document(oci::kMediaTypeConfig, config);
  return add_document(oci::kMediaTypeManifest, manifest);
}

void LayoutBuilder::name(oci::Descriptor descriptor, const std::string& ref_name) {
  if (!ref_name.empty()) {
    descriptor.annotations[std::string(oci::kAnnotationRefName)] = ref_name;
  }
  index.manifests.push_back(std::move(descriptor));
}

std::map<std::string, std::string> LayoutBuilder::all_files() const {
  std::map<std::string, std::string> all = files;
  all.try_emplace("index.json", json::write(json::encode(index)));
  return all;
}

void LayoutBuilder::write_folder(const std::string& path) const {
  for (const auto& [name, bytes] : all_files()) write_file(cat(path, "/", name), bytes);
}

std::string LayoutBuilder::write_tar(TarFilter filter) const {
  std::vector<TarFile> entries;
  for (const auto& [name, bytes] : all_files()) entries.push_back({name, bytes});
  return make_tar(entries, filter);
}

void write_file(const std::string& path, std::string_view bytes) {
  SplitPath split = split_path(path);
  Result<DirFd> dir = make_host_dirs(split.parent, 0755);
  CHECK(dir.has_value());
  CHECK(write_atomic(dir->get(), split.name, bytes, 0644, Durability::kVolatile).has_value());
}

std::string read_text(const std::string& path) {
  Result<std::string> text = read_file(AT_FDCWD, path, limits::kConfigBytes);
  return text.has_value() ? *text : "";
}

std::vector<std::string> list_tree(const std::string& path) {
  std::vector<std::string> paths;
  UniqueFd dir = *sys::open(path.c_str(), O_RDONLY | O_DIRECTORY);
  list_into(dir.get(), "", paths);
  std::ranges::sort(paths);
  return paths;
}

}  // namespace crunlite::image
