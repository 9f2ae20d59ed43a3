// SPDX-License-Identifier: Apache-2.0
#include "image/readers.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <algorithm>

#include "base/sys.h"

namespace crunlite::image {
namespace {

constexpr int kLookEveryMs = 100;

uint64_t size_of_file(int fd) {
  Result<struct stat> info = sys::fstat(fd);
  return info.has_value() && S_ISREG(info->st_mode) ? static_cast<uint64_t>(info->st_size) : 0;
}

}  // namespace

SourceReader::SourceReader(int fd, std::string what, const Observer& observer)
    : fd_(fd), what_(std::move(what)), observer_(observer), total_(size_of_file(fd)) {}

Result<size_t> SourceReader::read(std::span<char> buffer) {
  for (;;) {
    TRY(observer_.check());
    if (!TRY(sys::wait_ready(fd_, POLLIN, kLookEveryMs), what_)) continue;
    Result<size_t> length = sys::read(fd_, buffer);
    // Another reader of a shared pipe was faster.
    if (!length.has_value() && length.error().errnum == EAGAIN) continue;
    if (!length.has_value()) return std::unexpected(with_context(length.error(), what_));
    bytes_ += *length;
    observer_.report(what_, bytes_, total_);
    return *length;
  }
}

Result<size_t> ReplayReader::read(std::span<char> buffer) {
  if (used_ == ahead_.size()) return rest_.read(buffer);
  size_t length = std::min(buffer.size(), ahead_.size() - used_);
  memcpy(buffer.data(), ahead_.data() + used_, length);
  used_ += length;
  if (used_ == ahead_.size()) {
    ahead_ = std::string();  // its memory is not needed any more
    used_ = 0;
  }
  return length;
}

Result<size_t> TeeReader::read(std::span<char> buffer) {
  size_t length = TRY(source_.read(buffer));
  if (length > 0) TRY(sink_(std::string_view(buffer.data(), length)));
  return length;
}

Result<size_t> BoundedReader::read(std::span<char> buffer) {
  size_t length = TRY(source_.read(buffer));
  bytes_ += length;
  if (bytes_ > bounds_.max_bytes) {
    return fail(Kind::kLimit, "is larger than ", bounds_.max_bytes, " bytes unpacked");
  }
  if (bytes_ > bounds_.expansion_floor && bytes_ / bounds_.max_expansion > compressed_()) {
    return fail(Kind::kLimit, "unpacks to more than ", bounds_.max_expansion,
                " times its compressed size");
  }
  return length;
}

Result<std::string> read_ahead(ByteReader& source, size_t max_bytes) {
  std::string ahead(max_bytes, '\0');
  size_t used = 0;
  while (used < max_bytes) {
    size_t length = TRY(source.read(std::span(ahead).subspan(used)));
    if (length == 0) break;
    used += length;
  }
  ahead.resize(used);
  return ahead;
}

}  // namespace crunlite::image
