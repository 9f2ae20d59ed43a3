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
#include <cmath>

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
    return check_surrogates({text, length}) && add(Value(std::string(text, length)));
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
    return check_surrogates(open_.back().key);
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  [[nodiscard]] Kind kind() const { return kind_; }
  [[nodiscard]] Value take() { return std::move(root_); }

 private:
  struct Open {
    Value value;
    std::string key;  // of the member that comes next
  };

  bool add(Value value) {
    if (++values_ > limits::kJsonValues) {
      return reach_limit(cat("more than ", limits::kJsonValues, " values"));
    }
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
      return reach_limit(cat("nested deeper than ", limits::kJsonDepth, " levels"));
    }
    open_.push_back({std::move(value), {}});
    return true;
  }

  // The library lets "\udc00" through, which stands for no character.
  bool check_surrogates(std::string_view text) {
    while (!text.empty()) {
      size_t length = utf8_length(text);
      if (length == 0) {
        problem_ = "a surrogate stands alone";
        return false;
      }
      text.remove_prefix(length);
    }
    return true;
  }

  bool reach_limit(std::string problem) {
    kind_ = Kind::kLimit;
    problem_ = std::move(problem);
    return false;
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
  size_t values_ = 0;
  Value root_;
  std::string problem_;
  Kind kind_ = Kind::kInvalid;
};

std::string position(std::string_view text, size_t offset) {
  std::string_view before = text.substr(0, std::min(offset, text.size()));
  auto line = std::count(before.begin(), before.end(), '\n') + 1;
  size_t newline = before.rfind('\n');
  size_t column = newline == std::string_view::npos ? before.size() : before.size() - newline - 1;
  return cat("line ", line, ", column ", column + 1);
}

// Names of files and command lines need not be UTF-8, documents must be: what is not becomes the
// replacement character.
std::string as_utf8(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    size_t length = utf8_length(text);
    out.append(length == 0 ? "\xef\xbf\xbd" : text.substr(0, length));
    text.remove_prefix(std::max<size_t>(length, 1));
  }
  return out;
}

// Nesting is bounded by the parser: a Value cannot be deeper than limits::kJsonDepth.
template <class Writer>
struct Emit {
  Writer& writer;

  void operator()(std::nullptr_t) { writer.Null(); }
  void operator()(bool value) { writer.Bool(value); }
  void operator()(int64_t value) { writer.Int64(value); }
  void operator()(uint64_t value) { writer.Uint64(value); }
  void operator()(double value) {
    // JSON has no infinity; a document of ours never holds one, but must stay a document.
    if (std::isfinite(value)) {
      writer.Double(value);
    } else {
      writer.Null();
    }
  }
  void operator()(const std::string& value) { text(value); }
  // NOLINTNEXTLINE(misc-no-recursion): as deep as the value, see above.
  void operator()(const Array& array) {
    writer.StartArray();
    for (const Value& item : array) std::visit(*this, item.data);
    writer.EndArray();
  }
  // NOLINTNEXTLINE(misc-no-recursion): as deep as the value, see above.
  void operator()(const Object& object) {
    writer.StartObject();
    for (const Member& member : object) {
      std::string name = as_utf8(member.first);
      writer.Key(name.data(), static_cast<rapidjson::SizeType>(name.size()));
      std::visit(*this, member.second.data);
    }
    writer.EndObject();
  }
  void text(const std::string& value) {
    std::string valid = as_utf8(value);
    writer.String(valid.data(), static_cast<rapidjson::SizeType>(valid.size()));
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
  // The library takes a NUL for the end of the text and would not see what comes after it.
  size_t nul = text.find('\0');
  if (nul != std::string_view::npos) {
    return fail(Kind::kInvalid, "invalid JSON, ", position(text, nul), ": a NUL character");
  }
  rapidjson::MemoryStream stream(text.data(), text.size());
  rapidjson::Reader reader;
  Builder builder;
  rapidjson::ParseResult parsed = reader.Parse<kFlags>(stream, builder);
  if (!parsed.IsError()) return builder.take();
  std::string problem = builder.problem();
  if (problem.empty()) problem = rapidjson::GetParseError_En(parsed.Code());
  problem = trim(problem);
  if (problem.ends_with('.')) problem.pop_back();
  return fail(builder.kind(), "invalid JSON, ", position(text, parsed.Offset()), ": ", problem);
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
