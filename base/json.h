// SPDX-License-Identifier: Apache-2.0
// JSON documents as values, over a library's parser and writer (RFC 8259). Any thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

namespace crunlite::json {

struct Value;
using Array = std::vector<Value>;
using Member = std::pair<std::string, Value>;
using Object = std::vector<Member>;  // in the document's order; names are unique

// One JSON value. Whole numbers are int64_t, or uint64_t above its range; others are double.
struct Value {
  std::variant<std::nullptr_t, bool, int64_t, uint64_t, double, std::string, Array, Object> data;

  Value() : data(nullptr) {}
  template <class T>
  explicit Value(T value) : data(std::move(value)) {}

  template <class T>
  [[nodiscard]] const T* get() const {
    return std::get_if<T>(&data);
  }
  [[nodiscard]] bool is_null() const { return std::holds_alternative<std::nullptr_t>(data); }
  // The member of an object, or nullptr.
  [[nodiscard]] const Value* find(std::string_view name) const;
  [[nodiscard]] bool operator==(const Value& other) const = default;
};

// Parses one document. Errors say line and column: invalid JSON, two members of one name, nesting
// deeper than limits::kJsonDepth, more values than limits::kJsonValues, text after the document,
// invalid UTF-8.
[[nodiscard]] Result<Value> parse(std::string_view text);

// Always gives a document: what is not UTF-8 in a string becomes U+FFFD, infinity becomes null.
enum class Style { kCompact, kIndented };
[[nodiscard]] std::string write(const Value& value, Style style = Style::kCompact);

}  // namespace crunlite::json
