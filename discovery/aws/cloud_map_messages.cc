#include "discovery/aws/cloud_map_messages.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "discovery/address.h"
#include "discovery/aws/json.h"
#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

namespace json = boost::json;

constexpr size_t kMostInstances = 1000;  // MaxResults; also the most that a service may have
constexpr size_t kLongestMessage = 500;
constexpr std::string_view kSquad = "squad";

std::optional<int64_t> IntegerOf(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains({key.data(), key.size()});
  if (value == nullptr) return std::nullopt;
  json::error_code error;
  const auto number = value->to_number<int64_t>(error);
  return error ? std::nullopt : std::optional(number);
}

std::optional<Address> AddressOf(const json::object& attributes) {
  Address address;
  const std::string port = TextOf(attributes, "AWS_INSTANCE_PORT");
  const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
  if (error != std::errc() || end != port.data() + port.size() || address.port == 0) return std::nullopt;
  for (const std::string_view key : {"AWS_INSTANCE_IPV4", "AWS_INSTANCE_IPV6"}) {
    const std::optional<IpBytes> ip = ParseIp(TextOf(attributes, key));
    if (!ip.has_value()) continue;
    address.ip = *ip;
    return address;
  }
  return std::nullopt;
}

// What AWS and ECS write themselves says nothing that a call could be told apart by.
bool IsCustom(std::string_view key) {
  constexpr std::array<std::string_view, 4> kKnown = {"AVAILABILITY_ZONE", "REGION", "EC2_INSTANCE_ID",
                                                      kSquad};
  return !key.starts_with("AWS_") && !key.starts_with("ECS_") &&
         std::find(kKnown.begin(), kKnown.end(), key) == kKnown.end();
}

std::vector<std::pair<std::string, std::string>> MetadataOf(const json::object& attributes) {
  std::vector<std::pair<std::string, std::string>> metadata;
  for (const auto& [key, value] : attributes) {
    const std::string_view name(key.data(), key.size());
    if (IsCustom(name) && value.is_string()) metadata.emplace_back(name, TextOf(attributes, name));
  }
  std::sort(metadata.begin(), metadata.end());
  metadata.resize(std::min(metadata.size(), Endpoint::kMostMetadata));
  return metadata;
}

struct Instance {
  Endpoint endpoint;
  std::string squad;
};

std::optional<Instance> InstanceOf(const json::value& value) {
  const json::object* instance = value.if_object();
  const json::object* attributes = instance == nullptr ? nullptr : ObjectOf(*instance, "Attributes");
  if (attributes == nullptr) return std::nullopt;
  const std::optional<Address> address = AddressOf(*attributes);
  if (!address.has_value()) return std::nullopt;
  Endpoint endpoint{*address, 1, TextOf(*attributes, "AVAILABILITY_ZONE"), MetadataOf(*attributes)};
  return Instance{std::move(endpoint), TextOf(*attributes, kSquad)};
}

// "com.amazonaws.servicediscovery#ServiceNotFound:http://..." -> "ServiceNotFound"
std::string TypeOf(std::string_view text) {
  text.remove_prefix(std::min(text.find('#') + 1, text.size()));  // npos + 1 is 0
  return std::string(text.substr(0, text.find(':')));
}

CloudMapFailure FailureOf(int status, std::string_view type) {
  constexpr std::array<std::string_view, 8> kThrottled = {
      "RequestLimitExceeded", "ThrottlingException",       "Throttling", "ThrottledException",
      "RequestThrottled",     "RequestThrottledException", "SlowDown",   "TooManyRequestsException"};
  if (type == "ServiceNotFound" || type == "NamespaceNotFound") return CloudMapFailure::kNotFound;
  const bool throttled = std::find(kThrottled.begin(), kThrottled.end(), type) != kThrottled.end();
  constexpr int kTooManyRequests = 429;
  return throttled || status == kTooManyRequests ? CloudMapFailure::kThrottled : CloudMapFailure::kOther;
}

}  // namespace

std::string_view NameOf(CloudMapRequest request) {
  return request == CloudMapRequest::kRevision ? "DiscoverInstancesRevision" : "DiscoverInstances";
}

std::string EncodeCloudMapRequest(CloudMapRequest request, std::string_view cloud_map_namespace,
                                  std::string_view service) {
  json::object body;
  body["NamespaceName"] = json::string_view(cloud_map_namespace.data(), cloud_map_namespace.size());
  body["ServiceName"] = json::string_view(service.data(), service.size());
  if (request == CloudMapRequest::kInstances) {
    body["MaxResults"] = kMostInstances;
    // Where all are unhealthy, all of them rather than none.
    body["HealthStatus"] = "HEALTHY_OR_ELSE_ALL";
  }
  return json::serialize(body);
}

absl::StatusOr<int64_t> DecodeRevision(std::string_view text) {
  const std::optional<json::object> object = ParseObject(text);
  const std::optional<int64_t> revision =
      object.has_value() ? IntegerOf(*object, "InstancesRevision") : std::nullopt;
  if (revision.has_value()) return *revision;
  return absl::UnavailableError("the answer of Cloud Map has no InstancesRevision");
}

absl::StatusOr<CloudMapInstances> DecodeInstances(std::string_view text) {
  const std::optional<json::object> object = ParseObject(text);
  const json::array* instances = object.has_value() ? ArrayOf(*object, "Instances") : nullptr;
  if (instances == nullptr) return absl::UnavailableError("the answer of Cloud Map has no Instances");
  std::vector<Instance> found;
  for (size_t i = 0; i < std::min(instances->size(), kMostInstances); ++i) {
    std::optional<Instance> instance = InstanceOf((*instances)[i]);
    if (instance.has_value()) found.push_back(*std::move(instance));
  }
  // Cloud Map answers in a random order.
  std::sort(found.begin(), found.end(),
            [](const Instance& a, const Instance& b) { return a.endpoint < b.endpoint; });
  CloudMapInstances decoded;
  decoded.without_address = std::min(instances->size(), kMostInstances) - found.size();
  decoded.revision = IntegerOf(*object, "InstancesRevision");
  if (decoded.revision.has_value()) decoded.answer.revision = std::to_string(*decoded.revision);
  for (Instance& instance : found) {
    if (decoded.answer.squad.empty()) decoded.answer.squad = std::move(instance.squad);
    decoded.answer.endpoints.push_back(std::move(instance.endpoint));
  }
  return decoded;
}

CloudMapError DecodeError(int status, std::string_view text, std::string_view type_field) {
  CloudMapError error;
  const json::object object = ParseObject(text).value_or(json::object());
  error.type = TypeOf(TextOf(object, "__type"));
  if (error.type.empty()) error.type = TypeOf(type_field);
  error.failure = FailureOf(status, error.type);
  if (error.type.empty()) error.type = Cat("status ", status);
  error.message = TextOf(object, "message");
  if (error.message.empty()) error.message = TextOf(object, "Message");
  error.message.resize(std::min(error.message.size(), kLongestMessage));
  return error;
}

bool IsAboutKeys(const CloudMapError& error) {
  constexpr std::array<std::string_view, 5> kTypes = {"ExpiredTokenException", "ExpiredToken",
                                                      "UnrecognizedClientException", "InvalidClientTokenId",
                                                      "InvalidSignatureException"};
  return std::find(kTypes.begin(), kTypes.end(), error.type) != kTypes.end();
}

}  // namespace naru::discovery::aws
