// SPDX-License-Identifier: Apache-2.0
#include "oci/reference.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/text.h"

namespace crunlite::oci {
namespace {

constexpr std::string_view kDefaultTag = "latest";
constexpr size_t kImageIdDigits = 64;

struct AlgorithmInfo {
  DigestAlgorithm algorithm;
  std::string_view name;
  size_t digits;
};
constexpr std::array<AlgorithmInfo, 2> kAlgorithms = {
    {{DigestAlgorithm::kSha256, "sha256", 64}, {DigestAlgorithm::kSha512, "sha512", 128}}};

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
constexpr bool is_upper(char c) { return c >= 'A' && c <= 'Z'; }
constexpr bool is_lower_alnum(char c) { return is_digit(c) || is_lower(c); }
constexpr bool is_alnum(char c) { return is_lower_alnum(c) || is_upper(c); }
constexpr bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (is_upper(c)) c = static_cast<char>(c | 0x20);
  }
  return out;
}

// "", or what stands between two runs of letters and digits: one of . _ __ or any number of -.
bool is_separator(std::string_view text) {
  return text == "." || text == "_" || text == "__" ||
         (!text.empty() && std::ranges::all_of(text, [](char c) { return c == '-'; }));
}

Status check_component(std::string_view component) {
  if (component.empty()) return fail(Kind::kInvalid, "has an empty component");
  if (std::ranges::any_of(component, is_upper)) {
    return fail(Kind::kInvalid, "component ", quote(component), " is not lower case");
  }
  size_t at = 0;
  while (at < component.size()) {
    size_t end = at;
    while (end < component.size() && is_lower_alnum(component[end])) end++;
    if (end == at) break;  // starts with a separator
    if (end == component.size()) return {};
    at = end;
    while (end < component.size() && !is_lower_alnum(component[end])) end++;
    if (!is_separator(component.substr(at, end - at))) break;
    at = end;
  }
  return fail(Kind::kInvalid, "component ", quote(component),
              " is not of letters and digits, parted by one of . _ __ or by -");
}

Status check_host_label(std::string_view label) {
  bool known = std::ranges::all_of(label, [](char c) { return is_alnum(c) || c == '-'; });
  if (!label.empty() && known && label.front() != '-' && label.back() != '-') return {};
  return fail(Kind::kInvalid, "part ", quote(label), " is not of letters, digits and inner -");
}

// "[::1]" with the address in its shortest form.
Result<std::string> normal_ipv6(std::string_view text) {
  struct in6_addr address{};
  if (::inet_pton(AF_INET6, std::string(text).c_str(), &address) != 1) {
    return fail(Kind::kInvalid, quote(text), " is not an IPv6 address");
  }
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (::inet_ntop(AF_INET6, &address, buffer.data(), buffer.size()) == nullptr) {
    return fail(Kind::kBug, quote(text), " cannot be written");
  }
  return cat('[', std::string_view(buffer.data()), ']');
}

Result<std::string> normal_host(std::string_view text) {
  std::string name;
  std::string_view rest;
  if (text.starts_with('[')) {
    size_t end = text.find(']');
    if (end == std::string_view::npos) return fail(Kind::kInvalid, "\"]\" is missing");
    name = TRY(normal_ipv6(text.substr(1, end - 1)));
    rest = text.substr(end + 1);
    if (!rest.empty() && rest[0] != ':') return fail(Kind::kInvalid, "text follows \"]\"");
  } else {
    size_t colon = text.find(':');
    for (std::string_view label : split(text.substr(0, colon), '.')) TRY(check_host_label(label));
    name = lower(text.substr(0, colon));
    if (colon != std::string_view::npos) rest = text.substr(colon);
  }
  if (rest.empty()) return name;
  std::optional<uint16_t> port = parse_number<uint16_t>(rest.substr(1));
  if (!port.has_value() || *port == 0) {
    return fail(Kind::kInvalid, "port ", quote(rest.substr(1)), " is not from 1 to 65535");
  }
  return cat(name, ':', *port);
}

bool is_host(std::string_view component) {
  return component.find_first_of(".:") != std::string_view::npos || lower(component) == "localhost";
}

