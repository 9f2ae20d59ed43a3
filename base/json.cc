// SPDX-License-Identifier: Apache-2.0
// The only file that pays for the JSON library's headers.
#include "base/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/prettywriter.h>
#include <rapidjson/reader.h>
#include <rapidjson/stringbuffer.h>

#include <algorithm>
#include <charconv>

#include "base/limits.h"
#include "base/text.h"

namespace crunlite::json {
namespace {

// Receives the parser's events and builds the value; stops the parser by returning false.
class Builder {
 public:
  bool Null() { return add(Value()); }
  bool Bool(bool value) { return add(Value(value)); }
  // Numbers come as text: the library's own conversion to double is either imprecise, or has
  // undefined behaviour where the significand is zero ("0e40").
  bool Int(int) { return false; }
  bool Uint(unsigned) { return false; }
  bool Int64(int64_t) { return false; }
  bool Uint64(uint64_t) { return false; }
  bool Double(double) { return false; }
  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    std::string_view digits(text, length);
    if (auto number = parse_number<int64_t>(digits)) return add(Value(*number));
    if (auto number = parse_number<uint64_t>(digits)) return add(Value(*number));
    double number = 0;
    auto [end, error] = std::from_chars(text, text + length, number);
    if (error == std::errc() && end == text + length) return add(Value(number));
    problem_ = cat("number ", quote(digits), " is out of range");
    return false;
  }
  bool String(const char* text, rapidjson::SizeType length, bool) {
    return add(Value(std::string(text, length)));
  }
  bool StartObject() { return open(Value(Object())); }
  bool StartArray() { return open(Value(Array())); }
  bool EndObject(rapidjson::SizeType) {
    Value value = std::move(open_.back().value);
    if (has_duplicates(std::get<Object>(value.data))) return false;
    return close(std::move(value));
  }
  bool EndArray(rapidjson::SizeType) { return close(std::move(open_.back().value)); }
  bool Key(const char* text, rapidjson::SizeType length, bool) {
    open_.back().key.assign(text, length);
    return true;
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] Value take() { return std::move(root_); }

 private:
  struct Open {
    Value value;
    std::string key;  // of the member that comes next
  };

  bool add(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (auto* array = std::get_if<Array>(&open_.back().value.data)) {
      array->push_back(std::move(value));
    } else {
      auto& object = std::get<Object>(open_.back().value.data);
      object.emplace_back(std::move(open_.back().key), std::move(value));
    }
    return true;
  }

  bool open(Value value) {
    if (open_.size() >= limits::kJsonDepth) {
      problem_ = cat("nested deeper than ", limits::kJsonDepth, " levels");
      return false;
    }
    open_.push_back({std::move(value), {}});
    return true;
  }

  bool close(Value value) {
    open_.pop_back();
    return add(std::move(value));
  }

  bool has_duplicates(const Object& object) {
    std::vector<std::string_view> names;
    names.reserve(object.size());
    for (const Member& member : object) names.emplace_back(member.first);
    std::sort(names.begin(), names.end());
    auto twice = std::adjacent_find(names.begin(), names.end());
    if (twice == names.end()) return false;
    problem_ = cat("member ", quote(*twice), " stands twice");
    return true;
  }

  std::vector<Open> open_;
  Value root_;
  std::string problem_;
};

std::string position(std::string_view text, size_t offset) {
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  size_t newline = before.rfind('\n');
  size_t column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return cat("line ", line, ", column ", column + 1);
}

// Nesting is bounded by the parser: a Value cannot be deeper than limits::kJsonDepth.
template <class Writer>
struct Emit {
  Writer& writer;

  void operator()(std::nullptr_t) { writer.Null(); }
  void operator()(bool value) { writer.Bool(value); }
  void operator()(int64_t value) { writer.Int64(value); }
  void operator()(uint64_t value) { writer.Uint64(value); }
  void operator()(double value) { writer.Double(value); }
  void operator()(const std::string& value) { text(value); }
  void operator()(const Array& array) {
    writer.StartArray();
    for (const Value& item : array) std::visit(*this, item.data);
    writer.EndArray();
  }
  void operator()(const Object& object) {
    writer.StartObject();
    for (const Member& member : object) {
      writer.Key(member.first.data(), static_cast<rapidjson::SizeType>(member.first.size()));
      std::visit(*this, member.second.data);
    }
    writer.EndObject();
  }
  void text(const std::string& value) {
    writer.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
};

}  // namespace

const Value* Value::find(std::string_view name) const {
  const auto* object = get<Object>();
  if (object == nullptr) return nullptr;
  for (const Member& member : *object) {
    if (member.first == name) return &member.second;
  }
  return nullptr;
}

Result<Value> parse(std::string_view text) {
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseValidateEncodingFlag |
                              rapidjson::kParseNumbersAsStringsFlag;
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Builder builder;
  rapidjson::ParseResult parsed = reader.Parse<kFlags>(stream, builder);
  if (!parsed.IsError()) return builder.take();
  std::string problem = builder.problem();
  if (problem.empty()) problem = rapidjson::GetParseError_En(parsed.Code());
  problem = trim(problem);
  if (problem.ends_with('.')) problem.pop_back();
  return fail(Kind::kInvalid, "invalid JSON, ", position(text, parsed.Offset()), ": ", problem);
}

std::string write(const Value& value, Style style) {
  rapidjson::StringBuffer buffer;
  if (style == Style::kCompact) {
    rapidjson::Writer<rapidjson::StringBuffer> writer(buffer);
    std::visit(Emit<decltype(writer)>{writer}, value.data);
  } else {
    rapidjson::PrettyWriter<rapidjson::StringBuffer> writer(buffer);
    writer.SetIndent(' ', 2);
    std::visit(Emit<decltype(writer)>{writer}, value.data);
  }
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace crunlite::json
