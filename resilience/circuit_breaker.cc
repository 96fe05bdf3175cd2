#include "resilience/circuit_breaker.h"

#include <algorithm>

namespace naru::resilience {
namespace {

uint64_t Milliseconds(TimePoint time) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(time.time_since_epoch()).count();
}

}  // namespace

CircuitBreaker::CircuitBreaker(const BreakerPolicy& policy)
    : policy_(policy), counts_(policy.window), word_(Pack(Word{})) {}

CircuitBreaker::Verdict CircuitBreaker::Admit(TimePoint now) {
  uint64_t seen = word_.load(std::memory_order_relaxed);
  while (true) {
    Word word = Unpack(seen);
    if (word.state == State::kClosed) return Verdict::kAdmit;
    if (word.state == State::kOpen) {
      if (UntilProbes(word, now) > Duration::zero()) return Verdict::kRefuse;
      word = Word{State::kProbing, 0, 0, word.changed_ms};
    }
    if (word.probes_in_flight + word.probes_succeeded >= policy_.probes) return Verdict::kRefuse;
    ++word.probes_in_flight;
    if (word_.compare_exchange_weak(seen, Pack(word), std::memory_order_relaxed)) return Verdict::kProbe;
  }
}

CircuitBreaker::Transition CircuitBreaker::Record(Verdict admitted_as, Grade grade, TimePoint now,
                                                  TimePoint admitted_at) {
  if (admitted_as == Verdict::kAdmit) return RecordOrdinary(grade, now, admitted_at);
  if (admitted_as == Verdict::kProbe) return RecordProbe(grade, now, admitted_at);
  return Transition::kNone;
}

Duration CircuitBreaker::RetryAfter(TimePoint now) const {
  const Word word = Unpack(word_.load(std::memory_order_relaxed));
  return word.state == State::kOpen ? UntilProbes(word, now) : Duration::zero();
}

Duration CircuitBreaker::UntilProbes(const Word& open, TimePoint now) const {
  const TimePoint probes_from = TimePoint(std::chrono::milliseconds(open.changed_ms)) + policy_.open_for;
  return std::max(probes_from - now, Duration::zero());
}

CircuitBreaker::Transition CircuitBreaker::RecordOrdinary(Grade grade, TimePoint now, TimePoint admitted_at) {
  uint64_t seen = word_.load(std::memory_order_relaxed);
  const Word word = Unpack(seen);
  if (grade == Grade::kNeutral || word.state != State::kClosed) return Transition::kNone;
  if (Milliseconds(admitted_at) < word.changed_ms) return Transition::kNone;
  if (grade == Grade::kSuccess) {
    counts_.AddSuccess(now);
    return Transition::kNone;
  }
  counts_.AddFailure(now);
  if (!ReachedFailureRate(now)) return Transition::kNone;
  // Two workers may both get here; the exchange lets one of them open it.
  const bool opened = word_.compare_exchange_strong(seen, Pack(Word{State::kOpen, 0, 0, Milliseconds(now)}),
                                                    std::memory_order_relaxed);
  return opened ? Transition::kOpened : Transition::kNone;
}

CircuitBreaker::Transition CircuitBreaker::RecordProbe(Grade grade, TimePoint now, TimePoint admitted_at) {
  uint64_t seen = word_.load(std::memory_order_relaxed);
  Word next;
  do {
    const Word word = Unpack(seen);
    // Another probe may have decided meanwhile, and others may be under way since it opened again.
    if (word.state != State::kProbing || Milliseconds(admitted_at) < word.changed_ms)
      return Transition::kNone;
    next = AfterProbe(word, grade, now);
    // The calls that opened it must not open it again, so the window starts empty.
    if (next.state == State::kClosed) counts_.Clear();
  } while (!word_.compare_exchange_weak(seen, Pack(next), std::memory_order_relaxed));
  if (next.state == State::kProbing) return Transition::kNone;
  return next.state == State::kOpen ? Transition::kReopened : Transition::kClosed;
}

CircuitBreaker::Word CircuitBreaker::AfterProbe(Word word, Grade grade, TimePoint now) const {
  if (grade == Grade::kFailure) return Word{State::kOpen, 0, 0, Milliseconds(now)};
  if (word.probes_in_flight > 0) --word.probes_in_flight;
  if (grade == Grade::kSuccess) ++word.probes_succeeded;
  if (word.probes_succeeded < policy_.probes) return word;
  return Word{State::kClosed, 0, 0, Milliseconds(now)};
}

bool CircuitBreaker::ReachedFailureRate(TimePoint now) const {
  const SlidingCounts::Counts counts = counts_.Sum(now);
  if (counts.total() < policy_.min_calls) return false;
  return static_cast<double>(counts.failures) >= policy_.failure_rate * static_cast<double>(counts.total());
}

uint64_t CircuitBreaker::Pack(const Word& word) {
  return static_cast<uint64_t>(word.state) | static_cast<uint64_t>(word.probes_in_flight) << 2 |
         static_cast<uint64_t>(word.probes_succeeded) << 10 | word.changed_ms << 18;
}

CircuitBreaker::Word CircuitBreaker::Unpack(uint64_t bits) {
  return Word{StateOf(bits), static_cast<uint8_t>(bits >> 2), static_cast<uint8_t>(bits >> 10), bits >> 18};
}

}  // namespace naru::resilience
