// The index rules of Consul's blocking queries, the pace of asking, and the waits after failures. Pure.
//
// https://developer.hashicorp.com/consul/api-docs/features/blocking: an index that goes backwards is reset to
// 0, which is answered at once; an index below 1 would never block and is taken for 1; that a query returns
// is no proof of a change; and whoever asks limits the rate.
#pragma once

#include <cstdint>
#include <optional>

#include "discovery/time.h"

namespace naru::discovery {

class ConsulWatch {
 public:
  enum class Verdict : uint8_t {
    kUse,       // the answer is the present state, changed or not
    kAskAgain,  // it is older than what is known: a restored snapshot, or a server that lags behind
  };

  // What to ask with: 0 is answered at once, anything else once there is something later than it.
  uint64_t index() const { return index_; }

  // An answer came, with this X-Consul-Index.
  Verdict Answered(std::optional<uint64_t> index);

  // Asking failed, or the answer could not be used.
  void Failed() { index_ = 0; }

 private:
  uint64_t index_ = 0;
};

// A token bucket: a service whose index churns is asked for once a second, after a small burst.
class RequestPace {
 public:
  static constexpr Duration kInterval = std::chrono::seconds(1);
  static constexpr int kBurst = 3;

  // When the next request may go, at `now` or later; it is counted as sent.
  TimePoint Take(TimePoint now);

 private:
  TimePoint next_{};  // when the bucket will be full again, but for one burst
};

// How long to wait after failures: 1 s, twice as long after each further one, at most 30 s, each with up to a
// quarter more or less, so that sidecars do not ask in step.
class FailureWait {
 public:
  static constexpr Duration kFirst = std::chrono::seconds(1);
  static constexpr Duration kLongest = std::chrono::seconds(30);

  // `uniform` in [0, 1).
  Duration Next(double uniform);
  void Succeeded() { next_ = kFirst; }

 private:
  Duration next_ = kFirst;
};

}  // namespace naru::discovery
