// SPDX-License-Identifier: Apache-2.0
// Mounts, their options and propagation (config.md#mounts).
#include "base/text.h"
#include "tests/integration/harness.h"

namespace crunlite::integration {
namespace {

class Mounts : public RuntimeTest {
 protected:
  // A directory of the host with a file in it.
  std::string make_source(const std::string& name = "source") {
    make_host_directory(directory(name));
    write_host_file(directory(cat(name, "/file")), "from host");
    return directory(name);
  }
  // A tmpfs on `path`, with a file in it, until the end of the test.
  void mount_tmpfs(const std::string& path) {
    ASSERT_TRUE(sys::mount("tmpfs", path.c_str(), "tmpfs", 0, nullptr).has_value());
    mounted_.push_back(path);
    write_host_file(cat(path, "/inner"), "inner");
  }
  void TearDown() override {
    for (const std::string& path : mounted_) {
      EXPECT_TRUE(sys::umount2(path.c_str(), MNT_DETACH).has_value()) << path;
    }
    mounted_.clear();
    RuntimeTest::TearDown();
  }

  Strings mounted_;
};

TEST_F(Mounts, TheSpecificationsFileSystems) {
  config.mount("mqueue", "mqueue", "/dev/mqueue", {"nosuid", "noexec", "nodev"});
  Report report = run_probe({"mounts"});
  const std::pair<const char*, const char*> wanted[] = {
      {"/proc", "proc"},     {"/dev", "tmpfs"}, {"/dev/pts", "devpts"},
      {"/dev/shm", "tmpfs"}, {"/sys", "sysfs"}, {"/dev/mqueue", "mqueue"}};
  for (auto [destination, type] : wanted) {
    EXPECT_EQ(report.mount_at(destination).type, type) << destination;
  }
  EXPECT_TRUE(report.mount_at("/sys").has("ro"));
  EXPECT_TRUE(report.mount_at("/dev/mqueue").has("noexec"));
}

TEST_F(Mounts, OptionsBecomeFlags) {
  struct Row {
    Strings options;
    Strings wanted;
    Strings unwanted;
  };
  const Row rows[] = {
      {{"ro"}, {"ro"}, {"rw", "nosuid", "nodev", "noexec"}},
      {{"rw"}, {"rw"}, {"ro"}},
      {{"nosuid"}, {"nosuid", "rw"}, {"nodev", "noexec"}},
      {{"nodev"}, {"nodev"}, {"nosuid", "noexec"}},
      {{"noexec"}, {"noexec"}, {"nosuid", "nodev"}},
      {{"noatime"}, {"noatime"}, {"relatime"}},
      {{"relatime"}, {"relatime"}, {"noatime"}},
      {{"strictatime"}, {}, {"relatime", "noatime"}},
      {{"nodiratime"}, {"nodiratime"}, {}},
      {{"ro", "nosuid", "nodev", "noexec", "noatime"},
       {"ro", "nosuid", "nodev", "noexec", "noatime"},
       {}},
  };
  std::string source = make_source();
  for (size_t i = 0; i < std::size(rows); i++) {
    config.mount("tmpfs", "tmpfs", cat("/mnt/tmpfs", i), rows[i].options);
    config.bind(source, cat("/mnt/bind", i), rows[i].options);
  }
  Report report = run_probe({"mounts"});
  for (size_t i = 0; i < std::size(rows); i++) {
    for (const std::string& destination : {cat("/mnt/tmpfs", i), cat("/mnt/bind", i)}) {
      MountSeen mount = report.mount_at(destination);
      std::string said = cat(destination, " ", join(rows[i].options, ","), " -> ", mount.options);
      for (const std::string& flag : rows[i].wanted) EXPECT_TRUE(mount.has(flag)) << said;
      for (const std::string& flag : rows[i].unwanted) EXPECT_FALSE(mount.has(flag)) << said;
    }
  }
}

TEST_F(Mounts, AnOptionUndoesAnEarlierOne) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 does not undo a mount option by a later one");
  const std::pair<const char*, const char*> rows[] = {
      {"nosuid", "suid"}, {"nodev", "dev"}, {"noexec", "exec"}, {"ro", "rw"}};
  for (auto [first, second] : rows) {
    config.mount("tmpfs", "tmpfs", cat("/mnt/", first), {first, second});
  }
  Report report = run_probe({"mounts"});
  for (auto [first, second] : rows) {
    EXPECT_FALSE(report.mount_at(cat("/mnt/", first)).has(first)) << first;
  }
}

TEST_F(Mounts, TmpfsOptions) {
  config.mount("tmpfs", "tmpfs", "/scratch",
               {"size=1m", "nr_inodes=50", "mode=1711", "uid=7", "gid=8"});
  Report report = run_probe({"statfs", "/scratch", ",", "stat", "/scratch"});
  EXPECT_EQ(report.number("statfs /scratch", "bytes"), 1 << 20);
  EXPECT_EQ(report.number("statfs /scratch", "inodes"), 50);
  EXPECT_EQ(report.number("stat /scratch", "mode"), 01711);
  EXPECT_EQ(report.number("stat /scratch", "uid"), 7);
  EXPECT_EQ(report.number("stat /scratch", "gid"), 8);
}

TEST_F(Mounts, ATmpfsMayBeginWithWhatItCovers) {
  make_host_directory(rootfs("/var"));
  make_host_directory(rootfs("/var/inner"));
  write_host_file(rootfs("/var/inner/file"), "of the image");
  ASSERT_TRUE(sys::symlinkat("/etc/passwd", AT_FDCWD, rootfs("/var/link").c_str()).has_value());
  ASSERT_TRUE(sys::fchownat(AT_FDCWD, rootfs("/var/inner/file").c_str(), 7, 8, 0).has_value());
  ASSERT_TRUE(sys::fchmodat(AT_FDCWD, rootfs("/var").c_str(), 0751).has_value());
  config.mount("tmpfs", "tmpfs", "/var", {"tmpcopyup", "size=1m"});
  Report report =
      run_probe({"read", "/var/inner/file", ",", "stat", "/var/inner/file", ",", "stat",
                 "/var/link", ",", "stat", "/var", ",", "create", "/var/new", ",", "mounts"});
  EXPECT_EQ(report.mount_at("/var").type, "tmpfs");
  EXPECT_EQ(report.text("read /var/inner/file", "data"), "of the image");
  EXPECT_EQ(report.number("stat /var/inner/file", "uid"), 7);
  EXPECT_EQ(report.number("stat /var/inner/file", "gid"), 8);
  EXPECT_EQ(report.number("stat /var", "mode"), 0751);
  EXPECT_EQ(report.error("create /var/new"), "");
  EXPECT_FALSE(host_path_exists(rootfs("/var/new")));
}

TEST_F(Mounts, AReadOnlyTmpfsBeginsWithWhatItCovers) {
  make_host_directory(rootfs("/var"));
  write_host_file(rootfs("/var/file"), "of the image");
  config.mount("tmpfs", "tmpfs", "/var", {"ro", "tmpcopyup"});
  Report report = run_probe({"read", "/var/file", ",", "create", "/var/new"});
  EXPECT_EQ(report.text("read /var/file", "data"), "of the image");
  EXPECT_EQ(report.error("create /var/new"), "EROFS");
}

TEST_F(Mounts, DevptsIsANewInstance) {
  Report report = run_probe({"list", "/dev/pts", ",", "open", "/dev/ptmx", "rw"});
  EXPECT_EQ(report.texts("list /dev/pts", "list"), Strings{"ptmx"});
  EXPECT_EQ(report.error("open /dev/ptmx rw"), "");
}

TEST_F(Mounts, BindOfADirectory) {
  config.bind(make_source(), "/data");
  Report report = run_probe({"read", "/data/file", ",", "create", "/data/new"});
  EXPECT_EQ(report.text("read /data/file", "data"), "from host");
  EXPECT_TRUE(host_path_exists(directory("source/new")));
}

TEST_F(Mounts, BindOfAFile) {
  std::string source = make_source();
  config.bind(cat(source, "/file"), "/etc/over", {"ro"});
  config.bind(cat(source, "/file"), "/etc/passwd");
  Report report =
      run_probe({"read", "/etc/over", ",", "write", "/etc/over", "x", ",", "read", "/etc/passwd"});
  EXPECT_EQ(report.text("read /etc/over", "data"), "from host");
  EXPECT_EQ(report.error("write /etc/over x"), "EROFS");
  EXPECT_EQ(report.text("read /etc/passwd", "data"), "from host");
}

TEST_F(Mounts, ReadOnlyBind) {
  config.bind(make_source(), "/data", {"ro"});
  Report report = run_probe({"create", "/data/new", ",", "write", "/data/file", "x"});
  EXPECT_EQ(report.error("create /data/new"), "EROFS");
  EXPECT_EQ(report.error("write /data/file x"), "EROFS");
}

TEST_F(Mounts, BindTakesNoInnerMountsAndRbindDoes) {
  std::string source = make_source();
  make_host_directory(cat(source, "/below"));
  mount_tmpfs(cat(source, "/below"));
  config.mount("bind", source, "/flat", {"bind"});
  config.mount("bind", source, "/deep", {"rbind"});
  Report report = run_probe({"list", "/flat/below", ",", "list", "/deep/below"});
  EXPECT_EQ(report.texts("list /flat/below", "list"), Strings{});
  EXPECT_EQ(report.texts("list /deep/below", "list"), Strings{"inner"});
}

TEST_F(Mounts, RecursiveReadOnlyReachesInnerMounts) {
  std::string source = make_source();
  make_host_directory(cat(source, "/below"));
  mount_tmpfs(cat(source, "/below"));
  config.mount("bind", source, "/deep", {"rbind", "rro"});
  Report report = run_probe({"create", "/deep/x", ",", "create", "/deep/below/x"});
  EXPECT_EQ(report.error("create /deep/x"), "EROFS");
  EXPECT_EQ(report.error("create /deep/below/x"), "EROFS");
}

TEST_F(Mounts, BindWithoutTypeOrWithNone) {
  std::string source = make_source();
  config.mount("none", source, "/one", {"bind"});
  config.mount("", source, "/two", {"rbind", "ro"});
  Report report = run_probe({"read", "/one/file", ",", "read", "/two/file"});
  EXPECT_EQ(report.error("read /one/file"), "");
  EXPECT_EQ(report.error("read /two/file"), "");
}

TEST_F(Mounts, RelativeSourceOfABindBeginsAtTheBundle) {
  make_host_directory(cat(bundle(), "/extra"));
  write_host_file(cat(bundle(), "/extra/file"), "relative");
  config.bind("extra", "/data");
  EXPECT_EQ(run_probe({"read", "/data/file"}).text("read /data/file", "data"), "relative");
}

TEST_F(Mounts, MissingDestinationsAreMade) {
  std::string source = make_source();
  config.bind(source, "/a/b/c").bind(cat(source, "/file"), "/d/e/file");
  config.mount("tmpfs", "tmpfs", "/f/g");
  Report report = run_probe({"stat", "/a/b/c/file", ",", "stat", "/d/e/file", ",", "stat", "/f/g"});
  EXPECT_EQ(report.text("stat /a/b/c/file", "type"), "file");
  EXPECT_EQ(report.text("stat /d/e/file", "type"), "file");
  EXPECT_EQ(report.text("stat /f/g", "type"), "directory");
}

TEST_F(Mounts, LaterOnesCoverEarlierOnes) {
  config.mount("tmpfs", "first", "/data").mount("tmpfs", "second", "/data");
  config.bind(make_source(), "/data/inner");
  Report report = run_probe({"mounts", ",", "read", "/data/inner/file"});
  EXPECT_EQ(report.mount_at("/data").source, "second");
  EXPECT_EQ(report.text("read /data/inner/file", "data"), "from host");
}

TEST_F(Mounts, PropagationOfAMount) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 shows all mounts private");
  std::string source = make_source();
  mount_tmpfs(source);
  const std::pair<const char*, const char*> rows[] = {{"private", ""},
                                                      {"rprivate", ""},
                                                      {"slave", "master:"},
                                                      {"rslave", "master:"},
                                                      {"shared", "shared:"},
                                                      {"rshared", "shared:"},
                                                      {"unbindable", "unbindable"}};
  for (auto [option, text] : rows) {
    config.bind(source, cat("/", option), {option});
  }
  Report report = run_probe({"mounts"});
  for (auto [option, text] : rows) {
    std::string seen = report.mount_at(cat("/", option)).propagation;
    if (*text == '\0') {
      EXPECT_EQ(seen, "") << option;
    } else {
      EXPECT_TRUE(seen.contains(text)) << option << ": " << seen;
    }
  }
}

