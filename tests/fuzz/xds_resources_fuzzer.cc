// Whatever a control plane sends gives endpoints within bounds or a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/endpoint_set.h"
#include "discovery/xds/ads_message.h"
#include "discovery/xds/resources.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using namespace naru::discovery;

void ReadResource(std::string_view bytes) {
  const Decoded<ClusterResource> cluster = DecodeCluster(bytes);
  Require(cluster.content.ok() || !cluster.content.status().message().empty());
  const Decoded<LoadAssignmentResource> assignment = DecodeLoadAssignment(bytes);
  if (!assignment.content.ok()) return Require(!assignment.content.status().message().empty());
  Require(assignment.content->endpoints.size() <= kMostEndpoints);
  for (const Endpoint& endpoint : assignment.content->endpoints) {
    Require(endpoint.weight >= 1 && endpoint.weight <= Endpoint::kMostWeight && endpoint.address.port != 0);
    Require(endpoint.metadata.size() <= Endpoint::kMostMetadata);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  ReadResource(bytes);
  const std::optional<AdsResponse> response = DecodeAdsResponse(bytes);
  if (!response) return 0;
  for (const AdsResource& resource : response->resources) ReadResource(resource.bytes);
  return 0;
}
