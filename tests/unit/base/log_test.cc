// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/json.h"
#include "base/path.h"
#include "base/sys.h"

namespace crunlite {
namespace {

// The log of this program is set for one test and put back to nothing.
class Log : public testing::Test {
 protected:
  void SetUp() override {
    Result<TempDir> made = TempDir::create("log_test");
    ASSERT_TRUE(made.has_value());
    dir_.emplace(std::move(*made));
  }
  void TearDown() override { ASSERT_TRUE(open_log({}).has_value()); }

  [[nodiscard]] LogSettings settings(bool is_json, LogLevel level = LogLevel::kWarning) const {
    return {.program = "crun-lite", .file = path(), .is_json = is_json, .level = level};
  }
  [[nodiscard]] std::string path() const { return dir_->path() + "/log"; }
  [[nodiscard]] std::string content() const {
    return read_file(dir_->fd(), "log", 1 << 20).value_or("(missing)");
  }

  std::optional<TempDir> dir_;
};

std::string member(const json::Value& line, std::string_view name) {
  const json::Value* value = line.find(name);
  const auto* text = value != nullptr ? value->get<std::string>() : nullptr;
  return text != nullptr ? *text : "(missing)";
}

TEST_F(Log, InJsonIsOneDocumentALine) {
  ASSERT_TRUE(open_log(settings(true)).has_value());
  testing::internal::CaptureStderr();
  log_line(LogLevel::kError, "exec: \"x\": executable file not found in $PATH\nsecond line\t\x01");
  log_warning("process.rlimits[", 0, "]: ignoring");
  const std::string shown = testing::internal::GetCapturedStderr();
  const std::string text = content();
  const std::vector<std::string_view> lines = split(text, '\n');
  ASSERT_EQ(lines.size(), 3U) << text;
  EXPECT_EQ(lines[2], "");
  const Result<json::Value> first = json::parse(lines[0]);
  ASSERT_TRUE(first.has_value()) << lines[0];
  EXPECT_EQ(member(*first, "level"), "error");
  EXPECT_EQ(member(*first, "msg"),
            "exec: \"x\": executable file not found in $PATH\nsecond line\t\x01");
  const Result<json::Value> second = json::parse(lines[1]);
  ASSERT_TRUE(second.has_value());
  EXPECT_EQ(member(*second, "level"), "warning");
  EXPECT_EQ(member(*second, "msg"), "process.rlimits[0]: ignoring");
  for (const json::Value& line : {*first, *second}) {
    const std::string time = member(line, "time");
    EXPECT_TRUE(time.ends_with('Z') && time.size() == 30 && time[10] == 'T') << time;
  }
  EXPECT_EQ(shown,
            "crun-lite: exec: \"x\": executable file not found in $PATH\nsecond line\t\x01\n"
            "crun-lite: warning: process.rlimits[0]: ignoring\n");
}

TEST_F(Log, InJsonStaysADocumentWhateverTheText) {
  ASSERT_TRUE(open_log(settings(true)).has_value());
  testing::internal::CaptureStderr();
  log_line(LogLevel::kError, std::string_view("a\0b \xff\xfe \"\\", 10));
  (void)testing::internal::GetCapturedStderr();
  const std::string text = content();
  ASSERT_TRUE(text.ends_with('\n'));
  EXPECT_TRUE(json::parse(trim(text)).has_value()) << text;
}

TEST_F(Log, InTextIsOneLineWithQuotes) {
  ASSERT_TRUE(open_log(settings(false)).has_value());
  testing::internal::CaptureStderr();
  log_line(LogLevel::kError, "say \"x\"\nand more");
  (void)testing::internal::GetCapturedStderr();
  const std::string text = content();
  EXPECT_TRUE(text.starts_with("time=\"2")) << text;
  EXPECT_TRUE(text.ends_with("Z\" level=error msg=\"say \\\"x\\\"\\nand more\"\n")) << text;
}

TEST_F(Log, ShowsOnlyItsLevelAndAbove) {
  struct Row {
    LogLevel level;
    int lines;
  };
  for (const Row& row : std::initializer_list<Row>{{LogLevel::kDebug, 4},
                                                   {LogLevel::kInfo, 3},
                                                   {LogLevel::kWarning, 2},
                                                   {LogLevel::kError, 1}}) {
    (void)sys::unlinkat(dir_->fd(), "log", 0);  // of the row before
    ASSERT_TRUE(open_log(settings(true, row.level)).has_value());
    testing::internal::CaptureStderr();
    log_debug("one");
    log_line(LogLevel::kInfo, "two");
    log_warning("three");
    log_line(LogLevel::kError, "four");
    const std::string shown = testing::internal::GetCapturedStderr();
    EXPECT_EQ(std::count(shown.begin(), shown.end(), '\n'), row.lines);
    const std::string text = content();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), row.lines);
  }
}

TEST_F(Log, IsAppendedTo) {
  for (const char* text : {"first", "second"}) {
    ASSERT_TRUE(open_log(settings(false)).has_value());
    testing::internal::CaptureStderr();
    log_line(LogLevel::kError, text);
    (void)testing::internal::GetCapturedStderr();
  }
  EXPECT_NE(content().find("first"), std::string::npos);
  EXPECT_NE(content().find("second"), std::string::npos);
}

TEST_F(Log, WithoutAFileGoesToStandardErrorAlone) {
  LogSettings without_file;
  without_file.program = "p";
  ASSERT_TRUE(open_log(without_file).has_value());
  testing::internal::CaptureStderr();
  log_line(LogLevel::kError, "x");
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "p: x\n");
  EXPECT_EQ(content(), "(missing)");
}

TEST_F(Log, ThatCannotBeOpenedIsAnError) {
  LogSettings wrong = settings(true);
  wrong.file = dir_->path() + "/no/log";
  const Status opened = open_log(wrong);
  ASSERT_FALSE(opened.has_value());
  EXPECT_EQ(opened.error().message, cat("--log ", wrong.file, ": No such file or directory"));
}

// The file is no descriptor for the programs that are run.
TEST_F(Log, IsClosedOnExec) {
  ASSERT_TRUE(open_log(settings(true)).has_value());
  const std::string wanted = path();
  Result<UniqueFd> fds = sys::open("/proc/self/fd", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(fds.has_value());
  int found = 0;
  const auto entries = sys::list_dir(fds->get());
  ASSERT_TRUE(entries.has_value());
  for (const sys::DirEntry& entry : *entries) {
    if (sys::readlinkat(fds->get(), entry.name.c_str()).value_or("") != wanted) continue;
    found++;
    const int fd = parse_number<int>(entry.name).value_or(-1);
    EXPECT_EQ(::fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
  }
  EXPECT_EQ(found, 1);
}

}  // namespace
}  // namespace crunlite
