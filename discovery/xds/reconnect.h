// When the next ADS stream may begin. Pure.
//
// gRPC A57: a stream that ended without a response is followed after a back-off; one that had a response is
// normal (servers end streams to spread their load) and followed at once, at most once a second.
#pragma once

#include <algorithm>

#include "discovery/time.h"

namespace naru::discovery {

class Reconnect {
 public:
  static constexpr Duration kFirstWait = std::chrono::seconds(1);
  static constexpr Duration kLongestWait = std::chrono::seconds(30);
  static constexpr double kJitter = 0.2;  // gRPC's connection back-off: 20 % either way

  // A stream that began then has ended now. `uniform` is in [0, 1).
  TimePoint Next(TimePoint began, TimePoint now, bool answered, double uniform) {
    if (answered) {
      wait_ = kFirstWait;
      return std::max(now, began + kFirstWait);
    }
    const Duration wait = wait_;
    wait_ = std::min(wait_ * 2, kLongestWait);
    const double factor = 1 - kJitter + 2 * kJitter * uniform;
    return now + std::chrono::duration_cast<Duration>(wait * factor);
  }

 private:
  Duration wait_ = kFirstWait;
};

}  // namespace naru::discovery
