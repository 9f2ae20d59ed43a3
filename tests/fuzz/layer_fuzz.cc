// SPDX-License-Identifier: Apache-2.0
// Tar to descriptors: any layer is refused or contained. The first byte chooses the form, the
// owners and whether a layer lies below; the rest is the blob. Checksums of tar headers are put
// right, since otherwise hardly a mutation would get beyond them.
#include <sys/stat.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "base/check.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/sys_files.h"
#include "image/layer.h"
#include "image/lower_layers.h"
#include "image/remove.h"

namespace image = crunlite::image;
using crunlite::Result;
using crunlite::Status;
using crunlite::TempDir;
using crunlite::UniqueFd;
namespace sys = crunlite::sys;

namespace {

constexpr size_t kBlock = 512;
constexpr size_t kChecksum = 148;

// The number in an octal field, as far as it is one.
uint64_t octal_at(std::string_view block, size_t offset, size_t width) {
  uint64_t number = 0;
  for (char digit : block.substr(offset, width)) {
    if (digit < '0' || digit > '7') break;
    number = number * 8 + static_cast<uint64_t>(digit - '0');
  }
  return number;
}

void set_checksum(std::string& tar, size_t at) {
  uint64_t sum = 0;
  for (size_t i = 0; i < kBlock; i++) {
    bool in_field = i >= kChecksum && i < kChecksum + 8;
    sum += in_field ? uint64_t{' '} : static_cast<unsigned char>(tar[at + i]);
  }
  for (size_t i = 6; i-- > 0; sum >>= 3) {
    tar[at + kChecksum + i] = static_cast<char>('0' + (sum & 7));
  }
  tar[at + kChecksum + 6] = '\0';
}

void set_checksums(std::string& tar) {
  for (size_t at = 0; at + kBlock <= tar.size();) {
    std::string_view block = std::string_view(tar).substr(at, kBlock);
    if (block.find_first_not_of('\0') == std::string_view::npos) return;
    uint64_t size = octal_at(block, 124, 12);
    char type = block[156];
    bool has_data = type != '1' && type != '2' && type != '3' && type != '4' && type != '5';
    set_checksum(tar, at);
    at += kBlock;
    if (has_data)
      at +=
          static_cast<size_t>(std::min<uint64_t>(size, tar.size()) + kBlock - 1) / kBlock * kBlock;
  }
}

// The directory in which all is done, with what must not change beside the roots.
class Place {
 public:
  Place() : dir_(TempDir::create("crun-lite-fuzz", parent()).value()) {
    CHECK(sys::mkdirat(dir_.fd(), "sentinel", 0755).has_value());
    for (const char* name : {"sentinel/a", "sentinel/b"}) {
      CHECK(sys::openat(dir_.fd(), name, O_WRONLY | O_CREAT | O_EXCL, 0644).has_value());
    }
    before_ = state();
  }
  [[nodiscard]] UniqueFd make(const char* name) const {
    CHECK(image::remove_layer(dir_.fd(), name).has_value());
    CHECK(sys::mkdirat(dir_.fd(), name, 0755).has_value());
    return sys::openat(dir_.fd(), name, O_PATH | O_DIRECTORY).value();
  }
  void check_untouched() const { CHECK(state() == before_); }

 private:
  static std::string parent() {
    return sys::open("/dev/shm", O_PATH | O_DIRECTORY).has_value() ? "/dev/shm" : "";
  }
  [[nodiscard]] std::string state() const {
    std::string text;
    for (const char* name : {"sentinel", "sentinel/a", "sentinel/b"}) {
      struct stat info = sys::fstatat(dir_.fd(), name, AT_SYMLINK_NOFOLLOW).value();
      text.append(crunlite::cat(info.st_ino, " ", info.st_mode, " ", info.st_uid, " ",
                                info.st_nlink, " ", info.st_size, " ", info.st_mtim.tv_nsec, " ",
                                info.st_ctim.tv_nsec, "\n"));
    }
    return text;
  }
  TempDir dir_;
  std::string before_;
};

void append_entry(std::string& tar, std::string_view name, char type, std::string_view link) {
  std::string block(kBlock, '\0');
  block.replace(0, name.size(), name);
  block.replace(100, 7, "0000755");
  block[156] = type;
  block.replace(157, link.size(), link);
  block.replace(257, 6, std::string_view("ustar\0", 6));
  size_t at = tar.size();
  tar.append(block);
  set_checksum(tar, at);
}

// A layer to lie below: what the seeds of the corpus refer to.
const std::string& base_layer() {
  static const std::string tar = [] {
    std::string text;
    append_entry(text, "d/f", '0', "");
    append_entry(text, "d/sub/old", '0', "");
    append_entry(text, "f", '0', "");
    append_entry(text, "usr/lib/old", '0', "");
    append_entry(text, "lib", '2', "usr/lib");
    append_entry(text, "l", '2', "../sentinel");
    append_entry(text, "loop", '2', "loop");
    return text;
  }();
  return tar;
}

// kPlain leaves no trace of overlayfs. Does not enter what it may not read.
void check_plain(int root) {
  Status pruned = image::prune(root, [](const image::PruneEntry& entry) {
    CHECK(!image::is_whiteout(entry.info));
    CHECK(!entry.name.starts_with(".wh."));
    return S_ISDIR(entry.info.st_mode) ? image::Fate::kEnter : image::Fate::kKeep;
  });
  CHECK(pruned.has_value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const Place place;  // anew for each, since libFuzzer leaves without destructors
  std::string blob(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (image::detect_compression(blob) == image::Compression::kNone) set_checksums(blob);

  image::LayerOptions options;
  options.form = (data[0] & 1) != 0 ? image::LayerForm::kPlain : image::LayerForm::kOverlay;
  bool owners = (data[0] & 2) != 0 && ::geteuid() == 0;
  options.ownership = owners ? image::Ownership::kApply : image::Ownership::kIgnore;
  options.bounds.max_bytes = 4 << 20;
  options.bounds.max_entries = 1000;
  UniqueFd root = place.make("root");
  UniqueFd below = place.make("below");
  if ((data[0] & 4) != 0) {
    bool plain = options.form == image::LayerForm::kPlain;
    image::MemoryReader base(base_layer());
    CHECK(image::unpack_layer(base, plain ? root.get() : below.get(), options).has_value());
    if (!plain) options.lowers = {below.get()};
  }
  image::MemoryReader reader(blob);
  Result<image::LayerResult> result = image::unpack_layer(reader, root.get(), options);
  if (!result.has_value()) CHECK(!result.error().message.empty());
  if (options.form == image::LayerForm::kPlain) check_plain(root.get());
  place.check_untouched();
  return 0;
}
