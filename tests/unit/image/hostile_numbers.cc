// SPDX-License-Identifier: Apache-2.0
#include <limits>

#include "base/text.h"
#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

TarBuilder with_pax(const std::string& key, const std::string& value) {
  return TarBuilder().entry({.name = "a", .size = 1}, "x", {{key, value}});
}

TarBuilder with_size(int64_t size) { return TarBuilder().entry({.name = "a", .size = size}, "x"); }

}  // namespace

namespace {

HostileCases owner_and_size_cases() {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  return {
      {.name = "UidIs2To32",
       .blob = of(TarBuilder().entry({.name = "a", .uid = int64_t{1} << 32})),
       .refused = "uid: 4294967296 is out of range"},
      {.name = "UidIsMinusOne",
       .blob = of(TarBuilder().entry({.name = "a", .uid = -1})),
       .refused = "uid: "},
      {.name = "UidIs2To32Minus1",
       .blob = of(TarBuilder().entry({.name = "a", .uid = 4294967295})),
       .refused = "uid: 4294967295 is out of range"},
      {.name = "PaxUidIs99999999999",
       .blob = of(with_pax("uid", "99999999999")),
       .refused = "uid: 99999999999 is out of range"},
      {.name = "PaxUidOverflows",
       .blob = of(with_pax("uid", "999999999999999999999999")),
       .refused = "uid: "},
      {.name = "PaxUidIsNegative", .blob = of(with_pax("uid", "-1")), .refused = "uid: "},
      {.name = "GidIs2To32",
       .blob = of(TarBuilder().entry({.name = "a", .gid = int64_t{1} << 32})),
       .refused = "gid: 4294967296 is out of range"},
      {.name = "PaxGidIs99999999999",
       .blob = of(with_pax("gid", "99999999999")),
       .refused = "gid: 99999999999 is out of range"},
      {.name = "OwnersAreTheLargest",
       .blob = of(TarBuilder().entry({.name = "a", .uid = 4294967294, .gid = 4294967294})),
       .tree = {"a"}},
      {.name = "SizeIsNegative", .blob = of(with_size(-1)), .refused = "tar: "},
      {.name = "SizeIsTheSmallest", .blob = of(with_size(kMin)), .refused = "tar: "},
      {.name = "SizeIsTheLargest", .blob = of(with_size(kMax)), .refused = "tar: entry 1"},
      {.name = "SizeIsLargerThanTheArchive",
       .blob = of(with_size(1 << 20)),
       .refused = "truncated"},
      {.name = "SizeIsNoNumber",
       .blob = of(TarBuilder().entry({.name = "a", .size = 1, .raw = {{124, "zzzzzzzzzzz"}}}, "x")),
       .refused = "is not a tar archive"},
      {.name = "PaxSizeIsNegative", .blob = of(with_pax("size", "-1")), .refused = "tar: "},
      {.name = "PaxSizeIsNoNumber", .blob = of(with_pax("size", "abc")), .refused = "tar: "},
      {.name = "PaxSizeIsTooLarge",
       .blob = of(with_pax("size", "9223372036854775807")),
       .refused = "tar: entry 1"},
  };
}

HostileCases time_and_mode_cases() {
  constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
  constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
  return {
      {.name = "PaxSizeOverrulesTheHeader",
       .blob = of(TarBuilder().entry({.name = "a", .size = 0}, "x", {{"size", "1"}})),
       .tree = {"a = x"}},
      {.name = "TimeIsNegative",
       .blob = of(TarBuilder().entry({.name = "a", .mtime = -1'000'000})),
       .tree = {"a"}},
      {.name = "TimeIsTheLargest",
       .blob = of(TarBuilder()
                      .entry({.name = "a", .mtime = kMax})
                      .entry({.name = "d", .type = '5', .mode = 0755, .mtime = kMax})),
       .tree = {"a", "d/"}},
      {.name = "TimeIsTheSmallest",
       .blob = of(TarBuilder().entry({.name = "a", .mtime = kMin})),
       .tree = {"a"}},
      {.name = "PaxTimeHasManyDigits",
       .blob = of(with_pax("mtime", "1.9999999999999999999999")),
       .tree = {"a = x"}},
      {.name = "PaxTimeIsNoNumber", .blob = of(with_pax("mtime", "now")), .tree = {"a = x"}},
      // As nanoseconds these would mean "now" and "leave it" to the kernel.
      {.name = "PaxTimeIsUtimeNow",
       .blob = of(with_pax("mtime", "1.1073741823")),
       .tree = {"a = x"}},
      {.name = "ModeHasAllBits",
       .blob = of(TarBuilder().file("a", "x", 07777777)),
       .tree = {"a = x 7777"}},
      {.name = "ModeIsSetUserId",
       .blob = of(TarBuilder()
                      .file("a", "x", 04755)
                      .file("b", "x", 02755)
                      .dir("d", 02775)
                      .file("d/f")
                      .dir("d/e")),
       .tree = {"a = x 4755", "b = x 2755", "d/ 2775", "d/e/", "d/f"}},
      {.name = "ModeIsNegative",
       .blob = of(TarBuilder().file("a", "x", -1)),
       .tree = {"a = x 7777"}},
      {.name = "ChecksumIsWrong",
       .blob = of(TarBuilder().file("a").entry({.name = "b", .wrong_checksum = true})),
       .refused = "tar: entry 2"},
      {.name = "FirstChecksumIsWrong",
       .blob = of(TarBuilder().entry({.name = "b", .wrong_checksum = true})),
       .refused = "is not a tar archive"},
  };
}

}  // namespace

