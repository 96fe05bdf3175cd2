#include "discovery/consul/consul_watch.h"

#include <algorithm>

namespace naru::discovery {

ConsulWatch::Verdict ConsulWatch::Answered(std::optional<uint64_t> index) {
  const uint64_t sane = std::max<uint64_t>(index.value_or(1), 1);
  const bool backwards = sane < index_;
  index_ = backwards ? 0 : sane;
  return backwards ? Verdict::kAskAgain : Verdict::kUse;
}

TimePoint RequestPace::Take(TimePoint now) {
  const TimePoint due = std::max(now, next_ - (kBurst - 1) * kInterval);
  next_ = std::max(next_, due) + kInterval;
  return due;
}

Duration FailureWait::Next(double uniform) {
  const Duration wait = next_;
  next_ = std::min(2 * next_, kLongest);
  return std::chrono::duration_cast<Duration>(wait * (0.75 + uniform / 2));
}

}  // namespace naru::discovery
