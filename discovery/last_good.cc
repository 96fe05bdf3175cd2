#include "discovery/last_good.h"

#include <unistd.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace json = boost::json;
namespace fs = std::filesystem;

constexpr int kFormat = 1;
constexpr std::string_view kEnding = ".last-good.json";
constexpr std::string_view kUsualDirectory = "/var/lib/naru";

int64_t SecondsOf(WallTime time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

// FNV-1a: names of files need no more, and the URI inside is compared.
uint64_t HashOf(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char c : text) hash = (hash ^ c) * 0x100000001b3;
  return hash;
}

json::object ToJson(const Endpoint& endpoint) {
  json::object object{{"address", endpoint.address.ToString()}};
  if (endpoint.weight != 1) object["weight"] = endpoint.weight;
  if (!endpoint.zone.empty()) object["zone"] = endpoint.zone;
  json::object metadata;
  for (const auto& [key, value] : endpoint.metadata) metadata[key] = value;
  if (!metadata.empty()) object["metadata"] = std::move(metadata);
  return object;
}

std::string TextAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_string()) return "";
  return {value->get_string().data(), value->get_string().size()};
}

std::optional<int64_t> NumberAt(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr) return std::nullopt;
  boost::system::error_code error;
  const int64_t number = value->to_number<int64_t>(error);
  return error ? std::nullopt : std::optional(number);
}

std::optional<Endpoint> EndpointOf(const json::value& value) {
  const json::object* object = value.if_object();
  if (object == nullptr) return std::nullopt;
  const absl::StatusOr<Address> address = Address::Parse(TextAt(*object, "address"));
  if (!address.ok()) return std::nullopt;
  Endpoint endpoint{*address, 1, TextAt(*object, "zone"), {}};
  const int64_t weight = NumberAt(*object, "weight").value_or(1);
  endpoint.weight = static_cast<uint32_t>(std::clamp<int64_t>(weight, 1, Endpoint::kMostWeight));
  const json::value* metadata = object->if_contains("metadata");
  if (metadata == nullptr || !metadata->is_object()) return endpoint;
  for (const auto& [key, entry] : metadata->get_object()) {
    if (endpoint.metadata.size() == Endpoint::kMostMetadata || !entry.is_string()) break;
    endpoint.metadata.emplace_back(std::string(key), std::string(entry.get_string()));
  }
  std::sort(endpoint.metadata.begin(), endpoint.metadata.end());
  return endpoint;
}

absl::Status Unusable(std::string_view why) {
  return absl::DataLossError(std::string(why));
}

absl::StatusOr<std::vector<Endpoint>> EndpointsOf(const json::object& object) {
  const json::value* list = object.if_contains("endpoints");
  if (list == nullptr || !list->is_array()) return Unusable("has no list of endpoints");
  std::vector<Endpoint> endpoints;
  for (const json::value& value : list->get_array()) {
    std::optional<Endpoint> endpoint = EndpointOf(value);
    if (!endpoint.has_value()) return Unusable("has a malformed endpoint");
    endpoints.push_back(*std::move(endpoint));
    if (endpoints.size() > kMostEndpoints) return Unusable("has too many endpoints");
  }
  return endpoints;
}

std::string Reason() {
  return std::strerror(errno);
}

}  // namespace

std::string EncodeKept(const SourceUri& uri, const Answer& answer, WallTime confirmed) {
  json::array endpoints;
  for (const Endpoint& endpoint : answer.endpoints) endpoints.push_back(ToJson(endpoint));
  return json::serialize(json::object{{"naru_last_good", kFormat},
                                      {"source", uri.text},
                                      {"confirmed", SecondsOf(confirmed)},
                                      {"squad", answer.squad},
                                      {"revision", answer.revision},
                                      {"endpoints", std::move(endpoints)}}) +
         "\n";
}

