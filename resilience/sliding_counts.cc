#include "resilience/sliding_counts.h"

#include <algorithm>

namespace naru::resilience {
namespace {

constexpr int kEpochShift = 40;
constexpr uint64_t kEpochMask = (1u << 24) - 1;

uint64_t EpochOf(uint64_t word) { return word >> kEpochShift; }
uint64_t SuccessesOf(uint64_t word) { return (word >> 20) & ((1u << 20) - 1); }
uint64_t FailuresOf(uint64_t word) { return word & ((1u << 20) - 1); }

}  // namespace

SlidingCounts::SlidingCounts(Duration window) : bucket_ns_(std::max<int64_t>(window.count() / kBuckets, 1)) {
  Clear();
}

// Epoch 0 means "never used", so that a cleared bucket never counts.
uint64_t SlidingCounts::EpochAt(TimePoint now) const {
  const uint64_t epoch = static_cast<uint64_t>(now.time_since_epoch().count() / bucket_ns_);
  return epoch % kEpochMask + 1;
}

void SlidingCounts::Add(TimePoint now, uint64_t one) {
  const uint64_t epoch = EpochAt(now);
  std::atomic<uint64_t>& bucket = buckets_[epoch % kBuckets];
  uint64_t seen = bucket.load(std::memory_order_relaxed);
  uint64_t wanted;
  do {
    wanted = EpochOf(seen) == epoch ? seen : epoch << kEpochShift;
    const uint64_t count = one == kOneFailure ? FailuresOf(wanted) : SuccessesOf(wanted);
    if (count == kMaxCount) return;
    wanted += one;
  } while (!bucket.compare_exchange_weak(seen, wanted, std::memory_order_relaxed));
}

SlidingCounts::Counts SlidingCounts::Sum(TimePoint now) const {
  const uint64_t epoch = EpochAt(now);
  Counts sum;
  for (const std::atomic<uint64_t>& bucket : buckets_) {
    const uint64_t word = bucket.load(std::memory_order_relaxed);
    const uint64_t age = epoch - EpochOf(word);  // wraps to a huge number for a bucket of the future
    if (EpochOf(word) == 0 || age >= kBuckets) continue;
    sum.successes += SuccessesOf(word);
    sum.failures += FailuresOf(word);
  }
  return sum;
}

void SlidingCounts::Clear() {
  for (std::atomic<uint64_t>& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
}

}  // namespace naru::resilience
