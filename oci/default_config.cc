// SPDX-License-Identifier: Apache-2.0
#include "oci/default_config.h"

#include <algorithm>

namespace crunlite::oci {
namespace {

constexpr uint64_t kOpenFiles = 1024;

DeviceRule allow_devices(std::string type, std::optional<int64_t> major,
                         std::optional<int64_t> minor, std::string access) {
  return {.allow = true,
          .type = std::move(type),
          .major = major,
          .minor = minor,
          .access = std::move(access)};
}

Process default_process() {
  Process process;
  process.terminal = true;
  process.args = {"sh"};
  process.env = default_env();
  process.env.emplace_back("TERM=xterm");
  process.cwd = "/";
  process.capabilities = capabilities_of({"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"});
  process.rlimits = {{.type = "RLIMIT_NOFILE", .soft = kOpenFiles, .hard = kOpenFiles}};
  process.no_new_privileges = true;
  return process;
}

// What an ordinary user may not mount as default_mounts() says.
void make_mount_rootless(Mount& mount) {
  if (mount.destination == "/dev/pts") {
    // Group 5 (tty) is not mapped.
    std::erase(mount.options, "gid=5");
  } else if (mount.destination == "/sys") {
    // A sysfs of one's own needs a network namespace of one's own.
    mount = {.destination = "/sys",
             .type = "none",
             .source = "/sys",
             .options = {"rbind", "nosuid", "noexec", "nodev", "ro"}};
  }
}

}  // namespace

std::vector<Mount> default_mounts() {
  return {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts",
       "devpts",
       "devpts",
       {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"nosuid", "noexec", "nodev", "relatime", "ro"}},
  };
}

Strings default_masked_paths() {
  return {
      "/proc/acpi",        "/proc/asound",  "/proc/interrupts",
      "/proc/kcore",       "/proc/keys",    "/proc/latency_stats",
      "/proc/sched_debug", "/proc/scsi",    "/proc/timer_list",
      "/proc/timer_stats", "/sys/firmware", "/sys/devices/virtual/powercap",
  };
}

Strings default_readonly_paths() {
  return {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
}

Strings default_env() { return {std::string(kDefaultPath)}; }

Strings image_capabilities() {
  return {
      "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",     "CAP_FSETID",
      "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",    "CAP_SETFCAP",
      "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT",
  };
}

Capabilities capabilities_of(const Strings& names) {
  return {
      .bounding = names, .effective = names, .inheritable = {}, .permitted = names, .ambient = {}};
}

DeviceRule deny_all_devices() {
  return {.allow = false, .type = "", .major = {}, .minor = {}, .access = "rwm"};
}

std::vector<DeviceRule> default_device_rules() {
  return {
      allow_devices("c", {}, {}, "m"),  // making a node does not open it
      allow_devices("b", {}, {}, "m"),    allow_devices("c", 1, 3, "rwm"),  // /dev/null
      allow_devices("c", 1, 5, "rwm"),                                      // /dev/zero
      allow_devices("c", 1, 7, "rwm"),                                      // /dev/full
      allow_devices("c", 1, 8, "rwm"),                                      // /dev/random
      allow_devices("c", 1, 9, "rwm"),                                      // /dev/urandom
      allow_devices("c", 5, 0, "rwm"),                                      // /dev/tty
      allow_devices("c", 5, 2, "rwm"),                                      // /dev/ptmx
      allow_devices("c", 136, {}, "rwm"),                                   // /dev/pts/*
  };
}

std::vector<Namespace> default_namespaces() {
  return {{"pid", ""}, {"network", ""}, {"ipc", ""}, {"uts", ""}, {"mount", ""}, {"cgroup", ""}};
}

namespace {

Linux default_linux() {
  Linux os;
  os.resources.emplace().devices = {deny_all_devices()};
  os.namespaces = default_namespaces();
  os.masked_paths = default_masked_paths();
  os.readonly_paths = default_readonly_paths();
  return os;
}

}  // namespace

Config default_config() {
  Config config;
  config.oci_version = kOciVersion;
  config.process = default_process();
  config.root = Root{.path = "rootfs", .readonly = true};
  config.hostname = "crun-lite";
  config.mounts = default_mounts();
  config.linux_ = default_linux();
  return config;
}

Config default_rootless_config(uid_t uid, gid_t gid) {
  Config config = default_config();
  std::ranges::for_each(config.mounts, make_mount_rootless);
  Linux os = default_linux();
  os.resources.reset();
  std::erase_if(os.namespaces, [](const Namespace& kind) { return kind.type == "network"; });
  os.namespaces.push_back({"user", ""});
  os.uid_mappings = {{.container_id = 0, .host_id = uid, .size = 1}};
  os.gid_mappings = {{.container_id = 0, .host_id = gid, .size = 1}};
  config.linux_ = std::move(os);
  return config;
}

}  // namespace crunlite::oci
