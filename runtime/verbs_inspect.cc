// SPDX-License-Identifier: Apache-2.0
#include <pwd.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "base/path.h"
#include "base/process.h"
#include "base/sys.h"
#include "namespaces/mount_options.h"
#include "oci/default_config.h"
#include "oci/features.h"
#include "runtime/criu.h"
#include "runtime/lifecycle.h"
#include "runtime/seccomp.h"
#include "runtime/verb.h"

namespace crunlite::runtime {
namespace {

constexpr std::array<OptionSpec, 0> kNoOptions = {};
constexpr std::array kListOptions = {OptionSpec{"format", 'f', "FORMAT", "table (default) or json"},
                                     OptionSpec{"quiet", 'q', {}, "print the ids only"}};
constexpr std::array kPsOptions = {OptionSpec{"format", 'f', "FORMAT", "table (default) or json"}};
constexpr std::array kSpecOptions = {
    OptionSpec{"bundle", 'b', "DIR", "where config.json is written (default: this directory)"},
    OptionSpec{"rootless", '\0', {}, "for an ordinary user"}};

Status print(std::string_view text) { return sys::write_all(STDOUT_FILENO, text); }

// One container as `state` and `list` show it.
struct Listed {
  std::string id;
  int pid = 0;
  oci::ContainerStatus status = oci::ContainerStatus::kStopped;
  std::string bundle;
  std::string created;
  std::string owner;
};
constexpr auto json_fields(Listed*) {
  using json::field;
  using json::kRequired;
  return std::tuple(field("id", &Listed::id, kRequired), field("pid", &Listed::pid, kRequired),
                    field("status", &Listed::status, kRequired),
                    field("bundle", &Listed::bundle, kRequired), field("created", &Listed::created),
                    field("owner", &Listed::owner));
}

// A static program has no name service: the file is what there is.
std::string owner_name(uint32_t uid) {
  const std::string text = read_file(AT_FDCWD, "/etc/passwd", limits::kPasswdBytes).value_or("");
  for (std::string_view line : split(text, '\n')) {
    const std::vector<std::string_view> fields = split(line, ':');
    if (fields.size() > 2 && parse_number<uint32_t>(fields[2]) == uid) {
      return std::string(fields[0]);
    }
  }
  return cat(uid);
}

Result<int> state_verb(const GlobalOptions& globals, const Options& options) {
  const StateDir dir = TRY(StateDir::open(globals.root, options.positionals()[0]));
  const ContainerState state = TRY(dir.read());
  oci::State shown = oci_state(state, TRY(status_of(dir, state)));
  shown.created = state.created;
  shown.owner = owner_name(state.owner);
  shown.rootfs = cat(state.bundle, "/rootfs");
  TRY(print(oci::write_state(shown)));
  return 0;
}

Result<std::vector<Listed>> list_all(const std::string& root) {
  std::vector<Listed> all;
  for (const std::string& id : TRY(list_containers(root))) {
    Result<StateDir> dir = StateDir::open(root, id);
    Result<ContainerState> state =
        dir.has_value() ? dir->read() : Result<ContainerState>(std::unexpected(dir.error()));
    if (!state.has_value()) continue;  // deleted meanwhile
    const ContainerStatus status = status_of(*dir, *state).value_or(oci::ContainerStatus::kStopped);
    all.push_back({.id = id,
                   .pid = status == oci::ContainerStatus::kStopped ? 0 : state->pid,
                   .status = status,
                   .bundle = state->bundle,
                   .created = state->created,
                   .owner = owner_name(state->owner)});
  }
  return all;
}

// Columns as wide as their widest cell.
std::string table(const std::vector<std::vector<std::string>>& rows) {
  constexpr size_t kGap = 3;
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const auto& row : rows) {
    for (size_t i = 0; i < row.size(); i++) {
      text.append(row[i]);
      if (i + 1 < row.size()) text.append(widths[i] + kGap - row[i].size(), ' ');
    }
    text.push_back('\n');
  }
  return text;
}

Result<bool> wants_json(const Options& options) {
  const std::string format = options.value("format", "table");
  if (format == "json" || format == "table") return format == "json";
  return fail(Kind::kInvalid, "--format: ", quote(format), " is not table or json");
}

Result<int> list_verb(const GlobalOptions& globals, const Options& options) {
  const bool is_json = TRY(wants_json(options));
  const std::vector<Listed> all = TRY(list_all(globals.root));
  if (is_json) {
    TRY(print(json::write(json::encode(all)) + "\n"));
    return 0;
  }
  std::vector<std::vector<std::string>> rows;
  if (!options.has("quiet")) rows.push_back({"ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"});
  for (const Listed& one : all) {
    if (options.has("quiet")) {
      rows.push_back({one.id});
    } else {
      rows.push_back({one.id, cat(one.pid), std::string(oci::to_text(one.status)), one.bundle,
                      one.created, one.owner});
    }
  }
  TRY(print(table(rows)));
  return 0;
}

// ps(1) with the caller's own options, its lines cut to our processes.
Status print_ps(const std::vector<pid_t>& pids, std::vector<std::string> ps_options) {
  if (ps_options.empty()) ps_options = {"-ef"};
  RunOptions options;
  options.spawn.args = {"ps"};
  options.spawn.args.insert(options.spawn.args.end(), ps_options.begin(), ps_options.end());
  options.max_output_bytes = limits::kKernelFileBytes;
  const RunOutput output = TRY(run(options));
  if (output.status.shell_status() != 0) return fail(Kind::kInvalid, "ps: ", trim(output.err));
  const std::vector<std::string_view> lines = split(output.out, '\n');
  const auto fields_of = [](std::string_view line) {
    std::vector<std::string_view> fields = split(line, ' ');
    std::erase(fields, "");
    return fields;
  };
  const std::vector<std::string_view> header = fields_of(lines[0]);
  const auto column = std::find(header.begin(), header.end(), "PID") - header.begin();
  if (column == static_cast<long>(header.size())) return fail(Kind::kInvalid, "ps: no PID column");
  std::string text = cat(lines[0], "\n");
  for (std::string_view line : std::span(lines).subspan(1)) {
    const std::vector<std::string_view> fields = fields_of(line);
    if (column >= static_cast<long>(fields.size())) continue;
    const auto pid = parse_number<pid_t>(fields[static_cast<size_t>(column)]);
    if (!pid.has_value() || std::find(pids.begin(), pids.end(), *pid) == pids.end()) continue;
    text.append(line).push_back('\n');
  }
  return print(text);
}

Result<int> ps_verb(const GlobalOptions& globals, const Options& options) {
  const bool is_json = TRY(wants_json(options));
  const std::vector<std::string>& words = options.positionals();
  const std::vector<pid_t> pids = TRY(container_processes(globals.root, words[0]));
  if (is_json) {
    TRY(print(json::write(json::encode(pids)) + "\n"));
    return 0;
  }
  TRY(print_ps(pids, std::vector<std::string>(words.begin() + 1, words.end())));
  return 0;
}

Result<int> spec_verb(const GlobalOptions&, const Options& options) {
  const std::string bundle = TRY(absolute_path(options.value("bundle", ".")), "--bundle");
  const oci::Config config = options.has("rootless")
                                 ? oci::default_rootless_config(::geteuid(), ::getegid())
                                 : oci::default_config();
  const std::string path = cat(bundle, "/config.json");
  Result<UniqueFd> file = sys::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0666);
  if (!file.has_value() && file.error().kind == Kind::kExists) {
    return fail(Kind::kExists, path, ": exists; remove it first");
  }
  UniqueFd opened = TRY(std::move(file), path);
  TRY(sys::write_all(opened.get(), oci::write_config(config)), path);
  return 0;
}

