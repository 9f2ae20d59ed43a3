// SPDX-License-Identifier: Apache-2.0
// Builds small images for tests: tars, OCI image layouts as folders and tars, docker archives.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/path.h"
#include "oci/image.h"

namespace crunlite::image {

struct TarFile {
  std::string path;
  std::string content;
  char type = 'f';  // f file, d directory, l symbolic link, h hard link, c whiteout of overlayfs
  std::string link = {};
  unsigned mode = 0755;
};
enum class TarFilter { kNone, kGzip, kZstd };
std::string make_tar(const std::vector<TarFile>& files, TarFilter filter = TarFilter::kNone);

// The blobs of some images, and the index.json that names them.
class LayoutBuilder {
 public:
  LayoutBuilder();

  oci::Descriptor add_blob(std::string_view media_type, const std::string& bytes);
  template <class T>
  oci::Descriptor add_document(std::string_view media_type, const T& document) {
    return add_blob(media_type, json::write(json::encode(document)));
  }
  // An image of these layers: tars, plain or compressed. `config` gets their diff IDs.
  oci::Descriptor add_image(const std::vector<std::vector<TarFile>>& layers,
                            oci::ImageConfig config = host_config(),
                            TarFilter filter = TarFilter::kGzip);
  static oci::ImageConfig host_config();
  void name(oci::Descriptor descriptor, const std::string& ref_name);
  void write_folder(const std::string& path) const;
  [[nodiscard]] std::string write_tar(TarFilter filter = TarFilter::kNone) const;

  std::map<std::string, std::string> files;  // of the layout, by path
  oci::Index index;

 private:
  [[nodiscard]] std::map<std::string, std::string> all_files() const;
};

// Writes a file below a directory, with its directories.
void write_file(const std::string& path, std::string_view bytes);
std::string read_text(const std::string& path);
// Every path below `path` in order, directories with a slash at the end.
std::vector<std::string> list_tree(const std::string& path);
oci::Digest digest_of_bytes(std::string_view bytes);

}  // namespace crunlite::image
