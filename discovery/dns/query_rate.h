// Decides when the next query may be sent: a bucket of tokens, pure.
//
// The resolver of a VPC drops what is beyond 1,024 packets a second of a network interface, without a word,
// and tasks may share one. A sidecar has no business near that.
#pragma once

#include "discovery/time.h"

namespace naru::discovery {

class QueryRate {
 public:
  // Never more than these in any second: a full bucket and what flows into it meanwhile.
  static constexpr int kMostPerSecond = 50;
  static constexpr int kBucket = 10;
  static constexpr Duration kPerToken = std::chrono::nanoseconds(1'000'000'000 / (kMostPerSecond - kBucket));

  // Takes a token if there is one.
  bool Take(TimePoint now);

  // When there is a token.
  TimePoint NextAt() const { return full_at_ - kPerToken * (kBucket - 1); }

 private:
  TimePoint full_at_{};  // when the bucket is full if nothing more is taken
};

}  // namespace naru::discovery
