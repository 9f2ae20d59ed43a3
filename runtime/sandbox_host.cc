// SPDX-License-Identifier: Apache-2.0
#include "runtime/sandbox_host.h"

#include <linux/capability.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "base/text.h"
#include "runtime/capabilities.h"

namespace crunlite::runtime {
namespace {

constexpr std::array<std::string_view, 26> kVirtualTypes = {
    "autofs",     "binder",    "binfmt_misc", "bpf",      "cgroup",   "cgroup2", "configfs",
    "cpuset",     "debugfs",   "devpts",      "devtmpfs", "efivarfs", "fusectl", "hugetlbfs",
    "mqueue",     "nfsd",      "nsfs",        "proc",     "pstore",   "resctrl", "rpc_pipefs",
    "securityfs", "selinuxfs", "smackfs",     "sysfs",    "tracefs"};

// "\040" and its like in mountinfo stand for bytes that would break the line.
std::string unescape(std::string_view text) {
  constexpr size_t kDigits = 3;
  std::string out;
  for (size_t i = 0; i < text.size(); i++) {
    const std::string_view digits = text.substr(std::min(i + 1, text.size()), kDigits);
    const auto code = text[i] == '\\' && digits.size() == kDigits ? parse_number<uint8_t>(digits, 8)
                                                                  : std::optional<uint8_t>();
    out.push_back(code.has_value() ? static_cast<char>(*code) : text[i]);
    if (code.has_value()) i += kDigits;
  }
  return out;
}

// "26 1 254:0 / /home rw,relatime shared:1 - ext4 /dev/vda rw"
std::optional<HostMount> parse_mount(std::string_view line) {
  constexpr size_t kPlace = 4;
  constexpr size_t kOptions = 5;
  const std::vector<std::string_view> fields = split(line, ' ');
  const auto dash = std::find(fields.begin(), fields.end(), "-");
  if (fields.end() - dash < 3 || dash - fields.begin() <= static_cast<long>(kOptions)) return {};
  HostMount mount;
  mount.path = unescape(fields[kPlace]);
  mount.type = std::string(dash[1]);
  const auto is_readonly = [](std::string_view options) {
    return options == "ro" || options.starts_with("ro,");
  };
  mount.is_readonly = is_readonly(fields[kOptions]);
  if (!mount.path.starts_with('/')) return {};
  return mount;
}

Result<std::string> read_own(const std::string& name) {
  return read_file(AT_FDCWD, cat("/proc/self/", name), limits::kKernelFileBytes);
}

// The file that a path leads to, as the kernel names it.
std::string resolved(const char* path) {
  const Result<UniqueFd> file = sys::open(path, O_PATH);
  if (!file.has_value()) return "";
  return sys::readlinkat(AT_FDCWD, cat("/proc/self/fd/", file->get()).c_str()).value_or("");
}

bool has_all_ids(const std::vector<IdRange>& ranges) {
  return ranges.size() == 1 && ranges[0] == IdRange{.first = 0, .size = UINT32_MAX};
}

Status look_at_ids(SandboxHost& host) {
  host.uids = parse_id_ranges(TRY(read_own("uid_map")));
  host.gids = parse_id_ranges(TRY(read_own("gid_map")));
  host.is_initial_user_namespace = has_all_ids(host.uids) && has_all_ids(host.gids);
  return {};
}

}  // namespace

std::optional<std::string_view> find_variable(const std::vector<std::string>& env,
                                              std::string_view name) {
  for (const std::string_view entry : env) {
    if (entry.size() > name.size() && entry.starts_with(name) && entry[name.size()] == '=') {
      return entry.substr(name.size() + 1);
    }
  }
  return {};
}

std::string SandboxHost::variable(std::string_view name) const {
  return std::string(find_variable(env, name).value_or(""));
}

bool holds_files(std::string_view type) {
  return std::find(kVirtualTypes.begin(), kVirtualTypes.end(), type) == kVirtualTypes.end();
}

bool is_within(std::string_view path, std::string_view directory) {
  if (directory == "/") return true;
  if (!path.starts_with(directory)) return false;
  return path.size() == directory.size() || path[directory.size()] == '/';
}

std::vector<HostMount> parse_mounts(std::string_view mountinfo) {
  std::vector<HostMount> mounts;
  for (std::string_view line : split(mountinfo, '\n')) {
    std::optional<HostMount> mount = parse_mount(line);
    if (mount.has_value()) mounts.push_back(std::move(*mount));
  }
  // Clean paths sort so that parents come first; of equal ones the last is what is seen.
  std::stable_sort(mounts.begin(), mounts.end(),
                   [](const HostMount& a, const HostMount& b) { return a.path < b.path; });
  std::vector<HostMount> seen;
  for (HostMount& mount : mounts) {
    if (!seen.empty() && seen.back().path == mount.path) seen.pop_back();
    seen.push_back(std::move(mount));
  }
  return seen;
}

std::vector<IdRange> parse_id_ranges(std::string_view id_map) {
  std::vector<IdRange> ranges;
  for (std::string_view line : split(id_map, '\n')) {
    std::vector<std::string_view> fields = split(line, ' ');
    std::erase(fields, "");
    if (fields.size() != 3) continue;
    const auto first = parse_number<uint32_t>(fields[0]);
    const auto size = parse_number<uint32_t>(fields[2]);
    if (first.has_value() && size.has_value()) ranges.push_back({*first, *size});
  }
  return ranges;
}

Result<SandboxHost> look_at_host(const LookOptions& options) {
  constexpr uint64_t kAdmin = uint64_t{1} << CAP_SYS_ADMIN;
  constexpr uint64_t kIds =
      uint64_t{1} << CAP_SETUID | uint64_t{1} << CAP_SETGID | uint64_t{1} << CAP_SETFCAP;
  SandboxHost host;
  host.uid = ::geteuid();
  host.gid = ::getegid();
  const uint64_t capabilities = own_effective_set();
  host.may_mount = (capabilities & kAdmin) != 0;
  host.may_map_all_ids = (capabilities & kIds) == kIds;
  TRY(look_at_ids(host));
  if (options.mounts) host.mounts = parse_mounts(TRY(read_own("mountinfo")));
  host.cwd = sys::getcwd().value_or("/");  // it may have been removed
  host.env = own_environment();
  if (options.resolv_conf) host.resolv_conf = resolved("/etc/resolv.conf");
  return host;
}

}  // namespace crunlite::runtime
