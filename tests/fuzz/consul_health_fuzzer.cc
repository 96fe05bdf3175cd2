// Whatever a Consul answers gives instances within bounds or a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/consul/consul_health.h"
#include "discovery/endpoint_set.h"
#include "tests/fuzz/answer_fuzzing.h"

namespace {

using naru::discovery::HealthList;
using naru::discovery::InstanceFilter;

void Read(std::string_view body, const InstanceFilter& filter) {
  const absl::StatusOr<HealthList> list = naru::discovery::ReadHealth(body, filter);
  naru::RequireSentence(list);
  if (!list.ok()) return;
  naru::RequireWithinBounds(list->answer.endpoints, naru::discovery::kMostEndpoints);
  naru::Require(list->answer.endpoints.size() <= list->instances);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  Read(body, {});
  Read(body, {{"v2"}, true});
  const auto names = naru::discovery::ReadServiceNames(body);
  naru::RequireSentence(names);
  return 0;
}
