// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/config.h"

#include <algorithm>

#include "base/check.h"
#include "base/text.h"

namespace crunlite::integration {
namespace {

constexpr std::string_view kBase = R"({
  "ociVersion": "1.0.2",
  "process": {
    "terminal": false,
    "user": {"uid": 0, "gid": 0},
    "args": ["/bin/probe", "exit", "0"],
    "env": ["PATH=/bin", "HOME=/"],
    "cwd": "/",
    "capabilities": {
      "bounding": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "effective": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"],
      "permitted": ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"]
    },
    "noNewPrivileges": true
  },
  "root": {"path": "rootfs"},
  "hostname": "guest",
  "mounts": [
    {"destination": "/proc", "type": "proc", "source": "proc"},
    {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
     "options": ["nosuid", "strictatime", "mode=755", "size=65536k"]},
    {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
     "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"]},
    {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
     "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]},
    {"destination": "/sys", "type": "sysfs", "source": "sysfs",
     "options": ["nosuid", "noexec", "nodev", "ro"]}
  ],
  "linux": {
    "resources": {"devices": [{"allow": false, "access": "rwm"}]},
    "namespaces": [{"type": "pid"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}],
    "maskedPaths": ["/proc/kcore", "/proc/keys", "/proc/timer_list", "/sys/firmware"],
    "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"]
  }
})";

json::Value* member_of(json::Object& object, std::string_view name) {
  auto found = std::find_if(object.begin(), object.end(),
                            [&](const json::Member& member) { return member.first == name; });
  return found == object.end() ? nullptr : &found->second;
}

json::Value& step_into(json::Value& value, std::string_view name) {
  if (auto* array = std::get_if<json::Array>(&value.data)) {
    auto index = parse_number<size_t>(name);
    CHECK(index.has_value() && *index < array->size());
    return (*array)[*index];
  }
  if (value.is_null()) value = json::Value(json::Object());
  auto* object = std::get_if<json::Object>(&value.data);
  CHECK(object != nullptr);
  if (json::Value* member = member_of(*object, name)) return *member;
  object->emplace_back(std::string(name), json::Value());
  return object->back().second;
}

}  // namespace

json::Value parse_json(std::string_view text) {
  Result<json::Value> value = json::parse(text);
  CHECK(value.has_value());
  return std::move(*value);
}

json::Value to_json(const Strings& texts) {
  json::Array array;
  for (const std::string& text : texts) array.emplace_back(text);
  return json::Value(std::move(array));
}

Config Config::base() {
  Config config;
  config.value_ = parse_json(kBase);
  return config;
}

Config Config::from(json::Value value) {
  Config config;
  config.value_ = std::move(value);
  return config;
}

json::Value& Config::at(std::string_view path) {
  json::Value* value = &value_;
  for (std::string_view name : split(path, '.')) value = &step_into(*value, name);
  return *value;
}

json::Array& Config::array_at(std::string_view path) {
  json::Value& value = at(path);
  if (value.is_null()) value = json::Value(json::Array());
  auto* array = std::get_if<json::Array>(&value.data);
  CHECK(array != nullptr);
  return *array;
}

Config& Config::set(std::string_view path, json::Value value) {
  at(path) = std::move(value);
  return *this;
}

Config& Config::set(std::string_view path, std::string_view text) {
  return set(path, json::Value(std::string(text)));
}

Config& Config::set(std::string_view path, const Strings& texts) {
  return set(path, to_json(texts));
}

Config& Config::set_json(std::string_view path, std::string_view json) {
  return set(path, parse_json(json));
}

Config& Config::add_json(std::string_view path, std::string_view json) {
  array_at(path).push_back(parse_json(json));
  return *this;
}

Config& Config::remove(std::string_view path) {
  size_t dot = path.rfind('.');
  std::string_view name = dot == std::string_view::npos ? path : path.substr(dot + 1);
  json::Value& parent = dot == std::string_view::npos ? value_ : at(path.substr(0, dot));
  if (auto* object = std::get_if<json::Object>(&parent.data)) {
    std::erase_if(*object, [&](const json::Member& member) { return member.first == name; });
  }
  return *this;
}

Config& Config::move_last_to_front(std::string_view path) {
  json::Array& array = array_at(path);
  std::rotate(array.rbegin(), array.rbegin() + 1, array.rend());
  return *this;
}

Config& Config::probe(const Strings& words) {
  Strings all = {"/bin/probe"};
  all.insert(all.end(), words.begin(), words.end());
  return args(all);
}

Config& Config::mount(std::string_view type, std::string_view source, std::string_view destination,
                      const Strings& options) {
  json::Object mount;
  mount.emplace_back("destination", json::Value(std::string(destination)));
  mount.emplace_back("type", json::Value(std::string(type)));
  mount.emplace_back("source", json::Value(std::string(source)));
  if (!options.empty()) mount.emplace_back("options", to_json(options));
  array_at("mounts").emplace_back(std::move(mount));
  return *this;
}

Config& Config::bind(std::string_view source, std::string_view destination,
                     const Strings& options) {
  Strings all = {"bind"};
  all.insert(all.end(), options.begin(), options.end());
  return mount("bind", source, destination, all);
}

Config& Config::without_namespace(std::string_view type) {
  std::erase_if(array_at("linux.namespaces"), [&](const json::Value& item) {
    return *item.find("type") == json::Value(std::string(type));
  });
  return *this;
}

Config& Config::with_namespace(std::string_view type, std::string_view path) {
  (void)without_namespace(type);
  json::Object item;
  item.emplace_back("type", json::Value(std::string(type)));
  if (!path.empty()) item.emplace_back("path", json::Value(std::string(path)));
  array_at("linux.namespaces").emplace_back(std::move(item));
  return *this;
}

Config& Config::capabilities(const Strings& names) {
  for (const char* set_name : {"bounding", "effective", "permitted", "inheritable", "ambient"}) {
    (void)set(cat("process.capabilities.", set_name), names);
  }
  return *this;
}

}  // namespace crunlite::integration
