#include "resilience/concurrency_limit.h"

namespace naru::resilience {
namespace {

// Adding first and undoing when over would let a crowd of losers refuse a winner; the exchange never goes
// over.
bool TakeBelow(std::atomic<uint32_t>& count, uint32_t limit) {
  uint32_t seen = count.load(std::memory_order_relaxed);
  while (seen < limit) {
    if (count.compare_exchange_weak(seen, seen + 1, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

bool ConcurrencyLimit::TryAcquire(const LimitPolicy& policy) {
  return TakeBelow(in_flight_, policy.concurrent);
}

void ConcurrencyLimit::Release() {
  in_flight_.fetch_sub(1, std::memory_order_relaxed);
}

bool ConcurrencyLimit::TryEnqueue(const LimitPolicy& policy) {
  return TakeBelow(queued_, policy.queue);
}

void ConcurrencyLimit::LeaveQueue() {
  queued_.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace naru::resilience
