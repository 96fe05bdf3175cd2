// How expensive it is to send one more attempt to an endpoint: peak EWMA of its latency times its attempts in
// flight.
//
// A slower answer moves the estimate up at once, faster ones pull it down over tau (Finagle's PeakEwma). A
// failure adds a penalty that fades, so that an endpoint which fails fast never looks fast: without it one of
// ten endpoints that rejects in 1 ms draws the 2/n ceiling of two-choice balancing. Relaxed atomics:
// concurrent updates may lose one sample, never tear one.
#pragma once

#include <atomic>
#include <cstdint>

#include "resilience/time.h"

namespace naru::resilience {

struct LatencyEstimatePolicy {
  Duration tau = std::chrono::seconds(10);              // Finagle, Linkerd
  Duration unmeasured = std::chrono::milliseconds(30);  // Linkerd's guess until the first answer
  Duration penalty = std::chrono::seconds(5);           // Linkerd; zero: none
  Duration max_penalty = std::chrono::seconds(300);     // a Retry-After beyond this is cut to it
  Duration penalty_tau = std::chrono::seconds(1);       // how fast `penalty` fades; a longer one, slower
};

class LatencyEstimate {
 public:
  explicit LatencyEstimate(const LatencyEstimatePolicy& policy = {});

  void AttemptStarted() { in_flight_.fetch_add(1, std::memory_order_relaxed); }
  void AttemptEnded() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  void RecordLatency(Duration latency, TimePoint now);
  // `asked` is the endpoint's own Retry-After, zero if it gave none.
  void RecordFailure(Duration asked, TimePoint now);

  // Nanoseconds that one more attempt would cost: (latency + penalty) * (in flight + 1). Comparable, never
  // zero; next to nothing for an endpoint that was never tried.
  double Load(TimePoint now) const;

  // True while a failure weighs more than the latency: better not chosen while others are to be had.
  bool penalised(TimePoint now) const;

  Duration latency(TimePoint now) const;  // the decayed estimate, without penalty
  // The estimate as the last answer left it, and when that came: for people, whom a latency that falls while
  // nobody calls would mislead. Mean something once measured() is true.
  Duration last_estimate() const {
    return Duration(static_cast<int64_t>(latency_ns_.load(std::memory_order_relaxed)));
  }
  TimePoint measured_at() const {
    return TimePoint(Duration(measured_at_ns_.load(std::memory_order_relaxed)));
  }
  // False before the first answer: then latency() is only the guess for unmeasured endpoints.
  bool measured() const { return measured_at_ns_.load(std::memory_order_relaxed) != 0; }
  uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

 private:
  double PenaltyNs(TimePoint now) const;

  const LatencyEstimatePolicy policy_;
  std::atomic<double> latency_ns_{0};
  std::atomic<int64_t> measured_at_ns_{0};  // 0: never
  std::atomic<double> penalty_ns_{0};       // as it was given; what is left of it follows from its age
  std::atomic<int64_t> penalised_at_ns_{0};
  std::atomic<uint32_t> in_flight_{0};
};

}  // namespace naru::resilience
