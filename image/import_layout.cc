// SPDX-License-Identifier: Apache-2.0
// OCI image layouts as folders (image-layout.md). The folder is hostile: no link in it is followed,
// and only regular files are read.
#include "base/limits.h"
#include "image/import_source.h"
#include "image/readers.h"

namespace crunlite::image {
namespace {

// O_NONBLOCK: a FIFO in the place of a blob must not hold us.
Result<UniqueFd> open_plain(int folder, const std::string& path) {
  UniqueFd fd = TRY(sys::openat2(folder, path.c_str(), O_RDONLY | O_NONBLOCK | O_NOFOLLOW,
                                 RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS),
                    path);
  struct stat info = TRY(sys::fstat(fd.get()), path);
  if (!S_ISREG(info.st_mode)) return fail(Kind::kInvalid, path, ": is not a regular file");
  return fd;
}

Result<std::string> read_plain(int folder, const std::string& path) {
  UniqueFd fd = TRY(open_plain(folder, path));
  return TRY(read_fd(fd.get(), limits::kManifestBytes), path);
}

Status fetch_from_folder(int folder, Spool& spool, const Observer& observer,
                         const oci::Descriptor& descriptor, std::string_view what) {
  if (spool.has(descriptor.digest, descriptor.size)) return {};
  std::string path =
      cat("blobs/", oci::to_text(descriptor.digest.algorithm), "/", descriptor.digest.hex);
  UniqueFd fd = TRY(open_plain(folder, path), what);
  SourceReader reader(fd.get(), std::string(what), observer);
  TRY(spool.write(reader, {descriptor.digest, descriptor.size}, descriptor.size), what, ": ", path);
  return {};
}

}  // namespace

Result<SourceContent> read_layout_folder(int folder, Spool& spool, const Observer& observer) {
  Result<std::string> layout = read_plain(folder, "oci-layout");
  if (!layout.has_value() && layout.error().errnum == ENOENT) {
    return fail(Kind::kInvalid, "not an OCI image layout: it has no file oci-layout");
  }
  if (!layout.has_value()) return std::unexpected(std::move(layout).error());
  TRY(oci::parse_image_layout(*layout), "oci-layout");
  std::string text = TRY(read_plain(folder, "index.json"));
  SourceContent content;
  content.offers = offers_of(TRY(oci::parse_index(text), "index.json"));
  content.fetch = [folder, &spool, &observer](const oci::Descriptor& descriptor,
                                              std::string_view what) {
    return fetch_from_folder(folder, spool, observer, descriptor, what);
  };
  return content;
}

}  // namespace crunlite::image
