// How long an idle upstream connection may lie in the pool before the peer is likely to close it under our
// feet.
//
// Without evidence 3 s (Linkerd). `Keep-Alive: timeout=N` of the peer, and idle closes that were seen,
// shorten or lengthen it. Evidence fades after a while, so that one restart of a peer does not shorten it for
// ever. Owned by the state of one endpoint; relaxed atomics.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string_view>

#include "resilience/time.h"

namespace naru::resilience {

class IdleLimit {
 public:
  static constexpr Duration kWithoutEvidence = std::chrono::seconds(3);
  static constexpr Duration kLongest = std::chrono::seconds(60);
  // The limit never falls below this, and a connection closed sooner than this had not been idle: the peer
  // closed it after its answer, which says nothing about its patience.
  static constexpr Duration kShortest = std::chrono::milliseconds(10);
  static constexpr Duration kAnnouncedMargin = std::chrono::seconds(1);  // at most half of what was announced
  static constexpr double kSafeShareOfClose = 0.8;
  static constexpr Duration kEvidenceLasts = std::chrono::seconds(60);

  // The peer announced that it closes connections idle for `timeout`. The last announcement stands.
  void ObserveAnnounced(Duration timeout);

  // The peer closed a connection that had been idle for `idle`. The shortest that is still fresh stands.
  void ObserveClose(Duration idle, TimePoint now);

  // A connection idle for longer than this is not reused.
  Duration Current(TimePoint now) const;

 private:
  bool HasFreshClose(TimePoint now) const;

  std::atomic<int64_t> announced_ns_{0};     // the limit that follows from it; 0: none
  std::atomic<int64_t> closed_after_ns_{0};  // 0: never
  std::atomic<int64_t> closed_at_ns_{0};
};

// The seconds of the `timeout` parameter of a Keep-Alive field, such as "timeout=5, max=100". Nothing when
// absent.
std::optional<Duration> ParseKeepAliveTimeout(std::string_view field);

}  // namespace naru::resilience