Result<Reference> parse_parts(std::string_view text) {
  Reference reference;
  size_t at = text.find('@');
  if (at != std::string_view::npos) {
    reference.digest = TRY(Digest::parse(text.substr(at + 1)));
    text = text.substr(0, at);
  }
  size_t slash = text.rfind('/');
  size_t colon = text.find(':', slash == std::string_view::npos ? 0 : slash);
  if (colon != std::string_view::npos) {
    reference.tag = text.substr(colon + 1);
    TRY(check_tag(reference.tag));
    text = text.substr(0, colon);
  } else if (!reference.digest.has_value()) {
    reference.tag = kDefaultTag;
  }
  size_t first = text.find('/');
  if (first != std::string_view::npos && is_host(text.substr(0, first))) {
    reference.host = TRY(normal_host(text.substr(0, first)), "host");
    text = text.substr(first + 1);
  }
  for (std::string_view component : split(text, '/')) TRY(check_component(component), "name");
  if (reference.host.empty() && text.size() == kImageIdDigits &&
      std::ranges::all_of(text, is_lower_hex)) {
    return fail(Kind::kInvalid, "a name of 64 hexadecimal digits would look like an image id");
  }
  reference.repository = text;
  if (reference.name().size() > limits::kReferenceNameBytes) {
    return fail(Kind::kLimit, "name is longer than ", limits::kReferenceNameBytes, " characters");
  }
  return reference;
}

}  // namespace

std::string_view to_text(DigestAlgorithm algorithm) {
  return algorithm == DigestAlgorithm::kSha256 ? kAlgorithms[0].name : kAlgorithms[1].name;
}

Result<Digest> Digest::parse(std::string_view text) {
  size_t colon = text.find(':');
  if (colon == std::string_view::npos) {
    return fail(Kind::kInvalid, "digest ", quote(text), " is not ALGORITHM:HEX");
  }
  std::string_view name = text.substr(0, colon);
  std::string_view digits = text.substr(colon + 1);
  for (const AlgorithmInfo& info : kAlgorithms) {
    if (info.name != name) continue;
    if (digits.size() == info.digits && std::ranges::all_of(digits, is_lower_hex)) {
      return Digest{info.algorithm, std::string(digits)};
    }
    return fail(Kind::kInvalid, "digest ", quote(text), " has not ", info.digits,
                " lower-case hexadecimal digits");
  }
  return fail(Kind::kInvalid, "digest ", quote(text), ": algorithm is neither sha256 nor sha512");
}

std::string Digest::to_string() const { return cat(to_text(algorithm), ':', hex); }

Status check_tag(std::string_view tag) {
  if (tag.empty()) return fail(Kind::kInvalid, "tag is empty");
  if (tag.size() > limits::kTagBytes) {
    return fail(Kind::kLimit, "tag is longer than ", limits::kTagBytes, " characters");
  }
  auto is_word = [](char c) { return is_alnum(c) || c == '_'; };
  bool valid = is_word(tag[0]) &&
               std::ranges::all_of(tag, [&](char c) { return is_word(c) || c == '.' || c == '-'; });
  if (valid) return {};
  return fail(Kind::kInvalid, "tag ", quote(tag),
              " is not of letters, digits and _ with inner . and -");
}

Result<Reference> Reference::parse(std::string_view text) {
  if (text.empty()) return fail(Kind::kInvalid, "reference is empty");
  return TRY(parse_parts(text), "reference ", quote(text));
}

std::string Reference::name() const {
  return host.empty() ? repository : cat(host, '/', repository);
}

std::string Reference::to_string() const {
  std::string text = name();
  if (!tag.empty()) text.append(":").append(tag);
  if (digest.has_value()) text.append("@").append(digest->to_string());
  return text;
}

}  // namespace crunlite::oci

namespace crunlite::json {

Result<oci::Digest> Codec<oci::Digest>::decode(const Value& value) {
  std::string text = TRY(Codec<std::string>::decode(value));
  Result<oci::Digest> digest = oci::Digest::parse(text);
  // The path of the field is put before it on the way out.
  if (!digest.has_value()) return internal::wrong(digest.error().message);
  return digest;
}

Value Codec<oci::Digest>::encode(const oci::Digest& digest) {
  return Value(digest.hex.empty() ? std::string() : digest.to_string());
}

}  // namespace crunlite::json
