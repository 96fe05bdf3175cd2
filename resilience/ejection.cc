#include "resilience/ejection.h"

#include <algorithm>
#include <cmath>

namespace naru::resilience {
namespace {

int64_t Nanoseconds(TimePoint time) {
  return time.time_since_epoch().count();
}

}  // namespace

uint32_t MostEjected(double keep, uint32_t endpoints) {
  constexpr double kRoundingError = 1e-9;  // 0.3 * 10 is a little above 3
  const double kept = std::ceil(keep * endpoints - kRoundingError);
  return endpoints - static_cast<uint32_t>(std::clamp(kept, 0.0, static_cast<double>(endpoints)));
}

bool EjectionGroup::TryAdd(uint32_t most) {
  uint32_t seen = ejected_.load(std::memory_order_relaxed);
  while (seen < most) {
    if (ejected_.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

EndpointHealth::EndpointHealth(const EjectionPolicy& policy, EjectionGroup& group)
    : policy_(policy), group_(group), counts_(policy.window) {}

EndpointHealth::~EndpointHealth() {
  if (ejected()) group_.ejected_.fetch_sub(1, std::memory_order_relaxed);
}

EjectionReason EndpointHealth::Record(Grade grade, uint32_t endpoints, TimePoint now, double uniform) {
  // What ends while the endpoint is set aside began before, or was sent because nothing else was left.
  if (grade == Grade::kNeutral || ejected()) return EjectionReason::kNone;
  if (grade == Grade::kSuccess) {
    consecutive_failures_.store(0, std::memory_order_relaxed);
    counts_.AddSuccess(now);
    return EjectionReason::kNone;
  }
  consecutive_failures_.fetch_add(1, std::memory_order_relaxed);
  counts_.AddFailure(now);
  const EjectionReason reason = Judge(now);
  if (reason == EjectionReason::kNone || !Eject(endpoints, now, uniform)) return EjectionReason::kNone;
  last_reason_.store(reason, std::memory_order_relaxed);
  return reason;
}

EndpointHealth::Standing EndpointHealth::StandingAt(TimePoint now) {
  int64_t until = ejected_until_ns_.load(std::memory_order_acquire);
  if (until == 0) return Standing::kServing;
  if (Nanoseconds(now) < until) return Standing::kAside;
  // Before the exchange, so that whoever sees the endpoint serve also sees since when.
  readmitted_ns_.store(Nanoseconds(now), std::memory_order_relaxed);
  if (!ejected_until_ns_.compare_exchange_strong(until, 0, std::memory_order_acq_rel))
    return Standing::kServing;
  group_.ejected_.fetch_sub(1, std::memory_order_relaxed);
  return Standing::kReturned;
}

TimePoint EndpointHealth::ejected_until() const {
  return TimePoint(Duration(ejected_until_ns_.load(std::memory_order_relaxed)));
}

EjectionReason EndpointHealth::Judge(TimePoint now) const {
  const uint32_t in_a_row = consecutive_failures_.load(std::memory_order_relaxed);
  if (policy_.consecutive > 0 && in_a_row >= policy_.consecutive) return EjectionReason::kConsecutive;
  const SlidingCounts::Counts counts = counts_.Sum(now);
  if (counts.total() < policy_.min_calls) return EjectionReason::kNone;
  const double wanted = policy_.success_rate * static_cast<double>(counts.total());
  return static_cast<double>(counts.successes) < wanted ? EjectionReason::kSuccessRate
                                                        : EjectionReason::kNone;
}

// First a place in the group, then the endpoint itself: whoever loses either race leaves everything as it
// was.
bool EndpointHealth::Eject(uint32_t endpoints, TimePoint now, double uniform) {
  if (!group_.TryAdd(MostEjected(policy_.keep, endpoints))) return false;
  const uint32_t doublings = DoublingsAt(now);
  const int64_t until = std::max<int64_t>(Nanoseconds(now + TimeAside(doublings, uniform)), 1);
  int64_t serving = 0;
  if (!ejected_until_ns_.compare_exchange_strong(serving, until, std::memory_order_acq_rel)) {
    group_.ejected_.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }
  // Doublings beyond `max` would lengthen nothing now and only take long to be forgotten.
  const bool at_max = Doubled(doublings) >= static_cast<double>(policy_.max.count());
  times_ejected_.store(at_max ? doublings : doublings + 1, std::memory_order_relaxed);
  // What led to this ejection must not lead to the next.
  consecutive_failures_.store(0, std::memory_order_relaxed);
  counts_.Clear();
  return true;
}

uint32_t EndpointHealth::DoublingsAt(TimePoint now) const {
  const int64_t served = Nanoseconds(now) - readmitted_ns_.load(std::memory_order_relaxed);
  const int64_t forgotten = std::max<int64_t>(served, 0) / std::max<int64_t>(policy_.max.count(), 1);
  const int64_t times = times_ejected_.load(std::memory_order_relaxed);
  return static_cast<uint32_t>(std::max<int64_t>(times - forgotten, 0));
}

double EndpointHealth::Doubled(uint32_t doublings) const {
  return std::ldexp(static_cast<double>(policy_.base.count()), static_cast<int>(doublings));
}

Duration EndpointHealth::TimeAside(uint32_t doublings, double uniform) const {
  const double aside = std::min(Doubled(doublings), static_cast<double>(policy_.max.count()));
  return Duration(static_cast<int64_t>(aside * (1 - uniform / 2)));
}

}  // namespace naru::resilience
