// Whatever a Consul answers gives instances within bounds or a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/consul/consul_health.h"
#include "discovery/endpoint_set.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using naru::discovery::Endpoint;
using naru::discovery::HealthList;
using naru::discovery::InstanceFilter;

void Read(std::string_view body, const InstanceFilter& filter) {
  const absl::StatusOr<HealthList> list = naru::discovery::ReadHealth(body, filter);
  if (!list.ok()) return Require(!list.status().message().empty());
  Require(list->answer.endpoints.size() <= naru::discovery::kMostEndpoints);
  Require(list->answer.endpoints.size() <= list->instances);
  for (const Endpoint& endpoint : list->answer.endpoints) {
    Require(endpoint.weight >= 1 && endpoint.weight <= Endpoint::kMostWeight && endpoint.address.port != 0);
    Require(endpoint.metadata.size() <= Endpoint::kMostMetadata);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Read(body, {});
  Read(body, {{"v2"}, true});
  const auto names = naru::discovery::ReadServiceNames(body);
  Require(names.ok() || !names.status().message().empty());
  return 0;
}
