// SPDX-License-Identifier: Apache-2.0
// config.json of the OCI runtime specification 1.3 (config.md, config-linux.md) as plain values.
// Member names are the specification's. What is listed as refused() is not supported yet.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/json_map.h"
#include "base/result.h"
#include "oci/config_attributes.h"

namespace crunlite::oci {

using json::field;
using json::kRequired;
using json::refused;
using Strings = std::vector<std::string>;

// The version of the runtime specification that we write; we read every 1.x.
constexpr std::string_view kOciVersion = "1.3.0";

// config.md#root
struct Root {
  std::string path;
  bool readonly = false;
};
constexpr auto json_fields(std::same_as<Root> auto*) {
  return std::tuple(field("path", &Root::path, kRequired), field("readonly", &Root::readonly));
}

// config-linux.md#user-namespace-mappings
struct IdMapping {
  uint32_t container_id = 0;
  uint32_t host_id = 0;
  uint32_t size = 0;
};
constexpr auto json_fields(std::same_as<IdMapping> auto*) {
  return std::tuple(field("containerID", &IdMapping::container_id, kRequired),
                    field("hostID", &IdMapping::host_id, kRequired),
                    field("size", &IdMapping::size, kRequired));
}

// config.md#mounts
struct Mount {
  std::string destination;
  std::string type;
  std::string source;
  Strings options;
  std::vector<IdMapping> uid_mappings = {};
  std::vector<IdMapping> gid_mappings = {};
};
constexpr auto json_fields(std::same_as<Mount> auto*) {
  return std::tuple(field("destination", &Mount::destination, kRequired),
                    field("type", &Mount::type), field("source", &Mount::source),
                    field("options", &Mount::options), field("uidMappings", &Mount::uid_mappings),
                    field("gidMappings", &Mount::gid_mappings));
}

// config.md#process
struct ConsoleSize {
  uint16_t height = 0;
  uint16_t width = 0;
};
constexpr auto json_fields(std::same_as<ConsoleSize> auto*) {
  return std::tuple(field("height", &ConsoleSize::height, kRequired),
                    field("width", &ConsoleSize::width, kRequired));
}

struct User {
  uint32_t uid = 0;
  uint32_t gid = 0;
  std::optional<uint32_t> umask;
  std::vector<uint32_t> additional_gids;
};
constexpr auto json_fields(std::same_as<User> auto*) {
  return std::tuple(field("uid", &User::uid, kRequired), field("gid", &User::gid, kRequired),
                    field("umask", &User::umask), field("additionalGids", &User::additional_gids));
}

struct Rlimit {
  std::string type;
  uint64_t soft = 0;
  uint64_t hard = 0;
};
constexpr auto json_fields(std::same_as<Rlimit> auto*) {
  return std::tuple(field("type", &Rlimit::type, kRequired),
                    field("hard", &Rlimit::hard, kRequired),
                    field("soft", &Rlimit::soft, kRequired));
}

struct Capabilities {
  Strings bounding;
  Strings effective;
  Strings inheritable;
  Strings permitted;
  Strings ambient;
};
constexpr auto json_fields(std::same_as<Capabilities> auto*) {
  return std::tuple(
      field("bounding", &Capabilities::bounding), field("effective", &Capabilities::effective),
      field("inheritable", &Capabilities::inheritable),
      field("permitted", &Capabilities::permitted), field("ambient", &Capabilities::ambient));
}

struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  User user;
  Strings args;
  Strings env;
  std::string cwd;
  std::optional<Capabilities> capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  std::string apparmor_profile;
  std::string selinux_label;
  std::optional<IoPriority> io_priority;
  std::optional<Scheduler> scheduler;
  std::optional<CpuAffinity> exec_cpu_affinity;
};
constexpr auto json_fields(std::same_as<Process> auto*) {
  return std::tuple(
      field("terminal", &Process::terminal), field("consoleSize", &Process::console_size),
      field("user", &Process::user), field("args", &Process::args), field("env", &Process::env),
      field("cwd", &Process::cwd, kRequired), field("capabilities", &Process::capabilities),
      field("rlimits", &Process::rlimits), field("noNewPrivileges", &Process::no_new_privileges),
      field("oomScoreAdj", &Process::oom_score_adj),
      field("apparmorProfile", &Process::apparmor_profile),
      field("selinuxLabel", &Process::selinux_label), field("ioPriority", &Process::io_priority),
      field("scheduler", &Process::scheduler),
      field("execCPUAffinity", &Process::exec_cpu_affinity));
}

