// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include <time.h>

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
  do {
    std::optional<uint64_t> millionths = take_decimal(text);
    if (!millionths.has_value()) return {};
    const DurationUnit* unit = text.empty() ? &kDurationUnits[1] : take_duration_unit(text);
    if (unit == nullptr || *millionths > UINT64_MAX / unit->ms) return {};
    uint64_t part = *millionths * unit->ms / kMillion;
    if (__builtin_add_overflow(total, part, &total)) return {};
  } while (!text.empty());
  return total;
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

std::string quote(std::string_view text) {
  constexpr size_t kMaxBytes = 200;
  constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text.substr(0, kMaxBytes)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte == '"' || byte == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (byte < 0x20 || byte == 0x7f) {
      out.append("\\x");
      out.push_back(kDigits[byte >> 4]);
      out.push_back(kDigits[byte & 15]);
    } else {
      out.push_back(c);
    }
  }
  out.append(text.size() > kMaxBytes ? "...\"" : "\"");
  return out;
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

std::string rfc3339(int64_t unix_ns) {
  constexpr int64_t kNanos = 1'000'000'000;
  time_t seconds = unix_ns / kNanos;
  struct tm parts{};
  gmtime_r(&seconds, &parts);
  char date[32];
  size_t length = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &parts);
  std::string fraction = cat(kNanos + unix_ns % kNanos).substr(1);
  return cat(std::string_view(date, length), '.', fraction, 'Z');
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
