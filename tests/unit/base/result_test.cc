// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <errno.h>
#include <fcntl.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/scope.h"
#include "base/unique_fd.h"

namespace crunlite {
namespace {

Result<int> half(int number) {
  if (number % 2 != 0) return fail(Kind::kInvalid, number, " is odd");
  return number / 2;
}

Result<int> quarter(int number, int* contexts) {
  auto context = [&] {
    ++*contexts;
    return std::string("second half");
  };
  int once = TRY(half(number));
  return TRY(half(once), context(), " of ", number);
}

TEST(Try, GivesTheValueOrReturns) {
  int contexts = 0;
  EXPECT_EQ(quarter(8, &contexts), 2);
  EXPECT_EQ(contexts, 0);  // built on failure only
  EXPECT_EQ(quarter(3, &contexts).error().message, "3 is odd");
  EXPECT_EQ(quarter(6, &contexts).error().message, "second half of 6: 3 is odd");
  EXPECT_EQ(quarter(6, &contexts).error().kind, Kind::kInvalid);
  EXPECT_EQ(contexts, 2);
}

// Functions and no lambdas: those are constexpr by themselves, and g++ 12 folds TRY of a constant
// Result that owns memory to an empty value.
Result<std::unique_ptr<int>> make_number(int number) {
  if (number < 0) return fail(Kind::kInvalid, "negative");
  return std::make_unique<int>(number);
}

Result<int> take_number(int number) {
  std::unique_ptr<int> value = TRY(make_number(number));
  if (value == nullptr) return fail(Kind::kBug, "nothing came");
  return *value;
}

TEST(Try, MovesWhatCannotBeCopied) {
  EXPECT_EQ(take_number(5), 5);
  EXPECT_EQ(take_number(-1).error().message, "negative");
}

TEST(Try, TakesResultsWithoutAValue) {
  auto inner = [](bool works) -> Status {
    if (works) return {};
    return std::unexpected(Error{.kind = Kind::kDenied, .errnum = EPERM, .message = "no"});
  };
  auto outer = [&](bool works) -> Status {
    TRY(inner(works), "outer");
    return {};
  };
  EXPECT_TRUE(outer(true).has_value());
  EXPECT_EQ(outer(false).error().message, "outer: no");
  EXPECT_EQ(outer(false).error().errnum, EPERM);
}

TEST(Defer, RunsAtTheEnd) {
  int runs = 0;
  {
    Defer defer([&] { runs++; });
    EXPECT_EQ(runs, 0);
  }
  EXPECT_EQ(runs, 1);
}

TEST(Rollback, UndoesInReverseUnlessCommitted) {
  std::string order;
  {
    Rollback rollback;
    rollback.add([&] { order += "1"; });
    rollback.add([&] { order += "2"; });
  }
  EXPECT_EQ(order, "21");
  {
    Rollback rollback;
    rollback.add([&] { order += "3"; });
    rollback.commit();
  }
  EXPECT_EQ(order, "21");
}

bool is_open(int fd) { return ::fcntl(fd, F_GETFD) >= 0; }

TEST(UniqueFd, ClosesOnce) {
  int raw = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ASSERT_GE(raw, 0);
  {
    UniqueFd first(raw);
    UniqueFd second(std::move(first));
    EXPECT_FALSE(first.is_open());
    EXPECT_EQ(first.get(), -1);
    EXPECT_TRUE(is_open(raw));
    UniqueFd third;
    third = std::move(second);
    EXPECT_EQ(third.get(), raw);
    UniqueFd& self = third;
    third = std::move(self);
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(UniqueFd, ReleasesAndReplaces) {
  int one = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  int two = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  UniqueFd fd(one);
  fd.reset(two);
  EXPECT_FALSE(is_open(one));
  EXPECT_EQ(fd.release(), two);
  EXPECT_TRUE(is_open(two));
  fd.reset(two);
  fd.reset();
  EXPECT_FALSE(is_open(two));
}

}  // namespace
}  // namespace crunlite
