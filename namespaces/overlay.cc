// SPDX-License-Identifier: Apache-2.0
#include "namespaces/overlay.h"

#include <errno.h>

#include <algorithm>

#include "base/path.h"
#include "base/sys.h"

namespace crunlite::namespaces {
namespace {

constexpr size_t kMaxStringBytes = 255;      // of one fsconfig(2) string
constexpr size_t kMaxMountDataBytes = 4095;  // of mount(2)'s data: one page
constexpr size_t kMaxLayers = 500;           // OVL_MAX_STACK

// "a\:b:c" -> {"a:b", "c"}: a backslash escapes the next byte.
std::vector<std::string> split_escaped(std::string_view text) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 1 < text.size()) {
      parts.back().push_back(text[++i]);
    } else if (text[i] == ':') {
      parts.emplace_back();
    } else {
      parts.back().push_back(text[i]);
    }
  }
  return parts;
}

std::string escape(std::string_view path) {
  std::string out;
  for (char c : path) {
    if (c == ':' || c == '\\' || c == ',') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

// The layers as one string, relative to `parent` unless that is empty.
std::string lower_list(const std::vector<std::string>& lower, const std::string& parent) {
  std::string list;
  for (const std::string& path : lower) {
    if (!list.empty()) list.push_back(':');
    list.append(escape(parent.empty() ? path : split_path(path).name));
  }
  return list;
}

bool is_layer_option(std::string_view key) {
  return key == "lowerdir" || key == "upperdir" || key == "workdir";
}

Status set_other_options(int context, const MountPlan& plan) {
  for (const std::string& flag : plan.options.flags) {
    TRY(sys::fsconfig_flag(context, flag.c_str()), "option ", quote(flag));
  }
  for (const auto& [key, value] : plan.options.values) {
    if (is_layer_option(key)) continue;
    TRY(sys::fsconfig_string(context, key.c_str(), value.c_str()), "option ", quote(key));
  }
  return {};
}

Status set_lower(int context, const OverlayLayers& layers) {
  for (const std::string& path : layers.lower) {
    Status added = sys::fsconfig_string(context, "lowerdir+", path.c_str());
    if (!added.has_value()) return std::unexpected(with_context(added.error(), quote(path)));
  }
  return {};
}

Status set_upper(int context, const OverlayLayers& layers) {
  if (layers.upper.empty()) return {};
  TRY(sys::fsconfig_string(context, "upperdir", layers.upper.c_str()), quote(layers.upper));
  TRY(sys::fsconfig_string(context, "workdir", layers.work.c_str()), quote(layers.work));
  return {};
}

// Restores the working directory, which relative layer names are resolved against.
class WorkingDirectory {
 public:
  static Result<WorkingDirectory> change_to(const std::string& path) {
    DirFd old = TRY(sys::open(".", O_PATH | O_DIRECTORY));
    TRY(sys::chdir(path.c_str()), quote(path));
    return WorkingDirectory(std::move(old));
  }
  WorkingDirectory(WorkingDirectory&&) = default;
  WorkingDirectory& operator=(WorkingDirectory&&) = delete;
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  ~WorkingDirectory() {
    if (old_.is_open()) (void)sys::fchdir(old_.get());  // it was ours a moment ago
  }

 private:
  explicit WorkingDirectory(DirFd old) : old_(std::move(old)) {}
  DirFd old_;
};

// The form of Linux before 6.5: one short string.
Result<MountFd> make_overlay_of_old(const MountPlan& plan, const OverlayLayers& layers) {
  const std::string parent = common_parent(layers.lower);
  const std::string list = lower_list(layers.lower, parent);
  if (std::max({list.size(), layers.upper.size(), layers.work.size()}) > kMaxStringBytes) {
    return fail(Kind::kUnavailable, "the layers' names are too long for fsconfig of this kernel");
  }
  WorkingDirectory guard = TRY(WorkingDirectory::change_to(parent.empty() ? "/" : parent));
  UniqueFd context = TRY(sys::fsopen("overlay"));
  TRY(sys::fsconfig_string(context.get(), "lowerdir", list.c_str()), "lowerdir");
  TRY(set_upper(context.get(), layers));
  TRY(set_other_options(context.get(), plan));
  TRY(sys::fsconfig_create(context.get()));
  return sys::fsmount(context.get(), static_cast<unsigned>(plan.options.attributes_set));
}

// fsconfig(2) takes strings of at most 255 bytes, also where it takes layer by layer.
bool has_long_name(const OverlayLayers& layers) {
  const auto is_long = [](const std::string& path) { return path.size() > kMaxStringBytes; };
  return is_long(layers.upper) || is_long(layers.work) ||
         std::any_of(layers.lower.begin(), layers.lower.end(), is_long);
}

// The kernel's own words about a refusal, where it has some.
Error explained(int context, Error error) {
  const std::string text = sys::fs_log(context);
  if (!text.empty()) error.message = cat(error.message, " (", text, ")");
  return error;
}

Status configure(int context, const MountPlan& plan, const OverlayLayers& layers) {
  TRY(set_lower(context, layers));
  TRY(set_upper(context, layers));
  TRY(set_other_options(context, plan));
  return sys::fsconfig_create(context);
}

Result<MountFd> make_overlay_of_layers(const MountPlan& plan, const OverlayLayers& layers) {
  if (has_long_name(layers)) return make_overlay_of_old(plan, layers);
  UniqueFd context = TRY(sys::fsopen("overlay"));
  Status configured = configure(context.get(), plan, layers);
  if (configured.has_value()) {
    return sys::fsmount(context.get(), static_cast<unsigned>(plan.options.attributes_set));
  }
  // Linux before 6.5 has no "lowerdir+", and says so when the mount is made.
  if (configured.error().errnum == EINVAL) {
    Result<MountFd> old = make_overlay_of_old(plan, layers);
    if (old.has_value() || old.error().errnum != EINVAL) return old;
  }
  return std::unexpected(explained(context.get(), std::move(configured).error()));
}

}  // namespace

Result<OverlayLayers> overlay_layers(const MountPlan& plan) {
  OverlayLayers layers;
  for (const auto& [key, value] : plan.options.values) {
    if (key == "lowerdir") layers.lower = split_escaped(value);
    if (key == "upperdir") layers.upper = value;
    if (key == "workdir") layers.work = value;
  }
  if (layers.lower.empty()) return fail(Kind::kInvalid, plan.field, ".options: lowerdir: missing");
  if (std::find(layers.lower.begin(), layers.lower.end(), "") != layers.lower.end()) {
    return fail(Kind::kInvalid, plan.field, ".options: lowerdir: a layer has no name");
  }
  if (layers.lower.size() > kMaxLayers) {
    return fail(Kind::kLimit, plan.field, ".options: lowerdir: more than ", kMaxLayers, " layers");
  }
  if (layers.upper.empty() != layers.work.empty()) {
    return fail(Kind::kInvalid, plan.field, ".options: upperdir and workdir go together");
  }
  return layers;
}

std::string common_parent(const std::vector<std::string>& paths) {
  std::string parent;
  for (const std::string& path : paths) {
    const std::string own = split_path(path).parent;
    if (own.empty() || own == "/" || (!parent.empty() && own != parent)) return "";
    parent = own;
  }
  return parent;
}

Result<MountFd> make_overlay(const MountPlan& plan) {
  const OverlayLayers layers = TRY(overlay_layers(plan));
  return TRY(make_overlay_of_layers(plan, layers), plan.field, ": mount overlay on ",
             plan.destination);
}

Result<std::string> overlay_data(const MountPlan& plan) {
  const OverlayLayers layers = TRY(overlay_layers(plan));
  std::string data = cat("lowerdir=", lower_list(layers.lower, common_parent(layers.lower)));
  if (!layers.upper.empty()) {
    data.append(cat(",upperdir=", escape(layers.upper), ",workdir=", escape(layers.work)));
  }
  for (const std::string& flag : plan.options.flags) data.append(cat(",", flag));
  for (const auto& [key, value] : plan.options.values) {
    if (!is_layer_option(key)) data.append(cat(",", key, "=", value));
  }
  if (data.size() <= kMaxMountDataBytes) return data;
  return fail(Kind::kLimit, plan.field, ".options: ", layers.lower.size(),
              " layers do not fit into the mount options of this kernel");
}

Status mount_overlay_at(const MountPlan& plan, const std::string& target) {
  const std::string data = TRY(overlay_data(plan));
  const std::string parent = common_parent(TRY(overlay_layers(plan)).lower);
  if (!parent.empty()) TRY(sys::chdir(parent.c_str()), quote(parent));
  TRY(sys::mount("overlay", target.c_str(), "overlay", 0, data.c_str()), plan.field,
      ": mount overlay on ", plan.destination);
  MountFd mounted = TRY(sys::open_tree(AT_FDCWD, target.c_str(), 0), plan.field, ": ", target);
  return in_context(set_mount_attributes(mounted.get(), plan.options.attributes_set,
                                         plan.options.attributes_clear, false),
                    plan.field, ".options: mount overlay on ", plan.destination);
}

}  // namespace crunlite::namespaces
