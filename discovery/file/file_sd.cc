#include "discovery/file/file_sd.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/object.hpp>
#include <boost/json/stream_parser.hpp>
#include <charconv>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "discovery/endpoint_set.h"
#include "discovery/file/yaml_value.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace json = boost::json;

constexpr std::string_view kExample = R"([{"targets": ["10.0.1.11:8080"], "labels": {"zone": "a"}}])";

// --- the syntax ---

SyntaxError At(std::string_view text, size_t offset, std::string what) {
  const std::string_view before = text.substr(0, offset);
  const size_t line_start = before.rfind('\n') + 1;  // 0 where there is none
  const auto lines = static_cast<size_t>(std::count(before.begin(), before.end(), '\n'));
  return {lines + 1, offset - line_start + 1, std::move(what)};
}

std::variant<json::value, SyntaxError> ReadJson(std::string_view text) {
  json::stream_parser parser;
  json::error_code error;
  const size_t read = parser.write_some(text.data(), text.size(), error);
  if (error) return At(text, read, Cat("this is no JSON: ", error.message()));
  const size_t more = text.find_first_not_of(" \t\r\n", read);
  if (more != text.npos) return At(text, more, "there is something after the end of the list: remove it");
  parser.finish(error);
  if (error)
    return At(text, text.size(), "the JSON ends before its list does: was the file written to its end?");
  return parser.release();
}

// --- the meaning ---

// What the labels of one entry say.
struct Labels {
  std::string zone;
  uint32_t weight = 1;
  std::string squad;
  std::vector<std::pair<std::string, std::string>> metadata;
};

// Reads one document; every function fails with a clause that names the entry.
class Reader {
 public:
  absl::StatusOr<Answer> Read(const json::value& document);

 private:
  absl::Status ReadEntry(const json::value& value);
  absl::Status ReadTargets(const json::value& targets, const Labels& labels);
  absl::StatusOr<Labels> ReadLabels(const json::value* value) const;
  absl::StatusOr<uint32_t> ReadWeight(std::string_view text) const;
  absl::Status TakeSquad(const std::string& squad);
  absl::Status Wrong(std::string_view what) const {
    return absl::InvalidArgumentError(Cat("entry ", entry_, " ", what));
  }

  size_t entry_ = 0;  // counted from 1
  Answer answer_;
};

// Prometheus wants strings; a number or a truth value can mean only one of them.
std::optional<std::string> TextOf(const json::value& value) {
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_int64()) return Cat(value.get_int64());
  if (value.is_uint64()) return Cat(value.get_uint64());
  if (value.is_bool()) return value.get_bool() ? "true" : "false";
  return std::nullopt;
}

absl::StatusOr<Answer> Reader::Read(const json::value& document) {
  if (document.is_null()) {
    return absl::InvalidArgumentError(
        "the file is empty, which says nothing: write [] for a service without endpoints");
  }
  if (!document.is_array())
    return absl::InvalidArgumentError(Cat("the file holds no list: write ", kExample));
  for (const json::value& entry : document.get_array()) {
    ++entry_;
    const absl::Status status = ReadEntry(entry);
    if (!status.ok()) return status;
  }
  return std::move(answer_);
}

absl::Status Reader::ReadEntry(const json::value& value) {
  const json::object* entry = value.if_object();
  if (entry == nullptr) return Wrong(Cat("is no map: write ", kExample));
  for (const auto& [key, ignored] : *entry) {
    if (key != "targets" && key != "labels") {
      return Wrong(Cat("has the key \"", std::string_view(key), "\": there are \"targets\" and \"labels\""));
    }
  }
  const absl::StatusOr<Labels> labels = ReadLabels(entry->if_contains("labels"));
  if (!labels.ok()) return labels.status();
  const absl::Status squad = TakeSquad(labels->squad);
  if (!squad.ok()) return squad;
  const json::value* targets = entry->if_contains("targets");
  if (targets == nullptr || !targets->is_array()) return Wrong("has no list of \"targets\"");
  return ReadTargets(*targets, *labels);
}

