#include "resilience/latency_estimate.h"

#include <algorithm>
#include <cmath>

namespace naru::resilience {
namespace {

constexpr double kLeastLoadNs = 1;

double Nanoseconds(Duration duration) {
  return static_cast<double>(duration.count());
}

// What is left of 1 after `age`. Two workers' clocks may differ by a little: an age below zero counts as
// none.
double Decay(double age_ns, double tau_ns) {
  return tau_ns > 0 ? std::exp(-std::max(age_ns, 0.0) / tau_ns) : 0;
}

double AgeNs(TimePoint now, int64_t since_ns) {
  return static_cast<double>(now.time_since_epoch().count() - since_ns);
}

}  // namespace

LatencyEstimate::LatencyEstimate(const LatencyEstimatePolicy& policy) : policy_(policy) {}

void LatencyEstimate::RecordLatency(Duration latency, TimePoint now) {
  const double sample = Nanoseconds(latency);
  const int64_t measured_at = measured_at_ns_.load(std::memory_order_relaxed);
  const double estimate = latency_ns_.load(std::memory_order_relaxed);
  double next = sample;  // the first sample, and every one above the estimate: to the peak at once
  if (measured_at != 0 && sample < estimate) {
    const double kept = Decay(AgeNs(now, measured_at), Nanoseconds(policy_.tau));
    next = sample * (1 - kept) + estimate * kept;
  }
  latency_ns_.store(next, std::memory_order_relaxed);
  measured_at_ns_.store(std::max<int64_t>(now.time_since_epoch().count(), 1), std::memory_order_relaxed);
}

void LatencyEstimate::RecordFailure(Duration asked, TimePoint now) {
  const double penalty = Nanoseconds(std::min(std::max(policy_.penalty, asked), policy_.max_penalty));
  if (penalty < PenaltyNs(now)) return;  // an earlier, longer one still weighs more
  penalty_ns_.store(penalty, std::memory_order_relaxed);
  penalised_at_ns_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

double LatencyEstimate::Load(TimePoint now) const {
  const uint32_t pending = in_flight();
  // Nothing is lighter than an endpoint that nobody has tried: with a guess it would lose to every fast one,
  // and never be measured. One attempt goes to it; while that is under way, the guess holds (Finagle does
  // likewise).
  const bool untried = pending == 0 && !measured();
  const double cost = (untried ? 0 : Nanoseconds(latency(now))) + PenaltyNs(now);
  return std::max(cost, kLeastLoadNs) * (pending + 1.0);
}

bool LatencyEstimate::penalised(TimePoint now) const {
  const double penalty = PenaltyNs(now);
  return penalty > 0 && penalty > Nanoseconds(latency(now));
}

// Unused, an estimate falls towards zero, so that an endpoint which was slow once is tried again.
Duration LatencyEstimate::latency(TimePoint now) const {
  const int64_t measured_at = measured_at_ns_.load(std::memory_order_relaxed);
  if (measured_at == 0) return policy_.unmeasured;
  const double estimate = latency_ns_.load(std::memory_order_relaxed);
  return Duration(static_cast<int64_t>(estimate * Decay(AgeNs(now, measured_at), Nanoseconds(policy_.tau))));
}

// A penalty twice as long fades half as fast, so that an endpoint which asks for a minute is left alone for
// about one.
double LatencyEstimate::PenaltyNs(TimePoint now) const {
  const double given = penalty_ns_.load(std::memory_order_relaxed);
  if (given == 0 || policy_.penalty <= Duration::zero()) return 0;
  const double tau_ns = Nanoseconds(policy_.penalty_tau) * given / Nanoseconds(policy_.penalty);
  return given * Decay(AgeNs(now, penalised_at_ns_.load(std::memory_order_relaxed)), tau_ns);
}

}  // namespace naru::resilience
