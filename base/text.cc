// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <time.h>

#include <algorithm>
#include <array>

namespace crunlite {
namespace {

constexpr uint64_t kMillion = 1'000'000;

// The number in front of a suffix, in millionths; moves `text` to the suffix.
std::optional<uint64_t> take_decimal(std::string_view& text) {
  uint64_t whole = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (error != std::errc() || whole > UINT64_MAX / kMillion - 1) return {};
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  uint64_t value = whole * kMillion;
  if (!text.starts_with('.')) return value;
  text.remove_prefix(1);
  if (text.empty() || text[0] < '0' || text[0] > '9') return {};
  uint64_t unit = kMillion / 10;
  while (!text.empty() && text[0] >= '0' && text[0] <= '9') {
    value += static_cast<uint64_t>(text[0] - '0') * unit;
    unit /= 10;
    text.remove_prefix(1);
  }
  return value;
}

std::optional<int> binary_exponent(std::string_view suffix) {
  if (suffix.empty() || suffix == "b" || suffix == "B") return 0;
  constexpr std::string_view kUnits = "kmgtp";
  char lower = static_cast<char>(suffix[0] | 0x20);
  size_t at = kUnits.find(lower);
  if (at == std::string_view::npos) return {};
  std::string_view rest = suffix.substr(1);
  if (!rest.empty() && rest != "i" && rest != "iB" && rest != "B" && rest != "b") return {};
  return static_cast<int>(at + 1) * 10;
}

struct DurationUnit {
  std::string_view name;
  uint64_t ms;
};
constexpr std::array<DurationUnit, 5> kDurationUnits = {
    {{"ms", 1}, {"s", 1000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}}};

constexpr DurationUnit kSecond = {"s", 1000};

const DurationUnit* take_duration_unit(std::string_view& text) {
  for (const DurationUnit& unit : kDurationUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return &unit;
  }
  return nullptr;
}

}  // namespace

std::optional<uint64_t> parse_bytes(std::string_view text) {
  std::optional<uint64_t> millionths = take_decimal(text);
  if (!millionths.has_value()) return {};
  std::optional<int> exponent = binary_exponent(text);
  if (!exponent.has_value()) return {};
  __extension__ using Wide = unsigned __int128;
  Wide bytes = static_cast<Wide>(*millionths) * (static_cast<Wide>(1) << *exponent) / kMillion;
  if (bytes > INT64_MAX) return {};
  return static_cast<uint64_t>(bytes);
}

std::optional<uint64_t> parse_millionths(std::string_view text) {
  std::optional<uint64_t> value = take_decimal(text);
  return text.empty() ? value : std::nullopt;
}

std::optional<uint64_t> parse_duration_ms(std::string_view text) {
  uint64_t total = 0;
  bool is_first = true;
  do {
    std::optional<uint64_t> millionths = take_decimal(text);
    if (!millionths.has_value()) return {};
    bool is_alone = is_first && text.empty();
    const DurationUnit* unit = is_alone ? &kSecond : take_duration_unit(text);
    is_first = false;
    if (unit == nullptr || *millionths > UINT64_MAX / unit->ms) return {};
    uint64_t part = *millionths * unit->ms / kMillion;
    if (__builtin_add_overflow(total, part, &total)) return {};
  } while (!text.empty());
  return total;
}

std::optional<std::vector<uint32_t>> parse_number_list(std::string_view text, uint32_t end) {
  std::vector<bool> named(end);
  for (std::string_view piece : split(text, ',')) {
    piece = trim(piece);
    const size_t dash = piece.find('-');
    const auto first = parse_number<uint32_t>(piece.substr(0, dash));
    const auto last =
        dash == std::string_view::npos ? first : parse_number<uint32_t>(piece.substr(dash + 1));
    if (!first.has_value() || !last.has_value() || *first > *last || *last >= end) return {};
    std::fill(named.begin() + *first, named.begin() + *last + 1, true);
  }
  std::vector<uint32_t> numbers;
  for (uint32_t number = 0; number < end; number++) {
    if (named[number]) numbers.push_back(number);
  }
  return numbers;
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string out;
  for (size_t i = 0; i < parts.size(); i++) {
    if (i > 0) out.append(separator);
    out.append(parts[i]);
  }
  return out;
}

std::string_view trim(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  size_t from = text.find_first_not_of(kSpace);
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(kSpace) - from + 1);
}

