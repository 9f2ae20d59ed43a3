// SPDX-License-Identifier: Apache-2.0
#include "oci/config_check.h"

#include <set>

#include "base/limits.h"
#include "base/text.h"
#include "oci/internal_check.h"
#include "oci/names.h"

namespace crunlite::oci {
namespace {

using internal::check_absolute;
using internal::check_count;
using internal::check_word;

constexpr uint32_t kNoId = UINT32_MAX;  // the kernel reads it as "leave as it is"
constexpr uint32_t kMaxUmask = 0777;
constexpr int kOomScoreRange = 1000;
constexpr size_t kHostNameBytes = 64;  // the kernel's __NEW_UTS_LEN

// "1.0.2-dev": 1, two more numbers, and perhaps a suffix (semver.org).
Status check_version(std::string_view version) {
  std::string_view numbers = version.substr(0, version.find_first_of("-+"));
  std::vector<std::string_view> parts = split(numbers, '.');
  bool valid = parts.size() == 3;
  for (std::string_view part : parts) valid = valid && parse_number<unsigned>(part).has_value();
  if (!valid) return fail(Kind::kInvalid, quote(version), " is not a version");
  if (parts[0] == "1") return {};
  return fail(Kind::kInvalid, quote(version), " is not supported, only 1.x is");
}

Status check_env(const Strings& env) {
  TRY(check_count(env, limits::kArguments));
  for (size_t i = 0; i < env.size(); i++) {
    size_t equals = env[i].find('=');
    if (equals != std::string::npos && equals != 0) continue;
    return fail(Kind::kInvalid, "[", i, "]: ", quote(env[i]), " is not NAME=VALUE");
  }
  return {};
}

Status check_args(const Strings& args) {
  if (args.empty() || args[0].empty()) return fail(Kind::kInvalid, "names no program");
  return check_count(args, limits::kArguments);
}

Status check_id(uint32_t id) {
  if (id != kNoId) return {};
  return fail(Kind::kInvalid, id, " is not from 0 to ", kNoId - 1);
}

Status check_user(const User& user) {
  TRY(check_id(user.uid), "process.user.uid");
  TRY(check_id(user.gid), "process.user.gid");
  if (user.umask.has_value() && *user.umask > kMaxUmask) {
    return fail(Kind::kInvalid, "process.user.umask: ", *user.umask, " is not from 0 to ",
                kMaxUmask);
  }
  TRY(check_count(user.additional_gids, limits::kGroups), "process.user.additionalGids");
  for (size_t i = 0; i < user.additional_gids.size(); i++) {
    TRY(check_id(user.additional_gids[i]), "process.user.additionalGids[", i, "]");
  }
  return {};
}

Status check_rlimits(const std::vector<Rlimit>& rlimits) {
  std::set<std::string_view> seen;
  for (size_t i = 0; i < rlimits.size(); i++) {
    const Rlimit& limit = rlimits[i];
    if (!rlimit_number(limit.type).has_value()) {
      return fail(Kind::kInvalid, "process.rlimits[", i, "].type: ", quote(limit.type),
                  " is unknown");
    }
    if (!seen.insert(limit.type).second) {
      return fail(Kind::kInvalid, "process.rlimits[", i, "].type: ", limit.type, " stands twice");
    }
    if (limit.soft > limit.hard) {
      return fail(Kind::kInvalid, "process.rlimits[", i, "].soft: ", limit.soft,
                  " is above the hard limit ", limit.hard);
    }
  }
  return {};
}

Status check_hook(const Hook& hook) {
  TRY(check_absolute(hook.path), "path");
  TRY(check_count(hook.args, limits::kArguments), "args");
  Status env = check_env(hook.env);
  if (!env.has_value()) return internal::beneath(std::move(env).error(), "env");
  if (!hook.timeout.has_value() || *hook.timeout > 0) return {};
  return fail(Kind::kInvalid, "timeout: ", *hook.timeout, " is not above 0");
}

Status check_hook_list(const std::vector<Hook>& hooks, std::string_view name) {
  TRY(check_count(hooks, limits::kHooks), "hooks.", name);
  for (size_t i = 0; i < hooks.size(); i++) {
    Status hook = check_hook(hooks[i]);
    if (hook.has_value()) continue;
    return internal::beneath(std::move(hook).error(), cat("hooks.", name, "[", i, "]."));
  }
  return {};
}

Status check_hooks(const Hooks& hooks) {
  TRY(check_hook_list(hooks.prestart, "prestart"));
  TRY(check_hook_list(hooks.create_runtime, "createRuntime"));
  TRY(check_hook_list(hooks.create_container, "createContainer"));
  TRY(check_hook_list(hooks.start_container, "startContainer"));
  TRY(check_hook_list(hooks.poststart, "poststart"));
  return check_hook_list(hooks.poststop, "poststop");
}

Status check_mount_maps(const Mount& mount, const std::string& path) {
  TRY(internal::check_mappings(mount.uid_mappings, path + "uidMappings"));
  TRY(internal::check_mappings(mount.gid_mappings, path + "gidMappings"));
  if (mount.uid_mappings.empty() == mount.gid_mappings.empty()) return {};
  const bool has_uids = !mount.uid_mappings.empty();
  return fail(Kind::kInvalid, path, has_uids ? "gidMappings" : "uidMappings", ": missing beside ",
              has_uids ? "uidMappings" : "gidMappings");
}

Status check_mounts(const std::vector<Mount>& mounts) {
  TRY(check_count(mounts, limits::kMounts), "mounts");
  for (size_t i = 0; i < mounts.size(); i++) {
    TRY(check_absolute(mounts[i].destination), "mounts[", i, "].destination");
    TRY(check_count(mounts[i].options, limits::kMountOptions), "mounts[", i, "].options");
    TRY(check_mount_maps(mounts[i], cat("mounts[", i, "].")));
  }
  return {};
}

Status check_annotations(const std::map<std::string, std::string>& annotations) {
  if (!annotations.contains("")) return {};
  return fail(Kind::kInvalid, "annotations: a name is empty");
}

Status check_uts_name(const std::string& name, const Config& config) {
  if (name.empty()) return {};
  if (name.size() > kHostNameBytes) {
    return fail(Kind::kLimit, "is longer than ", kHostNameBytes, " characters");
  }
  if (config.linux_.has_value() && internal::has_namespace(*config.linux_, "uts")) return {};
  return fail(Kind::kInvalid, "needs a namespace of type \"uts\" in linux.namespaces");
}

}  // namespace

Status check_process(const Process& process) {
  TRY(check_args(process.args), "process.args");
  Status env = check_env(process.env);
  if (!env.has_value()) return internal::beneath(std::move(env).error(), "process.env");
  TRY(check_absolute(process.cwd), "process.cwd");
  TRY(check_user(process.user));
  TRY(check_rlimits(process.rlimits));
  TRY(internal::check_process_attributes(process));
  int score = process.oom_score_adj.value_or(0);
  if (score >= -kOomScoreRange && score <= kOomScoreRange) return {};
  return fail(Kind::kInvalid, "process.oomScoreAdj: ", score, " is not from ", -kOomScoreRange,
              " to ", kOomScoreRange);
}

Status check(const Config& config) {
  TRY(check_version(config.oci_version), "ociVersion");
  if (!config.root.has_value()) return fail(Kind::kInvalid, "root: missing");
  if (config.root->path.empty()) return fail(Kind::kInvalid, "root.path: is empty");
  if (config.process.has_value()) TRY(check_process(*config.process));
  TRY(check_uts_name(config.hostname, config), "hostname");
  TRY(check_uts_name(config.domainname, config), "domainname");
  TRY(check_mounts(config.mounts));
  if (config.hooks.has_value()) TRY(check_hooks(*config.hooks));
  TRY(check_annotations(config.annotations));
  if (config.linux_.has_value()) TRY(internal::check_linux(*config.linux_));
  return {};
}

}  // namespace crunlite::oci
