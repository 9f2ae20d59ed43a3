// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <array>

#include "base/sys.h"
#include "runtime/checkpoint.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/lifecycle.h"
#include "runtime/restore.h"
#include "runtime/verb.h"

namespace crunlite::runtime {
namespace {

constexpr OptionSpec kImagePath = {"image-path", '\0', "DIR",
                                   "the image directory (default: checkpoint)"};
constexpr OptionSpec kWorkPath = {"work-path", '\0', "DIR",
                                  "where the log is written (default: the image directory)"};
constexpr OptionSpec kTcpEstablished = {
    "tcp-established", '\0', {}, "also connections that are established"};
constexpr OptionSpec kExtUnixSk = {
    "ext-unix-sk", '\0', {}, "also unix sockets whose other end is outside"};
constexpr OptionSpec kShellJob = {"shell-job", '\0', {}, "also a terminal of the caller's"};
constexpr OptionSpec kFileLocks = {"file-locks", '\0', {}, "also locks on files"};
constexpr OptionSpec kLazyPages = {"lazy-pages", '\0', {}, "refused: is not supported", true};
constexpr OptionSpec kCgroupsMode = {"manage-cgroups-mode", '\0', "MODE",
                                     "soft (default) or ignore: limits are those of config.json"};
constexpr OptionSpec kEmptyNs = {"empty-ns", '\0', "NAMESPACE",
                                 "network: its devices and addresses are the caller's business"};
constexpr OptionSpec kAutoDedup = {"auto-dedup", '\0', {}, "free the image's memory as it is read"};

constexpr std::array kCheckpointOptions = {
    kImagePath,
    kWorkPath,
    OptionSpec{"leave-running", '\0', {}, "the container goes on"},
    kTcpEstablished,
    kExtUnixSk,
    kShellJob,
    kFileLocks,
    kCgroupsMode,
    kEmptyNs,
    kAutoDedup,
    kLazyPages,
    OptionSpec{"parent-path", '\0', "DIR", "refused: needs --pre-dump", true},
    OptionSpec{"pre-dump", '\0', {}, "refused: memory is not tracked", true},
    OptionSpec{"status-fd", '\0', "FD", "refused: needs --lazy-pages", true},
    OptionSpec{"page-server", '\0', "ADDRESS", "refused: is not supported", true}};

constexpr std::array kRestoreOptions = {
    OptionSpec{"bundle", 'b', "DIR", "the bundle (default: this directory)"},
    kImagePath,
    kWorkPath,
    OptionSpec{"detach", 'd', {}, "return when the container runs"},
    OptionSpec{"pid-file", '\0', "FILE", "write the process id there"},
    OptionSpec{"console-socket", '\0', "PATH", "unix socket that the terminal is sent to"},
    OptionSpec{"keep", '\0', {}, "do not delete the container at its end"},
    kTcpEstablished,
    OptionSpec{"tcp-close", '\0', {}, "close connections that were established"},
    kExtUnixSk,
    kShellJob,
    kFileLocks,
    kCgroupsMode,
    kEmptyNs,
    kAutoDedup,
    OptionSpec{"lsm-profile", '\0', "TYPE:NAME", "another AppArmor profile or SELinux label"},
    OptionSpec{"lsm-mount-context", '\0', "CONTEXT", "another SELinux context of mounts"},
    kLazyPages,
    OptionSpec{"no-pivot", '\0', {}, "accepted; pivot_root always works here", true},
    OptionSpec{"no-subreaper", '\0', {}, "accepted; orphans are the caller's", true}};

struct Refusal {
  std::string_view option;
  std::string_view reason;
};
constexpr std::array kRefusals = {
    Refusal{"lazy-pages", "is not supported"},
    Refusal{"page-server", "is not supported; the image directory may be on a shared file system"},
    Refusal{"status-fd", "is for --lazy-pages, which is not supported"}};

// Whether the kernel tells which pages were written since it was last asked: bit 55 of an entry of
// /proc/PID/pagemap, set for fresh memory (Documentation/admin-guide/mm/soft-dirty.rst).
bool has_soft_dirty() {
  constexpr uint64_t kSoftDirty = uint64_t{1} << 55;
  const auto page_size = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  std::string written(2 * page_size, 'x');
  uint64_t entry = 0;
  const Result<UniqueFd> map = sys::open("/proc/self/pagemap", O_RDONLY);
  if (!map.has_value()) return false;
  const uintptr_t page = reinterpret_cast<uintptr_t>(written.data()) / page_size;
  const std::span<char> bytes(reinterpret_cast<char*>(&entry), sizeof entry);
  const Result<size_t> length =
      sys::pread(map->get(), bytes, static_cast<off_t>(page * sizeof entry));
  return length.value_or(0) == sizeof entry && (entry & kSoftDirty) != 0;
}

Status refuse_unsupported(const Options& options) {
  for (const Refusal& refusal : kRefusals) {
    if (!options.has(refusal.option)) continue;
    return fail(Kind::kUnavailable, "--", refusal.option, ": ", refusal.reason);
  }
  for (std::string_view option : {"pre-dump", "parent-path"}) {
    if (!options.has(option)) continue;
    return fail(Kind::kUnavailable, "--", option, ": ",
                has_soft_dirty() ? "is not supported"
                                 : "this kernel does not track written memory "
                                   "(CONFIG_MEM_SOFT_DIRTY)");
  }
  return {};
}

Result<CriuSettings> read_settings(const GlobalOptions& globals, const Options& options) {
  TRY(refuse_unsupported(options));
  const std::string mode = options.value("manage-cgroups-mode", "soft");
  if (mode != "soft" && mode != "ignore") {
    return fail(Kind::kUnavailable, "--manage-cgroups-mode: ", quote(mode),
                " is not soft or ignore: limits are those of config.json");
  }
  const std::string empty = options.value("empty-ns");
  if (!empty.empty() && empty != "network") {
    return fail(Kind::kInvalid, "--empty-ns: ", quote(empty), " is not network");
  }
  CriuSettings settings;
  settings.program = globals.criu;
  settings.image_path =
      TRY(absolute_path(options.value("image-path", "checkpoint")), "--image-path");
  if (options.has("work-path")) {
    settings.work_path = TRY(absolute_path(options.value("work-path")), "--work-path");
  }
  CriuOptions& flags = settings.flags;
  flags.leave_running = options.has("leave-running");
  flags.tcp_established = options.has("tcp-established");
  flags.tcp_close = options.has("tcp-close");
  flags.ext_unix_sk = options.has("ext-unix-sk");
  flags.shell_job = options.has("shell-job");
  flags.file_locks = options.has("file-locks");
  flags.auto_dedup = options.has("auto-dedup");
  flags.empty_network = !empty.empty();
  flags.lsm_profile = options.value("lsm-profile");
  flags.lsm_mount_context = options.value("lsm-mount-context");
  return settings;
}

Result<int> checkpoint_verb(const GlobalOptions& globals, const Options& options) {
  CheckpointOptions checkpoint;
  checkpoint.root = globals.root;
  checkpoint.id = options.positionals()[0];
  checkpoint.criu = TRY(read_settings(globals, options));
  TRY(checkpoint_container(checkpoint));
  return 0;
}

Result<RestoreOptions> read_restore(const GlobalOptions& globals, const Options& options) {
  RestoreOptions restore;
  restore.root = globals.root;
  restore.id = options.positionals()[0];
  restore.use_cgroups = globals.use_cgroups;
  restore.bundle = TRY(absolute_path(options.value("bundle", ".")), "--bundle");
  restore.pid_file = options.value("pid-file");
  restore.console_socket = options.value("console-socket");
  restore.criu = TRY(read_settings(globals, options));
  return restore;
}

Result<int> restore_verb(const GlobalOptions& globals, const Options& options) {
  const RestoreOptions restore = TRY(read_restore(globals, options));
  const ConfigFile config = TRY(load_config(restore.bundle));
  const auto& process = config.config.process;
  const bool is_detached = options.has("detach");
  if (is_detached && process.has_value() && process->terminal && restore.console_socket.empty()) {
    return fail(Kind::kInvalid, "--detach: a terminal needs --console-socket");
  }
  std::optional<Foreground> foreground;
  if (!is_detached) foreground.emplace(TRY(Foreground::prepare()));
  NewContainer container = TRY(restore_container(config, restore));
  run_poststart(container.state);
  container.dir.unlock();
  if (is_detached) {
    (void)container.init.release();
    return 0;
  }
  return attend_to_end(container, *foreground, options.has("keep"));
}

constexpr std::array<Verb, 2> kVerbs = {{
    {"checkpoint", "CONTAINER", "write a running container to files, by CRIU", kCheckpointOptions,
     Positionals::kAnywhere, 1, 1, checkpoint_verb},
    {"restore", "CONTAINER", "make a container from such files; it goes on where it was",
     kRestoreOptions, Positionals::kAnywhere, 1, 1, restore_verb},
}};

}  // namespace

std::span<const Verb> checkpoint_verbs() { return kVerbs; }

}  // namespace crunlite::runtime
