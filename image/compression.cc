// SPDX-License-Identifier: Apache-2.0
#include "image/compression.h"

#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <vector>

#include <isa-l/igzip_lib.h>

#include "base/check.h"
#include "base/sys.h"

namespace crunlite::image {
namespace {

constexpr size_t kInputBytes = size_t{1} << 17;
// RFC 8878 recommends that decoders support windows of 8 MiB; zstd needs more beyond -19 only.
constexpr int kWindowLog = 23;
constexpr size_t kMagicBytes = 4;

// What was read from the source and not used yet.
class Input {
 public:
  explicit Input(ByteReader& source) : source_(source), buffer_(kInputBytes) {}

  [[nodiscard]] std::string_view rest() const {
    return std::string_view(buffer_.data(), end_).substr(begin_);
  }
  void use(size_t length) {
    CHECK(length <= end_ - begin_);
    begin_ += length;
  }
  // Reads more behind what is left; false at the end of the source.
  Result<bool> fill() {
    if (ended_) return false;
    if (begin_ > 0) memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    size_t length = TRY(source_.read(std::span(buffer_).subspan(end_)));
    end_ += length;
    ended_ = length == 0;
    return length > 0;
  }

 private:
  ByteReader& source_;
  std::vector<char> buffer_;
  size_t begin_ = 0;
  size_t end_ = 0;
  bool ended_ = false;
};

class PlainDecompressor : public Decompressor {
 public:
  explicit PlainDecompressor(Input input) : input_(std::move(input)) {}
  Compression compression() const override { return Compression::kNone; }
  Result<size_t> read(std::span<char> out) override {
    if (input_.rest().empty() && !TRY(input_.fill())) return 0;
    std::string_view rest = input_.rest().substr(0, out.size());
    std::copy(rest.begin(), rest.end(), out.begin());
    input_.use(rest.size());
    return rest.size();
  }

 private:
  Input input_;
};

std::string_view inflate_error(int code) {
  switch (code) {
    case ISAL_INVALID_WRAPPER: return "invalid header";
    case ISAL_UNSUPPORTED_METHOD: return "unsupported method";
    case ISAL_INCORRECT_CHECKSUM: return "wrong checksum";
    default: return "invalid data";
  }
}

class GzipDecompressor : public Decompressor {
 public:
  explicit GzipDecompressor(Input input)
      : input_(std::move(input)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }
  Compression compression() const override { return Compression::kGzip; }

  Result<size_t> read(std::span<char> out) override {
    for (;;) {
      bool at_end = input_.rest().empty() && !TRY(input_.fill());
      if (state_->block_state == ISAL_BLOCK_FINISH) {
        if (at_end) return 0;
        isal_inflate_reset(state_.get());  // a further member; keeps crc_flag
        state_->crc_flag = ISAL_GZIP;
      }
      size_t length = TRY(inflate(out));
      if (length > 0) return length;
      if (at_end && state_->block_state != ISAL_BLOCK_FINISH) {
        return fail(Kind::kInvalid, "gzip: the stream is cut short");
      }
    }
  }

 private:
  // One call of the library; 0 bytes: it needs more input, or the member has ended.
  Result<size_t> inflate(std::span<char> out) {
    std::string_view rest = input_.rest();
    // The library does not write through next_in; its declaration lacks the const.
    state_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(rest.data()));
    state_->avail_in = static_cast<uint32_t>(rest.size());
    state_->next_out = reinterpret_cast<uint8_t*>(out.data());
    state_->avail_out = static_cast<uint32_t>(std::min<size_t>(out.size(), INT32_MAX));
    uint32_t room = state_->avail_out;
    int code = isal_inflate(state_.get());
    // First, since after an error the library's counts mean nothing.
    if (code < 0) return fail(Kind::kInvalid, "gzip: ", inflate_error(code));
    if (state_->avail_in > rest.size()) return fail(Kind::kInvalid, "gzip: invalid data");
    input_.use(rest.size() - state_->avail_in);
    if (code == ISAL_NEED_DICT) return fail(Kind::kInvalid, "gzip: needs a dictionary");
    return room - state_->avail_out;
  }

