#include "discovery/endpoint_set.h"

#include <algorithm>
#include <utility>

namespace naru::discovery {

EndpointSet Guarded(std::vector<Endpoint> answer, const PrivateRanges& ranges, WrittenBy written_by,
                    std::string source, uint64_t version) {
  std::stable_sort(answer.begin(), answer.end(),
                   [](const Endpoint& a, const Endpoint& b) { return a.address < b.address; });
  const auto last = std::unique(answer.begin(), answer.end(),
                                [](const Endpoint& a, const Endpoint& b) { return a.address == b.address; });
  answer.erase(last, answer.end());
  EndpointSet set{version, std::move(source), {}, {}};
  for (Endpoint& endpoint : answer) {
    if (!ranges.Allows(endpoint.address, written_by)) {
      set.refused.push_back(endpoint.address);
    } else if (set.endpoints.size() < kMostEndpoints) {
      set.endpoints.push_back(std::move(endpoint));
    }
  }
  return set;
}

}  // namespace naru::discovery
