#include "resilience/health_check.h"

namespace naru::resilience {
namespace {

Duration Share(Duration duration, double share) {
  return Duration(static_cast<int64_t>(static_cast<double>(duration.count()) * share));
}

}  // namespace

TimePoint FirstCheck(const HealthCheckPolicy& policy, TimePoint now, double uniform) {
  return now + Share(policy.interval, uniform);
}

TimePoint NextCheck(const HealthCheckPolicy& policy, TimePoint began, double uniform) {
  constexpr double kJitter = 0.1;
  return began + Share(policy.interval, 1 - kJitter + 2 * kJitter * uniform);
}

CheckedHealth::Change CheckedHealth::Record(bool good, const HealthCheckPolicy& policy) {
  const bool was_healthy = healthy();
  if (good == was_healthy) {
    contrary_ = 0;
    return Change::kNone;
  }
  ++contrary_;
  if (contrary_ < (was_healthy ? policy.unhealthy : policy.healthy)) return Change::kNone;
  contrary_ = 0;
  healthy_.store(good, std::memory_order_relaxed);
  return good ? Change::kBecameHealthy : Change::kBecameUnhealthy;
}

void CheckedHealth::Forget() {
  contrary_ = 0;
  healthy_.store(true, std::memory_order_relaxed);
}

}  // namespace naru::resilience
