// SPDX-License-Identifier: Apache-2.0
// What layers mean, as the image specification says it: a tree in memory, with no thought of speed.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace crunlite::image {

// One entry of a random layer.
struct ModelEntry {
  char type = 'f';  // f file, d directory, l symbolic link, h hard link, w whiteout, o opaque
  std::string path;
  std::string text = {};  // content, or target
  unsigned mode = 0644;
};
using ModelLayer = std::vector<ModelEntry>;

[[nodiscard]] std::string tar_of(const ModelLayer& layer);
[[nodiscard]] std::string text_of(const ModelLayer& layer);

class LayerModel {
 public:
  // False when the layer must be refused; the model is of no use then.
  bool apply(const ModelLayer& layer);
  // The same entry by entry: begin_layer() first.
  void begin_layer() { layer_++; }
  bool apply(const ModelEntry& entry);
  [[nodiscard]] LayerModel clone() const;
  // As describe_tree(), without numbers of links.
  [[nodiscard]] std::vector<std::string> describe() const;

 private:
  struct Node {
    char type = 'd';
    std::string text = {};
    unsigned mode = 0755;
    int layer = -1;  // that has an entry for it; -1 where it was only implied
    std::map<std::string, std::shared_ptr<Node>> children = {};
  };
  using Path = std::vector<std::string>;

  static std::shared_ptr<Node> clone(const Node& node);
  bool resolve(const std::string& path, bool imagine, Path& resolved) const;
  [[nodiscard]] std::shared_ptr<Node> find(const Path& path) const;
  std::shared_ptr<Node> make(const Path& path);
  bool prune(Node& node) const;
  static void describe(const Node& node, const std::string& prefix,
                       std::vector<std::string>& lines);

  std::shared_ptr<Node> root_ = std::make_shared<Node>();
  int layer_ = 0;
};

}  // namespace crunlite::image
