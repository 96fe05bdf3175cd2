#include "resilience/sliding_counts.h"

#include <algorithm>

namespace naru::resilience {
namespace {

constexpr int kEpochShift = 40;
constexpr uint64_t kEpochMask = (1u << 24) - 1;

uint64_t EpochOf(uint64_t word) {
  return word >> kEpochShift;
}
uint64_t SuccessesOf(uint64_t word) {
  return (word >> 20) & ((1u << 20) - 1);
}
uint64_t FailuresOf(uint64_t word) {
  return word & ((1u << 20) - 1);
}

}  // namespace

SlidingCounts::SlidingCounts(Duration window) : bucket_ns_(std::max<int64_t>(window.count() / kBuckets, 1)) {
  Clear();
}

// Epoch 0 means "never used", so that a cleared bucket never counts.
uint64_t SlidingCounts::EpochAt(TimePoint now) const {
  const uint64_t epoch = static_cast<uint64_t>(now.time_since_epoch().count() / bucket_ns_);
  return epoch % kEpochMask + 1;
}

// Sequentially consistent, as is the load in AddFailureAndSum: of two threads that add to different buckets
// and then read the other's, at least one must see the other. On x86 this costs nothing beyond the exchange
// itself.
uint64_t SlidingCounts::Add(TimePoint now, uint64_t one) {
  const uint64_t epoch = EpochAt(now);
  std::atomic<uint64_t>& bucket = buckets_[epoch % kBuckets];
  uint64_t seen = bucket.load(std::memory_order_relaxed);
  uint64_t wanted;
  do {
    wanted = EpochOf(seen) == epoch ? seen : epoch << kEpochShift;
    const uint64_t count = one == kOneFailure ? FailuresOf(wanted) : SuccessesOf(wanted);
    if (count == kMaxCount) return wanted;
    wanted += one;
  } while (!bucket.compare_exchange_weak(seen, wanted, std::memory_order_seq_cst));
  return wanted;
}

SlidingCounts::Counts SlidingCounts::AddFailureAndSum(TimePoint now) {
  const uint64_t epoch = EpochAt(now);
  const uint64_t own = Add(now, kOneFailure);
  Counts sum{SuccessesOf(own), FailuresOf(own)};
  for (uint64_t i = 1; i < kBuckets; ++i) {
    AddIfLive(buckets_[(epoch + i) % kBuckets].load(std::memory_order_seq_cst), epoch, sum);
  }
  return sum;
}

void SlidingCounts::RemoveFailure(TimePoint now) {
  const uint64_t epoch = EpochAt(now);
  std::atomic<uint64_t>& bucket = buckets_[epoch % kBuckets];
  uint64_t seen = bucket.load(std::memory_order_relaxed);
  while (EpochOf(seen) == epoch && FailuresOf(seen) > 0) {
    if (bucket.compare_exchange_weak(seen, seen - kOneFailure, std::memory_order_seq_cst)) return;
  }
}

SlidingCounts::Counts SlidingCounts::Sum(TimePoint now) const {
  const uint64_t epoch = EpochAt(now);
  Counts sum;
  for (const std::atomic<uint64_t>& bucket : buckets_) {
    AddIfLive(bucket.load(std::memory_order_relaxed), epoch, sum);
  }
  return sum;
}

// The clocks of two workers may differ by a little, so a bucket of the near future is as live as one of the
// past.
void SlidingCounts::AddIfLive(uint64_t word, uint64_t epoch, Counts& sum) {
  const int64_t age = static_cast<int64_t>(epoch) - static_cast<int64_t>(EpochOf(word));
  if (EpochOf(word) == 0 || age >= kBuckets || age <= -kBuckets) return;
  sum.successes += SuccessesOf(word);
  sum.failures += FailuresOf(word);
}

void SlidingCounts::Clear() {
  for (std::atomic<uint64_t>& bucket : buckets_) bucket.store(0, std::memory_order_relaxed);
}

}  // namespace naru::resilience
