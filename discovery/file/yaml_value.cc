#include "discovery/file/yaml_value.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace json = boost::json;

constexpr size_t kDeepest = 16;  // a list of maps of lists is 3 deep

// Builds the value from the parser's events. After the first error it ignores what follows.
class ValueBuilder : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { Add(mark, nullptr); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Fail(mark, "aliases are not read here: write the value out");
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& text) override {
    CheckTag(mark, tag);
    // Plain null and ~ mean "nothing"; quoted they are text ("!" is the parser's tag for quoted).
    const bool nothing = tag != "!" && (text == "~" || text == "null");
    Add(mark, nothing ? json::value(nullptr) : json::value(text));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Open(mark, json::array());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    CheckTag(mark, tag);
    Open(mark, json::object());
  }
  void OnMapEnd() override { Close(); }

  bool failed() const { return error_.has_value(); }
  std::variant<json::value, SyntaxError> Take() {
    if (failed()) return *std::move(error_);
    return std::move(root_);
  }

 private:
  struct OpenValue {
    json::value value;
    YAML::Mark mark;
    std::optional<std::string> key;  // of a map: what the next value belongs to
  };

  void Open(const YAML::Mark& mark, json::value empty) {
    if (open_.size() >= kDeepest) Fail(mark, Cat("values are nested more than ", kDeepest, " deep"));
    if (!failed()) open_.push_back({std::move(empty), mark, std::nullopt});
  }

  void Close() {
    if (failed() || open_.empty()) return;
    OpenValue closed = std::move(open_.back());
    open_.pop_back();
    Add(closed.mark, std::move(closed.value));
  }

  void Add(const YAML::Mark& mark, json::value value) {
    if (failed()) return;
    if (open_.empty()) {
      root_ = std::move(value);
      return;
    }
    OpenValue& parent = open_.back();
    if (parent.value.is_array()) {
      parent.value.get_array().push_back(std::move(value));
    } else if (parent.key.has_value()) {
      parent.value.get_object()[*std::exchange(parent.key, std::nullopt)] = std::move(value);
    } else {
      TakeKey(mark, parent, value);
    }
  }

  void TakeKey(const YAML::Mark& mark, OpenValue& parent, const json::value& key) {
    if (!key.is_string()) return Fail(mark, "this is no name: the left side of a colon is plain text");
    if (parent.value.get_object().contains(key.get_string())) {
      return Fail(mark, Cat("\"", std::string_view(key.get_string()), "\" is here twice: keep one"));
    }
    parent.key = std::string(key.get_string());
  }

  // "?" plain, "!" quoted; the core types are texts here, too.
  void CheckTag(const YAML::Mark& mark, std::string_view tag) {
    if (tag.empty() || tag == "?" || tag == "!" || tag.starts_with("tag:yaml.org,2002:")) return;
    Fail(mark, Cat("the tag ", tag, " means nothing here: remove it"));
  }

  void Fail(const YAML::Mark& mark, std::string what) {
    if (failed()) return;
    error_ = SyntaxError{static_cast<size_t>(mark.line + 1), static_cast<size_t>(mark.column + 1),
                         std::move(what)};
  }

  json::value root_;
  std::vector<OpenValue> open_;
  std::optional<SyntaxError> error_;
};

}  // namespace

std::variant<json::value, SyntaxError> ReadYaml(std::string_view text) {
  ValueBuilder builder;
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    if (!parser.HandleNextDocument(builder)) return json::value(nullptr);
    ValueBuilder second;
    if (!builder.failed() && parser.HandleNextDocument(second)) {
      return SyntaxError{1, 1, "the file holds more than one YAML document: keep one"};
    }
  } catch (const YAML::Exception& error) {
    return SyntaxError{static_cast<size_t>(error.mark.line + 1), static_cast<size_t>(error.mark.column + 1),
                       Cat("this is no YAML: ", error.msg)};
  }
  return builder.Take();
}

}  // namespace naru::discovery
