// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "tests/unit/image/hostile_cases.h"

namespace crunlite::image {
namespace {

std::string zeros(size_t size) { return std::string(size, '\0'); }

std::string cut(std::string bytes, size_t from_end) {
  bytes.resize(bytes.size() - from_end);
  return bytes;
}

std::string flipped(std::string bytes, size_t from_end) {
  char& byte = bytes[bytes.size() - 1 - from_end];
  byte = static_cast<char>(~byte);
  return bytes;
}

TarBuilder small() { return TarBuilder().file("a", "x"); }

// Text that hardly compresses, so that cutting the stream cuts the data.
std::string noise(size_t size) {
  std::string text(size, '\0');
  uint32_t state = 1;
  for (char& byte : text) {
    state = state * 1664525 + 1013904223;
    byte = static_cast<char>(state >> 24);
  }
  return text;
}

namespace {

HostileCases whole_tar_cases() {
  const std::string whole = small().str();
  return {
      {.name = "BlobIsEmpty", .blob = of(std::string()), .refused = "is not a tar archive"},
      {.name = "BlobIsText", .blob = of("hello\n"), .refused = "is not a tar archive"},
      {.name = "BlobIsNoise", .blob = of(noise(100'000)), .refused = "is not a tar archive"},
      {.name = "BlobIsZip",
       .blob = of("PK\x03\x04" + noise(2000)),
       .refused = "is not a tar archive"},
      {.name = "BlobIsCpio",
       .blob = of("070701" + std::string(104, '0') + "TRAILER!!!" + zeros(1000)),
       .refused = "is not a tar archive"},
      {.name = "BlobIsXz",
       .blob = of("\xfd" + std::string("7zXZ\0", 5) + noise(2000)),
       .refused = "is not a tar archive"},
      {.name = "ArchiveIsOnlyItsEnd", .blob = of(zeros(10240)), .tree = {}},
      {.name = "ArchiveIsOneZeroBlock", .blob = of(zeros(512)), .tree = {}},
      {.name = "ArchiveHasNoEnd", .blob = of(small().without_end()), .tree = {"a = x"}},
      {.name = "ArchiveEndsByOneZeroBlock",
       .blob = of(small().without_end() + zeros(512)),
       .tree = {"a = x"}},
      {.name = "ArchiveIsFollowedByZeros", .blob = of(whole + zeros(200'000)), .tree = {"a = x"}},
      {.name = "ArchiveIsFollowedByText", .blob = of(whole + "hello"), .refused = "data follows"},
      {.name = "ArchiveIsFollowedByTextMuchLater",
       .blob = of(whole + zeros(200'000) + "hello"),
       .refused = "data follows the end"},
      {.name = "ArchiveIsFollowedByAnother",
       .blob = of(whole + TarBuilder().file("../sentinel/file", "evil").str()),
       .refused = "data follows the end"},
      {.name = "EntryFollowsOneZeroBlock",
       .blob = of(small().raw(zeros(512)).file("b", "y")),
       .refused = "data follows the end"},
      {.name = "HeaderIsCut",
       .blob = of(small().without_end() + small().without_end().substr(0, 300)),
       .refused = "tar: entry 2: truncated"},
  };
}

HostileCases broken_tar_cases() {
  return {
      {.name = "DataIsCut",
       .blob = of(cut(TarBuilder().file("a", noise(5000)).without_end(), 1000)),
       .refused = "tar: entry 1: truncated"},
      {.name = "PaddingIsCut",
       .blob = of(cut(small().without_end(), 500)),
       .refused = "tar: entry"},
      {.name = "HeadersAreNoise",
       .blob = of(small().without_end() + noise(5120)),
       .refused = "tar: entry 2"},
      {.name = "PaxHeaderIsLast",
       .blob = of(TarBuilder().special('x', pax_text({{"path", "a"}}))),
       .refused = "tar: entry 1"},
      {.name = "PaxHeaderHasNoLength",
       .blob = of(TarBuilder().special('x', "path=a\n").file("b")),
       .refused = "tar: entry 1"},
      {.name = "PaxLengthIsTooLarge",
       .blob = of(TarBuilder().special('x', "99 path=a\n").file("b")),
       .refused = "tar: entry 1"},
      {.name = "PaxLengthIsTooSmall",
       .blob = of(TarBuilder().special('x', "2 path=a\n").file("b")),
       .refused = "tar: entry 1"},
      {.name = "PaxLengthIsNegative",
       .blob = of(TarBuilder().special('x', "-10 path=a\n").file("b")),
       .refused = "tar: entry 1"},
      {.name = "PaxRecordHasNoEqualsSign",
       .blob = of(TarBuilder().special('x', "10 patha\n\n").file("b")),
       .refused = "tar: entry 1"},
      {.name = "PaxKeyIsUnknown",
       .blob = of(TarBuilder().entry({.name = "a"}, {}, {{"NOBODY.knows", "x"}})),
       .tree = {"a"}},
      {.name = "TwoPaxHeadersInARow",
       .blob = of(TarBuilder()
                      .special('x', pax_text({{"path", "../x"}}))
                      .special('x', pax_text({{"path", "b"}}))
                      .file("a")),
       .refused = "tar: entry 1"},
  };
}

}  // namespace

HostileCases tar_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {whole_tar_cases, broken_tar_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

HostileCases compressed_cases() {
  const std::string first = gzip(small().without_end());
  const std::string second = gzip(TarBuilder().file("b", "y").str());
  const std::string large = TarBuilder().file("a", noise(300'000)).str();
  const std::vector<std::string> both = {"a = x", "b = y"};
  const std::string skippable("\x50\x2a\x4d\x18\x04\x00\x00\x00skip", 12);
  std::string empties;
  for (int i = 0; i < 50'000; i++) empties.append(gzip({}));
  return {
      {.name = "GzipHasTwoMembers", .blob = of(first + second), .tree = both},
      {.name = "GzipHasEmptyMembers", .blob = of(empties + first + second), .tree = both},
      {.name = "GzipIsOnlyAnEmptyMember", .blob = of(gzip({})), .refused = "is not a tar archive"},
      {.name = "GzipIsCut",
       .blob = of(cut(gzip(large), 1000)),
       .refused = "gzip: the stream is cut short"},
      {.name = "GzipTrailerIsCut",
       .blob = of(cut(gzip(large), 1)),
       .refused = "gzip: the stream is cut short"},
      {.name = "GzipHeaderIsCut", .blob = of(first.substr(0, 5)), .refused = "gzip: the stream"},
      {.name = "GzipSecondMemberIsCut",
       .blob = of(first + second.substr(0, 5)),
       .refused = "gzip: the stream is cut short"},
      {.name = "GzipChecksumIsWrong",
       .blob = of(flipped(gzip(large), 6)),
       .refused = "gzip: wrong checksum"},
      {.name = "GzipLengthIsWrong",
       .blob = of(flipped(gzip(large), 1)),
       .refused = "gzip: wrong checksum"},
      {.name = "GzipDataIsDamaged", .blob = of(flipped(gzip(large), 150'000)), .refused = "gzip: "},
      {.name = "GzipIsFollowedByText",
       .blob = of(first + second + "hello, here is more"),
       .refused = "gzip: invalid header"},
      {.name = "GzipIsFollowedByZeros",
       .blob = of(first + second + zeros(512)),
       .refused = "gzip: invalid header"},
      {.name = "GzipMethodIsUnknown",
       .blob = of("\x1f\x8b\x07" + first.substr(3)),
       .refused = "gzip: unsupported method"},
      {.name = "GzipInGzip", .blob = of(gzip(first)), .refused = "is not a tar archive"},
      {.name = "ZstdHasTwoFrames",
       .blob = of(zstd(small().without_end()) + zstd(TarBuilder().file("b", "y").str())),
       .tree = both},
      {.name = "ZstdHasSkippableFrames",
       .blob = of(skippable + zstd(small().without_end()) + skippable +
                  zstd(TarBuilder().file("b", "y").str()) + skippable),
       .tree = both},
      {.name = "ZstdIsCut",
       .blob = of(cut(zstd(large), 1000)),
       .refused = "zstd: the stream is cut short"},
      {.name = "ZstdChecksumIsCut",
       .blob = of(cut(zstd(large), 1)),
       .refused = "zstd: the stream is cut short"},
      {.name = "ZstdSkippableFrameIsCut",
       .blob = of(zstd(large) + cut(skippable, 1)),
       .refused = "zstd: the stream is cut short"},
      {.name = "ZstdChecksumIsWrong", .blob = of(flipped(zstd(large), 0)), .refused = "zstd: "},
      {.name = "ZstdDataIsDamaged", .blob = of(flipped(zstd(large), 150'000)), .refused = "zstd: "},
      {.name = "ZstdIsFollowedByText", .blob = of(zstd(large) + "hello"), .refused = "zstd: "},
      {.name = "ZstdIsFollowedByGzip", .blob = of(zstd(large) + first), .refused = "zstd: "},
  };
}

}  // namespace

HostileCases archive_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {tar_cases, compressed_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

namespace {

void set_small_bounds(LayerOptions& options) {
  options.bounds.max_bytes = 8 << 20;
  options.bounds.max_entries = 1000;
  options.bounds.expansion_floor = 1 << 20;
}

// An access list of so many users, which the library reads in time by their square.
PaxRecords access_list(int users) {
  std::string text;
  for (int i = 0; i < users; i++) text.append(cat("user:", i, ":rwx,"));
  return {{"SCHILY.acl.access", text}};
}

MakeBlob same_directory_often() {
  return [](const std::string&) {
    TarBuilder tar;
    for (int i = 0; i < 1001; i++) tar.dir("a");
    return tar.str();
  };
}

MakeBlob implied_directories() {
  return [](const std::string&) {
    TarBuilder tar;
    for (int i = 0; i < 4; i++) {
      std::string path = cat("d", i);
      for (int j = 0; j < 300; j++) path.append("/x");
      tar.file(path);
    }
    return tar.str();
  };
}

MakeBlob pax_headers_in_a_row() {
  return [](const std::string&) {
    TarBuilder tar;
    for (int i = 0; i < 40; i++) tar.special('x', pax_text({{"comment", zeros(100'000)}}));
    return tar.file("a").str();
  };
}

MakeBlob long_access_lists() {
  return [](const std::string&) {
    TarBuilder tar;
    for (int i = 0; i < 60; i++) tar.entry({.name = "a"}, {}, access_list(5000));
    return tar.str();
  };
}

MakeBlob large_attributes() {
  return [](const std::string&) {
    PaxRecords records;
    for (int i = 0; i < 10; i++) {
      records.emplace_back(cat("SCHILY.xattr.user.n", i), noise(60'000));
    }
    return TarBuilder().entry({.name = "a"}, {}, records).str();
  };
}

MakeBlob bomb(std::string (*compress)(const std::string& tar)) {
  return [compress](const std::string&) {
    return compress(TarBuilder().file("zeros", zeros(16 << 20)).str());
  };
}

}  // namespace

namespace {

HostileCases content_bound_cases() {
  return {
      {.name = "GzipBomb",
       .blob = bomb([](const std::string& tar) { return gzip(tar); }),
       .refused = "unpacks to more than 8388608 bytes",
       .tune = set_small_bounds,
       .kind = Kind::kLimit},
      {.name = "ZstdBomb",
       .blob = bomb([](const std::string& tar) { return zstd(tar, 19); }),
       .refused = "expands more than 1100 times",
       .tune = set_small_bounds,
       .kind = Kind::kLimit},
      {.name = "BombOfPaddingAfterTheArchive",
       .blob = [](const std::string&) { return gzip(small().str() + zeros(16 << 20)); },
       .refused = "unpacks to more than 8388608 bytes",
       .tune = set_small_bounds,
       .kind = Kind::kLimit},
      {.name = "BlobIsTooLarge",
       .blob = [](const std::string&) { return small().str() + zeros(2 << 20); },
       .refused = "is larger than 1048576 bytes",
       .tune = [](LayerOptions& options) { options.bounds.max_blob_bytes = 1 << 20; },
       .kind = Kind::kLimit},
      {.name = "TooManyEntries",
       .blob = same_directory_often(),
       .refused = "has more than 1000 entries",
       .tune = set_small_bounds,
       .kind = Kind::kLimit},
      {.name = "TooManyImpliedDirectories",
       .blob = implied_directories(),
       .refused = "has more than 1000 entries",
       .tune = set_small_bounds,
       .kind = Kind::kLimit},
      {.name = "LongNameIsTooLarge",
       .blob =
           [](const std::string&) {
             return TarBuilder().special('L', std::string(2 << 20, 'a')).file("a").str();
           },
       .refused = "tar: entry 1"},
  };
}

HostileCases header_bound_cases() {
  return {
      {.name = "PaxHeaderIsTooLarge",
       .blob =
           [](const std::string&) {
             return TarBuilder().entry({.name = "a"}, {}, {{"comment", zeros(2 << 20)}}).str();
           },
       .refused = "tar: entry 1"},
      {.name = "PaxHeaderSaysATerabyte",
       .blob =
           of(TarBuilder().entry({.name = "x", .type = 'x', .size = int64_t{1} << 40}).file("a")),
       .refused = "tar: entry 1"},
      {.name = "PaxHeadersAreTooMany",
       .blob = pax_headers_in_a_row(),
       .refused = "its headers are larger than",
       .kind = Kind::kLimit},
      {.name = "AttributesAreTooLarge",
       .blob = large_attributes(),
       .refused = "its headers are larger than",
       .kind = Kind::kLimit},
      {.name = "AccessListIsLong",
       .blob = of(TarBuilder().entry({.name = "a"}, {}, access_list(4000))),
       .tree = {"a"}},
      {.name = "AccessListsAreManyAndLong",
       .blob = long_access_lists(),
       .refused = "its large headers hold more than",
       .kind = Kind::kLimit},
      {.name = "AccessListIsTooLong",
       .blob =
           [](const std::string&) {
             return TarBuilder().entry({.name = "a"}, {}, access_list(50'000)).str();
           },
       .refused = "its headers are larger than",
       .kind = Kind::kLimit},
  };
}

}  // namespace

HostileCases bound_cases() {
  HostileCases all;
  for (HostileCases (*some)() : {content_bound_cases, header_bound_cases}) {
    for (HostileCase& one : some()) all.push_back(std::move(one));
  }
  return all;
}

}  // namespace crunlite::image
