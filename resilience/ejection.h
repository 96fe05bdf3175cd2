// Sets one endpoint aside for a while when it fails too often, and never more endpoints than `keep` allows.
//
// Two rules, either suffices: N failures in a row, or a success rate below a bound over a window. The time
// aside doubles with every ejection that follows soon after the last (1 s, 2 s, 4 s ... 60 s), falls back by
// one doubling for every `max` of serving in between, and is shortened by up to half at random, so that
// endpoints do not come back all at once. Linkerd's numbers, which fire for a service of two endpoints and
// ten calls; Envoy's need five hosts and a hundred requests an interval and so never do.
// EndpointHealth is owned by the state of one endpoint, EjectionGroup by that of its service; both are exact
// over all workers.
#pragma once

#include <atomic>
#include <cstdint>

#include "resilience/grade.h"
#include "resilience/sliding_counts.h"
#include "resilience/time.h"

namespace naru::resilience {

struct EjectionPolicy {
  uint32_t consecutive = 5;   // failures in a row; 0 switches the rule off
  double success_rate = 0.8;  // below this the endpoint is ejected; 0 switches the rule off
  uint32_t min_calls = 5;     // fewer results in the window than this never eject by success rate
  Duration window = std::chrono::seconds(10);
  Duration base = std::chrono::seconds(1);
  Duration max = std::chrono::seconds(60);
  double keep = 0.5;  // share of the endpoints that is never ejected, rounded up

  bool operator==(const EjectionPolicy&) const = default;
};

// How many endpoints of `endpoints` may be set aside at once.
uint32_t MostEjected(double keep, uint32_t endpoints);

// How many endpoints of one service are set aside right now.
class EjectionGroup {
 public:
  uint32_t ejected() const { return ejected_.load(std::memory_order_relaxed); }

 private:
  friend class EndpointHealth;
  bool TryAdd(uint32_t most);

  std::atomic<uint32_t> ejected_{0};
};

enum class EjectionReason : uint8_t { kNone, kConsecutive, kSuccessRate };

class EndpointHealth {
 public:
  EndpointHealth(const EjectionPolicy& policy, EjectionGroup& group);
  ~EndpointHealth();  // an ejected endpoint that is removed gives its place back

  // Records how an attempt ended. Says why if this ejects the endpoint; kNone otherwise, also when it should
  // be ejected but `keep` forbids it. `endpoints` is the size of the service now; `uniform` in [0, 1) is the
  // jitter.
  EjectionReason Record(Grade grade, uint32_t endpoints, TimePoint now, double uniform);

  enum class Standing : uint8_t {
    kServing,
    kReturned,  // it serves again since this very question; said once
    kAside,
  };
  // The first question after the time aside is over readmits the endpoint.
  Standing StandingAt(TimePoint now);
  bool Serving(TimePoint now) { return StandingAt(now) != Standing::kAside; }

  // When it will serve again; a time in the past if it serves.
  TimePoint ejected_until() const;
  EjectionReason last_reason() const { return last_reason_.load(std::memory_order_relaxed); }

 private:
  bool ejected() const { return ejected_until_ns_.load(std::memory_order_acquire) != 0; }
  EjectionReason Judge(TimePoint now) const;
  bool Eject(uint32_t endpoints, TimePoint now, double uniform);
  uint32_t DoublingsAt(TimePoint now) const;
  double Doubled(uint32_t doublings) const;  // nanoseconds: `base` doubled that often
  Duration TimeAside(uint32_t doublings, double uniform) const;

  const EjectionPolicy policy_;
  EjectionGroup& group_;
  SlidingCounts counts_;
  std::atomic<uint32_t> consecutive_failures_{0};
  std::atomic<uint32_t> times_ejected_{0};
  std::atomic<int64_t> ejected_until_ns_{0};  // 0: not ejected
  std::atomic<int64_t> readmitted_ns_{0};
  std::atomic<EjectionReason> last_reason_{EjectionReason::kNone};
};

}  // namespace naru::resilience
