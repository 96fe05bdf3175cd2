// A YAML file as a tree of nodes that know where they stand. The only place that knows which YAML library is
// used.
//
// Aliases are copied in, so that a reader sees a plain tree; how large it may grow is bounded, and so are its
// depth and the number of its nodes. Nothing is interpreted: every scalar is the text that was written.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "sidecar/config/problem.h"

namespace naru::config {

struct YamlNode {
  enum class Kind { kNull, kScalar, kList, kMap };

  Kind kind = Kind::kNull;
  int line = 0;  // from 1
  int column = 0;
  std::string text;              // of a scalar
  std::vector<YamlNode> keys;    // of a map, in the order written, duplicates included
  std::vector<YamlNode> values;  // of a map or a list
};

inline constexpr size_t kLargestFile = 16 * 1024 * 1024;
inline constexpr size_t kDeepestNesting = 32;
// What a document weighs after aliases are copied in: one for a node and one for every 64 bytes of its text.
inline constexpr size_t kHeaviestDocument = 500'000;

// What is malformed, and where. A document that holds nothing is a null node.
struct YamlError {
  int line = 0;
  int column = 0;
  std::string message;
  std::string hint;
};
std::variant<YamlNode, YamlError> ParseYaml(const std::string& text);

}  // namespace naru::config
