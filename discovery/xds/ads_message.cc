#include "discovery/xds/ads_message.h"

#include <array>
#include <utility>

#include "discovery/xds/ads.pb.h"

namespace naru::discovery {
namespace {

// Indexed by ResourceType. The xDS protocol, "Resource Types".
constexpr std::array<std::string_view, 2> kTypeUrls = {
    "type.googleapis.com/envoy.config.cluster.v3.Cluster",
    "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"};
constexpr int kInvalidArgument = 3;  // google.rpc.Code

void FillNode(const AdsNode& node, xds::Node& message) {
  message.set_id(node.id);
  message.set_cluster(node.cluster);
  message.set_user_agent_name("naru");
}

}  // namespace

std::string_view TypeUrlOf(ResourceType type) {
  return kTypeUrls[static_cast<size_t>(type)];
}

std::optional<ResourceType> TypeOfUrl(std::string_view type_url) {
  for (size_t i = 0; i < kTypeUrls.size(); ++i) {
    if (kTypeUrls[i] == type_url) return static_cast<ResourceType>(i);
  }
  return std::nullopt;
}

std::string Encode(const AdsRequest& request) {
  xds::DiscoveryRequest message;
  message.set_version_info(request.version);
  message.set_response_nonce(request.nonce);
  message.set_type_url(std::string(TypeUrlOf(request.type)));
  for (const std::string& name : request.names) message.add_resource_names(name);
  if (request.node) FillNode(*request.node, *message.mutable_node());
  if (!request.error.empty()) {
    message.mutable_error_detail()->set_code(kInvalidArgument);
    message.mutable_error_detail()->set_message(request.error);
  }
  return message.SerializeAsString();
}

std::optional<AdsResponse> DecodeAdsResponse(std::string_view bytes) {
  xds::DiscoveryResponse message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return std::nullopt;
  AdsResponse response{.type_url = std::move(*message.mutable_type_url()),
                       .version = std::move(*message.mutable_version_info()),
                       .nonce = std::move(*message.mutable_nonce()),
                       .resources = {}};
  response.resources.reserve(message.resources_size());
  for (xds::Any& any : *message.mutable_resources()) {
    response.resources.push_back({std::move(*any.mutable_type_url()), std::move(*any.mutable_value())});
  }
  return response;
}

}  // namespace naru::discovery
