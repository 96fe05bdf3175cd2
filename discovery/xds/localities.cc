#include "discovery/xds/localities.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace naru::discovery {
namespace {

// Shares become whole numbers of which this is the largest. 1 to 12 divide it, so that simple ones stay so.
constexpr double kLargestShare = 55'440;
static_assert(kLargestShare <= Endpoint::kMostWeight);

struct Chosen {
  const LbEndpoint* endpoint = nullptr;
  const Locality* locality = nullptr;
  double share = 0;
};

std::optional<uint32_t> LowestPriority(const std::vector<Locality>& localities, LbHealth health) {
  std::optional<uint32_t> lowest;
  for (const Locality& locality : localities) {
    const bool has_any =
        std::any_of(locality.endpoints.begin(), locality.endpoints.end(),
                    [health](const LbEndpoint& endpoint) { return endpoint.health == health; });
    if (has_any) lowest = std::min(lowest.value_or(locality.priority), locality.priority);
  }
  return lowest;
}

// Those of one locality follow one another.
std::vector<Chosen> Choose(const std::vector<Locality>& localities, uint32_t priority, LbHealth health) {
  std::vector<Chosen> chosen;
  for (const Locality& locality : localities) {
    if (locality.priority != priority) continue;
    for (const LbEndpoint& endpoint : locality.endpoints) {
      if (endpoint.health != health) continue;
      chosen.push_back({&endpoint, &locality, static_cast<double>(endpoint.weight)});
    }
  }
  return chosen;
}

// envoy.config.endpoint.v3.LocalityLbEndpoints: a locality's weight is divided by those of all localities of
// its priority, an endpoint's by those of all endpoints of its locality; without a weight there are no calls.
void ShareByLocality(std::vector<Chosen>& chosen) {
  for (auto begin = chosen.begin(); begin != chosen.end();) {
    const Locality* locality = begin->locality;
    const auto end =
        std::find_if(begin, chosen.end(), [locality](const Chosen& one) { return one.locality != locality; });
    const double whole =
        std::accumulate(begin, end, 0.0, [](double sum, const Chosen& one) { return sum + one.share; });
    for (; begin != end; ++begin) begin->share *= locality->weight.value_or(0) / whole;
  }
}

bool AnyLocalityHasAWeight(const std::vector<Chosen>& chosen) {
  return std::any_of(chosen.begin(), chosen.end(),
                     [](const Chosen& one) { return one.locality->weight.value_or(0) > 0; });
}

double LargestShare(const std::vector<Chosen>& chosen) {
  double largest = 0;
  for (const Chosen& one : chosen) largest = std::max(largest, one.share);
  return largest;
}

// True where the shares can be weights as they are.
bool AreWeights(const std::vector<Chosen>& chosen) {
  return std::all_of(chosen.begin(), chosen.end(), [](const Chosen& one) {
    return one.share <= Endpoint::kMostWeight && one.share == std::floor(one.share);
  });
}

void Simplify(std::vector<Endpoint>& endpoints) {
  uint32_t common = 0;
  for (const Endpoint& endpoint : endpoints) common = std::gcd(common, endpoint.weight);
  for (Endpoint& endpoint : endpoints) endpoint.weight /= common;
}

std::vector<Endpoint> Weigh(const std::vector<Chosen>& chosen) {
  const bool as_they_are = AreWeights(chosen);
  const double scale = as_they_are ? 1 : kLargestShare / LargestShare(chosen);
  std::vector<Endpoint> endpoints;
  endpoints.reserve(chosen.size());
  for (const Chosen& one : chosen) {
    if (one.share <= 0) continue;
    const auto weight = static_cast<uint32_t>(std::max(1.0, std::round(one.share * scale)));
    endpoints.push_back(
        {.address = one.endpoint->address, .weight = weight, .zone = one.locality->zone, .metadata = {}});
  }
  if (!as_they_are) Simplify(endpoints);
  return endpoints;
}

}  // namespace

std::vector<Endpoint> EndpointsOf(const std::vector<Locality>& localities) {
  for (const LbHealth health : {LbHealth::kServing, LbHealth::kDegraded}) {
    const std::optional<uint32_t> priority = LowestPriority(localities, health);
    if (!priority) continue;
    std::vector<Chosen> chosen = Choose(localities, *priority, health);
    if (AnyLocalityHasAWeight(chosen)) ShareByLocality(chosen);
    return Weigh(chosen);
  }
  return {};
}

}  // namespace naru::discovery
