// Decides from the checks of one endpoint whether it can serve.
//
// Somebody else asks the endpoint how it is, at the times that FirstCheck and NextCheck give, and records
// each answer here. An endpoint that was not asked yet serves: a sidecar that starts knows nothing bad of it.
//
//   Healthy --`unhealthy` bad checks in a row--> Unhealthy
//      ^------- `healthy` good checks in a row -------'
//
// A CheckedHealth is owned by the state of one endpoint. One thread records; any may ask.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "resilience/time.h"

namespace naru::resilience {

// With these defaults an endpoint that stops answering is out after 10 to 17 s, and one lost check means
// nothing. Ejection is quicker where there are calls to learn from.
struct HealthCheckPolicy {
  // How to ask, exactly one of the two: GET of a path, or grpc.health.v1 for a service by this name ("": the
  // server as a whole).
  std::optional<std::string> path;
  std::optional<std::string> grpc;
  Duration interval = std::chrono::seconds(5);
  Duration timeout = std::chrono::seconds(1);
  uint32_t healthy = 2;    // good checks in a row that make an unhealthy endpoint healthy
  uint32_t unhealthy = 3;  // bad checks in a row that make a healthy endpoint unhealthy

  bool operator==(const HealthCheckPolicy&) const = default;
};

// When to ask for the first time: at random within one interval, so that a start does not ask every endpoint
// at once. `uniform` in [0, 1) is the chance.
TimePoint FirstCheck(const HealthCheckPolicy& policy, TimePoint now, double uniform);

// When to ask again after a check that began at `began`: an interval later, up to a tenth more or less, so
// that the sidecars of a fleet do not fall into step. It may be past when the check took long.
TimePoint NextCheck(const HealthCheckPolicy& policy, TimePoint began, double uniform);

class CheckedHealth {
 public:
  enum class Change : uint8_t { kNone, kBecameUnhealthy, kBecameHealthy };

  // Records a check and says whether it changed what is thought of the endpoint.
  Change Record(bool good, const HealthCheckPolicy& policy);

  // What is known when nobody asks any more: nothing, so that the endpoint serves.
  void Forget();

  bool healthy() const { return healthy_.load(std::memory_order_relaxed); }

 private:
  std::atomic<bool> healthy_{true};
  uint32_t contrary_ = 0;  // checks in a row that say the opposite of healthy_
};

}  // namespace naru::resilience
