// SPDX-License-Identifier: Apache-2.0
#include "image/bundle.h"

#include <algorithm>

#include "base/path.h"
#include "oci/config_check.h"
#include "oci/default_config.h"
#include "oci/reference.h"
#include "oci/seccomp_profile.h"

namespace crunlite::image {
namespace {

constexpr size_t kMaxOverlayLayers = 500;  // the kernel's OVL_MAX_STACK
constexpr size_t kHostNameBytes = 63;
constexpr std::string_view kDefaultProgram = "sh";
// The oldest that has all we write: runtimes refuse what is newer than they are.
constexpr std::string_view kBundleVersion = "1.0.2";

// Labels become annotations, and by some annotations runtimes run programs on the host or change
// what keeps a container apart: an image must not choose those (conversion.md, "Annotations").
constexpr std::string_view kSteeringLabels[] = {
    "run.oci.",   "org.systemd.property.", "io.katacontainers.", "crun-lite.",
    "io.podman.", "io.kubernetes.cri-o.",  "io.containers.",     "io.crun-lite."};

bool steers_runtime(std::string_view label) {
  return std::ranges::any_of(kSteeringLabels,
                             [&](std::string_view prefix) { return label.starts_with(prefix); });
}

std::string names_of(const oci::NameSet& names) {
  std::vector<std::string> list;
  for (const auto& [name, nothing] : names) list.push_back(name);
  return join(list, ",");
}

// The implicit annotations, and the image's labels, which win over them.
Result<oci::Annotations> make_annotations(const oci::ImageConfig& image,
                                          std::vector<std::string>& dropped) {
  const oci::ImageDefaults defaults = image.config.value_or(oci::ImageDefaults());
  oci::Annotations annotations;
  auto add = [&](std::string_view key, std::string value) {
    if (!value.empty()) annotations[cat("org.opencontainers.image.", key)] = std::move(value);
  };
  add("os", image.os);
  add("architecture", image.architecture);
  add("variant", image.variant);
  add("os.version", image.os_version);
  add("os.features", join(image.os_features, ","));
  add("author", image.author);
  add("created", image.created);
  add("stopSignal", defaults.stop_signal);
  add("exposedPorts", names_of(defaults.exposed_ports));
  for (const auto& [name, value] : defaults.labels) {
    if (name.empty()) return fail(Kind::kInvalid, "config.Labels: a name is empty");
    if (steers_runtime(name)) {
      dropped.push_back(name);
    } else {
      annotations[name] = value;
    }
  }
  return annotations;
}

bool sets(const oci::Strings& env, std::string_view name) {
  return std::ranges::any_of(env, [&](const std::string& entry) {
    return entry.starts_with(name) && entry.substr(name.size()).starts_with('=');
  });
}

oci::Strings make_env(const oci::ImageDefaults& defaults, const oci::ResolvedUser& user) {
  oci::Strings env = defaults.env;
  if (!sets(env, "PATH")) env.emplace_back(oci::kDefaultPath);
  if (!sets(env, "HOME") && user.home.starts_with('/')) env.push_back(cat("HOME=", user.home));
  return env;
}

oci::Strings make_args(const oci::ImageDefaults& defaults) {
  oci::Strings args = defaults.entrypoint;
  args.insert(args.end(), defaults.cmd.begin(), defaults.cmd.end());
  if (args.empty()) args.emplace_back(kDefaultProgram);
  return args;
}

// Root has the capabilities that images expect; another user may only regain them.
oci::Capabilities make_capabilities(uint32_t uid) {
  oci::Capabilities capabilities = oci::capabilities_of(oci::image_capabilities());
  if (uid != 0) {
    capabilities.effective.clear();
    capabilities.permitted.clear();
  }
  return capabilities;
}

void set_process(const BundleInput& input, oci::Process& process) {
  const oci::ImageDefaults defaults = input.config.config.value_or(oci::ImageDefaults());
  process.terminal = false;
  process.args = make_args(defaults);
  process.env = make_env(defaults, input.user);
  process.cwd = working_dir_of(input.config);
  process.user = oci::User();
  process.user.uid = input.user.uid;
  process.user.gid = input.user.gid;
  // Groups that an ordinary user's namespace does not map cannot be taken.
  if (!input.rootless.has_value()) process.user.additional_gids = input.user.additional_gids;
  process.capabilities = make_capabilities(input.user.uid);
  process.rlimits.clear();  // the caller's: who may not raise them would fail
  process.no_new_privileges = true;
}

// "registry.example/team/my_app:1" -> "my-app"
std::string host_name_of(const std::string& image) {
  Result<oci::Reference> reference = oci::Reference::parse(image);
  std::string name = reference.has_value() ? split_path(reference->repository).name : "";
  for (char& c : name) {
    if (c == '_' || c == '.') c = '-';
  }
  name.resize(std::min(name.size(), kHostNameBytes));
  while (name.ends_with('-')) name.pop_back();
  return name.empty() ? "crun-lite" : name;
}

oci::Config base_config(const BundleInput& input) {
  if (!input.rootless.has_value()) return oci::default_config();
  oci::Config config = oci::default_rootless_config(input.rootless->uid, input.rootless->gid);
  // The one id there is belongs to whoever the image runs as.
  oci::Linux os = config.linux_.value_or(oci::Linux());
  for (oci::IdMapping& map : os.uid_mappings) map.container_id = input.user.uid;
  for (oci::IdMapping& map : os.gid_mappings) map.container_id = input.user.gid;
  config.linux_ = std::move(os);
  return config;
}

// overlayfs splits lists of layers at ':'; ',' and '\' are escaped for mount(2) as well.
std::string escaped(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c == ':' || c == ',' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::string user_of(const oci::ImageConfig& config) {
  if (!config.config.has_value() || config.config->user.empty()) return "0";
  return config.config->user;
}

std::string working_dir_of(const oci::ImageConfig& config) {
  return clean_path(cat("/", config.config.has_value() ? config.config->working_dir : ""));
}

Result<oci::Mount> overlay_mount(const OverlayRoot& root) {
  if (root.lowers.empty()) {
    return fail(Kind::kInvalid, "the image has no layer to stack: unpack it with --copy");
  }
  if (root.lowers.size() > kMaxOverlayLayers) {
    return fail(Kind::kLimit, "overlayfs stacks at most ", kMaxOverlayLayers,
                " layers, the image has ", root.lowers.size(), ": unpack it with --copy");
  }
  for (const std::string& path : {root.upper, root.work}) {
    // Unlike those of lowerdir, their escapes differ between the two ways to mount.
    if (path.find_first_of(",\\") == std::string::npos) continue;
    return fail(Kind::kInvalid, "bundle ", quote(path),
                ": overlayfs takes no path with a comma or a backslash");
  }
  std::vector<std::string> lowers;
  for (const std::string& lower : root.lowers) lowers.push_back(escaped(lower));
  oci::Mount mount;
  mount.destination = "/";
  mount.type = "overlay";
  mount.source = "overlay";
  mount.options = {cat("lowerdir=", join(lowers, ":")), cat("upperdir=", root.upper),
                   cat("workdir=", root.work)};
  if (root.user_xattrs) mount.options.emplace_back("userxattr");
  return mount;
}

Result<BundleConfig> make_bundle_config(const BundleInput& input) {
  BundleConfig result;
  result.config = base_config(input);
  oci::Config& config = result.config;
  config.oci_version = kBundleVersion;
  oci::Process process = config.process.value_or(oci::Process());
  set_process(input, process);
  config.process = std::move(process);
  oci::Root root;
  root.path = "rootfs";
  config.root = std::move(root);
  config.hostname = host_name_of(input.image);
  if (input.overlay.has_value()) {
    config.mounts.insert(config.mounts.begin(), TRY(overlay_mount(*input.overlay)));
  }
  config.annotations = TRY(make_annotations(input.config, result.dropped_labels));
  oci::Linux os = config.linux_.value_or(oci::Linux());
  os.seccomp = oci::default_seccomp(oci::image_capabilities());
  config.linux_ = std::move(os);
  // What the image says may still be nothing that a runtime takes: "process.env[0]: ...".
  TRY(oci::check(config), "the image's config, converted");
  return result;
}

}  // namespace crunlite::image
