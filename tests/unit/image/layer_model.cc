// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/image/layer_model.h"

#include <algorithm>
#include <deque>

#include "base/path.h"
#include "base/text.h"
#include "tests/unit/image/tar_builder.h"

namespace crunlite::image {
namespace {

constexpr int kMaxLinks = 40;

std::string octal(unsigned mode) {
  std::string text = "0000";
  for (size_t i = 4; i-- > 0; mode >>= 3) text[i] = static_cast<char>('0' + (mode & 7));
  return text;
}

std::string whiteout_path(const std::string& path) {
  SplitPath parts = split_path(path);
  return cat(parts.parent, parts.parent.empty() ? "" : "/", ".wh.", parts.name);
}

}  // namespace

std::string tar_of(const ModelLayer& layer) {
  TarBuilder tar;
  for (const ModelEntry& entry : layer) {
    switch (entry.type) {
      case 'f': tar.file(entry.path, entry.text, entry.mode); break;
      case 'd': tar.dir(entry.path, entry.mode); break;
      case 'l': tar.symlink(entry.path, entry.text); break;
      case 'h': tar.hardlink(entry.path, entry.text); break;
      case 'w': tar.file(whiteout_path(entry.path)); break;
      case 'o': tar.file(entry.path.empty() ? ".wh..wh..opq" : entry.path + "/.wh..wh..opq"); break;
      default: break;
    }
  }
  return tar.str();
}

std::string text_of(const ModelLayer& layer) {
  std::string text = "layer:\n";
  for (const ModelEntry& entry : layer) {
    text.append(
        cat("  ", entry.type, " ", entry.path, " ", entry.text, " ", octal(entry.mode), "\n"));
  }
  return text;
}

bool LayerModel::apply(const ModelLayer& layer) {
  begin_layer();
  return std::all_of(layer.begin(), layer.end(),
                     [&](const ModelEntry& entry) { return apply(entry); });
}

// NOLINTNEXTLINE(misc-no-recursion): a tree of a test
std::shared_ptr<LayerModel::Node> LayerModel::clone(const Node& node) {
  auto copy = std::make_shared<Node>(node);
  for (auto& [name, child] : copy->children) child = clone(*child);
  return copy;
}

LayerModel LayerModel::clone() const {
  LayerModel copy;
  copy.root_ = clone(*root_);
  copy.layer_ = layer_;
  return copy;
}

// The path without links; false when it ends in something that is no directory, or, unless what is
// missing shall be imagined, in nothing.
bool LayerModel::resolve(const std::string& path, bool imagine, Path& resolved) const {
  std::deque<std::string> names;
  for (std::string_view name : split(path, '/')) names.emplace_back(name);
  int links = 0;
  while (!names.empty()) {
    std::string name = names.front();
    names.pop_front();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      if (!resolved.empty()) resolved.pop_back();
      continue;
    }
    resolved.push_back(name);
    std::shared_ptr<Node> node = find(resolved);
    if (node == nullptr || node->type == 'd') continue;
    if (node->type != 'l' || ++links > kMaxLinks) return false;
    resolved.pop_back();
    if (node->text.starts_with('/')) resolved.clear();
    std::vector<std::string_view> target = split(node->text, '/');
    for (auto part = target.rbegin(); part != target.rend(); ++part) names.emplace_front(*part);
  }
  return imagine || find(resolved) != nullptr;
}

std::shared_ptr<LayerModel::Node> LayerModel::find(const Path& path) const {
  std::shared_ptr<Node> node = root_;
  for (const std::string& name : path) {
    auto child = node->children.find(name);
    if (child == node->children.end()) return nullptr;
    node = child->second;
  }
  return node;
}

std::shared_ptr<LayerModel::Node> LayerModel::make(const Path& path) {
  std::shared_ptr<Node> node = root_;
  for (const std::string& name : path) {
    std::shared_ptr<Node>& child = node->children[name];
    if (child == nullptr) child = std::make_shared<Node>();
    node = child;
  }
  return node;
}

// Takes away what layers below wrote; true when nothing is left of the node itself.
// NOLINTNEXTLINE(misc-no-recursion): a tree of a test
bool LayerModel::prune(Node& node) const {
  if (node.type != 'd') return node.layer != layer_;
  std::erase_if(node.children, [&](const auto& child) { return prune(*child.second); });
  return node.layer != layer_ && node.children.empty();
}

bool LayerModel::apply(const ModelEntry& entry) {
  if (entry.type == 'o') {
    Path path;
    if (!resolve(entry.path, false, path)) return true;
    std::shared_ptr<Node> dir = find(path);
    if (dir->type == 'd') std::erase_if(dir->children, [&](auto& c) { return prune(*c.second); });
    return true;
  }
  SplitPath parts = split_path(entry.path);
  Path path;
  if (!resolve(parts.parent, entry.type != 'w', path)) {
    return entry.type == 'w';
  }
  if (entry.type == 'w') {
    std::shared_ptr<Node> parent = find(path);
    auto child = parent->children.find(parts.name);
    if (child != parent->children.end() && prune(*child->second)) parent->children.erase(child);
    return true;
  }
  std::shared_ptr<Node> made = std::make_shared<Node>();
  *made = {.type = entry.type, .text = entry.text, .mode = entry.mode, .layer = layer_};
  if (entry.type == 'h') {
    SplitPath target = split_path(entry.text);
    Path source;
    if (!resolve(target.parent, false, source)) return false;
    source.push_back(target.name);
    std::shared_ptr<Node> node = find(source);
    if (node == nullptr || node->type == 'd') return false;
    Path place = path;
    place.push_back(parts.name);
    std::shared_ptr<Node> replaced = find(place);
    // A directory goes with all it holds, the link's target too.
    bool holds_target = replaced != nullptr && replaced->type == 'd' &&
                        place.size() < source.size() &&
                        std::equal(place.begin(), place.end(), source.begin());
    if (holds_target) return false;
    *made = *node;
    made->layer = layer_;
  }
  std::shared_ptr<Node> parent = make(path);
  std::shared_ptr<Node>& place = parent->children[parts.name];
  if (place != nullptr && place->type == 'd' && made->type == 'd') made->children = place->children;
  place = made;
  return true;
}

// NOLINTNEXTLINE(misc-no-recursion): a tree of a test
void LayerModel::describe(const Node& node, const std::string& prefix,
                          std::vector<std::string>& lines) {
  for (const auto& [name, child] : node.children) {
    std::string path = prefix + name;
    std::string line = path;
    unsigned usual = 0644;
    if (child->type == 'd') {
      line.push_back('/');
      usual = 0755;
    } else if (child->type == 'l') {
      lines.push_back(cat(path, " -> ", child->text));
      continue;
    } else if (!child->text.empty()) {
      line.append(cat(" = ", child->text));
    }
    if (child->mode != usual) line.append(cat(" ", octal(child->mode)));
    lines.push_back(line);
    if (child->type == 'd') describe(*child, path + "/", lines);
  }
}

std::vector<std::string> LayerModel::describe() const {
  std::vector<std::string> lines;
  describe(*root_, "", lines);
  std::sort(lines.begin(), lines.end());
  return lines;
}

}  // namespace crunlite::image
