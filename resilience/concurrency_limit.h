// A cap on the calls that one callee carries at once from this sidecar, with a bounded queue behind it.
//
// It counts; it does not hold the waiting calls (the layer above does, one list per worker). Exact over all
// workers.
#pragma once

#include <atomic>
#include <cstdint>

#include "resilience/time.h"

namespace naru::resilience {

struct LimitPolicy {
  uint32_t concurrent = 100;
  uint32_t queue = 100;
  Duration queue_timeout = std::chrono::milliseconds(250);

  bool operator==(const LimitPolicy&) const = default;
};

class ConcurrencyLimit {
 public:
  // Takes a place if one is free. Every true is followed by one Release.
  bool TryAcquire(const LimitPolicy& policy);
  void Release();

  // Takes a place in the queue if one is free. Every true is followed by one LeaveQueue.
  bool TryEnqueue(const LimitPolicy& policy);
  void LeaveQueue();

  uint32_t in_flight() const { return in_flight_.load(std::memory_order_relaxed); }
  uint32_t queued() const { return queued_.load(); }

 private:
  // The policy is an argument because a reload may change it while calls are in flight.
  std::atomic<uint32_t> in_flight_{0};
  std::atomic<uint32_t> queued_{0};
};

}  // namespace naru::resilience
