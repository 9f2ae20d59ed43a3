// SPDX-License-Identifier: Apache-2.0
#include "image/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>

#include <algorithm>

#include "base/check.h"
#include "base/limits.h"

namespace crunlite::image {
namespace {

constexpr int64_t kMaxId = 0xfffffffe;  // the highest value, -1, means "leave it" to chown(2)
constexpr long kNanoseconds = 1'000'000'000;

EntryType type_of(struct archive_entry* entry) {
  if (archive_entry_hardlink(entry) != nullptr) return EntryType::kHardlink;
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG: return EntryType::kFile;
    case AE_IFDIR: return EntryType::kDirectory;
    case AE_IFLNK: return EntryType::kSymlink;
    case AE_IFCHR: return EntryType::kCharDevice;
    case AE_IFBLK: return EntryType::kBlockDevice;
    case AE_IFIFO: return EntryType::kFifo;
    default: return EntryType::kOther;
  }
}

Result<uint32_t> id_of(int64_t id, std::string_view field) {
  if (id < 0 || id > kMaxId) return fail(Kind::kInvalid, field, ": ", id, " is out of range");
  return static_cast<uint32_t>(id);
}

std::string text_of(const char* text) { return text != nullptr ? text : ""; }

struct timespec time_of(struct archive_entry* entry) {
  struct timespec time{};
  if (archive_entry_mtime_is_set(entry) == 0) return time;
  time.tv_sec = archive_entry_mtime(entry);
  // Beyond this range utimensat gives the number another meaning (UTIME_NOW, UTIME_OMIT).
  time.tv_nsec = std::clamp<long>(archive_entry_mtime_nsec(entry), 0, kNanoseconds - 1);
  return time;
}

Result<std::vector<Xattr>> xattrs_of(struct archive_entry* entry) {
  std::vector<Xattr> xattrs;
  size_t total = 0;
  int count = archive_entry_xattr_reset(entry);
  for (int i = 0; i < count; i++) {
    const char* name = nullptr;
    const void* value = nullptr;
    size_t size = 0;
    if (archive_entry_xattr_next(entry, &name, &value, &size) != ARCHIVE_OK) break;
    Xattr xattr{text_of(name), {}};
    total += xattr.name.size() + size;
    if (total > limits::kXattrsBytes) {
      return fail(Kind::kLimit, "extended attributes: more than ", limits::kXattrsBytes, " bytes");
    }
    if (size > 0) xattr.value.assign(static_cast<const char*>(value), size);
    xattrs.push_back(std::move(xattr));
  }
  return xattrs;
}

// Names are bytes to us. The library wants those of PAX headers in the locale's character set;
// where that fails, as for all but ASCII in the C locale, it warns and gives the bytes as they are.
bool is_about_charset(int code, struct archive* archive) {
  const char* text = archive_error_string(archive);
  constexpr std::string_view kWarning = "can't be converted from UTF-8 to current locale.";
  return code == ARCHIVE_WARN && text != nullptr && std::string_view(text).ends_with(kWarning);
}

Result<TarEntry> entry_of(struct archive_entry* from) {
  TarEntry entry;
  entry.type = type_of(from);
  entry.mode = archive_entry_perm(from) & 07777;
  entry.uid = TRY(id_of(archive_entry_uid(from), "uid"));
  entry.gid = TRY(id_of(archive_entry_gid(from), "gid"));
  entry.mtime = time_of(from);
  if (entry.type == EntryType::kSymlink) entry.link = text_of(archive_entry_symlink(from));
  if (entry.type == EntryType::kHardlink) entry.link = text_of(archive_entry_hardlink(from));
  if (entry.type == EntryType::kFile) {
    int64_t size = archive_entry_size(from);
    if (size < 0) return fail(Kind::kInvalid, "size: is negative");
    entry.size = static_cast<uint64_t>(size);
  }
  if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
    dev_t major = archive_entry_rdevmajor(from);
    dev_t minor = archive_entry_rdevminor(from);
    constexpr dev_t kMaxMajor = (1 << 12) - 1;  // as the kernel packs them
    constexpr dev_t kMaxMinor = (1 << 20) - 1;
    if (major > kMaxMajor || minor > kMaxMinor) {
      return fail(Kind::kInvalid, "device: ", major, ":", minor, " is out of range");
    }
    entry.device_major = static_cast<uint32_t>(major);
    entry.device_minor = static_cast<uint32_t>(minor);
  }
  entry.xattrs = TRY(xattrs_of(from));
  return entry;
}

}  // namespace

void TarReader::Free::operator()(struct archive* reader) const { archive_read_free(reader); }

TarReader::~TarReader() = default;