HostileCases number_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {owner_and_size_cases, time_and_mode_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

namespace {

// Old GNU sparse format: up to four pairs of offset and length in the header.
TarBuilder gnu_sparse(int64_t real_size, const std::vector<std::pair<int64_t, int64_t>>& map,
                      std::string_view data) {
  auto number = [](int64_t value) {
    std::string digits(11, '0');
    for (size_t i = 11; i-- > 0; value >>= 3) digits[i] = static_cast<char>('0' + (value & 7));
    return digits + '\0';
  };
  TarHeader header{
      .name = "s", .type = 'S', .size = static_cast<int64_t>(data.size()), .gnu = true};
  size_t at = 386;
  for (const auto& [offset, length] : map) {
    header.raw.emplace_back(at, number(offset) + number(length));
    at += 24;
  }
  if (real_size < int64_t{1} << 33) {
    header.raw.emplace_back(483, number(real_size));
  } else {
    std::string wide(12, '\0');
    for (size_t i = 12; i-- > 1; real_size >>= 8) wide[i] = static_cast<char>(real_size & 0xff);
    wide[0] = '\x80';
    header.raw.emplace_back(483, wide);
  }
  return TarBuilder().entry(header, data);
}

TarBuilder pax_sparse_01(const std::string& size, const std::string& map, std::string_view data) {
  return TarBuilder().entry(
      {.name = "ignored", .size = static_cast<int64_t>(data.size())}, data,
      {{"GNU.sparse.name", "s"}, {"GNU.sparse.size", size}, {"GNU.sparse.map", map}});
}

TarBuilder pax_sparse_10(const std::string& size, std::string map, std::string_view data) {
  map.resize((map.size() + 511) / 512 * 512);
  map.append(data);
  return TarBuilder().entry({.name = "ignored", .size = static_cast<int64_t>(map.size())}, map,
                            {{"GNU.sparse.major", "1"},
                             {"GNU.sparse.minor", "0"},
                             {"GNU.sparse.name", "s"},
                             {"GNU.sparse.realsize", size}});
}

constexpr int64_t kPetabyte = int64_t{1} << 50;

}  // namespace

HostileCases sparse_cases() {
  const std::string peta = cat(kPetabyte);
  std::string long_map = "0,1";
  std::string long_list = "30000\n0\n1\n";
  for (int i = 1; i < 30'000; i++) {
    long_map.append(cat(",", i * 2, ",0"));
    long_list.append(cat(i * 2, "\n0\n"));
  }
  const std::string too_much = "hold";  // "... more than N bytes", "... too much for its ..."
  return {
      {.name = "SparseGnu",
       .blob = of(gnu_sparse(100'000, {{0, 4}, {99'996, 4}}, "abcdwxyz")),
       .tree = {"s # 100000"}},
      {.name = "SparseGnuIsAPetabyte",
       .blob = of(gnu_sparse(kPetabyte, {{0, 4}}, "abcd")),
       .refused = too_much,
       .kind = Kind::kLimit},
      {.name = "SparseGnuIsLargerThanItsBlobAllows",
       .blob = of(gnu_sparse(int64_t{4} << 30, {{0, 4}}, "abcd")),
       .refused = "too much for its compressed size",
       .kind = Kind::kLimit},
      {.name = "SparsePax",
       .blob = of(pax_sparse_01("100000", "0,4,99996,4", "abcdwxyz")),
       .tree = {"s # 100000"}},
      {.name = "SparsePaxIsAPetabyte",
       .blob = of(pax_sparse_01(peta, "0,4", "abcd")),
       .refused = too_much,
       .kind = Kind::kLimit},
      {.name = "SparsePaxHasALongMap",
       .blob = of(pax_sparse_01("60000", long_map, "a")),
       .tree = {"s # 60000"}},
      {.name = "SparsePaxOverlaps",
       .blob = of(pax_sparse_01("100", "50,4,0,4", "abcdwxyz")),
       .refused = "size: "},
      {.name = "SparsePaxIsNegative",
       .blob = of(pax_sparse_01("100", "-50,4", "abcd")),
       .refused = "tar: "},
      {.name = "SparsePaxMapIsBroken",
       .blob = of(pax_sparse_01("100", "1,2,x", "abcd")),
       .refused = "tar: "},
      {.name = "SparsePaxDataLiesOutside",
       .blob = of(pax_sparse_01("2", "0,4", "abcd")),
       .refused = "size: "},
      {.name = "SparsePax10",
       .blob = of(pax_sparse_10("100000", "2\n0\n4\n99996\n4\n", "abcdwxyz")),
       .tree = {"s # 100000"}},
      {.name = "SparsePax10IsAPetabyte",
       .blob = of(pax_sparse_10(peta, "1\n0\n4\n", "abcd")),
       .refused = too_much,
       .kind = Kind::kLimit},
      {.name = "SparsePax10HasALongMap",
       .blob = of(pax_sparse_10("60000", long_list, "a")),
       .tree = {"s # 60000"}},
      {.name = "SparsePax10MapSaysTooMuch",
       .blob = of(pax_sparse_10("100", "99999999999\n0\n4\n", "abcd")),
       .refused = "tar: "},
  };
}

}  // namespace crunlite::image
