// SPDX-License-Identifier: Apache-2.0
// The one way in which crun-lite reports failure: Result, Error, fail() and TRY.
#pragma once

#include <expected>
#include <string>
#include <utility>

#include "base/text.h"

namespace crunlite {

// What a caller may decide on; each face maps it to its own status in one table.
enum class Kind {
  kInvalid,      // the request or a document is wrong
  kNotFound,     // the named object does not exist
  kExists,       // the named object exists already
  kConflict,     // the object is not in a state that allows this
  kDenied,       // permission is missing
  kLimit,        // a bound of base/limits.h or of the host was reached
  kUnavailable,  // this kernel or host cannot do it
  kSystem,       // a system call failed for another reason
  kBug,          // our own fault
};

// A failure. `message` is lower case, without a full stop, and grows outwards by TRY's context.
struct Error {
  Kind kind = Kind::kSystem;
  int errnum = 0;  // the errno behind it, 0 where there is none
  std::string message;
};

template <class T>
using Result = std::expected<T, Error>;
using Status = Result<void>;

// Makes a failed Result out of parts of a message.
template <class... Parts>
[[nodiscard]] std::unexpected<Error> fail(Kind kind, const Parts&... parts) {
  return std::unexpected(Error{.kind = kind, .errnum = 0, .message = cat(parts...)});
}

// Puts "context: " before an error's message.
template <class... Parts>
[[nodiscard]] Error with_context(Error error, const Parts&... parts) {
  if constexpr (sizeof...(Parts) > 0) error.message = cat(parts..., ": ", error.message);
  return error;
}

// The same result, its error with context: for the last step of a function.
template <class T, class... Parts>
[[nodiscard]] Result<T> in_context(Result<T> result, const Parts&... parts) {
  if (result.has_value()) return result;
  return std::unexpected(with_context(std::move(result).error(), parts...));
}

}  // namespace crunlite

#define CRUNLITE_JOIN2(a, b) a##b
#define CRUNLITE_JOIN(a, b) CRUNLITE_JOIN2(a, b)
#define CRUNLITE_TRY(name, expr, ...)                                                    \
  ({                                                                                     \
    auto&& name = (expr);                                                                \
    if (!name.has_value()) [[unlikely]] {                                                \
      return std::unexpected(                                                            \
          ::crunlite::with_context(std::move(name).error() __VA_OPT__(, ) __VA_ARGS__)); \
    }                                                                                    \
    *std::move(name);                                                                    \
  })

// TRY(expression, context...): the value, or return from the function with the error, to whose
// message the context is prepended. The context is built only on failure.
#define TRY(expr, ...) \
  CRUNLITE_TRY(CRUNLITE_JOIN(try_result_, __COUNTER__), expr __VA_OPT__(, ) __VA_ARGS__)
