// Successes and failures over a sliding window, exact over any number of threads.
//
// The window is kept as ten buckets, each one atomic word {epoch, successes, failures}, so that adding and
// summing need no lock. The window therefore moves in steps of a tenth, and its sum covers between nine and
// ten tenths of it. Owned by the state of one callee or endpoint; every worker may call every method.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "resilience/time.h"

namespace naru::resilience {

class SlidingCounts {
 public:
  struct Counts {
    uint64_t successes = 0;
    uint64_t failures = 0;

    uint64_t total() const { return successes + failures; }
    bool operator==(const Counts&) const = default;
  };

  // `window` is at least ten nanoseconds.
  explicit SlidingCounts(Duration window);

  void AddSuccess(TimePoint now) { Add(now, kOneSuccess); }
  void AddFailure(TimePoint now) { Add(now, kOneFailure); }

  // Adds a failure and returns the sum with it. Of several threads that do so, each sees those before it, so
  // that the first n of them are exactly those that see at most n.
  Counts AddFailureAndSum(TimePoint now);

  // Takes back what AddFailureAndSum added with the same `now`.
  void RemoveFailure(TimePoint now);

  Counts Sum(TimePoint now) const;
  void Clear();

 private:
  static constexpr int kBuckets = 10;
  // A bucket's word: 24 bits of epoch, then 20 bits each of successes and failures. A count saturates at
  // kMaxCount; a stale bucket could only be taken for a live one after 2^24 buckets of silence.
  static constexpr uint64_t kMaxCount = (1u << 20) - 1;
  static constexpr uint64_t kOneFailure = 1;
  static constexpr uint64_t kOneSuccess = 1u << 20;

  uint64_t Add(TimePoint now, uint64_t one);  // returns the bucket's word after it
  uint64_t EpochAt(TimePoint now) const;
  static void AddIfLive(uint64_t word, uint64_t epoch, Counts& sum);

  const int64_t bucket_ns_;
  std::array<std::atomic<uint64_t>, kBuckets> buckets_{};
};

}  // namespace naru::resilience
