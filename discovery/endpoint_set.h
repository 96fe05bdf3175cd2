// Where a service is, as far as one source knows: an immutable snapshot that is swapped whole.
//
// Whatever the source, its answer becomes an EndpointSet only through Guarded, so that no endpoint outside
// the private ranges ever reaches a balancer. What the guard removed is kept aside, to be counted and shown.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "discovery/private_ranges.h"

namespace naru::discovery {

struct EndpointSet {
  uint64_t version = 0;            // grows with every answer of the source
  std::string source;              // who said so, such as "file" or "dns://courses.internal:8080"
  std::vector<Address> endpoints;  // in ascending order, each once
  std::vector<Address> refused;    // what the guard removed, likewise

  bool operator==(const EndpointSet&) const = default;
};

// The set that a source's answer makes once the guard has looked at it.
EndpointSet Guarded(std::vector<Address> answer, const PrivateRanges& ranges, WrittenBy written_by,
                    std::string source, uint64_t version);

}  // namespace naru::discovery
