// SPDX-License-Identifier: Apache-2.0
// Text: joining, splitting, numbers, quantities and quoting, without locales and exceptions.
#pragma once

#include <charconv>
#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace crunlite {

inline void append_text(std::string& out, std::string_view part) { out.append(part); }
inline void append_text(std::string& out, char part) { out.push_back(part); }
template <std::integral T>
void append_text(std::string& out, T number) {
  if constexpr (std::same_as<T, bool>) {
    out.append(number ? "true" : "false");
  } else {
    char digits[24];
    auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
    out.append(digits, static_cast<size_t>(end - digits));
  }
}

// Joins strings and integers: cat("fd ", 3) is "fd 3".
template <class... Parts>
[[nodiscard]] std::string cat(const Parts&... parts) {
  std::string out;
  (append_text(out, parts), ...);
  return out;
}

// A whole number, for signed types perhaps after a minus; no plus, no spaces, nothing else.
template <std::integral T>
[[nodiscard]] std::optional<T> parse_number(std::string_view text, int base = 10) {
  T value{};
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return {};
  return value;
}

// "64m", "1.5g", "1024": bytes with binary suffixes k, m, g, t (and Ki, Mi, ... KiB, MB).
[[nodiscard]] std::optional<uint64_t> parse_bytes(std::string_view text);

// "1.5" -> 1500000: a decimal number in millionths; for processors.
[[nodiscard]] std::optional<uint64_t> parse_millionths(std::string_view text);

// "5m", "90s", "1h30m", "250ms", "10": a duration in milliseconds; a number that stands alone
// means seconds.
[[nodiscard]] std::optional<uint64_t> parse_duration_ms(std::string_view text);

// "0-3,7" -> {0, 1, 2, 3, 7}: numbers below `end` in the kernel's list format (cpuset(7)), sorted,
// each once; spaces around the pieces are passed over. Nothing for an empty text, and for a wrong
// one.
[[nodiscard]] std::optional<std::vector<uint32_t>> parse_number_list(std::string_view text,
                                                                     uint32_t end);

// Pieces between separators, empty ones included; "" gives one empty piece.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);
[[nodiscard]] std::string join(const std::vector<std::string>& parts, std::string_view separator);
[[nodiscard]] std::string_view trim(std::string_view text);

// The bytes of the first character of a text in UTF-8 (RFC 3629), 0 where it starts with none.
[[nodiscard]] size_t utf8_length(std::string_view text);

// Text for a message: quoted, with control characters and what is not UTF-8 escaped, cut after 200
// bytes.
[[nodiscard]] std::string quote(std::string_view text);

// "63.1 MiB": for people.
[[nodiscard]] std::string human_bytes(uint64_t bytes);

// "2026-11-24T13:34:41.123456789Z" (RFC 3339) of a time in nanoseconds since 1970.
[[nodiscard]] std::string rfc3339(int64_t unix_ns);
[[nodiscard]] int64_t now_unix_ns();

[[nodiscard]] std::string hex(std::string_view bytes);

}  // namespace crunlite
