// The two messages of an ADS stream, state of the world, and the resource types that naru asks for. No sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace naru::discovery {

enum class ResourceType : uint8_t { kCluster, kLoadAssignment };  // CDS and EDS

// "type.googleapis.com/envoy.config.cluster.v3.Cluster"
std::string_view TypeUrlOf(ResourceType type);
std::optional<ResourceType> TypeOfUrl(std::string_view type_url);

// Who asks.
struct AdsNode {
  std::string id;
  std::string cluster;

  bool operator==(const AdsNode&) const = default;
};

struct AdsRequest {
  ResourceType type = ResourceType::kLoadAssignment;
  std::string version;  // the last one accepted of this type
  std::string nonce;    // of the response that this one is the answer to
  std::vector<std::string> names;
  std::optional<AdsNode> node;
  std::string error;  // why the response was refused; empty: it was not

  bool operator==(const AdsRequest&) const = default;
};

struct AdsResource {
  std::string type_url;
  std::string bytes;
};

struct AdsResponse {
  std::string type_url;
  std::string version;
  std::string nonce;
  std::vector<AdsResource> resources;
};

std::string Encode(const AdsRequest& request);

// Nothing where the bytes are no DiscoveryResponse.
std::optional<AdsResponse> DecodeAdsResponse(std::string_view bytes);

}  // namespace naru::discovery
