#include "discovery/endpoint_set.h"

#include <algorithm>
#include <utility>

namespace naru::discovery {

EndpointSet Guarded(std::vector<Address> answer, const PrivateRanges& ranges, WrittenBy written_by,
                    std::string source, uint64_t version) {
  std::sort(answer.begin(), answer.end());
  answer.erase(std::unique(answer.begin(), answer.end()), answer.end());
  EndpointSet set{version, std::move(source)};
  for (const Address& address : answer) {
    (ranges.Allows(address, written_by) ? set.endpoints : set.refused).push_back(address);
  }
  return set;
}

}  // namespace naru::discovery