oci::Features features(const std::string& criu) {
  oci::Features features = oci::specification_features();
  features.mount_options = namespaces::known_mount_options();
  oci::LinuxFeatures& os = *features.linux_;
  os.cgroup = {.v1 = true, .v2 = true, .systemd = false, .systemd_user = false, .rdma = true};
  os.seccomp->supported_flags = seccomp_flags();
  const bool has_criu = find_criu(criu).has_value();
  features.annotations["org.opencontainers.runc.checkpoint.enabled"] = cat(has_criu);
  features.annotations["run.oci.crun.checkpoint.enabled"] = cat(has_criu);
  os.seccomp->archs = seccomp_architectures();
  return features;
}

Result<int> features_verb(const GlobalOptions& globals, const Options&) {
  TRY(print(oci::write_features(features(globals.criu))));
  return 0;
}

constexpr std::array<Verb, 5> kVerbs = {{
    {"state", "CONTAINER", "print a container's state as JSON", kNoOptions, Positionals::kAnywhere,
     1, 1, state_verb},
    {"list", "", "list the containers of this root directory", kListOptions, Positionals::kAnywhere,
     0, 0, list_verb},
    {"ps", "CONTAINER [PS-OPTION...]", "list a container's processes", kPsOptions,
     Positionals::kEndOptions, 1, kAnyNumber, ps_verb},
    {"spec", "", "write a config.json to start from", kSpecOptions, Positionals::kAnywhere, 0, 0,
     spec_verb},
    {"features", "", "print what this runtime can do, as JSON", kNoOptions, Positionals::kAnywhere,
     0, 0, features_verb},
}};

}  // namespace

std::span<const Verb> inspect_verbs() { return kVerbs; }

}  // namespace crunlite::runtime