  Input input_;
  std::unique_ptr<inflate_state> state_;  // large: 87 KiB
};

class ZstdDecompressor : public Decompressor {
 public:
  explicit ZstdDecompressor(Input input) : input_(std::move(input)), context_(ZSTD_createDCtx()) {}
  Compression compression() const override { return Compression::kZstd; }

  Status init() {
    if (context_ == nullptr) return fail(Kind::kLimit, "zstd: out of memory");
    size_t set = ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kWindowLog);
    if (ZSTD_isError(set) != 0) return fail(Kind::kBug, "zstd: ", ZSTD_getErrorName(set));
    return {};
  }

  Result<size_t> read(std::span<char> out) override {
    for (;;) {
      bool at_end = input_.rest().empty() && !TRY(input_.fill());
      if (at_end && hint_ == 0) return 0;
      std::string_view rest = input_.rest();
      ZSTD_inBuffer in{rest.data(), rest.size(), 0};
      ZSTD_outBuffer to{out.data(), out.size(), 0};
      size_t hint = ZSTD_decompressStream(context_.get(), &to, &in);
      input_.use(in.pos);
      if (ZSTD_isError(hint) != 0) return fail(Kind::kInvalid, "zstd: ", error_text(hint));
      hint_ = hint;
      if (to.pos > 0) return to.pos;
      if (at_end && hint_ != 0) return fail(Kind::kInvalid, "zstd: the stream is cut short");
    }
  }

 private:
  static std::string error_text(size_t code) {
    std::string text = ZSTD_getErrorName(code);
    if (ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge) {
      return cat("the window is larger than ", uint64_t{1} << kWindowLog, " bytes");
    }
    if (!text.empty() && text[0] >= 'A' && text[0] <= 'Z') text[0] |= 0x20;
    return text;
  }

  struct Free {
    void operator()(ZSTD_DCtx* context) const { (void)ZSTD_freeDCtx(context); }
  };
  Input input_;
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  size_t hint_ = 0;  // 0: a frame has ended, or none has begun
};

}  // namespace

Result<size_t> FdReader::read(std::span<char> buffer) { return sys::read(fd_, buffer); }

Result<size_t> MemoryReader::read(std::span<char> buffer) {
  size_t length = std::min(buffer.size(), bytes_.size());
  std::copy_n(bytes_.begin(), length, buffer.begin());
  bytes_.remove_prefix(length);
  return length;
}

Compression detect_compression(std::string_view first_bytes) {
  using namespace std::string_view_literals;
  if (first_bytes.starts_with("\x1f\x8b"sv)) return Compression::kGzip;
  if (first_bytes.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::kZstd;
  // A skippable frame of zstd, which some parallel compressors put first.
  bool skippable =
      first_bytes.size() >= kMagicBytes && first_bytes.substr(1, 3) == "\x2a\x4d\x18"sv;
  if (skippable && (static_cast<unsigned char>(first_bytes[0]) & 0xf0) == 0x50) {
    return Compression::kZstd;
  }
  return Compression::kNone;
}

std::string_view compression_name(Compression compression) {
  switch (compression) {
    case Compression::kGzip: return "gzip";
    case Compression::kZstd: return "zstd";
    case Compression::kNone: break;
  }
  return "none";
}

Result<std::unique_ptr<Decompressor>> Decompressor::create(ByteReader& source) {
  Input input(source);
  while (input.rest().size() < kMagicBytes) {
    if (!TRY(input.fill())) break;
  }
  switch (detect_compression(input.rest())) {
    case Compression::kGzip: return std::make_unique<GzipDecompressor>(std::move(input));
    case Compression::kZstd: {
      auto zstd = std::make_unique<ZstdDecompressor>(std::move(input));
      TRY(zstd->init());
      return zstd;
    }
    case Compression::kNone: break;
  }
  return std::make_unique<PlainDecompressor>(std::move(input));
}

}  // namespace crunlite::image
