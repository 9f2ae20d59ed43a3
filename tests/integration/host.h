// SPDX-License-Identifier: Apache-2.0
// The host as the tests see it: the runtime under test, a place for files, and what was left
// behind.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/path.h"
#include "base/result.h"
#include "tests/integration/config.h"

namespace crunlite::integration {

enum class RuntimeKind { kCrunLite, kRunc, kCrun };

// Which controllers are where.
enum class CgroupLayout { kLegacy, kHybrid, kUnified, kNone };

struct Runtime {
  std::string path;
  RuntimeKind kind = RuntimeKind::kCrunLite;
};

// One test process: it lives in a mount namespace of its own whose mounts are shared among
// themselves, as systemd has them, so that a mount which escapes from a container shows up here and
// nowhere else. All its files lie in a tmpfs in there. It adopts orphans. On a hybrid host
// CRUN_LITE_TEST_LAYOUT=legacy takes the unified hierarchy away. Main thread only.
class Host {
 public:
  // Once, before the tests. All are paths of programs.
  [[nodiscard]] static Status prepare(const std::string& runtime, const std::string& probe,
                                      const std::string& injector);
  // Compares with the time of prepare(); what is still there is returned as text.
  [[nodiscard]] static Strings finish();
  [[nodiscard]] static const Host& get();

  [[nodiscard]] const Runtime& runtime() const { return runtime_; }
  [[nodiscard]] const std::string& probe() const { return probe_; }        // inside directory()
  [[nodiscard]] const std::string& injector() const { return injector_; }  // tests/inject
  [[nodiscard]] const std::string& directory() const { return directory_; }
  [[nodiscard]] CgroupLayout cgroups() const { return cgroups_; }
  // Names of containers and cgroups of this process begin so.
  [[nodiscard]] const std::string& prefix() const { return prefix_; }
  // Time-outs are multiplied by it: CRUN_LITE_TEST_PATIENCE.
  [[nodiscard]] int patience() const { return patience_; }
  // Rounds of a race: CRUN_LITE_RACE_ROUNDS, 200 unless said.
  [[nodiscard]] int race_rounds() const { return race_rounds_; }

 private:
  friend struct HostBuilder;
  Runtime runtime_;
  std::string probe_;
  std::string injector_;
  std::string directory_;
  std::string prefix_;
  CgroupLayout cgroups_ = CgroupLayout::kNone;
  int patience_ = 1;
  int race_rounds_ = 200;
};

// What a test must not change.
struct Snapshot {
  Strings mounts;       // lines of mountinfo
  Strings cgroups;      // directories that bear our prefix
  Strings descriptors;  // "7 -> /x"
  Strings files;        // names with our prefix in places where runtimes keep state
};
[[nodiscard]] Snapshot take_snapshot();
// Each thing that `after` has and `before` has not, and mounts that are gone.
[[nodiscard]] Strings differences(const Snapshot& before, const Snapshot& after);

// Reaps the dead among our children; the others get `grace_ms` to end, are then killed, and
// returned as text.
[[nodiscard]] Strings reap_children(int grace_ms);

// Removes cgroups that bear our prefix, after a failure, so that it does not fail other tests too.
void remove_our_cgroups();

// Absolute path of a cgroup file of the controller, on any layout: "memory", "/x", "memory.max".
[[nodiscard]] std::string cgroup_file(std::string_view controller, std::string_view cgroup,
                                      std::string_view file);
[[nodiscard]] bool has_controller(std::string_view controller);

// Host files by trusted paths; the test fails when they cannot be read or written.
[[nodiscard]] std::string read_host_file(const std::string& path);
void write_host_file(const std::string& path, std::string_view content, mode_t mode = 0644);
[[nodiscard]] bool host_path_exists(const std::string& path);
[[nodiscard]] Strings host_names_in(const std::string& directory);
void make_host_directory(const std::string& path, mode_t mode = 0755);
[[nodiscard]] std::string host_namespace(std::string_view type, std::string_view pid = "self");

}  // namespace crunlite::integration
