// SPDX-License-Identifier: Apache-2.0
// json::parse on any bytes; what it accepts must survive being written and parsed again.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "base/json.h"

using crunlite::Result;
namespace json = crunlite::json;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  Result<json::Value> value = json::parse(text);
  if (!value.has_value()) {
    CHECK(!value.error().message.empty());
    return 0;
  }
  for (json::Style style : {json::Style::kCompact, json::Style::kIndented}) {
    Result<json::Value> again = json::parse(json::write(*value, style));
    CHECK(again.has_value());
    CHECK(*again == *value);
  }
  return 0;
}