size_t utf8_length(std::string_view text) {
  if (text.empty()) return 0;
  auto byte = [&](size_t at) { return static_cast<unsigned char>(text[at]); };
  unsigned char first = byte(0);
  if (first < 0x80) return 1;
  // 0xc0, 0xc1 and 0xf5 and above could only start characters that have a shorter form or none.
  if (first < 0xc2 || first > 0xf4) return 0;
  size_t length = first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
  if (text.size() < length) return 0;
  for (size_t i = 1; i < length; i++) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  bool shorter_form = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  bool surrogate = first == 0xed && byte(1) > 0x9f;
  bool too_large = first == 0xf4 && byte(1) > 0x8f;
  return shorter_form || surrogate || too_large ? 0 : length;
}

std::string quote(std::string_view text) {
  constexpr size_t kMaxBytes = 200;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (size_t at = 0; at < text.size();) {
    if (at >= kMaxBytes) return out.append("...\"");
    size_t length = utf8_length(text.substr(at));
    auto byte = static_cast<unsigned char>(text[at]);
    // U+0080 to U+009f are control characters, too, and terminals obey them.
    bool is_c1 = length == 2 && byte == 0xc2 && static_cast<unsigned char>(text[at + 1]) < 0xa0;
    if (length == 0 || byte < 0x20 || byte == 0x7f || is_c1) {
      out.append("\\x");
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
      at++;
      continue;
    }
    if (byte == '"' || byte == '\\') out.push_back('\\');
    out.append(text.substr(at, length));
    at += length;
  }
  return out.append("\"");
}

std::string human_bytes(uint64_t bytes) {
  constexpr std::array<std::string_view, 6> kUnits = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
  size_t unit = 0;
  uint64_t tenths = bytes * 10;
  if (bytes > UINT64_MAX / 10) return cat(bytes >> 50, " PiB");
  while (tenths >= 10240 && unit + 1 < kUnits.size()) {
    tenths /= 1024;
    unit++;
  }
  if (unit == 0) return cat(bytes, " B");
  return cat(tenths / 10, '.', tenths % 10, ' ', kUnits[unit]);
}

// Days since 1970-01-01 as year, month and day of the proleptic Gregorian calendar. gmtime() would
// read the host's time zone file for it.
struct Date {
  int64_t year;
  unsigned month;
  unsigned day;
};

static Date date_of(int64_t days) {
  constexpr int64_t kDaysPerEra = 146'097;     // 400 years
  constexpr int64_t kDaysFromYear0 = 719'468;  // 0000-03-01 to 1970-01-01
  const int64_t shifted = days + kDaysFromYear0;
  const int64_t era = (shifted >= 0 ? shifted : shifted - kDaysPerEra + 1) / kDaysPerEra;
  const auto day_of_era = static_cast<unsigned>(shifted - era * kDaysPerEra);
  const unsigned year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned month_from_march = (5 * day_of_year + 2) / 153;
  const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
  return {.year = static_cast<int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0),
          .month = month,
          .day = day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

// At least `width` digits, zeros in front.
static std::string padded(int64_t number, size_t width) {
  std::string digits = cat(number);
  return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
}

std::string rfc3339(int64_t unix_ns) {
  constexpr int64_t kNanos = 1'000'000'000;
  constexpr int64_t kSecondsPerDay = 86'400;
  const int64_t seconds = unix_ns / kNanos - (unix_ns % kNanos < 0 ? 1 : 0);
  const int64_t days = seconds / kSecondsPerDay - (seconds % kSecondsPerDay < 0 ? 1 : 0);
  const int64_t of_day = seconds - days * kSecondsPerDay;
  const Date date = date_of(days);
  return cat(padded(date.year, 4), '-', padded(date.month, 2), '-', padded(date.day, 2), 'T',
             padded(of_day / 3600, 2), ':', padded(of_day / 60 % 60, 2), ':',
             padded(of_day % 60, 2), '.', padded(unix_ns - seconds * kNanos, 9), 'Z');
}

int64_t now_unix_ns() {
  struct timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * int64_t{1'000'000'000} + now.tv_nsec;
}

std::string hex(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  out.reserve(bytes.size() * 2);
  for (char c : bytes) {
    auto byte = static_cast<unsigned char>(c);
    out.push_back(kDigits[byte >> 4]);
    out.push_back(kDigits[byte & 15]);
  }
  return out;
}

}  // namespace crunlite
