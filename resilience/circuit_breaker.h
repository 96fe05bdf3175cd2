// Decides whether a callee may be called at all, from how often its last calls failed.
//
// One breaker per callee and sidecar, shared by every worker: its whole state is one atomic word, so its
// verdicts are exact whatever the number of workers. It reads no clock and calls nobody; the caller passes
// `now` and gives back the outcome of every admitted call exactly once.
//
//   Closed --failure rate reached--> Open --after open_for--> Probing --`probes` successes--> Closed
//                                      ^------------ a probe fails ----------'
#pragma once

#include <atomic>
#include <cstdint>

#include "resilience/grade.h"
#include "resilience/sliding_counts.h"
#include "resilience/time.h"

namespace naru::resilience {

// Defaults as Hystrix: 50 % of at least 20 calls in 10 s, 5 s of rest, one probe. They suit the low rates of
// internal calls; windows of 100 calls (resilience4j) never fill there.
struct BreakerPolicy {
  double failure_rate = 0.5;  // share of failures, in (0, 1], that opens
  uint32_t min_calls = 20;    // fewer calls in the window than this never open it
  Duration window = std::chrono::seconds(10);
  Duration open_for = std::chrono::seconds(5);
  uint32_t probes = 1;  // calls let through at once while probing, and successes needed to close; at most 255

  bool operator==(const BreakerPolicy&) const = default;
};

class CircuitBreaker {
 public:
  enum class State : uint8_t { kClosed, kProbing, kOpen };

  enum class Verdict : uint8_t {
    kAdmit,   // an ordinary call
    kProbe,   // a call that tests whether the callee has recovered
    kRefuse,  // not now; see RetryAfter
  };

  // What one result changed, for those who tell of it.
  enum class Transition : uint8_t {
    kNone,
    kOpened,
    kReopened,  // a probe failed
    kClosed,
  };

  explicit CircuitBreaker(const BreakerPolicy& policy);

  // May this call go? kAdmit and kProbe must be followed by exactly one Record with the same verdict.
  Verdict Admit(TimePoint now);

  // Tells how an admitted call ended. A call admitted before the breaker last opened or closed says nothing
  // any more and is ignored: without that, calls of an outage that time out late would open the breaker that
  // a probe has just closed. For this it needs `admitted_at`; a call that does not say counts as recent. A
  // neutral probe gives its place to the next one. Says what this changed: every change is said once.
  Transition Record(Verdict admitted_as, Grade grade, TimePoint now,
                    TimePoint admitted_at = TimePoint::max());

  State state() const { return StateOf(word_.load(std::memory_order_relaxed)); }

  // How long until a call is let through as a probe; zero unless open.
  Duration RetryAfter(TimePoint now) const;

  // How the calls of the window ended. Those that opened it are counted until it closes.
  SlidingCounts::Counts Counts(TimePoint now) const { return counts_.Sum(now); }

  const BreakerPolicy& policy() const { return policy_; }

 private:
  // The word: 2 bits of state, 8 bits of probes in flight, 8 bits of probes that succeeded, and 46 bits of
  // the milliseconds at which it last opened or closed (the clock counts from some start, so 46 bits last
  // 2,000 years).
  struct Word {
    State state = State::kClosed;
    uint8_t probes_in_flight = 0;
    uint8_t probes_succeeded = 0;
    uint64_t changed_ms = 0;
  };
  static uint64_t Pack(const Word& word);
  static Word Unpack(uint64_t bits);
  static State StateOf(uint64_t bits) { return static_cast<State>(bits & 3); }

  Transition RecordOrdinary(Grade grade, TimePoint now, TimePoint admitted_at);
  Transition RecordProbe(Grade grade, TimePoint now, TimePoint admitted_at);
  Word AfterProbe(Word word, Grade grade, TimePoint now) const;
  Duration UntilProbes(const Word& open, TimePoint now) const;
  bool ReachedFailureRate(TimePoint now) const;

  const BreakerPolicy policy_;
  SlidingCounts counts_;
  std::atomic<uint64_t> word_;
};

}  // namespace naru::resilience