TEST_F(Mounts, ASlaveSeesLaterMountsOfTheHost) {
  DIFFERS(RuntimeKind::kCrun, "crun 1.8.1 shows all mounts private");
  std::string source = make_source();
  mount_tmpfs(source);
  make_host_directory(cat(source, "/later"));
  config.bind(source, "/slave", {"rslave", "rbind"})
      .bind(source, "/private", {"rprivate", "rbind"});
  launch_probe({"print", "up", ",", "wait"});
  ASSERT_EQ(output().next(), "up");
  mount_tmpfs(cat(source, "/later"));
  Report report = exec_probe({"list", "/slave/later", ",", "list", "/private/later"});
  EXPECT_EQ(report.texts("list /slave/later", "list"), Strings{"inner"});
  EXPECT_EQ(report.texts("list /private/later", "list"), Strings{});
  std::swap(mounted_[0], mounted_[1]);
}

TEST_F(Mounts, ASharedRoot) {
  DIFFERS(RuntimeKind::kRunc, "runc 1.1.5 leaves the root private");
  config.set("linux.rootfsPropagation", "shared");
  EXPECT_TRUE(run_probe({"mounts"}).mount_at("/").propagation.contains("shared:"));
  EXPECT_EQ(leftovers(), "");
}

// A root of its own, not the host's: no event can come from anywhere, which is all a slave is for.
TEST_F(Mounts, APrivateOrSlaveRoot) {
  for (const char* value : {"private", "rprivate", "slave", "rslave"}) {
    config.set("linux.rootfsPropagation", value);
    EXPECT_FALSE(run_probe({"mounts"}).mount_at("/").propagation.contains("shared:")) << value;
    EXPECT_EQ(leftovers(), "") << value;
  }
}