Result<std::unique_ptr<TarReader>> TarReader::open(Source source) {
  std::unique_ptr<TarReader> reader(new TarReader(std::move(source)));
  reader->archive_.reset(archive_read_new());
  struct archive* handle = reader->archive_.get();
  if (handle == nullptr) return fail(Kind::kLimit, "tar: out of memory");
  if (archive_read_support_format_tar(handle) != ARCHIVE_OK) return reader->failure("set up");
  int opened = archive_read_open2(handle, reader.get(), nullptr, read_callback, nullptr, nullptr);
  if (opened != ARCHIVE_OK) return reader->failure("open");
  return reader;
}

ssize_t TarReader::read_callback(struct archive* handle, void* self, const void** buffer) {
  auto* reader = static_cast<TarReader*>(self);
  Result<std::string_view> bytes = reader->source_();
  if (reader->header_start_.has_value()) {
    // All that was delivered since belongs to a header which is not complete yet.
    Status fits = reader->check_header_size(reader->delivered_ - *reader->header_start_);
    if (!fits.has_value()) bytes = std::unexpected(fits.error());
  }
  if (!bytes.has_value()) {
    reader->source_error_ = bytes.error();
    archive_set_error(handle, EIO, "source failed");
    return ARCHIVE_FATAL;
  }
  reader->last_ = *bytes;
  reader->delivered_ += bytes->size();
  if (bytes->empty()) reader->source_ended_ = true;
  *buffer = bytes->data();
  return static_cast<ssize_t>(bytes->size());
}

std::unexpected<Error> TarReader::failure(std::string_view what) {
  if (source_error_.has_value()) return std::unexpected(*source_error_);
  std::string text = text_of(archive_error_string(archive_.get()));
  if (text.empty()) text = cat("cannot ", what);
  if (text == "Unrecognized archive format") {
    return fail(Kind::kInvalid, "is not a tar archive, or compressed in a way we do not know");
  }
  text[0] = static_cast<char>(tolower(static_cast<unsigned char>(text[0])));
  return fail(Kind::kInvalid, "tar: entry ", entry_, ": ", text);
}

Status TarReader::check_header_size(uint64_t size) {
  if (size <= limits::kTarHeaderBytes) return {};
  return fail(Kind::kLimit, "tar: entry ", entry_, ": its headers are larger than ",
              limits::kTarHeaderBytes, " bytes");
}

uint64_t TarReader::position() const {
  return static_cast<uint64_t>(std::max<int64_t>(0, archive_filter_bytes(archive_.get(), 0)));
}

Status TarReader::skip_data() {
  if (entry_ == 0) return {};
  // Here and not within next(), which would count the data as headers.
  int skipped = archive_read_data_skip(archive_.get());
  if (skipped != ARCHIVE_OK && skipped != ARCHIVE_EOF) return failure("skip");
  return {};
}

Result<std::optional<TarEntry>> TarReader::next() {
  TRY(skip_data());
  entry_++;
  struct archive_entry* entry = nullptr;
  uint64_t start = position();
  header_start_ = start;
  int code = archive_read_next_header(archive_.get(), &entry);
  header_start_.reset();
  if (code == ARCHIVE_EOF) return std::optional<TarEntry>();
  // A warning means that some part of the header makes no sense: not a guess is made about it.
  if (code != ARCHIVE_OK && !is_about_charset(code, archive_.get())) {
    return failure("read the header");
  }
  uint64_t size = position() - start;
  TRY(check_header_size(size));
  if (size > limits::kTarLargeHeader) large_headers_ += size;
  if (large_headers_ > limits::kTarLargeHeaders) {
    return fail(Kind::kLimit, "tar: its large headers hold more than ", limits::kTarLargeHeaders,
                " bytes");
  }
  std::string path = text_of(archive_entry_pathname(entry));
  TarEntry result = TRY(entry_of(entry), quote(path));
  result.path = std::move(path);
  return result;
}

Result<std::optional<TarBlock>> TarReader::next_block() {
  const void* data = nullptr;
  size_t size = 0;
  int64_t offset = 0;
  int code = archive_read_data_block(archive_.get(), &data, &size, &offset);
  if (code == ARCHIVE_EOF) return std::optional<TarBlock>();
  if (code != ARCHIVE_OK || offset < 0) return failure("read the data");
  std::string_view bytes(static_cast<const char*>(data), size);
  return TarBlock{static_cast<uint64_t>(offset), bytes};
}

Status TarReader::drain() {
  // What the library was given and has not used lies at the end of the last piece.
  uint64_t used = position();
  CHECK(used <= delivered_);
  uint64_t left = std::min<uint64_t>(delivered_ - used, last_.size());
  std::string_view rest = last_.substr(last_.size() - left);
  for (;;) {
    if (rest.find_first_not_of('\0') != std::string_view::npos) {
      return fail(Kind::kInvalid, "tar: data follows the end of the archive");
    }
    if (source_ended_) return {};
    rest = TRY(source_());
    source_ended_ = rest.empty();
  }
}

}  // namespace crunlite::image
