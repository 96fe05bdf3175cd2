#include "sidecar/config/schema.h"

#include <boost/json.hpp>

#include "sidecar/config/field_doc.h"
#include "sidecar/config/names.h"
#include "sidecar/config/policy_fields.h"

namespace naru::config {
namespace {

namespace json = boost::json;

constexpr std::string_view kVariable = R"(\$\{)";

// A text of a certain form, or one that holds a variable, of which the schema cannot know what it becomes.
json::object TextLike(std::string_view form) {
  return {{"type", "string"}, {"pattern", std::string(form) + "|" + std::string(kVariable)}};
}

json::object AnyOf(json::array alternatives) {
  return {{"anyOf", std::move(alternatives)}};
}

json::object WholeNumber(const ValueType& type) {
  json::object number{{"type", "integer"}};
  if (const auto* least = std::get_if<uint64_t>(&type.least)) number["minimum"] = *least;
  if (const auto* most = std::get_if<uint64_t>(&type.most)) number["maximum"] = *most;
  return number;
}

json::array Words(const ValueType& type) {
  json::array words;
  for (std::string_view word : type.words) words.emplace_back(word);
  return words;
}

// A word such as 502 is a number to YAML.
json::object ListOfWords(const ValueType& type) {
  json::array words = Words(type);
  for (std::string_view word : type.words) {
    if (word.find_first_not_of("0123456789") == word.npos) words.emplace_back(std::stoi(std::string(word)));
  }
  const json::object word{{"enum", std::move(words)}};
  return AnyOf({json::object{{"type", "array"}, {"items", word}}, word});
}

json::object Number(const ValueType& type) {
  return {{"type", "number"},
          {"minimum", std::get<double>(type.least)},
          {"maximum", std::get<double>(type.most)}};
}

// Whether zero, in whatever unit, lies below what is possible.
bool IsAboveZero(const Bound& least) {
  const auto* duration = std::get_if<Duration>(&least);
  const auto* number = std::get_if<double>(&least);
  const auto* count = std::get_if<uint64_t>(&least);
  return (duration != nullptr && *duration > Duration::zero()) || (number != nullptr && *number > 0) ||
         (count != nullptr && *count > 0);
}

// The beginning of a regular expression for such values.
std::string UnlessZero(const ValueType& type) {
  return IsAboveZero(type.least) ? "^(?![0.]+ ?[A-Za-z%]*$)" : "^";
}

// A plain 0 needs no unit.
json::object OrZero(const ValueType& type, json::object schema) {
  return IsAboveZero(type.least) ? schema : AnyOf({json::object{{"const", 0}}, std::move(schema)});
}

json::object ScalarSchema(const ValueType& type) {
  switch (type.kind) {
    case ValueKind::kBoolean:
      return AnyOf({json::object{{"type", "boolean"}}, TextLike("^(true|false)$")});
    case ValueKind::kCount:
      return AnyOf({WholeNumber(type), TextLike("^[0-9]+$")});
    case ValueKind::kSize:
      return OrZero(type, TextLike(UnlessZero(type) + "([0-9.]+ ?(B|KiB|MiB|GiB)|0)$"));
    case ValueKind::kRatio:
      return AnyOf(
          {Number(type), TextLike(UnlessZero(type) +
                                  "(0*(100([.]0+)?|[0-9]{1,2}([.][0-9]+)?) ?%|0([.][0-9]+)?|1([.]0+)?)$")});
    case ValueKind::kRate:
      return TextLike("^[0-9.]+ ?/s$");
    case ValueKind::kDuration:
      return OrZero(type, TextLike(UnlessZero(type) + "([0-9.]+ ?(ns|us|ms|s|m|h)|0)$"));
    case ValueKind::kWord:
      return AnyOf({json::object{{"enum", Words(type)}}, TextLike(kVariable)});
    case ValueKind::kWords:
      return ListOfWords(type);
    case ValueKind::kPath:
      return TextLike("^/");
    case ValueKind::kName:
      return {{"type", "string"}};
    case ValueKind::kGroup:
      break;
  }
  return {};
}

// A text, as it is to YAML 1.2: a tool of YAML 1.1 reads a plain off as false, which is refused.
json::object OrOff(const ValueType& type, json::object schema) {
  if (!type.may_be_off) return schema;
  return AnyOf({std::move(schema), json::object{{"const", "off"}}});
}

json::object Described(json::object schema, std::string_view doc, std::string_view fallback) {
  schema["description"] =
      fallback.empty() ? std::string(doc) : std::string(doc) + " Default: " + std::string(fallback);
  return schema;
}

json::object Keys(json::object properties, json::array required) {
  json::object schema{
      {"type", {"object", "null"}}, {"properties", std::move(properties)}, {"additionalProperties", false}};
  if (!required.empty()) schema["required"] = std::move(required);
  return schema;
}

std::string DefaultOf(const PolicyField& field) {
  const bool is_group = field.type.kind == ValueKind::kGroup;
  const Value value = field.get(is_group ? Policy{} : WithEveryGroup());
  return is_group && !std::holds_alternative<Off>(value) ? "" : FormatValue(field.type, value);
}

// The part of a key behind the last dot, and the group before it.
std::string_view LeafOf(std::string_view key) {
  return key.substr(key.rfind('.') + 1);
}
std::string_view GroupOf(std::string_view key) {
  const size_t dot = key.rfind('.');
  return dot == key.npos ? "" : key.substr(0, dot);
}

json::object PolicyProperties(std::string_view group, bool of_route = false) {
  json::object properties;
  for (const PolicyField& field : PolicyFields()) {
    if (GroupOf(field.key) != group || (of_route && !field.in_routes)) continue;
    json::object schema = field.type.kind == ValueKind::kGroup ? Keys(PolicyProperties(field.key), {})
                                                               : ScalarSchema(field.type);
    properties[LeafOf(field.key)] =
        Described(OrOff(field.type, std::move(schema)), field.doc, DefaultOf(field));
  }
  return properties;
}

json::object SectionSchema(Section section);

json::object FieldSchema(const FieldDoc& field) {
  const json::object text =
      field.form.empty() ? json::object{{"type", {"string", "number"}}} : TextLike(field.form);
  const json::object list{{"type", {"array", "null"}}, {"items", text}};
  switch (field.shape) {
    case Shape::kValue:
      return ScalarSchema(field.type);
    case Shape::kText:
      return text;
    case Shape::kTextList:
      return list;
    case Shape::kTextOrList:
      return AnyOf({text, list});
    case Shape::kRoutes:
      return {{"type", {"array", "null"}}, {"items", SectionSchema(Section::kRoute)}};
    case Shape::kServices:
      return {{"type", {"object", "null"}},
              {"propertyNames",
               json::object{{"pattern", kServiceNamePattern}, {"maxLength", kLongestName}}},
              {"additionalProperties", SectionSchema(Section::kService)}};
    case Shape::kSection:
      break;
  }
  const bool of_policies = field.section == Section::kFile;
  return of_policies ? Keys(PolicyProperties(""), {}) : SectionSchema(field.section);
}

json::object SectionSchema(Section section) {
  json::object properties;
  json::array required;
  json::array exactly_one;
  for (const FieldDoc& field : FieldsOf(section)) {
    properties[field.key] = Described(FieldSchema(field), field.doc, field.fallback);
    if (field.required) required.emplace_back(field.key);
    if (!field.unless.empty()) exactly_one.push_back(json::object{{"required", json::array{field.key}}});
  }
  if (section == Section::kService || section == Section::kRoute) {
    for (auto& property : PolicyProperties("", section == Section::kRoute)) properties.insert(property);
  }
  json::object schema = Keys(std::move(properties), std::move(required));
  if (!exactly_one.empty()) schema["oneOf"] = std::move(exactly_one);
  return schema;
}

// The reference page.

std::string Cell(std::string_view text) {
  std::string cell;
  for (char c : text) cell += c == '|' ? std::string("\\|") : std::string(1, c);
  return cell;
}

std::string Code(std::string_view text) {
  return text.empty() ? "" : "`" + std::string(text) + "`";
}

std::string JoinClauses(std::string a, std::string_view b) {
  if (a.empty() || b.empty()) return a + std::string(b);
  return a + "; " + std::string(b);
}

constexpr std::string_view kTableHead =
    "| key | value | default | limits | what it is |\n|---|---|---|---|---|\n";

std::string TableRow(std::string_view key, std::string_view value, std::string_view fallback,
                     std::string_view limits, std::string_view doc) {
  std::string row = "| " + Code(key) + " |";
  for (std::string_view cell : {value, fallback, limits, doc}) {
    row += cell.empty() ? " |" : " " + Cell(cell) + " |";
  }
  return row + "\n";
}

std::string ShapeWords(const FieldDoc& field) {
  switch (field.shape) {
    case Shape::kValue:
      return DescribeType(field.type);
    case Shape::kText:
      return "text";
    case Shape::kTextList:
      return "list";
    case Shape::kTextOrList:
      return "one or a list";
    case Shape::kSection:
      return "keys";
    case Shape::kServices:
      return "a map from name to service";
    case Shape::kRoutes:
      return "list of routes";
  }
  return "";
}

std::string DefaultCell(const FieldDoc& field) {
  if (!field.unless.empty()) return "required unless there is " + Code(field.unless);
  return field.required ? "required" : Code(field.fallback);
}

std::string SectionTable(std::string_view title, std::string_view introduction, Section section) {
  std::string text =
      "## " + std::string(title) + "\n\n" + std::string(introduction) + "\n\n" + std::string(kTableHead);
  for (const FieldDoc& field : FieldsOf(section)) {
    const std::string bounds = field.shape == Shape::kValue ? DescribeBounds(field.type) : "";
    text += TableRow(field.key, ShapeWords(field), DefaultCell(field), JoinClauses(bounds, field.constraint),
                     field.doc);
  }
  return text + "\n";
}

std::string PolicyTable() {
  std::string text = R"(## Policy keys

They may stand under `defaults`, in a service and in a route; the innermost wins, key by key. A dot means nesting:
`retry.budget.ratio` is written as `retry: {budget: {ratio: 20%}}`.

)" + std::string(kTableHead);
  for (const PolicyField& field : PolicyFields()) {
    text +=
        TableRow(field.key, DescribeType(field.type), Code(DefaultOf(field)),
                 JoinClauses(DescribeBounds(field.type), field.in_routes ? "" : "not in a route"), field.doc);
  }
  return text + "\n";
}

std::string NotYetTable() {
  std::string text = R"(## Not supported yet

Each of these is refused with a message that says the same.

| key | until then |
|---|---|
)";
  for (const NotYet& later : NotYetPolicies()) {
    const std::string value = later.value_prefix.empty() ? "" : ": " + std::string(later.value_prefix);
    text += "| `" + std::string(later.key) + value + "` | " + Cell(later.instead) + " |\n";
  }
  return text;
}