TEST_F(Mounts, NothingOfTheHostShowsThrough) {
  Report report = run_probe({"mounts", ",", "list", "/"});
  for (const MountSeen& mount : report.mounts()) {
    EXPECT_FALSE(mount.destination.contains("crun-lite-test")) << mount.destination;
    EXPECT_FALSE(mount.destination.starts_with("/sys/fs/cgroup/")) << mount.destination;
  }
  EXPECT_EQ(report.texts("list /", "list"),
            (Strings{"bin", "dev", "etc", "home", "proc", "run", "sys", "tmp"}));
}

TEST_F(Mounts, AMissingSourceIsAnError) {
  config.bind(directory("missing"), "/data");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  EXPECT_TRUE(outcome.err.contains("missing")) << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Mounts, AnUnknownFileSystemIsAnError) {
  config.mount("nosuchfs", "none", "/data");
  Outcome outcome = run();
  EXPECT_NE(outcome.status, 0);
  // The destination, or the field in the config.
  EXPECT_TRUE(outcome.err.contains("data") || outcome.err.contains("mounts[5]")) << outcome.err;
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Mounts, AnUnknownOptionIsAnError) {
  config.mount("tmpfs", "tmpfs", "/data", {"no_such_option"});
  EXPECT_NE(run().status, 0);
  EXPECT_EQ(leftovers(), "");
}

