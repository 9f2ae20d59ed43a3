// SPDX-License-Identifier: Apache-2.0
// Defer and Rollback: actions at the end of a scope.
#pragma once

#include <functional>
#include <utility>
#include <vector>

namespace crunlite {

// Runs one action at the end of its scope.
template <class Action>
class Defer {
 public:
  explicit Defer(Action action) : action_(std::move(action)) {}
  Defer(const Defer&) = delete;
  Defer& operator=(const Defer&) = delete;
  ~Defer() { action_(); }

 private:
  Action action_;
};

// The undo steps of a half-made thing: run in reverse order at its end, unless commit() was called.
class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback() {
    for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) (*step)();
  }

  void add(std::function<void()> undo) { steps_.push_back(std::move(undo)); }
  void commit() { steps_.clear(); }

 private:
  std::vector<std::function<void()>> steps_;
};

}  // namespace crunlite
