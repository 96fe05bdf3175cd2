// Whatever a control plane sends gives endpoints within bounds or a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/endpoint_set.h"
#include "discovery/xds/ads_message.h"
#include "discovery/xds/resources.h"
#include "tests/fuzz/answer_fuzzing.h"

namespace {

using namespace naru::discovery;

void ReadResource(std::string_view bytes) {
  const Decoded<ClusterResource> cluster = DecodeCluster(bytes);
  naru::RequireSentence(cluster.content);
  const Decoded<LoadAssignmentResource> assignment = DecodeLoadAssignment(bytes);
  naru::RequireSentence(assignment.content);
  if (assignment.content.ok()) naru::RequireWithinBounds(assignment.content->endpoints, kMostEndpoints);
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
