#include "sidecar/config/yaml_document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

size_t OwnWeight(const YamlNode& node) {
  return 1 + node.text.size() / 64;
}

size_t WeightOf(const YamlNode& node) {
  size_t weight = OwnWeight(node);
  for (const YamlNode& key : node.keys) weight += WeightOf(key);
  for (const YamlNode& value : node.values) weight += WeightOf(value);
  return weight;
}

size_t DepthOf(const YamlNode& node) {
  size_t deepest = 0;
  for (const YamlNode& key : node.keys) deepest = std::max(deepest, DepthOf(key));
  for (const YamlNode& value : node.values) deepest = std::max(deepest, DepthOf(value));
  return deepest + 1;
}

// Builds the tree from the parser's events. After the first error it ignores what follows.
class TreeBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    Add(NodeAt(mark, YamlNode::Kind::kNull), anchor);
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    CheckTag(mark, tag);
    YamlNode node = NodeAt(mark, YamlNode::Kind::kScalar);
    node.text = value;
    // Plain null and ~ mean "nothing"; quoted they are text ("!" is the parser's tag for quoted).
    if (tag != "!" && (value == "~" || value == "null")) node.kind = YamlNode::Kind::kNull;
    Add(std::move(node), anchor);
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto at = anchors_.find(anchor);
    if (at == anchors_.end())
      return Fail(mark, "this alias stands inside the value that it names", "write the value out");
    if (weight_ + at->second.weight > kHeaviestDocument) return FailTooHeavy(mark);
    if (open_.size() + at->second.depth > kDeepestNesting) return FailTooDeep(mark);
    weight_ += at->second.weight;
    // A copy keeps the places of the original: that is where its values are written.
    if (!failed()) Attach(at->second.node);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Open(mark, YamlNode::Kind::kList, anchor);
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Open(mark, YamlNode::Kind::kMap, anchor);
  }
  void OnMapEnd() override { Close(); }

  std::variant<YamlNode, YamlError> Take() {
    if (error_.has_value()) return *std::move(error_);
    return std::move(root_);
  }
  bool failed() const { return error_.has_value(); }

 private:
  struct OpenNode {
    YamlNode node;
    YAML::anchor_t anchor;
    bool key_next = true;  // of a map: whether the next node is a key
  };
  struct Anchored {
    YamlNode node;
    size_t weight;
    size_t depth;
  };

  static YamlNode NodeAt(const YAML::Mark& mark, YamlNode::Kind kind) {
    YamlNode node;
    node.kind = kind;
    node.line = mark.line + 1;
    node.column = mark.column + 1;
    return node;
  }

  void Open(const YAML::Mark& mark, YamlNode::Kind kind, YAML::anchor_t anchor) {
    if (open_.size() >= kDeepestNesting) FailTooDeep(mark);
    if (!failed()) open_.push_back(OpenNode{NodeAt(mark, kind), anchor});
  }

  void Close() {
    if (failed() || open_.empty()) return;
    OpenNode closed = std::move(open_.back());
    open_.pop_back();
    Add(std::move(closed.node), closed.anchor);
  }

  void Add(YamlNode node, YAML::anchor_t anchor) {
    if (failed()) return;
    weight_ += OwnWeight(node);
    if (weight_ > kHeaviestDocument) return FailTooHeavy(YAML::Mark());
    if (anchor != 0) anchors_[anchor] = Anchored{node, WeightOf(node), DepthOf(node)};
    Attach(std::move(node));
  }

  void Attach(YamlNode node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    OpenNode& parent = open_.back();
    const bool is_key = parent.node.kind == YamlNode::Kind::kMap && parent.key_next;
    parent.key_next = !is_key;
    (is_key ? parent.node.keys : parent.node.values).push_back(std::move(node));
  }

  // "?" plain, "!" quoted, and the core types are what a reader would guess anyway.
  void CheckTag(const YAML::Mark& mark, std::string_view tag) {
    constexpr std::string_view kCore = "tag:yaml.org,2002:";
    constexpr std::string_view kTypes[] = {"str", "int", "float", "bool", "null", "seq", "map"};
    if (tag.empty() || tag == "?" || tag == "!") return;
    const std::string_view type = tag.starts_with(kCore) ? tag.substr(kCore.size()) : tag;
    if (std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes)) return;
    Fail(mark, Cat("the tag ", tag, " means nothing here"), "remove the tag");
  }

  void FailTooDeep(const YAML::Mark& mark) {
    Fail(mark, Cat("values are nested more than ", kDeepestNesting, " deep"), "flatten the file");
  }
  void FailTooHeavy(const YAML::Mark& mark) {
    Fail(mark, Cat("the file holds more than ", kHeaviestDocument, " values once its aliases are copied in"),
         "use fewer aliases, or split the file with `include`");
  }
  void Fail(const YAML::Mark& mark, std::string message, std::string hint) {
    if (!failed()) error_ = YamlError{mark.line + 1, mark.column + 1, std::move(message), std::move(hint)};
  }

  YamlNode root_;
  std::vector<OpenNode> open_;
  std::map<YAML::anchor_t, Anchored> anchors_;
  size_t weight_ = 0;
  std::optional<YamlError> error_;
};

std::string_view LineOf(std::string_view text, int line) {
  for (; line > 0; --line) {
    const size_t end = text.find('\n');
    if (end == text.npos) return "";
    text.remove_prefix(end + 1);
  }
  return text.substr(0, text.find('\n'));
}

// The parser's error, and what it meant where it stumbled over something that people write often.
YamlError Explained(const YAML::Exception& error, const std::string& text) {
  YamlError explained{error.mark.line + 1, error.mark.column + 1, Cat("not YAML: ", error.msg), ""};
  const std::string_view line = LineOf(text, error.mark.line);
  const std::string_view indentation = line.substr(0, line.find_first_not_of(" \t"));
  if (Contains(indentation, "\t")) {
    explained.message = "not YAML: the line is indented by a tab";
    explained.hint = "write spaces: YAML knows no tabs there";
    return explained;
  }
  // Inside { } or [ ] the brace of a plain ${VAR} begins a map.
  const size_t brace = static_cast<size_t>(std::max(error.mark.column, 0));
  if (brace == 0 || brace >= line.size() || line.substr(brace - 1, 2) != "${") return explained;
  const size_t end = line.find('}', brace);
  const std::string_view variable = line.substr(brace - 1, end == line.npos ? end : end - brace + 2);
  explained.hint = Cat("inside { } and [ ] a variable stands in quotes: \"", variable, "\"");
  return explained;
}

}  // namespace

std::variant<YamlNode, YamlError> ParseYaml(const std::string& text) {
  if (text.find('\0') != std::string::npos)
    return YamlError{1, 1, "the file is not text: it holds a zero byte", ""};
  TreeBuilder builder;
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return YamlNode{};
    TreeBuilder second;
    if (!builder.failed() && parser.HandleNextDocument(second)) {
      return YamlError{1, 1, "the file holds more than one YAML document",
                       "keep one, or put the others into files named by `include`"};
    }
  } catch (const YAML::Exception& error) {
    return Explained(error, text);
  }
  return builder.Take();
}

}  // namespace naru::config
