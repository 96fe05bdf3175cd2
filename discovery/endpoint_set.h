// Where a service is, as far as one source knows: an immutable snapshot that is swapped whole.
//
// Whatever the source, its answer becomes an EndpointSet only through Guarded, so that no endpoint outside
// the private ranges ever reaches a balancer. What the guard removed is kept aside, to be counted and shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "discovery/endpoint.h"
#include "discovery/private_ranges.h"

namespace naru::discovery {

struct EndpointSet {
  uint64_t version = 0;             // grows with every change
  std::string source;               // who said so, such as "dns://courses.internal:8080"
  std::vector<Endpoint> endpoints;  // in ascending order of address, each address once
  std::vector<Address> refused;     // what the guard removed, likewise

  bool operator==(const EndpointSet&) const = default;

  // True where calls would see no difference: the version and the source aside.
  bool SameEndpoints(const EndpointSet& other) const {
    return endpoints == other.endpoints && refused == other.refused;
  }
};

// How many endpoints of one service are kept of an answer; Guarded drops those beyond.
inline constexpr size_t kMostEndpoints = 10'000;

// The set that a source's answer makes once the guard has looked at it. Of two endpoints with one address the
// first counts.
EndpointSet Guarded(std::vector<Endpoint> answer, const PrivateRanges& ranges, WrittenBy written_by,
                    std::string source, uint64_t version);

}  // namespace naru::discovery
