// SPDX-License-Identifier: Apache-2.0
// Structs to JSON and back by one list of fields per struct, used for reading and writing.
//
//   struct Root { std::string path; bool readonly = false; };
//   constexpr auto json_fields(std::same_as<Root> auto*) {
//     return std::tuple(field("path", &Root::path, kRequired), field("readonly", &Root::readonly));
//   }
//   Config config = TRY(json::decode<Config>(TRY(json::parse(text))));   // "root.path: missing"
//
// json_fields is a template so that only those who read or write the struct pay for it.
// Unknown members are ignored, wrong types never; a null counts as missing. Members that are not
// required are not written while they hold nothing (false, 0, "", {}, nullopt).
#pragma once

#include <concepts>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace crunlite::json {

enum Presence { kOptional, kRequired };

template <class Struct, class T>
struct Field {
  std::string_view name;
  T Struct::* member;
  Presence presence;
};

template <class Struct, class T>
constexpr Field<Struct, T> field(std::string_view name, T Struct::* member,
                                 Presence presence = kOptional) {
  return {name, member, presence};
}

// A member of the specification that we do not support yet: refused by its path unless it holds
// nothing, never ignored.
struct Refused {
  std::string_view name;
  std::string_view why;
};
constexpr Refused refused(std::string_view name, std::string_view why = "is not supported") {
  return {name, why};
}

template <class T>
concept Mapped = requires(T* pointer) { json_fields(pointer); };

// How one type is read and written.
template <class T>
struct Codec;

namespace internal {

inline std::unexpected<Error> wrong(std::string_view what) {
  return fail(Kind::kInvalid, ": ", what);  // the path is put before it on the way out
}

[[nodiscard]] inline Error at(Error error, std::string_view prefix) {
  error.message.insert(0, prefix);
  return error;
}

// True for null, false, 0, "", [] and {}.
[[nodiscard]] inline bool holds_nothing(const Value& value) {
  if (value.is_null()) return true;
  if (const auto* flag = value.get<bool>()) return !*flag;
  if (const auto* number = value.get<int64_t>()) return *number == 0;
  if (const auto* text = value.get<std::string>()) return text->empty();
  if (const auto* array = value.get<Array>()) return array->empty();
  if (const auto* object = value.get<Object>()) return object->empty();
  return false;
}

template <class Struct, class T>
Status read_field(const Value& object, Struct& out, const Field<Struct, T>& field) {
  const Value* value = object.find(field.name);
  if (value == nullptr || value->is_null()) {
    if (field.presence == kOptional) return {};
    return fail(Kind::kInvalid, ".", field.name, ": missing");
  }
  Result<T> decoded = Codec<T>::decode(*value);
  if (!decoded.has_value()) {
    return std::unexpected(at(std::move(decoded).error(), cat(".", field.name)));
  }
  out.*field.member = std::move(*decoded);
  return {};
}

template <class Struct>
Status read_field(const Value& object, Struct&, const Refused& field) {
  const Value* value = object.find(field.name);
  if (value == nullptr || holds_nothing(*value)) return {};
  return fail(Kind::kUnavailable, ".", field.name, ": ", field.why);
}

template <class Struct, class T>
void write_field(Object& object, const Struct& in, const Field<Struct, T>& field) {
  const T& member = in.*field.member;
  Value value = Codec<T>::encode(member);
  if (field.presence == kOptional && holds_nothing(value)) {
    // A set optional is written even when it holds 0 or false: it was said.
    if constexpr (requires { member.has_value(); }) {
      if (!member.has_value()) return;
    } else {
      return;
    }
  }
  object.emplace_back(std::string(field.name), std::move(value));
}

template <class Struct>
void write_field(Object&, const Struct&, const Refused&) {}

}  // namespace internal

template <>
struct Codec<Value> {
  static Result<Value> decode(const Value& value) { return value; }
  static Value encode(const Value& value) { return value; }
};

template <>
struct Codec<bool> {
  static Result<bool> decode(const Value& value) {
    const auto* flag = value.get<bool>();
    if (flag == nullptr) return internal::wrong("expected true or false");
    return *flag;
  }
  static Value encode(bool value) { return Value(value); }
};

template <>
struct Codec<std::string> {
  static Result<std::string> decode(const Value& value) {
    const auto* text = value.get<std::string>();
    if (text == nullptr) return internal::wrong("expected a string");
    // No field of ours may hold a NUL: the kernel would cut the string there.
    if (text->find('\0') != std::string::npos) return internal::wrong("contains a NUL character");
    return *text;
  }
  static Value encode(const std::string& value) { return Value(value); }
};

