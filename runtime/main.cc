// SPDX-License-Identifier: Apache-2.0
// crun-lite: the OCI runtime, and the command that people type. Words that are no verbs of its own
// run the helper program libexec/crun-lite/crun-lite-WORD, as git does.
#include <unistd.h>

#include <array>

#include "base/log.h"
#include "base/options.h"
#include "base/sys.h"
#include "oci/config.h"
#include "runtime/helper.h"
#include "runtime/self.h"
#include "runtime/state_dir.h"
#include "runtime/verb.h"
#include "runtime/version.h"

namespace crunlite::runtime {
namespace {

constexpr int kFailureStatus = 1;

constexpr std::array kGlobalOptions = {
    OptionSpec{"root", '\0', "DIR", "where the containers' states lie"},
    OptionSpec{"log", '\0', "FILE", "also write errors to this file"},
    OptionSpec{"log-format", '\0', "FORMAT", "of that file: text (default) or json"},
    OptionSpec{"log-level", '\0', "LEVEL", "debug, info, warn (default) or error"},
    OptionSpec{"debug", '\0', {}, "the same as --log-level debug"},
    OptionSpec{"cgroup-manager", '\0', "NAME", "cgroupfs (default) or disabled"},
    OptionSpec{"systemd-cgroup", '\0', {}, "refused: the systemd driver is not supported", true},
    OptionSpec{"rootless", '\0', "WORD", "accepted; what is possible is tried", true},
    OptionSpec{"criu", '\0', "PATH", "the program for checkpoint and restore"},
    OptionSpec{"version", 'v', {}, "print the version"},
    OptionSpec{"help", 'h', {}, "print this help"},
};

std::array<std::span<const Verb>, 6> all_verbs() {
  return {lifecycle_verbs(),  exec_verbs(),    control_verbs(),
          checkpoint_verbs(), inspect_verbs(), sandbox_verbs()};
}

const Verb* find_verb(std::string_view name) {
  for (std::span<const Verb> verbs : all_verbs()) {
    for (const Verb& verb : verbs) {
      if (verb.name == name) return &verb;
    }
  }
  return nullptr;
}

std::string general_help() {
  std::string text = "Usage: crun-lite [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n";
  const auto add = [&text](std::string_view name, std::string_view summary) {
    constexpr size_t kColumn = 12;
    text.append("  ").append(name);
    text.append(name.size() < kColumn ? kColumn - name.size() : 1, ' ');
    text.append(summary).append("\n");
  };
  for (std::span<const Verb> verbs : all_verbs()) {
    for (const Verb& verb : verbs) add(verb.name, verb.summary);
  }
  for (const Helper& helper : known_helpers()) add(helper.word, helper.summary);
  text.append("\nOptions:\n").append(options_help(kGlobalOptions));
  text.append("\ncrun-lite COMMAND --help tells more.\n");
  return text;
}

std::string verb_help(const Verb& verb) {
  std::string text = cat("Usage: crun-lite ", verb.name, " [OPTION...]");
  if (!verb.arguments.empty()) text.append(" ").append(verb.arguments);
  text.append("\n\n").append(verb.summary).append("\n");
  if (!verb.options.empty()) text.append("\nOptions:\n").append(options_help(verb.options));
  return text;
}

std::string version_text() {
  return cat("crun-lite version ", kVersion, "\ncommit: ", kCommit, "\nspec: ", oci::kOciVersion,
             "\n+SECCOMP +CAP +CGROUPV1 +CGROUPV2\n");
}

Result<LogSettings> log_settings(const Options& options) {
  LogSettings settings;
  settings.program = "crun-lite";
  settings.file = options.value("log");
  const std::string format = options.value("log-format", "text");
  if (format != "text" && format != "json") {
    return fail(Kind::kInvalid, "--log-format: ", quote(format), " is not text or json");
  }
  settings.is_json = format == "json";
  const std::string level = options.has("debug") ? "debug" : options.value("log-level", "warning");
  if (level == "debug") settings.level = LogLevel::kDebug;
  if (level == "info") settings.level = LogLevel::kInfo;
  if (level == "error") settings.level = LogLevel::kError;
  return settings;
}

Result<GlobalOptions> global_options(const Options& options) {
  GlobalOptions globals;
  globals.root = TRY(absolute_path(options.value("root", default_root())), "--root");
  const std::string manager = options.value("cgroup-manager", "cgroupfs");
  if (options.has("systemd-cgroup") || manager == "systemd") {
    return fail(Kind::kUnavailable, "--systemd-cgroup: the systemd driver is not supported");
  }
  if (manager != "cgroupfs" && manager != "disabled") {
    return fail(Kind::kInvalid, "--cgroup-manager: ", quote(manager),
                " is not cgroupfs or disabled");
  }
  globals.use_cgroups = manager == "cgroupfs";
  globals.criu = options.value("criu");
  return globals;
}

Status check_count(const Verb& verb, size_t count) {
  if (count >= verb.min_positionals && count <= verb.max_positionals) return {};
  const bool is_few = count < verb.min_positionals;
  return fail(Kind::kInvalid, verb.name, ": ", is_few ? "missing" : "too many",
              " arguments, expected ", verb.arguments.empty() ? "none" : verb.arguments);
}

Result<int> run_verb(const Verb& verb, const Options& global, const std::vector<std::string>& all,
                     std::span<const std::string> args) {
  if (verb.enters_container) TRY(protect_own_program(all));
  constexpr OptionSpec kHelp = {"help", 'h', {}, "print this help"};
  std::vector<OptionSpec> specs(verb.options.begin(), verb.options.end());
  specs.push_back(kHelp);
  const Options options = TRY(Options::parse(specs, args, verb.positionals), verb.name);
  if (options.has("help")) {
    TRY(sys::write_all(STDOUT_FILENO, verb_help(verb)));
    return 0;
  }
  TRY(check_count(verb, options.positionals().size()));
  return verb.run(TRY(global_options(global)), options);
}

Result<int> run_command(const std::vector<std::string>& args) {
  const std::span<const std::string> words_after_name(args.begin() + (args.empty() ? 0 : 1),
                                                      args.end());
  const Options global =
      TRY(Options::parse(kGlobalOptions, words_after_name, Positionals::kEndOptions));
  TRY(open_log(TRY(log_settings(global))));
  const std::vector<std::string>& words = global.positionals();
  if (global.has("version")) {
    TRY(sys::write_all(STDOUT_FILENO, version_text()));
    return 0;
  }
  if (global.has("help") || (!words.empty() && words[0] == "help")) {
    TRY(sys::write_all(STDOUT_FILENO, general_help()));
    return 0;
  }
  if (words.empty()) {
    return fail(Kind::kInvalid, "no command is given; crun-lite --help lists them");
  }
  const std::span<const std::string> rest(words.begin() + 1, words.end());
  const Verb* verb = find_verb(words[0]);
  if (verb == nullptr) return run_helper(words);
  const Result<int> status = run_verb(*verb, global, args, rest);
  if (status.has_value()) return status;
  log_line(LogLevel::kError, status.error().message);
  return verb->failure_status;
}

// A standard stream that is missing would be taken by the next file that is opened, which would
// then be a program's input or output.
Status fill_missing_streams() {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++) {
    if (sys::fstat(fd).has_value()) continue;
    UniqueFd null = TRY(sys::open("/dev/null", O_RDWR), "/dev/null");
    (void)null.release();  // the lowest free number, so it is this stream
  }
  return {};
}

}  // namespace
}  // namespace crunlite::runtime

#ifdef __SANITIZE_ADDRESS__
// The search for leaks stops all threads by ptrace(2), which never ends after a fork from here.
extern "C" const char* __asan_default_options() { return "detect_leaks=0"; }
#endif

int main(int argc, char** argv) {
  using namespace crunlite;
  LogSettings log;
  log.program = "crun-lite";
  (void)open_log(log);  // opens no file
  const std::vector<std::string> args(argv, argv + argc);
  if (!runtime::fill_missing_streams().has_value()) return runtime::kFailureStatus;
  const Result<int> status = runtime::run_command(args);
  if (status.has_value()) return *status;
  log_line(LogLevel::kError, status.error().message);
  return runtime::kFailureStatus;
}