// config.md#posix-platform-hooks
struct Hook {
  std::string path;
  Strings args;
  Strings env;
  std::optional<int> timeout;  // seconds
};
constexpr auto json_fields(std::same_as<Hook> auto*) {
  return std::tuple(field("path", &Hook::path, kRequired), field("args", &Hook::args),
                    field("env", &Hook::env), field("timeout", &Hook::timeout));
}

struct Hooks {
  std::vector<Hook> prestart;
  std::vector<Hook> create_runtime;
  std::vector<Hook> create_container;
  std::vector<Hook> start_container;
  std::vector<Hook> poststart;
  std::vector<Hook> poststop;
};
constexpr auto json_fields(std::same_as<Hooks> auto*) {
  return std::tuple(field("prestart", &Hooks::prestart),
                    field("createRuntime", &Hooks::create_runtime),
                    field("createContainer", &Hooks::create_container),
                    field("startContainer", &Hooks::start_container),
                    field("poststart", &Hooks::poststart), field("poststop", &Hooks::poststop));
}

// config-linux.md#namespaces
struct Namespace {
  std::string type;
  std::string path;
};
constexpr auto json_fields(std::same_as<Namespace> auto*) {
  return std::tuple(field("type", &Namespace::type, kRequired), field("path", &Namespace::path));
}

// config-linux.md#devices
struct Device {
  std::string type;
  std::string path;
  int64_t major = 0;
  int64_t minor = 0;
  std::optional<uint32_t> file_mode;
  std::optional<uint32_t> uid;
  std::optional<uint32_t> gid;
};
constexpr auto json_fields(std::same_as<Device> auto*) {
  return std::tuple(field("type", &Device::type, kRequired),
                    field("path", &Device::path, kRequired), field("major", &Device::major),
                    field("minor", &Device::minor), field("fileMode", &Device::file_mode),
                    field("uid", &Device::uid), field("gid", &Device::gid));
}

// config-linux.md#allowed-device-list
struct DeviceRule {
  bool allow = false;
  std::string type;
  std::optional<int64_t> major;
  std::optional<int64_t> minor;
  std::string access;
};
constexpr auto json_fields(std::same_as<DeviceRule> auto*) {
  return std::tuple(field("allow", &DeviceRule::allow, kRequired), field("type", &DeviceRule::type),
                    field("major", &DeviceRule::major), field("minor", &DeviceRule::minor),
                    field("access", &DeviceRule::access));
}

// config-linux.md#memory
struct Memory {
  std::optional<int64_t> limit;
  std::optional<int64_t> reservation;
  std::optional<int64_t> swap;  // memory and swap together
  std::optional<int64_t> kernel;
  std::optional<int64_t> kernel_tcp;
  std::optional<uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  std::optional<bool> use_hierarchy;
  std::optional<bool> check_before_update;
};
constexpr auto json_fields(std::same_as<Memory> auto*) {
  return std::tuple(field("limit", &Memory::limit), field("reservation", &Memory::reservation),
                    field("swap", &Memory::swap), field("kernel", &Memory::kernel),
                    field("kernelTCP", &Memory::kernel_tcp),
                    field("swappiness", &Memory::swappiness),
                    field("disableOOMKiller", &Memory::disable_oom_killer),
                    field("useHierarchy", &Memory::use_hierarchy),
                    field("checkBeforeUpdate", &Memory::check_before_update));
}

// config-linux.md#cpu
struct Cpu {
  std::optional<uint64_t> shares;
  std::optional<int64_t> quota;    // microseconds
  std::optional<uint64_t> burst;   // microseconds
  std::optional<uint64_t> period;  // microseconds
  std::optional<int64_t> realtime_runtime;
  std::optional<uint64_t> realtime_period;
  std::string cpus;
  std::string mems;
  std::optional<int64_t> idle;
};
constexpr auto json_fields(std::same_as<Cpu> auto*) {
  return std::tuple(field("shares", &Cpu::shares), field("quota", &Cpu::quota),
                    field("burst", &Cpu::burst), field("period", &Cpu::period),
                    field("realtimeRuntime", &Cpu::realtime_runtime),
                    field("realtimePeriod", &Cpu::realtime_period), field("cpus", &Cpu::cpus),
                    field("mems", &Cpu::mems), field("idle", &Cpu::idle));
}

// config-linux.md#pids
struct Pids {
  int64_t limit = 0;  // 0 or below: unlimited
};
constexpr auto json_fields(std::same_as<Pids> auto*) {
  return std::tuple(field("limit", &Pids::limit, kRequired));
}

