// SPDX-License-Identifier: Apache-2.0
#include "runtime/seccomp.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <string.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "base/sys_seccomp.h"
#include "runtime/seccomp_stub.h"
#include "runtime/self.h"

namespace crunlite::runtime {
namespace {

constexpr size_t kMaxCacheFileBytes = 4 << 20;
constexpr std::string_view kCachePrefix = "seccomp-";
constexpr std::string_view kCacheFormat = "crun-lite seccomp 3";

template <class T>
struct Named {
  std::string_view name;
  T value;
};

constexpr std::array<Named<uint32_t>, 9> kActions = {{
    {"SCMP_ACT_KILL", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_THREAD", SCMP_ACT_KILL_THREAD},
    {"SCMP_ACT_KILL_PROCESS", SCMP_ACT_KILL_PROCESS},
    {"SCMP_ACT_TRAP", SCMP_ACT_TRAP},
    {"SCMP_ACT_ERRNO", SCMP_ACT_ERRNO(EPERM)},
    {"SCMP_ACT_TRACE", SCMP_ACT_TRACE(EPERM)},
    {"SCMP_ACT_ALLOW", SCMP_ACT_ALLOW},
    {"SCMP_ACT_LOG", SCMP_ACT_LOG},
    {"SCMP_ACT_NOTIFY", SCMP_ACT_NOTIFY},
}};

constexpr std::array<Named<scmp_compare>, 7> kOperators = {{
    {"SCMP_CMP_NE", SCMP_CMP_NE},
    {"SCMP_CMP_LT", SCMP_CMP_LT},
    {"SCMP_CMP_LE", SCMP_CMP_LE},
    {"SCMP_CMP_EQ", SCMP_CMP_EQ},
    {"SCMP_CMP_GE", SCMP_CMP_GE},
    {"SCMP_CMP_GT", SCMP_CMP_GT},
    {"SCMP_CMP_MASKED_EQ", SCMP_CMP_MASKED_EQ},
}};

constexpr std::array<Named<uint32_t>, 19> kArchitectures = {{
    {"SCMP_ARCH_X86", SCMP_ARCH_X86},
    {"SCMP_ARCH_X86_64", SCMP_ARCH_X86_64},
    {"SCMP_ARCH_X32", SCMP_ARCH_X32},
    {"SCMP_ARCH_ARM", SCMP_ARCH_ARM},
    {"SCMP_ARCH_AARCH64", SCMP_ARCH_AARCH64},
    {"SCMP_ARCH_MIPS", SCMP_ARCH_MIPS},
    {"SCMP_ARCH_MIPS64", SCMP_ARCH_MIPS64},
    {"SCMP_ARCH_MIPS64N32", SCMP_ARCH_MIPS64N32},
    {"SCMP_ARCH_MIPSEL", SCMP_ARCH_MIPSEL},
    {"SCMP_ARCH_MIPSEL64", SCMP_ARCH_MIPSEL64},
    {"SCMP_ARCH_MIPSEL64N32", SCMP_ARCH_MIPSEL64N32},
    {"SCMP_ARCH_PPC", SCMP_ARCH_PPC},
    {"SCMP_ARCH_PPC64", SCMP_ARCH_PPC64},
    {"SCMP_ARCH_PPC64LE", SCMP_ARCH_PPC64LE},
    {"SCMP_ARCH_S390", SCMP_ARCH_S390},
    {"SCMP_ARCH_S390X", SCMP_ARCH_S390X},
    {"SCMP_ARCH_PARISC", SCMP_ARCH_PARISC},
    {"SCMP_ARCH_PARISC64", SCMP_ARCH_PARISC64},
    {"SCMP_ARCH_RISCV64", SCMP_ARCH_RISCV64},
}};

constexpr unsigned kWaitKillable = 1U << 5;  // SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19

constexpr std::array<Named<unsigned>, 4> kFlags = {{
    {"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
    {"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
    {"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
    {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", kWaitKillable},
}};

template <class T, size_t N>
std::optional<T> find(const std::array<Named<T>, N>& table, std::string_view name) {
  for (const Named<T>& row : table) {
    if (row.name == name) return row.value;
  }
  return {};
}

struct ContextRelease {
  void operator()(void* context) const { seccomp_release(context); }
};
using Context = std::unique_ptr<void, ContextRelease>;

// libseccomp returns -errno.
Status check(int result, std::string_view what) {
  if (result >= 0) return {};
  return std::unexpected(with_context(sys::error_of(-result), what));
}

// The members of a profile or rule that hold an action and its number.
struct ActionFields {
  std::string action;
  std::string errno_ret;
};

Result<uint32_t> action_value(const std::string& name, std::optional<uint32_t> errno_ret,
                              const ActionFields& fields) {
  constexpr uint32_t kMaxErrno = 4094;  // the library's, one below the kernel's
  const std::optional<uint32_t> action = find(kActions, name);
  if (!action.has_value()) {
    return fail(Kind::kInvalid, fields.action, ": ", quote(name), " is unknown");
  }
  if (!errno_ret.has_value()) return *action;
  if (*errno_ret > kMaxErrno) {
    return fail(Kind::kInvalid, fields.errno_ret, ": ", *errno_ret, " is above ", kMaxErrno);
  }
  if (name == "SCMP_ACT_ERRNO") return SCMP_ACT_ERRNO(*errno_ret);
  if (name == "SCMP_ACT_TRACE") return SCMP_ACT_TRACE(*errno_ret);
  return fail(Kind::kInvalid, fields.errno_ret, ": has no meaning for ", name);
}

Result<std::vector<struct scmp_arg_cmp>> comparisons(const oci::SeccompSyscall& rule,
                                                     const std::string& field) {
  constexpr uint32_t kMaxIndex = 5;
  std::vector<struct scmp_arg_cmp> out;
  for (size_t i = 0; i < rule.args.size(); i++) {
    const oci::SeccompArg& arg = rule.args[i];
    const std::optional<scmp_compare> op = find(kOperators, arg.op);
    if (!op.has_value()) {
      return fail(Kind::kInvalid, field, ".args[", i, "].op: ", quote(arg.op), " is unknown");
    }
    if (arg.index > kMaxIndex) {
      return fail(Kind::kInvalid, field, ".args[", i, "].index: ", arg.index, " is above 5");
    }
    // For MASKED_EQ the specification's value is the mask and valueTwo what is compared.
    out.push_back({.arg = arg.index, .op = *op, .datum_a = arg.value, .datum_b = arg.value_two});
  }
  return out;
}

bool has_repeated_index(const std::vector<struct scmp_arg_cmp>& args) {
  unsigned seen = 0;
  for (const struct scmp_arg_cmp& arg : args) {
    if ((seen >> arg.arg & 1) != 0) return true;
    seen |= 1U << arg.arg;
  }
  return false;
}

Status add_rule(scmp_filter_ctx context, uint32_t action, const std::string& name,
                const std::vector<struct scmp_arg_cmp>& args) {
  const int number = seccomp_syscall_resolve_name(name.c_str());
  if (number == __NR_SCMP_ERROR) return {};  // newer than the library
  // libseccomp joins the comparisons of one rule by "and" and takes each argument once; callers
  // mean "or" when they name an argument twice, so each becomes a rule of its own.
  const size_t per_rule = has_repeated_index(args) ? 1 : args.size();
  size_t at = 0;
  do {
    const auto count = static_cast<unsigned>(std::min(per_rule, args.size() - at));
    Status added =
        check(seccomp_rule_add_array(context, action, number, count, args.data() + at), name);
    // EACCES: the action is the default one, so the rule says nothing.
    if (!added.has_value() && added.error().errnum != EACCES) return added;
    at += per_rule;
  } while (at < args.size());
  return {};
}

Status add_syscalls(scmp_filter_ctx context, const oci::Seccomp& profile) {
  for (size_t i = 0; i < profile.syscalls.size(); i++) {
    const oci::SeccompSyscall& rule = profile.syscalls[i];
    const std::string field = cat("linux.seccomp.syscalls[", i, "]");
    const uint32_t action =
        TRY(action_value(rule.action, rule.errno_ret, {field + ".action", field + ".errnoRet"}));
    const std::vector<struct scmp_arg_cmp> args = TRY(comparisons(rule, field));
    for (const std::string& name : rule.names) TRY(add_rule(context, action, name, args), field);
  }
  return {};
}

// Those that the filter knows, the host's own first; for unknown_calls_stub.
std::vector<uint32_t> architectures_of(const oci::Seccomp& profile) {
  std::vector<uint32_t> tokens = {seccomp_arch_native()};
  for (const std::string& name : profile.architectures) {
    const std::optional<uint32_t> token = find(kArchitectures, name);
    if (token.has_value() && *token != tokens[0]) tokens.push_back(*token);
  }
  return tokens;
}

Status add_architectures(scmp_filter_ctx context, const oci::Seccomp& profile) {
  for (size_t i = 0; i < profile.architectures.size(); i++) {
    const std::optional<uint32_t> token = find(kArchitectures, profile.architectures[i]);
    if (!token.has_value()) {
      return fail(Kind::kInvalid, "linux.seccomp.architectures[", i,
                  "]: ", quote(profile.architectures[i]), " is unknown");
    }
    const int added = seccomp_arch_add(context, *token);
    if (added == -EEXIST) continue;  // the host's own
    TRY(check(added, cat("linux.seccomp.architectures[", i, "]")));
  }
  return {};
}

Result<unsigned> flag_bits(const oci::Seccomp& profile) {
  unsigned bits = 0;
  for (size_t i = 0; i < profile.flags.size(); i++) {
    const std::optional<unsigned> bit = find(kFlags, profile.flags[i]);
    if (!bit.has_value()) {
      return fail(Kind::kInvalid, "linux.seccomp.flags[", i, "]: ", quote(profile.flags[i]),
                  " is not supported");
    }
    bits |= *bit;
  }
  return bits;
}

Result<std::string> export_program(scmp_filter_ctx context) {
  UniqueFd file = TRY(sys::memfd_create("seccomp", 0));
  TRY(check(seccomp_export_bpf(context, file.get()), "linux.seccomp"));
  if (::lseek(file.get(), 0, SEEK_SET) < 0) return std::unexpected(sys::error_of(errno));
  return read_fd(file.get(), kMaxCacheFileBytes);
}

uint64_t fnv1a(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

// What seccomp(2) can take: longer ones would be cut to 16 bits of length.
bool is_program(std::string_view program) {
  constexpr size_t kInstruction = sizeof(struct sock_filter);
  return !program.empty() && program.size() % kInstruction == 0 &&
         program.size() / kInstruction <= BPF_MAXINSNS;
}

// What a compiled program depends on; another library may know more system calls.
std::string cache_key(std::string_view profile) {
  const struct scmp_version* library = seccomp_version();
  return cat(kCacheFormat, ", libseccomp ", library->major, ".", library->minor, ".",
             library->micro, "\n", profile, "\n");
}

// The program after its length, unless the file was cut short: a container must not start with a
// part of its filter, or with none.
std::optional<std::string> kept_program(std::string_view text) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos) return {};
  const std::string_view program = text.substr(end + 1);
  if (parse_number<size_t>(text.substr(0, end)) != program.size() || !is_program(program))
    return {};
  return std::string(program);
}

std::string cache_name(const std::string& key) { return cat(kCachePrefix, fnv1a(key)); }

std::optional<std::string> find_kept(int cache_dir, const std::string& key) {
  const Result<std::string> kept = read_file(cache_dir, cache_name(key), kMaxCacheFileBytes);
  if (!kept.has_value() || !kept->starts_with(key)) return {};
  return kept_program(std::string_view(*kept).substr(key.size()));
}

struct CacheFile {
  std::string name;
  int64_t age_key = 0;  // nanoseconds since 1970: when it was written
  uint64_t bytes = 0;
};

// Whoever makes profile after profile must not fill the host's memory. Failures leave more in it.
void bound_cache(int cache_dir) {
  Result<UniqueFd> dir = sys::openat(cache_dir, ".", O_RDONLY | O_DIRECTORY);
  if (!dir.has_value()) return;
  const Result<std::vector<sys::DirEntry>> entries = sys::list_dir(dir->get());
  if (!entries.has_value()) return;
  std::vector<CacheFile> files;
  for (const sys::DirEntry& entry : *entries) {
    if (!entry.name.starts_with(kCachePrefix)) continue;
    const Result<struct stat> info =
        sys::fstatat(dir->get(), entry.name.c_str(), AT_SYMLINK_NOFOLLOW);
    if (!info.has_value() || !S_ISREG(info->st_mode)) continue;
    constexpr int64_t kNanoseconds = 1'000'000'000;
    files.push_back({.name = entry.name,
                     .age_key = info->st_mtim.tv_sec * kNanoseconds + info->st_mtim.tv_nsec,
                     .bytes = static_cast<uint64_t>(info->st_size)});
  }
  std::ranges::sort(files, std::greater(), &CacheFile::age_key);
  uint64_t bytes = 0;
  for (size_t i = 0; i < files.size(); i++) {
    bytes += files[i].bytes;
    if (i < limits::kSeccompCacheFiles && bytes <= limits::kSeccompCacheBytes) continue;
    (void)sys::unlinkat(dir->get(), files[i].name.c_str(), 0);  // the next one tries again
  }
}

// A cache that cannot be written costs time at the next start and nothing else.
void keep(int cache_dir, const std::string& key, const std::string& program) {
  (void)write_atomic(cache_dir, cache_name(key), cat(key, program.size(), "\n", program), 0600,
                     Durability::kVolatile);
  bound_cache(cache_dir);
}

}  // namespace

Result<SeccompFilter> compile_seccomp(const oci::Seccomp& profile) {
  const uint32_t default_action =
      TRY(action_value(profile.default_action, profile.default_errno_ret,
                       {"linux.seccomp.defaultAction", "linux.seccomp.defaultErrnoRet"}));
  SeccompFilter filter;
  filter.flags = TRY(flag_bits(profile));
  Context context(seccomp_init(default_action));
  if (context == nullptr) return fail(Kind::kInvalid, "linux.seccomp.defaultAction: refused");
  TRY(check(seccomp_attr_set(context.get(), SCMP_FLTATR_CTL_OPTIMIZE, 2), "linux.seccomp"));
  TRY(add_architectures(context.get(), profile));
  TRY(add_syscalls(context.get(), profile));
  filter.notifies = oci::asks_listener(profile);
  filter.program =
      unknown_calls_stub(profile, architectures_of(profile)) + TRY(export_program(context.get()));
  if (is_program(filter.program)) return filter;
  return fail(Kind::kLimit, "linux.seccomp: the filter has more than ", BPF_MAXINSNS,
              " instructions");
}

Result<SeccompFilter> compile_cached(const oci::Seccomp& profile, int cache_dir) {
  if (cache_dir < 0) return compile_seccomp(profile);
  oci::Seccomp compiled = profile;  // its listener changes nothing in the program
  compiled.listener_path.clear();
  compiled.listener_metadata.clear();
  const std::string key = cache_key(json::write(json::encode(compiled)));
  std::optional<std::string> program = find_kept(cache_dir, key);
  if (program.has_value()) {
    return SeccompFilter{.program = std::move(*program),
                         .flags = TRY(flag_bits(profile)),
                         .notifies = oci::asks_listener(profile)};
  }
  SeccompFilter filter = TRY(compile_seccomp(profile));
  keep(cache_dir, key, filter.program);
  return filter;
}

Result<SeccompFilter> compile_cached(const NamedProfile& profile, int cache_dir) {
  const std::string build = own_build_id();
  if (build.empty()) return compile_cached(profile.make(), cache_dir);
  const std::string key = cache_key(cat(profile.name, " of ", build));
  std::optional<std::string> program = find_kept(cache_dir, key);
  if (program.has_value()) return SeccompFilter{.program = std::move(*program)};
  const oci::Seccomp made = profile.make();
  CHECK(made.flags.empty());  // they are not kept
  SeccompFilter filter = TRY(compile_seccomp(made));
  keep(cache_dir, key, filter.program);
  return filter;
}

std::vector<std::string> seccomp_flags() {
  std::vector<std::string> names;
  for (const Named<unsigned>& row : kFlags) {
    if (sys::has_seccomp_flag(row.value)) names.emplace_back(row.name);
  }
  return names;
}

std::vector<std::string> seccomp_architectures() {
  std::vector<std::string> names;
  for (const Named<uint32_t>& row : kArchitectures) names.emplace_back(row.name);
  return names;
}

}  // namespace crunlite::runtime