template <std::integral T>
struct Codec<T> {
  static Result<T> decode(const Value& value) {
    if (const auto* number = value.get<int64_t>()) {
      if (std::in_range<T>(*number)) return static_cast<T>(*number);
      return internal::wrong(cat("expected an integer from ", std::numeric_limits<T>::min(), " to ",
                                 std::numeric_limits<T>::max()));
    }
    if (const auto* number = value.get<uint64_t>()) {
      if (std::in_range<T>(*number)) return static_cast<T>(*number);
      return internal::wrong(cat("expected an integer from ", std::numeric_limits<T>::min(), " to ",
                                 std::numeric_limits<T>::max()));
    }
    return internal::wrong("expected an integer");
  }
  static Value encode(T value) {
    if (std::in_range<int64_t>(value)) return Value(static_cast<int64_t>(value));
    return Value(static_cast<uint64_t>(value));
  }
};

template <class T>
struct Codec<std::optional<T>> {
  static Result<std::optional<T>> decode(const Value& value) {
    if (value.is_null()) return std::optional<T>();
    return std::optional<T>(TRY(Codec<T>::decode(value)));
  }
  static Value encode(const std::optional<T>& value) {
    return value.has_value() ? Codec<T>::encode(*value) : Value();
  }
};

template <class T>
struct Codec<std::vector<T>> {
  static Result<std::vector<T>> decode(const Value& value) {
    const auto* array = value.get<Array>();
    if (array == nullptr) return internal::wrong("expected an array");
    std::vector<T> items;
    items.reserve(array->size());
    for (size_t i = 0; i < array->size(); i++) {
      Result<T> item = Codec<T>::decode((*array)[i]);
      if (!item.has_value()) {
        return std::unexpected(internal::at(std::move(item).error(), cat("[", i, "]")));
      }
      items.push_back(std::move(*item));
    }
    return items;
  }
  static Value encode(const std::vector<T>& items) {
    Array array;
    for (const T& item : items) array.push_back(Codec<T>::encode(item));
    return Value(std::move(array));
  }
};

template <class T>
struct Codec<std::map<std::string, T>> {
  static Result<std::map<std::string, T>> decode(const Value& value) {
    const auto* object = value.get<Object>();
    if (object == nullptr) return internal::wrong("expected an object");
    std::map<std::string, T> items;
    for (const Member& member : *object) {
      Result<T> item = Codec<T>::decode(member.second);
      if (!item.has_value()) {
        return std::unexpected(
            internal::at(std::move(item).error(), cat("[", quote(member.first), "]")));
      }
      items.emplace(member.first, std::move(*item));
    }
    return items;
  }
  static Value encode(const std::map<std::string, T>& items) {
    Object object;
    for (const auto& [name, item] : items) object.emplace_back(name, Codec<T>::encode(item));
    return Value(std::move(object));
  }
};

template <Mapped T>
struct Codec<T> {
  static Result<T> decode(const Value& value) {
    if (value.get<Object>() == nullptr) return internal::wrong("expected an object");
    T out{};
    Status status;
    std::apply(
        [&](const auto&... fields) {
          // Stops at the first field that fails.
          (void)((status = internal::read_field(value, out, fields)).has_value() && ...);
        },
        json_fields(static_cast<T*>(nullptr)));
    if (!status.has_value()) return std::unexpected(std::move(status).error());
    return out;
  }
  static Value encode(const T& in) {
    Object object;
    std::apply([&](const auto&... fields) { (internal::write_field(object, in, fields), ...); },
               json_fields(static_cast<T*>(nullptr)));
    return Value(std::move(object));
  }
};

// The struct a value describes; errors start with the path of the wrong field.
template <class T>
[[nodiscard]] Result<T> decode(const Value& value) {
  Result<T> decoded = Codec<T>::decode(value);
  if (decoded.has_value()) return decoded;
  Error error = std::move(decoded).error();
  if (error.message.starts_with('.')) error.message.erase(0, 1);
  if (error.message.starts_with(": ")) error.message.insert(0, "document");
  return std::unexpected(std::move(error));
}

template <class T>
[[nodiscard]] Result<T> decode_text(std::string_view text) {
  Value value = TRY(parse(text));
  return decode<T>(value);
}

template <class T>
[[nodiscard]] Value encode(const T& value) {
  return Codec<T>::encode(value);
}

}  // namespace crunlite::json