// config-linux.md#block-io
struct WeightDevice {
  int64_t major = 0;
  int64_t minor = 0;
  std::optional<uint16_t> weight;
  std::optional<uint16_t> leaf_weight;
};
constexpr auto json_fields(std::same_as<WeightDevice> auto*) {
  return std::tuple(field("major", &WeightDevice::major, kRequired),
                    field("minor", &WeightDevice::minor, kRequired),
                    field("weight", &WeightDevice::weight),
                    field("leafWeight", &WeightDevice::leaf_weight));
}

struct ThrottleDevice {
  int64_t major = 0;
  int64_t minor = 0;
  uint64_t rate = 0;
};
constexpr auto json_fields(std::same_as<ThrottleDevice> auto*) {
  return std::tuple(field("major", &ThrottleDevice::major, kRequired),
                    field("minor", &ThrottleDevice::minor, kRequired),
                    field("rate", &ThrottleDevice::rate, kRequired));
}

struct BlockIo {
  std::optional<uint16_t> weight;
  std::optional<uint16_t> leaf_weight;
  std::vector<WeightDevice> weight_device;
  std::vector<ThrottleDevice> throttle_read_bps;
  std::vector<ThrottleDevice> throttle_write_bps;
  std::vector<ThrottleDevice> throttle_read_iops;
  std::vector<ThrottleDevice> throttle_write_iops;
};
constexpr auto json_fields(std::same_as<BlockIo> auto*) {
  return std::tuple(field("weight", &BlockIo::weight), field("leafWeight", &BlockIo::leaf_weight),
                    field("weightDevice", &BlockIo::weight_device),
                    field("throttleReadBpsDevice", &BlockIo::throttle_read_bps),
                    field("throttleWriteBpsDevice", &BlockIo::throttle_write_bps),
                    field("throttleReadIOPSDevice", &BlockIo::throttle_read_iops),
                    field("throttleWriteIOPSDevice", &BlockIo::throttle_write_iops));
}

// config-linux.md#huge-page-limits
struct HugepageLimit {
  std::string page_size;  // "2MB"
  uint64_t limit = 0;     // bytes
};
constexpr auto json_fields(std::same_as<HugepageLimit> auto*) {
  return std::tuple(field("pageSize", &HugepageLimit::page_size, kRequired),
                    field("limit", &HugepageLimit::limit, kRequired));
}

// config-linux.md#network
struct InterfacePriority {
  std::string name;
  uint32_t priority = 0;
};
constexpr auto json_fields(std::same_as<InterfacePriority> auto*) {
  return std::tuple(field("name", &InterfacePriority::name, kRequired),
                    field("priority", &InterfacePriority::priority, kRequired));
}

struct NetworkClass {
  std::optional<uint32_t> class_id;
  std::vector<InterfacePriority> priorities;
};
constexpr auto json_fields(std::same_as<NetworkClass> auto*) {
  return std::tuple(field("classID", &NetworkClass::class_id),
                    field("priorities", &NetworkClass::priorities));
}

// config-linux.md#rdma, by the name of the device
struct RdmaLimit {
  std::optional<uint32_t> hca_handles;
  std::optional<uint32_t> hca_objects;
};
constexpr auto json_fields(std::same_as<RdmaLimit> auto*) {
  return std::tuple(field("hcaHandles", &RdmaLimit::hca_handles),
                    field("hcaObjects", &RdmaLimit::hca_objects));
}

// config-linux.md#control-groups
struct Resources {
  std::vector<DeviceRule> devices;
  std::optional<Memory> memory;
  std::optional<Cpu> cpu;
  std::optional<Pids> pids;
  std::optional<BlockIo> block_io;
  std::vector<HugepageLimit> hugepage_limits;
  std::optional<NetworkClass> network;
  std::map<std::string, RdmaLimit> rdma;
  std::map<std::string, std::string> unified;
};
constexpr auto json_fields(std::same_as<Resources> auto*) {
  return std::tuple(field("devices", &Resources::devices), field("memory", &Resources::memory),
                    field("cpu", &Resources::cpu), field("pids", &Resources::pids),
                    field("blockIO", &Resources::block_io),
                    field("hugepageLimits", &Resources::hugepage_limits),
                    field("network", &Resources::network), field("rdma", &Resources::rdma),
                    field("unified", &Resources::unified));
}