TEST_F(Mounts, OverlayAsAnOrdinaryMount) {
  for (const char* name : {"lower", "upper", "work"}) make_host_directory(directory(name));
  write_host_file(directory("lower/file"), "lower");
  config.mount("overlay", "overlay", "/data",
               {cat("lowerdir=", directory("lower")), cat("upperdir=", directory("upper")),
                cat("workdir=", directory("work"))});
  Report report = run_probe({"read", "/data/file", ",", "create", "/data/new"});
  EXPECT_EQ(report.text("read /data/file", "data"), "lower");
  EXPECT_TRUE(host_path_exists(directory("upper/new")));
}

class OverlayRoot : public Mounts {
 protected:
  void use_layers(int count) {
    Strings lower = {rootfs()};
    for (int i = 0; i < count; i++) {
      std::string layer = cat("layer", i);
      make_host_directory(directory(layer));
      write_host_file(directory(cat(layer, "/from", i)), cat(i));
      lower.insert(lower.begin(), directory(layer));
    }
    for (const char* name : {"upper", "work"}) make_host_directory(directory(name));
    json::Object mount;
    mount.emplace_back("destination", json::Value(std::string("/")));
    mount.emplace_back("type", json::Value(std::string("overlay")));
    mount.emplace_back("source", json::Value(std::string("overlay")));
    mount.emplace_back("options", to_json({cat("lowerdir=", join(lower, ":")),
                                           cat("upperdir=", directory("upper")),
                                           cat("workdir=", directory("work"))}));
    config.add_json("mounts", json::write(json::Value(std::move(mount))));
    config.move_last_to_front("mounts");
  }
};

TEST_F(OverlayRoot, IsTheRootWhereItIsTheFirstMount) {
  ONLY_CRUN_LITE("an overlay on / as the root is an extension of crun-lite");
  use_layers(2);
  Report report = run_probe({"read", "/from0", ",", "read", "/from1", ",", "create", "/new", ",",
                             "unlink", "/from0", ",", "mounts"});
  EXPECT_EQ(report.text("read /from0", "data"), "0");
  EXPECT_EQ(report.text("read /from1", "data"), "1");
  EXPECT_EQ(report.mount_at("/").type, "overlay");
  EXPECT_TRUE(host_path_exists(directory("upper/new")));
  EXPECT_TRUE(host_path_exists(directory("layer0/from0")));
  EXPECT_FALSE(host_path_exists(rootfs("new")));
}

TEST_F(OverlayRoot, OfManyLayers) {
  ONLY_CRUN_LITE("an overlay on / as the root is an extension of crun-lite");
  use_layers(60);
  Report report = run_probe({"read", "/from0", ",", "read", "/from59"});
  EXPECT_EQ(report.text("read /from0", "data"), "0");
  EXPECT_EQ(report.text("read /from59", "data"), "59");
}

TEST_F(OverlayRoot, ReadOnly) {
  ONLY_CRUN_LITE("an overlay on / as the root is an extension of crun-lite");
  use_layers(1);
  config.set("root.readonly", true);
  EXPECT_EQ(run_probe({"create", "/new"}).error("create /new"), "EROFS");
}

}  // namespace
}  // namespace crunlite::integration