absl::Status Reader::ReadTargets(const json::value& targets, const Labels& labels) {
  for (const json::value& target : targets.get_array()) {
    if (!target.is_string()) return Wrong("has a target that is no text: write \"IP:PORT\"");
    const std::string_view text = target.get_string();
    const absl::StatusOr<Address> address = Address::Parse(text);
    if (!address.ok()) {
      return Wrong(Cat("has the target ", address.status().message(),
                       "; targets are IP:PORT, and a name belongs into a dns:// URI"));
    }
    if (answer_.endpoints.size() >= kMostEndpoints) {
      return Wrong(Cat("brings the targets above ", kMostEndpoints, ", more than a service may have"));
    }
    answer_.endpoints.push_back({*address, labels.weight, labels.zone, labels.metadata});
  }
  return absl::OkStatus();
}

absl::StatusOr<Labels> Reader::ReadLabels(const json::value* value) const {
  if (value == nullptr || value->is_null()) return Labels();
  if (!value->is_object()) return Wrong("has \"labels\" that are no map");
  std::map<std::string, std::string> all;
  for (const auto& [key, label] : value->get_object()) {
    const std::string_view name = key;
    std::optional<std::string> text = TextOf(label);
    if (!text.has_value()) return Wrong(Cat("has the label \"", name, "\" whose value is no text"));
    if (name.size() > kLongestLabelName || text->size() > kLongestLabel) {
      return Wrong(Cat("has a label \"", name.substr(0, kLongestLabelName),
                       "\" that is too long: names may have ", kLongestLabelName, " bytes and values ",
                       kLongestLabel));
    }
    all[std::string(name)] = *std::move(text);
  }
  const auto take = [&all](const char* name) { return all.extract(name); };
  Labels labels;
  if (auto weight = take("weight")) {
    const absl::StatusOr<uint32_t> number = ReadWeight(weight.mapped());
    if (!number.ok()) return number.status();
    labels.weight = *number;
  }
  if (auto squad = take("squad")) labels.squad = std::move(squad.mapped());
  if (auto zone = take("zone")) {
    labels.zone = std::move(zone.mapped());
  } else if (auto availability_zone = take("availability_zone")) {
    labels.zone = std::move(availability_zone.mapped());
  }
  for (auto& label : all) {
    if (labels.metadata.size() == Endpoint::kMostMetadata) break;
    labels.metadata.emplace_back(label.first, std::move(label.second));
  }
  return labels;
}

absl::StatusOr<uint32_t> Reader::ReadWeight(std::string_view text) const {
  uint32_t weight = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), weight);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && weight >= 1 && weight <= Endpoint::kMostWeight) return weight;
  return Wrong(
      Cat("has the weight \"", text, "\", which is no whole number from 1 to ", Endpoint::kMostWeight));
}

absl::Status Reader::TakeSquad(const std::string& squad) {
  if (squad.empty() || squad == answer_.squad) return absl::OkStatus();
  if (!answer_.squad.empty()) {
    return Wrong(
        Cat("has the squad \"", squad, "\" and an earlier one \"", answer_.squad, "\": a service has one"));
  }
  answer_.squad = squad;
  return absl::OkStatus();
}

}  // namespace

FileFormat FormatOf(std::string_view path) {
  return path.ends_with(".json") ? FileFormat::kJson : FileFormat::kYaml;
}

absl::StatusOr<Answer> ParseFileSd(std::string_view text, FileFormat format, std::string_view path) {
  if (text.size() > kLargestFileSd) {
    return absl::InvalidArgumentError(Cat(path, ": the file is larger than ", kLargestFileSd, " bytes"));
  }
  if (format == FileFormat::kYaml && text.size() > kLargestYaml) {
    return absl::InvalidArgumentError(Cat(path, ": the file is larger than ", kLargestYaml,
                                          " bytes: write it as JSON, which may be larger"));
  }
  if (text.find_first_not_of(" \t\r\n") == text.npos) text = "null";
  const std::variant<json::value, SyntaxError> read =
      format == FileFormat::kJson ? ReadJson(text) : ReadYaml(text);
  if (const auto* error = std::get_if<SyntaxError>(&read)) {
    return absl::InvalidArgumentError(Cat(path, ":", error->line, ":", error->column, ": ", error->what));
  }
  absl::StatusOr<Answer> answer = Reader().Read(std::get<json::value>(read));
  if (!answer.ok()) return absl::InvalidArgumentError(Cat(path, ": ", answer.status().message()));
  return answer;
}

}  // namespace naru::discovery
