// Which endpoints of an EDS answer serve, and with which weight: localities, priorities and health, flattened.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "discovery/address.h"
#include "discovery/endpoint.h"

namespace naru::discovery {

enum class LbHealth : uint8_t { kServing, kDegraded, kNotServing };

struct LbEndpoint {
  Address address;
  LbHealth health = LbHealth::kServing;
  uint32_t weight = 1;

  bool operator==(const LbEndpoint&) const = default;
};

struct Locality {
  std::string zone;
  uint32_t priority = 0;           // the lowest number that can serve does
  std::optional<uint32_t> weight;  // of the whole, against the other localities
  std::vector<LbEndpoint> endpoints;

  bool operator==(const Locality&) const = default;
};

// The serving endpoints of the lowest priority that has any; where none has, the degraded ones of the lowest
// priority that has any. Where a locality has a weight, each gets its share of the calls and each endpoint
// its share of its locality's, and a locality without a weight gets none. Every weight is within
// 1..Endpoint::kMostWeight.
std::vector<Endpoint> EndpointsOf(const std::vector<Locality>& localities);

}  // namespace naru::discovery
