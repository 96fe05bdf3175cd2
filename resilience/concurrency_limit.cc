#include "resilience/concurrency_limit.h"

namespace naru::resilience {
namespace {

// Sequentially consistent, all of it: whoever enqueues then looks for a free place, and whoever frees one
// then looks at the queue, so one of the two must see the other or a call waits beside a free place.

// Adding first and undoing when over would let a crowd of losers refuse a winner; the exchange never goes
// over.
bool TakeBelow(std::atomic<uint32_t>& count, uint32_t limit) {
  uint32_t seen = count.load();
  while (seen < limit) {
    if (count.compare_exchange_weak(seen, seen + 1)) return true;
  }
  return false;
}

}  // namespace

bool ConcurrencyLimit::TryAcquire(const LimitPolicy& policy) {
  return TakeBelow(in_flight_, policy.concurrent);
}

void ConcurrencyLimit::Release() {
  in_flight_.fetch_sub(1);
}

bool ConcurrencyLimit::TryEnqueue(const LimitPolicy& policy) {
  return TakeBelow(queued_, policy.queue);
}

void ConcurrencyLimit::LeaveQueue() {
  queued_.fetch_sub(1);
}

}  // namespace naru::resilience