// config-linux.md#seccomp
struct SeccompArg {
  uint32_t index = 0;
  uint64_t value = 0;
  uint64_t value_two = 0;
  std::string op;
};
constexpr auto json_fields(std::same_as<SeccompArg> auto*) {
  return std::tuple(
      field("index", &SeccompArg::index, kRequired), field("value", &SeccompArg::value, kRequired),
      field("valueTwo", &SeccompArg::value_two), field("op", &SeccompArg::op, kRequired));
}

struct SeccompSyscall {
  Strings names;
  std::string action;
  std::optional<uint32_t> errno_ret;
  std::vector<SeccompArg> args;
};
constexpr auto json_fields(std::same_as<SeccompSyscall> auto*) {
  return std::tuple(field("names", &SeccompSyscall::names, kRequired),
                    field("action", &SeccompSyscall::action, kRequired),
                    field("errnoRet", &SeccompSyscall::errno_ret),
                    field("args", &SeccompSyscall::args));
}

struct Seccomp {
  std::string default_action;
  std::optional<uint32_t> default_errno_ret;
  Strings architectures;
  Strings flags;
  std::string listener_path;
  std::string listener_metadata;
  std::vector<SeccompSyscall> syscalls;
};
constexpr auto json_fields(std::same_as<Seccomp> auto*) {
  return std::tuple(field("defaultAction", &Seccomp::default_action, kRequired),
                    field("defaultErrnoRet", &Seccomp::default_errno_ret),
                    field("architectures", &Seccomp::architectures),
                    field("flags", &Seccomp::flags), field("listenerPath", &Seccomp::listener_path),
                    field("listenerMetadata", &Seccomp::listener_metadata),
                    field("syscalls", &Seccomp::syscalls));
}

// True when a rule, or the default action, asks a listener.
[[nodiscard]] bool asks_listener(const Seccomp& seccomp);

// The file system by which Intel's resource director is set; no host that this was built on has it.
constexpr std::string_view kNoResctrl = "is not supported: it needs a kernel with resctrl";

// config-linux.md
struct Linux {
  std::vector<IdMapping> uid_mappings;
  std::vector<IdMapping> gid_mappings;
  std::map<std::string, std::string> sysctl;
  std::optional<Resources> resources;
  std::string cgroups_path;
  std::vector<Namespace> namespaces;
  std::vector<Device> devices;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;
  Strings masked_paths;
  Strings readonly_paths;
  std::string mount_label;
  std::optional<Personality> personality;
  TimeOffsets time_offsets;
  NetDevices net_devices;
  std::optional<MemoryPolicy> memory_policy;
};
constexpr auto json_fields(std::same_as<Linux> auto*) {
  return std::tuple(
      field("uidMappings", &Linux::uid_mappings), field("gidMappings", &Linux::gid_mappings),
      field("sysctl", &Linux::sysctl), field("resources", &Linux::resources),
      field("cgroupsPath", &Linux::cgroups_path), field("namespaces", &Linux::namespaces),
      field("devices", &Linux::devices), field("seccomp", &Linux::seccomp),
      field("rootfsPropagation", &Linux::rootfs_propagation),
      field("maskedPaths", &Linux::masked_paths), field("readonlyPaths", &Linux::readonly_paths),
      field("mountLabel", &Linux::mount_label), field("personality", &Linux::personality),
      field("timeOffsets", &Linux::time_offsets), field("netDevices", &Linux::net_devices),
      field("memoryPolicy", &Linux::memory_policy), refused("intelRdt", kNoResctrl));
}

// config.md
struct Config {
  std::string oci_version;
  std::optional<Process> process;
  std::optional<Root> root;
  std::string hostname;
  std::string domainname;
  std::vector<Mount> mounts;
  std::optional<Hooks> hooks;
  std::map<std::string, std::string> annotations;
  std::optional<Linux> linux_;
};
constexpr auto json_fields(std::same_as<Config> auto*) {
  return std::tuple(field("ociVersion", &Config::oci_version, kRequired),
                    field("process", &Config::process), field("root", &Config::root),
                    field("hostname", &Config::hostname), field("domainname", &Config::domainname),
                    field("mounts", &Config::mounts), field("hooks", &Config::hooks),
                    field("annotations", &Config::annotations), field("linux", &Config::linux_));
}

// Reads a config.json. Errors name the field: "process.rlimits[0].soft: expected an integer".
[[nodiscard]] Result<Config> parse_config(std::string_view text);
[[nodiscard]] Result<Process> parse_process(std::string_view text);

// As indented JSON with a newline at the end.
[[nodiscard]] std::string write_config(const Config& config);

}  // namespace crunlite::oci