constexpr std::string_view kHead = R"(# Configuration

Made by `naru check --reference` from the tables that read the file; edit those, not this page.

One YAML file, and those that it includes. Unknown keys, wrong types and contradictions are errors, all reported at
once, before anything starts. `${VAR}` and `${VAR:-default}` are replaced inside values; `$${` is a literal `${`.
Durations are `250ms`, `5s`, `2m`, `1h`; sizes `512B`, `64KiB`, `1MiB`; ratios `20%` or `0.2`; rates `10/s`.

)";

}  // namespace

std::string SchemaJson() {
  json::object schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
                      {"title", "naru configuration"}};
  for (auto& member : SectionSchema(Section::kFile)) schema.insert(member);
  return json::serialize(schema);
}

std::string ReferencePage() {
  return std::string(kHead) + SectionTable("The file", "Every key may be left out.", Section::kFile) +
         SectionTable("`caller`", "Whatever is missing is counted as `unknown`.", Section::kCaller) +
         SectionTable("`private`",
                      "Loopback is private only for endpoints written in the file; link-local never is.",
                      Section::kPrivate) +
         SectionTable("`discovery`",
                      "A source in trouble changes nothing: what it answered last stays in use, also over a "
                      "restart where there is a `state` directory.",
                      Section::kDiscovery) +
         SectionTable("`discovery.dns`", "Of `dns://` and `dns+srv://`.", Section::kDns) +
         SectionTable("`discovery.cloudmap`",
                      "Of `cloudmap://`. Credentials come from where AWS's own tools "
                      "look: the environment, the task's role, the instance's role.",
                      Section::kCloudMap) +
         SectionTable("`discovery.consul`", "Of `consul://`.", Section::kConsul) +
         SectionTable("`discovery.xds`", "Of `xds://`.", Section::kXds) +
         SectionTable("A service", "And any policy key.", Section::kService) +
         SectionTable("A route", "And any policy key.", Section::kRoute) + PolicyTable() + NotYetTable();
}

}  // namespace naru::config
