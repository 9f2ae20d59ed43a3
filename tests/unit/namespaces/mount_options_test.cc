// SPDX-License-Identifier: Apache-2.0
#include "namespaces/mount_options.h"

#include <gtest/gtest.h>
#include <sys/mount.h>

#include <algorithm>

namespace crunlite::namespaces {
namespace {

constexpr uint64_t kAtime = MOUNT_ATTR__ATIME;

struct Attribute {
  std::string name;
  uint64_t set;
  uint64_t clear;
};

const std::vector<Attribute>& attributes() {
  static const std::vector<Attribute> kTable = {
      {"ro", MOUNT_ATTR_RDONLY, 0},
      {"rw", 0, MOUNT_ATTR_RDONLY},
      {"nosuid", MOUNT_ATTR_NOSUID, 0},
      {"suid", 0, MOUNT_ATTR_NOSUID},
      {"nodev", MOUNT_ATTR_NODEV, 0},
      {"dev", 0, MOUNT_ATTR_NODEV},
      {"noexec", MOUNT_ATTR_NOEXEC, 0},
      {"exec", 0, MOUNT_ATTR_NOEXEC},
      {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
      {"diratime", 0, MOUNT_ATTR_NODIRATIME},
      {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
      {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
      {"relatime", MOUNT_ATTR_RELATIME, kAtime},
      {"norelatime", MOUNT_ATTR_STRICTATIME, kAtime},
      {"atime", MOUNT_ATTR_RELATIME, kAtime},
      {"noatime", MOUNT_ATTR_NOATIME, kAtime},
      {"strictatime", MOUNT_ATTR_STRICTATIME, kAtime},
      {"nostrictatime", MOUNT_ATTR_RELATIME, kAtime},
  };
  return kTable;
}

// mount_setattr(2) refuses a part of the atime bits in attr_clr, and atime bits in attr_set
// without all of them in attr_clr.
void expect_acceptable(uint64_t set, uint64_t clear, const std::string& name) {
  EXPECT_TRUE((clear & kAtime) == 0 || (clear & kAtime) == kAtime) << name;
  EXPECT_TRUE((set & kAtime) == 0 || (clear & kAtime) == kAtime) << name;
}

MountOptions parse(const oci::Strings& options) {
  Result<MountOptions> parsed = parse_mount_options(options);
  EXPECT_TRUE(parsed.has_value()) << (parsed.has_value() ? "" : parsed.error().message);
  return parsed.value_or(MountOptions());
}

TEST(MountOptions, OfNothingAskForNothing) {
  const MountOptions options = parse({});
  EXPECT_FALSE(options.is_bind || options.is_remount || options.is_recursive);
  EXPECT_EQ(options.attributes_set | options.attributes_clear, 0U);
  EXPECT_EQ(options.recursive_set | options.recursive_clear, 0U);
  EXPECT_EQ(options.propagation, 0U);
  EXPECT_TRUE(options.flags.empty() && options.values.empty());
}

TEST(MountOptions, SetAndClearAttributesOfTheMount) {
  for (const Attribute& row : attributes()) {
    const MountOptions options = parse({row.name});
    EXPECT_EQ(options.attributes_set, row.set) << row.name;
    EXPECT_EQ(options.attributes_clear, row.clear) << row.name;
    EXPECT_EQ(options.recursive_set | options.recursive_clear, 0U) << row.name;
    EXPECT_TRUE(options.flags.empty()) << row.name;
    expect_acceptable(options.attributes_set, options.attributes_clear, row.name);
  }
}

TEST(MountOptions, HaveRecursiveFormsOfAllAttributes) {
  for (const Attribute& row : attributes()) {
    const MountOptions options = parse({"r" + row.name});
    EXPECT_EQ(options.recursive_set, row.set) << row.name;
    EXPECT_EQ(options.recursive_clear, row.clear) << row.name;
    EXPECT_EQ(options.attributes_set | options.attributes_clear, 0U) << row.name;
    expect_acceptable(options.recursive_set, options.recursive_clear, row.name);
  }
}

TEST(MountOptions, LetTheLaterOneWin) {
  for (const Attribute& first : attributes()) {
    for (const Attribute& second : attributes()) {
      const std::string name = first.name + "," + second.name;
      const MountOptions options = parse({first.name, second.name});
      EXPECT_EQ(options.attributes_set & (second.set | second.clear), second.set) << name;
      EXPECT_EQ(options.attributes_clear & second.clear, second.clear) << name;
      EXPECT_EQ(options.attributes_set & options.attributes_clear & ~kAtime, 0U) << name;
      expect_acceptable(options.attributes_set, options.attributes_clear, name);
    }
  }
}

TEST(MountOptions, KeepRecursiveAndOwnAttributesApart) {
  const MountOptions options = parse({"rro", "rw", "nosuid", "rsuid"});
  EXPECT_EQ(options.recursive_set, uint64_t{MOUNT_ATTR_RDONLY});
  EXPECT_EQ(options.recursive_clear, uint64_t{MOUNT_ATTR_NOSUID});
  EXPECT_EQ(options.attributes_set, uint64_t{MOUNT_ATTR_NOSUID});
  EXPECT_EQ(options.attributes_clear, uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(MountOptions, KnowBinds) {
  EXPECT_TRUE(parse({"bind"}).is_bind);
  EXPECT_FALSE(parse({"bind"}).is_recursive);
  EXPECT_TRUE(parse({"rbind"}).is_bind);
  EXPECT_TRUE(parse({"rbind"}).is_recursive);
  EXPECT_FALSE(parse({"rbind", "bind"}).is_recursive);
}

TEST(MountOptions, KnowPropagation) {
  struct Row {
    std::string name;
    unsigned long flag;
  };
  for (const Row& row : std::vector<Row>{{"private", MS_PRIVATE},
                                         {"shared", MS_SHARED},
                                         {"slave", MS_SLAVE},
                                         {"unbindable", MS_UNBINDABLE}}) {
    EXPECT_EQ(parse({row.name}).propagation, row.flag) << row.name;
    EXPECT_FALSE(parse({row.name}).is_propagation_recursive) << row.name;
    EXPECT_EQ(parse({"r" + row.name}).propagation, row.flag) << row.name;
    EXPECT_TRUE(parse({"r" + row.name}).is_propagation_recursive) << row.name;
    EXPECT_EQ(parse_propagation(row.name)->flag, row.flag) << row.name;
    EXPECT_FALSE(parse_propagation(row.name)->is_recursive) << row.name;
    EXPECT_TRUE(parse_propagation("r" + row.name)->is_recursive) << row.name;
  }
  const MountOptions later = parse({"rshared", "slave"});
  EXPECT_EQ(later.propagation, static_cast<unsigned long>(MS_SLAVE));
  EXPECT_FALSE(later.is_propagation_recursive);
}

TEST(MountOptions, PropagationOfNothingIsNothing) {
  ASSERT_TRUE(parse_propagation("").has_value());
  EXPECT_EQ(parse_propagation("")->flag, 0U);
  for (const char* name : {"privat", "rrprivate", "r", "Private", " private", "bind", "ro"}) {
    EXPECT_FALSE(parse_propagation(name).has_value()) << name;
  }
}

TEST(MountOptions, AreSilentAboutWordsThatSayNothing) {
  for (const char* name : {"defaults", "loud", "silent"}) {
    const MountOptions options = parse({name});
    EXPECT_EQ(options.attributes_set | options.attributes_clear, 0U) << name;
    EXPECT_TRUE(options.flags.empty()) << name;
    // There is no such recursive form: the file system gets it, and refuses it.
    EXPECT_EQ(parse({cat("r", std::string_view(name))}).flags.size(), 1U) << name;
  }
}

TEST(MountOptions, RemountIsNoParameterOfTheFileSystem) {
  const MountOptions options = parse({"remount", "bind", "ro"});
  EXPECT_TRUE(options.is_remount);
  EXPECT_TRUE(options.is_bind);
  EXPECT_TRUE(options.flags.empty());
  EXPECT_EQ(options.attributes_set, uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(MountOptions, GiveTheFileSystemTheRest) {
  const MountOptions options = parse(
      {"size=64k", "mode=1777", "newinstance", "ro", "uid=", "context=a=b", "relatime2", "r"});
  EXPECT_EQ(options.flags, (std::vector<std::string>{"newinstance", "relatime2", "r"}));
  using Values = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(options.values,
            (Values{{"size", "64k"}, {"mode", "1777"}, {"uid", ""}, {"context", "a=b"}}));
  EXPECT_EQ(options.attributes_set, uint64_t{MOUNT_ATTR_RDONLY});
}

TEST(MountOptions, RefuseWhatIsNotSupported) {
  for (const char* name : {"idmap=uids=0-1-10", "ridmap=gids=0-1-10", "copy-symlink"}) {
    const Result<MountOptions> parsed = parse_mount_options({"ro", name});
    ASSERT_FALSE(parsed.has_value()) << name;
    EXPECT_EQ(parsed.error().kind, Kind::kUnavailable) << name;
    EXPECT_TRUE(parsed.error().message.starts_with("options[1]: ")) << parsed.error().message;
  }
}

TEST(MountOptions, RefuseWhatHasNoName) {
  for (const char* name : {"", "=value", "="}) {
    const Result<MountOptions> parsed = parse_mount_options({name});
    ASSERT_FALSE(parsed.has_value()) << name;
    EXPECT_EQ(parsed.error().message, "options[0]: is empty") << name;
  }
}

TEST(MountOptions, ThatAreKnownAreListedOnceAndUnderstood) {
  const std::vector<std::string> names = known_mount_options();
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  for (const Attribute& row : attributes()) {
    for (const std::string& name : {row.name, "r" + row.name}) {
      EXPECT_NE(std::find(names.begin(), names.end(), name), names.end()) << name;
    }
  }
  for (const std::string& name : names) {
    const MountOptions options = parse({name});
    EXPECT_TRUE(options.flags.empty() && options.values.empty()) << name;
  }
  EXPECT_EQ(std::find(names.begin(), names.end(), "rloud"), names.end());
}

}  // namespace
}  // namespace crunlite::namespaces
