// SPDX-License-Identifier: Apache-2.0
#include <stdlib.h>
#include <unistd.h>

#include <array>

#include "base/path.h"
#include "base/sys.h"
#include "runtime/create.h"
#include "runtime/foreground.h"
#include "runtime/lifecycle.h"
#include "runtime/verb.h"

namespace crunlite::runtime {
namespace {

constexpr OptionSpec kBundle = {"bundle", 'b', "DIR", "the bundle (default: this directory)"};
constexpr OptionSpec kConsoleSocket = {"console-socket", '\0', "PATH",
                                       "unix socket that the terminal is sent to"};
constexpr OptionSpec kPidFile = {"pid-file", '\0', "FILE", "write the process id there"};
constexpr OptionSpec kPreserveFds = {"preserve-fds", '\0', "N",
                                     "keep N descriptors above standard error open"};
constexpr OptionSpec kNoPivot = {
    "no-pivot", '\0', {}, "accepted; pivot_root always works here", true};
constexpr OptionSpec kNoKeyring = {"no-new-keyring", '\0', {}, "keep the caller's session keyring"};

constexpr std::array kCreateOptions = {kBundle,      kConsoleSocket, kPidFile,
                                       kPreserveFds, kNoPivot,       kNoKeyring};
constexpr std::array kRunOptions = {
    kBundle,
    kConsoleSocket,
    kPidFile,
    kPreserveFds,
    kNoPivot,
    kNoKeyring,
    OptionSpec{"detach", 'd', {}, "return when the program runs"},
    OptionSpec{"keep", '\0', {}, "do not delete the container at its end"},
    OptionSpec{"no-subreaper", '\0', {}, "accepted; orphans are the caller's", true}};
constexpr std::array<OptionSpec, 0> kNoOptions = {};
constexpr std::array kKillOptions = {OptionSpec{"all", 'a', {}, "signal every process"}};
constexpr std::array kDeleteOptions = {
    OptionSpec{"force", 'f', {}, "kill it first; a missing container is no error"}};

// The bundle's config with what the environment adds to it.
struct Request {
  ConfigFile config;
  CreateOptions options;
};

Result<Request> read_request(const GlobalOptions& globals, const Options& options) {
  Request request;
  CreateOptions& create = request.options;
  create.root = globals.root;
  create.use_cgroups = globals.use_cgroups;
  create.id = options.positionals()[0];
  create.bundle = TRY(absolute_path(options.value("bundle", ".")), "--bundle");
  create.console_socket = options.value("console-socket");
  create.pid_file = options.value("pid-file");
  create.new_keyring = !options.has("no-new-keyring");
  TRY(check_container_id(create.id));
  request.config = TRY(load_config(create.bundle));
  auto& process = request.config.config.process;
  oci::Strings ignored;
  create.preserve_fds =
      TRY(kept_descriptors(options, process.has_value() ? process->env : ignored));
  return request;
}

Result<int> create_verb(const GlobalOptions& globals, const Options& options) {
  Request request = TRY(read_request(globals, options));
  request.options.starts_later = true;
  NewContainer container = TRY(create_container(request.config, request.options));
  (void)container.init.release();  // it lives on without us
  return 0;
}

// Ends a container of ours that could not be started, or has ended.
Status dispose(NewContainer& container) {
  container.init.kill_and_reap();
  return remove_remains(container.dir, container.state);
}

Result<int> run_verb(const GlobalOptions& globals, const Options& options) {
  Request request = TRY(read_request(globals, options));
  const bool is_detached = options.has("detach");
  const auto& process = request.config.config.process;
  if (is_detached && process.has_value() && process->terminal &&
      request.options.console_socket.empty()) {
    return fail(Kind::kInvalid, "--detach: a terminal needs --console-socket");
  }
  std::optional<Foreground> foreground;
  if (!is_detached) foreground.emplace(TRY(Foreground::prepare()));
  NewContainer container = TRY(create_container(request.config, request.options));
  Status started = start_new(container);
  if (!started.has_value()) {
    (void)dispose(container);  // the first error is the one to tell
    return std::unexpected(std::move(started).error());
  }
  if (is_detached) {
    (void)container.init.release();
    return 0;
  }
  return attend_to_end(container, *foreground, options.has("keep"));
}

Result<int> start_verb(const GlobalOptions& globals, const Options& options) {
  TRY(start_container(globals.root, options.positionals()[0]));
  return 0;
}

Result<int> kill_verb(const GlobalOptions& globals, const Options& options) {
  const std::vector<std::string>& words = options.positionals();
  const int signal = TRY(parse_signal(words.size() > 1 ? words[1] : "TERM"));
  TRY(kill_container(globals.root, words[0], signal, options.has("all")));
  return 0;
}

Result<int> delete_verb(const GlobalOptions& globals, const Options& options) {
  for (const std::string& id : options.positionals()) {
    TRY(delete_container(globals.root, id, {.force = options.has("force")}));
  }
  return 0;
}

constexpr std::array<Verb, 5> kVerbs = {{
    {"create", "CONTAINER", "make a container from a bundle; start runs its program",
     kCreateOptions, Positionals::kAnywhere, 1, 1, create_verb, true},
    {"run", "CONTAINER", "create and start a container, wait for it and delete it", kRunOptions,
     Positionals::kAnywhere, 1, 1, run_verb, true},
    {"start", "CONTAINER", "run the program of a created container", kNoOptions,
     Positionals::kAnywhere, 1, 1, start_verb},
    {"kill", "CONTAINER [SIGNAL]", "send a signal (TERM) to a container's init", kKillOptions,
     Positionals::kAnywhere, 1, 2, kill_verb},
    {"delete", "CONTAINER...", "remove what is left of stopped containers", kDeleteOptions,
     Positionals::kAnywhere, 1, kAnyNumber, delete_verb},
}};

std::optional<int> listen_fds() {
  const char* count = ::getenv("LISTEN_FDS");
  const char* pid = ::getenv("LISTEN_PID");
  if (count == nullptr) return {};
  // Meant for another process than us; without a pid callers of old mean us.
  if (pid != nullptr && parse_number<pid_t>(pid) != ::getpid()) return {};
  return parse_number<int>(count);
}

}  // namespace

std::span<const Verb> lifecycle_verbs() { return kVerbs; }

Result<int> attend_to_end(NewContainer& container, Foreground& foreground, bool keep) {
  const Result<ForegroundEnd> end =
      foreground.attend(container.init, std::move(container.console_master));
  if (!end.has_value()) container.init.kill_and_reap();
  if (!keep) remove_ended(container.dir, container.state);
  return TRY(end).status.shell_status();
}

Result<std::string> absolute_path(const std::string& path) {
  if (path.starts_with('/')) return clean_path(path);
  return clean_path(cat(TRY(sys::getcwd()), "/", path));
}

Result<int> kept_descriptors(const Options& options, std::vector<std::string>& env) {
  constexpr int kMaxDescriptors = 1024;
  constexpr int kFirstFree = 3;
  int64_t count = TRY(options.number("preserve-fds", 0));
  if (const std::optional<int> activated = listen_fds(); activated.value_or(0) > 0) {
    count += *activated;
    env.push_back(cat("LISTEN_FDS=", *activated));
    env.emplace_back("LISTEN_PID=1");
    const char* names = ::getenv("LISTEN_FDNAMES");
    if (names != nullptr) env.push_back(cat("LISTEN_FDNAMES=", std::string_view(names)));
  }
  if (count < 0 || count > kMaxDescriptors) {
    return fail(Kind::kInvalid, "--preserve-fds: ", count, " is not from 0 to ", kMaxDescriptors);
  }
  for (int fd = kFirstFree; fd < kFirstFree + count; fd++) {
    if (sys::fstat(fd).has_value()) continue;
    return fail(Kind::kInvalid, "--preserve-fds: descriptor ", fd, " is not open");
  }
  return static_cast<int>(count);
}

}  // namespace crunlite::runtime
