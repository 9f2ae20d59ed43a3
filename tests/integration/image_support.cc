// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/image_support.h"

#include <algorithm>

#include "base/path.h"

namespace crunlite::integration {
namespace {

constexpr int kFolders = 20;
constexpr int kFiles = 15;

// NOLINTNEXTLINE(misc-no-recursion): trees of tests are not deep.
void list_into(int dir, const std::string& prefix, Strings& paths) {
  Result<std::vector<sys::DirEntry>> entries = sys::list_dir(dir);
  ASSERT_TRUE(entries.has_value()) << prefix << entries.error().message;
  for (const sys::DirEntry& entry : *entries) {
    std::string path = prefix + entry.name;
    Result<UniqueFd> inner =
        sys::openat(dir, entry.name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    paths.push_back(inner.has_value() ? path + "/" : path);
    if (inner.has_value()) list_into(inner->get(), path + "/", paths);
  }
}

}  // namespace

void ImageTest::SetUp() {
  RuntimeTest::SetUp();
  ONLY_CRUN_LITE("no other runtime has images");
  make_host_directory(rootfs("data"));
  for (int i = 0; i < kFolders; i++) {
    std::string folder = rootfs(cat("data/", i));
    make_host_directory(folder);
    for (int j = 0; j < kFiles; j++) {
      write_host_file(cat(folder, "/", j), std::string(static_cast<size_t>(i * 997), 'x'));
    }
  }
  source_ = directory("source.tar");
  RunOptions tar;
  tar.spawn.args = {"tar", "-C", rootfs(), "-cf", source_, "."};
  Result<RunOutput> made = crunlite::run(tar);
  ASSERT_TRUE(made.has_value()) << made.error().message;
  ASSERT_EQ(made->status.shell_status(), 0) << made->err;
}

Strings ImageTest::words(Strings verb) const {
  verb.insert(verb.begin(), "image");
  verb.insert(verb.end(), {"--store", store()});
  return verb;
}

Outcome ImageTest::image(Strings verb, const CallOptions& options) {
  return call(words(std::move(verb)), options);
}

Strings ImageTest::tree(const std::string& name) const {
  Strings paths;
  Result<UniqueFd> dir = sys::open(directory(name).c_str(), O_RDONLY | O_DIRECTORY);
  if (!dir.has_value()) return {"(none)"};
  list_into(dir->get(), "", paths);
  std::erase_if(paths, [](const std::string& path) { return path.starts_with("locks/"); });
  std::ranges::sort(paths);
  return paths;
}

bool ImageTest::knows(const std::string& name) {
  Outcome listed = image({"ls", "--quiet"});
  EXPECT_OK(listed);
  return cat("\n", listed.out).contains(cat("\n", name, "\n"));
}

void ImageTest::remove_directory(const std::string& name) const {
  Status removed = remove_tree(AT_FDCWD, directory(name));
  ASSERT_TRUE(removed.has_value()) << removed.error().message;
}

}  // namespace crunlite::integration
