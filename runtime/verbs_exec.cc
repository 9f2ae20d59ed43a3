// SPDX-License-Identifier: Apache-2.0
#include <sys/prctl.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/path.h"
#include "base/sys.h"
#include "oci/users.h"
#include "runtime/exec.h"
#include "runtime/foreground.h"
#include "runtime/verb.h"

namespace crunlite::runtime {
namespace {

constexpr std::array kExecOptions = {
    OptionSpec{"process", 'p', "FILE", "a process as JSON instead of a command"},
    OptionSpec{"console-socket", '\0', "PATH", "unix socket that the terminal is sent to"},
    OptionSpec{"pid-file", '\0', "FILE", "write the process id there"},
    OptionSpec{"preserve-fds", '\0', "N", "keep N descriptors above standard error open"},
    OptionSpec{"detach", 'd', {}, "return when the program runs"},
    OptionSpec{"tty", 't', {}, "give it a terminal"},
    OptionSpec{"user", 'u', "UID[:GID]", "as this user (names of the container work too)"},
    OptionSpec{"additional-gids", 'g', "GID", "an additional group (repeatable)"},
    OptionSpec{"cwd", '\0', "DIR", "in this directory of the container"},
    OptionSpec{"env", 'e', "NAME=VALUE", "with this variable (repeatable)"},
    OptionSpec{"cap", 'c', "CAP", "with this capability added (repeatable)"},
    OptionSpec{"no-new-privs", '\0', {}, "without gaining privileges by execve"},
    OptionSpec{"ignore-paused", '\0', {}, "in a paused container: runs when that is resumed"},
};

// The container's own user database, read beneath the root of its init.
Result<oci::UserDatabase> read_users(const GlobalOptions& globals, const std::string& id) {
  const StateDir dir = TRY(StateDir::open(globals.root, id));
  const ContainerState state = TRY(dir.read());
  TRY(open_init(state));
  DirFd root = TRY(sys::open(cat("/proc/", state.pid, "/root").c_str(), O_PATH | O_DIRECTORY),
                   "the container's root");
  const auto read = [&](const char* path) -> std::string {
    Result<UniqueFd> file = open_in_root(root.get(), path, O_RDONLY | O_NONBLOCK);
    if (!file.has_value()) return "";  // an image without users has no such file
    return read_fd(file->get(), limits::kPasswdBytes).value_or("");
  };
  return oci::UserDatabase{.passwd = read("/etc/passwd"), .group = read("/etc/group")};
}

Status set_user(const GlobalOptions& globals, const std::string& id, const Options& options,
                oci::Process& process) {
  if (options.has("user")) {
    const oci::UserDatabase users = TRY(read_users(globals, id));
    const oci::ResolvedUser user = TRY(oci::resolve_user(options.value("user"), users), "--user");
    process.user.uid = user.uid;
    process.user.gid = user.gid;
    process.user.additional_gids = user.additional_gids;
  }
  for (const std::string& text : options.values("additional-gids")) {
    const auto gid = parse_number<uint32_t>(text);
    if (!gid.has_value() || *gid == UINT32_MAX) {
      return fail(Kind::kInvalid, "--additional-gids: ", quote(text), " is not a group id");
    }
    process.user.additional_gids.push_back(*gid);
  }
  return {};
}

Status set_environment(const Options& options, oci::Process& process) {
  for (const std::string& entry : options.values("env")) {
    const size_t equals = entry.find('=');
    if (equals == std::string::npos || equals == 0) {
      return fail(Kind::kInvalid, "--env: ", quote(entry), " is not NAME=VALUE");
    }
    const std::string name = entry.substr(0, equals + 1);
    std::erase_if(process.env, [&](const std::string& old) { return old.starts_with(name); });
    process.env.push_back(entry);
  }
  return {};
}

// The process of a command line: the container's own with what the options change.
Result<oci::Process> process_of_command(const GlobalOptions& globals, const Options& options) {
  const std::string& id = options.positionals()[0];
  oci::Process process = TRY(process_template(globals.root, id));
  process.args.assign(options.positionals().begin() + 1, options.positionals().end());
  if (process.args.empty()) return fail(Kind::kInvalid, "exec: no command is given");
  process.terminal = options.has("tty");
  process.console_size.reset();
  if (options.has("cwd")) process.cwd = options.value("cwd");
  if (!process.cwd.starts_with('/')) {
    return fail(Kind::kInvalid, "--cwd: ", quote(process.cwd), " is not absolute");
  }
  if (options.has("no-new-privs")) process.no_new_privileges = true;
  TRY(set_user(globals, id, options, process));
  TRY(set_environment(options, process));
  return process;
}

Result<oci::Process> process_of_file(const Options& options) {
  if (options.positionals().size() > 1) {
    return fail(Kind::kInvalid, "exec: a command and --process exclude each other");
  }
  const std::string path = options.value("process");
  const std::string text = TRY(read_file(AT_FDCWD, path, limits::kConfigBytes), "--process");
  oci::Process process = TRY(oci::parse_process(text), "--process ", path);
  process.terminal = process.terminal || options.has("tty");
  return process;
}

Result<int> exec_verb(const GlobalOptions& globals, const Options& options) {
  ExecOptions exec;
  exec.root = globals.root;
  exec.id = options.positionals()[0];
  exec.console_socket = options.value("console-socket");
  exec.pid_file = options.value("pid-file");
  exec.capabilities = options.values("cap");
  exec.ignores_pause = options.has("ignore-paused");
  oci::Process process = options.has("process") ? TRY(process_of_file(options))
                                                : TRY(process_of_command(globals, options));
  exec.preserve_fds = TRY(kept_descriptors(options, process.env));
  const bool is_detached = options.has("detach");
  if (is_detached && process.terminal && exec.console_socket.empty()) {
    return fail(Kind::kInvalid, "--detach: a terminal needs --console-socket");
  }
  std::optional<Foreground> foreground;
  if (!is_detached) foreground.emplace(TRY(Foreground::prepare()));
  ExecProcess running = TRY(exec_process(process, exec));
  if (is_detached) {
    (void)running.child.release();
    return 0;
  }
  const ForegroundEnd end =
      TRY(foreground->attend(running.child, std::move(running.console_master)));
  return end.status.shell_status();
}

constexpr std::array<Verb, 1> kVerbs = {{
    {"exec", "CONTAINER COMMAND [ARG...]", "run another program in a running container",
     kExecOptions, Positionals::kEndOptions, 1, kAnyNumber, exec_verb, true},
}};

}  // namespace

std::span<const Verb> exec_verbs() { return kVerbs; }

}  // namespace crunlite::runtime
