// SPDX-License-Identifier: Apache-2.0
// Writes tar archives byte by byte, well-formed or not, and compresses them; for tests.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace crunlite::image {

// A ustar header, field by field. Numbers that do not fit are written in base 256, as GNU does.
struct TarHeader {
  std::string name = {};
  char type = '0';
  int64_t mode = 0644;
  int64_t uid = 0;
  int64_t gid = 0;
  int64_t size = 0;
  int64_t mtime = 1'000'000'000;
  std::string link = {};
  int64_t device_major = 0;
  int64_t device_minor = 0;
  bool gnu = false;                                      // magic of GNU tar instead of ustar
  std::vector<std::pair<size_t, std::string>> raw = {};  // written over the fields, by offset
  bool wrong_checksum = false;
};

using PaxRecords = std::vector<std::pair<std::string, std::string>>;

class TarBuilder {
 public:
  // With names above 100 bytes, or PAX records, an extended header comes first.
  TarBuilder& entry(const TarHeader& header, std::string_view data = {},
                    const PaxRecords& pax = {});
  TarBuilder& file(const std::string& name, std::string_view data = {}, int64_t mode = 0644);
  TarBuilder& dir(const std::string& name, int64_t mode = 0755);
  TarBuilder& symlink(const std::string& name, const std::string& target);
  TarBuilder& hardlink(const std::string& name, const std::string& target);
  TarBuilder& fifo(const std::string& name);
  TarBuilder& device(const std::string& name, char type, int64_t major, int64_t minor);
  // One special entry: 'x', 'g', 'L', 'K' with this text as its data.
  TarBuilder& special(char type, std::string_view text);
  TarBuilder& raw(std::string_view bytes);

  // The archive with its end, as GNU tar writes it; or without.
  [[nodiscard]] std::string str() const;
  [[nodiscard]] const std::string& without_end() const { return bytes_; }

 private:
  void header(const TarHeader& header);
  void data(std::string_view data);
  std::string bytes_;
};

[[nodiscard]] std::string pax_text(const PaxRecords& records);
[[nodiscard]] std::string gzip(std::string_view bytes);
[[nodiscard]] std::string zstd(std::string_view bytes, int level = 1);
[[nodiscard]] std::string base64(std::string_view bytes);

}  // namespace crunlite::image
