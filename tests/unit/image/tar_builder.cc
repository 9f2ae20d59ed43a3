// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/tar_builder.h"

#include <openssl/evp.h>
#include <string.h>
#include <zstd.h>

#include <memory>

#include <isa-l/igzip_lib.h>

#include "base/check.h"
#include "base/text.h"

namespace crunlite::image {
namespace {

constexpr size_t kBlock = 512;
constexpr size_t kNameBytes = 100;

void put_text(std::string& block, size_t offset, size_t width, std::string_view text) {
  block.replace(offset, std::min(width, text.size()), text.substr(0, width));
}

void put_number(std::string& block, size_t offset, size_t width, int64_t number) {
  bool fits = number >= 0 && (width > 20 || number < (int64_t{1} << (3 * (width - 1))));
  if (fits) {
    for (size_t i = width - 1; i-- > 0;) {
      block[offset + i] = static_cast<char>('0' + (number & 7));
      number >>= 3;
    }
    return;
  }
  for (size_t i = width; i-- > 0;) {
    block[offset + i] = static_cast<char>(number & 0xff);
    number >>= 8;  // arithmetic: keeps the sign
  }
  block[offset] = static_cast<char>(static_cast<unsigned char>(block[offset]) | 0x80);
}

}  // namespace

std::string pax_text(const PaxRecords& records) {
  std::string text;
  for (const auto& [key, value] : records) {
    size_t rest = key.size() + value.size() + 3;  // blank, equals sign, newline
    size_t length = rest + 1;
    while (cat(length).size() + rest != length) length++;
    text.append(cat(length, " ", key, "=", value, "\n"));
  }
  return text;
}

void TarBuilder::header(const TarHeader& header) {
  std::string block(kBlock, '\0');
  put_text(block, 0, kNameBytes, header.name);
  put_number(block, 100, 8, header.mode);
  put_number(block, 108, 8, header.uid);
  put_number(block, 116, 8, header.gid);
  put_number(block, 124, 12, header.size);
  put_number(block, 136, 12, header.mtime);
  block[156] = header.type;
  put_text(block, 157, kNameBytes, header.link);
  using namespace std::string_view_literals;
  put_text(block, 257, 8, header.gnu ? "ustar  \0"sv : "ustar\00000"sv);
  put_number(block, 329, 8, header.device_major);
  put_number(block, 337, 8, header.device_minor);
  for (const auto& [offset, text] : header.raw) put_text(block, offset, kBlock - offset, text);
  put_text(block, 148, 8, "        ");
  int64_t sum = header.wrong_checksum ? 1 : 0;
  for (char byte : block) sum += static_cast<unsigned char>(byte);
  put_number(block, 148, 7, sum);
  bytes_.append(block);
}

void TarBuilder::data(std::string_view data) {
  bytes_.append(data);
  bytes_.resize((bytes_.size() + kBlock - 1) / kBlock * kBlock);
}

TarBuilder& TarBuilder::special(char type, std::string_view text) {
  header({.name = "special", .type = type, .size = static_cast<int64_t>(text.size())});
  data(text);
  return *this;
}

TarBuilder& TarBuilder::entry(const TarHeader& entry, std::string_view bytes,
                              const PaxRecords& pax) {
  PaxRecords records = pax;
  if (entry.name.size() > kNameBytes) records.emplace_back("path", entry.name);
  if (entry.link.size() > kNameBytes) records.emplace_back("linkpath", entry.link);
  if (!records.empty()) special('x', pax_text(records));
  header(entry);
  data(bytes);
  return *this;
}

TarBuilder& TarBuilder::file(const std::string& name, std::string_view bytes, int64_t mode) {
  return entry({.name = name, .mode = mode, .size = static_cast<int64_t>(bytes.size())}, bytes);
}

TarBuilder& TarBuilder::dir(const std::string& name, int64_t mode) {
  return entry({.name = name, .type = '5', .mode = mode});
}

TarBuilder& TarBuilder::symlink(const std::string& name, const std::string& target) {
  return entry({.name = name, .type = '2', .mode = 0777, .link = target});
}

TarBuilder& TarBuilder::hardlink(const std::string& name, const std::string& target) {
  return entry({.name = name, .type = '1', .link = target});
}

TarBuilder& TarBuilder::fifo(const std::string& name) { return entry({.name = name, .type = '6'}); }

TarBuilder& TarBuilder::device(const std::string& name, char type, int64_t major, int64_t minor) {
  return entry({.name = name, .type = type, .device_major = major, .device_minor = minor});
}

TarBuilder& TarBuilder::raw(std::string_view bytes) {
  bytes_.append(bytes);
  return *this;
}

std::string TarBuilder::str() const {
  std::string whole = bytes_ + std::string(2 * kBlock, '\0');
  constexpr size_t kRecord = 20 * kBlock;
  whole.resize((whole.size() + kRecord - 1) / kRecord * kRecord);
  return whole;
}

std::string gzip(std::string_view bytes) {
  auto stream = std::make_unique<isal_zstream>();
  isal_deflate_init(stream.get());
  stream->gzip_flag = IGZIP_GZIP;
  stream->end_of_stream = 1;
  std::string in(bytes);
  std::string out(2 * bytes.size() + 1024, '\0');
  stream->next_in = reinterpret_cast<uint8_t*>(in.data());
  stream->avail_in = static_cast<uint32_t>(in.size());
  stream->next_out = reinterpret_cast<uint8_t*>(out.data());
  stream->avail_out = static_cast<uint32_t>(out.size());
  while (stream->internal_state.state != ZSTATE_END) {
    CHECK(isal_deflate(stream.get()) == COMP_OK && stream->avail_out > 0);
  }
  out.resize(stream->total_out);
  return out;
}

std::string zstd(std::string_view bytes, int level) {
  std::string out(ZSTD_compressBound(bytes.size()), '\0');
  std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
  size_t length = ZSTD_compress2(context.get(), out.data(), out.size(), bytes.data(), bytes.size());
  CHECK(ZSTD_isError(length) == 0);
  out.resize(length);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
  int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                               reinterpret_cast<const unsigned char*>(bytes.data()),
                               static_cast<int>(bytes.size()));
  out.resize(static_cast<size_t>(length));
  return out;
}

}  // namespace crunlite::image
