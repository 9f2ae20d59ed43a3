// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/report.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"

namespace crunlite::integration {
namespace {

const json::Value kNothing;

std::string text_of(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  const auto* text = value == nullptr ? nullptr : value->get<std::string>();
  return text == nullptr ? std::string() : *text;
}

}  // namespace

bool MountSeen::has(std::string_view option) const {
  std::vector<std::string_view> all = split(options, ',');
  return std::find(all.begin(), all.end(), option) != all.end();
}

Report Report::parse(std::string_view output) {
  Report report;
  report.output_ = output;
  for (std::string_view line : split(output, '\n')) {
    line = trim(line);
    if (!line.starts_with('{')) continue;
    Result<json::Value> value = json::parse(line);
    if (value.has_value()) report.lines_.push_back(std::move(*value));
  }
  return report;
}

bool Report::has(std::string_view call) const {
  return std::any_of(lines_.begin(), lines_.end(),
                     [&](const json::Value& line) { return text_of(line, "call") == call; });
}

const json::Value& Report::value(std::string_view call, std::string_view field) const {
  for (const json::Value& line : lines_) {
    if (text_of(line, "call") != call) continue;
    const json::Value* value = line.find(field);
    if (value != nullptr) return *value;
  }
  ADD_FAILURE() << "no \"" << field << "\" of \"" << call << "\" in the report:\n" << output_;
  return kNothing;
}

int64_t Report::number(std::string_view call, std::string_view field) const {
  const auto* number = value(call, field).get<int64_t>();
  if (number == nullptr) {
    ADD_FAILURE() << call << "." << field << " is no number";
    return INT64_MIN;
  }
  return *number;
}

std::string Report::text(std::string_view call, std::string_view field) const {
  const auto* text = value(call, field).get<std::string>();
  if (text == nullptr) {
    ADD_FAILURE() << call << "." << field << " is no text";
    return "(missing)";
  }
  return *text;
}

bool Report::flag(std::string_view call, std::string_view field) const {
  const auto* flag = value(call, field).get<bool>();
  if (flag == nullptr) ADD_FAILURE() << call << "." << field << " is neither true nor false";
  return flag != nullptr && *flag;
}

Strings Report::texts(std::string_view call, std::string_view field) const {
  Strings texts;
  const auto* array = value(call, field).get<json::Array>();
  if (array == nullptr) return texts;
  for (const json::Value& item : *array) {
    if (const auto* text = item.get<std::string>()) texts.push_back(*text);
  }
  return texts;
}

std::vector<int64_t> Report::numbers(std::string_view call, std::string_view field) const {
  std::vector<int64_t> numbers;
  const auto* array = value(call, field).get<json::Array>();
  if (array == nullptr) return numbers;
  for (const json::Value& item : *array) {
    if (const auto* number = item.get<int64_t>()) numbers.push_back(*number);
  }
  return numbers;
}

std::string Report::attempt(std::string_view name) const {
  for (const json::Value& line : lines_) {
    if (text_of(line, "call") == "try" && text_of(line, "name") == name) {
      return text_of(line, "error");
    }
  }
  ADD_FAILURE() << "the report has no attempt " << name << ":\n" << output_;
  return "(missing)";
}

std::vector<MountSeen> Report::mounts() const {
  std::vector<MountSeen> mounts;
  const auto* array = value("mounts", "list").get<json::Array>();
  if (array == nullptr) return mounts;
  for (const json::Value& item : *array) {
    mounts.push_back({.root = text_of(item, "root"),
                      .destination = text_of(item, "destination"),
                      .options = text_of(item, "options"),
                      .propagation = text_of(item, "propagation"),
                      .type = text_of(item, "type"),
                      .source = text_of(item, "source"),
                      .super = text_of(item, "super")});
  }
  return mounts;
}

MountSeen Report::mount_at(std::string_view destination) const {
  MountSeen found;
  for (MountSeen& mount : mounts()) {
    if (mount.destination == destination) found = std::move(mount);
  }
  return found;
}

}  // namespace crunlite::integration