absl::StatusOr<KeptAnswer> DecodeKept(std::string_view content, const SourceUri& uri, WallTime now) {
  boost::system::error_code error;
  const json::value root = json::parse(json::string_view(content.data(), content.size()), error);
  if (error || !root.is_object()) return Unusable("holds no JSON object");
  const json::object& object = root.get_object();
  if (NumberAt(object, "naru_last_good") != kFormat) return Unusable("is of another version of naru");
  if (TextAt(object, "source") != uri.text) return Unusable("belongs to another source");
  const std::optional<int64_t> confirmed = NumberAt(object, "confirmed");
  if (!confirmed.has_value() || *confirmed < 0) return Unusable("does not say how old it is");
  const int64_t age = SecondsOf(now) - *confirmed;
  if (age > std::chrono::seconds(kLongestKept).count()) return Unusable("is older than three days");
  absl::StatusOr<std::vector<Endpoint>> endpoints = EndpointsOf(object);
  if (!endpoints.ok()) return endpoints.status();
  return KeptAnswer{{*std::move(endpoints), true, TextAt(object, "squad"), TextAt(object, "revision")},
                    std::chrono::seconds(std::max<int64_t>(age, 0))};
}

std::string LastGood::PathOf(const SourceUri& uri) const {
  char name[17];
  std::snprintf(name, sizeof name, "%016llx", static_cast<unsigned long long>(HashOf(uri.text)));
  return Cat(directory_, "/", name, kEnding);
}

absl::Status LastGood::Save(const SourceUri& uri, const Answer& answer, WallTime confirmed) const {
  if (!enabled()) return absl::OkStatus();
  const std::string content = EncodeKept(uri, answer, confirmed);
  if (content.size() > kMostBytes) {
    return Unusable(Cat("the answer of ", uri.text, " is too large to be kept on disk"));
  }
  std::error_code ignored;
  fs::create_directories(directory_, ignored);  // writing says why it did not work
  const std::string path = PathOf(uri);
  const std::string beside = path + ".new";
  std::FILE* file = std::fopen(beside.c_str(), "w");
  if (file == nullptr) return Unusable(Cat("cannot write ", beside, ": ", Reason()));
  const bool written = std::fwrite(content.data(), 1, content.size(), file) == content.size();
  const bool closed = std::fclose(file) == 0;
  if (written && closed && std::rename(beside.c_str(), path.c_str()) == 0) return absl::OkStatus();
  const absl::Status status = Unusable(Cat("cannot write ", path, ": ", Reason()));
  std::remove(beside.c_str());
  return status;
}

absl::StatusOr<std::optional<KeptAnswer>> LastGood::Load(const SourceUri& uri, WallTime now) const {
  if (!enabled()) return std::nullopt;
  const std::string path = PathOf(uri);
  std::error_code error;
  const uintmax_t size = fs::file_size(path, error);
  if (error == std::errc::no_such_file_or_directory) return std::nullopt;
  if (error) return Unusable(Cat("cannot read ", path, ": ", error.message()));
  if (size > kMostBytes) return Unusable(Cat(path, " is too large"));
  std::ifstream file(path, std::ios::binary);
  const std::string content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file) return Unusable(Cat("cannot read ", path));
  absl::StatusOr<KeptAnswer> kept = DecodeKept(content, uri, now);
  if (!kept.ok()) return Unusable(Cat(path, " ", kept.status().message()));
  return *std::move(kept);
}

void LastGood::Prune(WallTime now) const {
  if (!enabled()) return;
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (fs::directory_iterator at(directory_, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (!name.ends_with(kEnding) && !name.ends_with(std::string(kEnding) + ".new")) continue;
    std::error_code unknown;
    files.emplace_back(at->last_write_time(unknown), at->path());
  }
  std::sort(files.begin(), files.end(), std::greater<>());
  const auto oldest = fs::file_time_type::clock::now() - (WallTime::clock::now() - now) - kLongestKept;
  for (size_t i = 0; i < files.size(); ++i) {
    if (i >= kMostFiles || files[i].first < oldest) fs::remove(files[i].second, error);
  }
}

std::string DefaultStateDirectory() {
  if (const char* given = std::getenv("STATE_DIRECTORY"); given != nullptr && given[0] == '/') {
    const std::string_view list = given;  // several are separated by colons (systemd.exec(5))
    return std::string(list.substr(0, list.find(':')));
  }
  return access(std::string(kUsualDirectory).c_str(), W_OK) == 0 ? std::string(kUsualDirectory) : "";
}

}  // namespace naru::discovery
