#include "sidecar/call/break_circuit.h"

namespace naru::call {

net::Task<Result<Response>> BreakCircuit::Handle(Call& call, Next next) {
  resilience::CircuitBreaker* breaker = call.plan->guards.breaker.get();
  if (breaker == nullptr) return next(call);
  const TimePoint now = scheduler_.now();
  const auto verdict = breaker->Admit(now);
  if (verdict == resilience::CircuitBreaker::Verdict::kRefuse) {
    call.policy_note = "breaker.failure_rate";
    call.retry_after = breaker->RetryAfter(scheduler_.now());
    return Refused({FailureKind::kBreakerOpen,
                    "too many of the last calls to it failed; the next try goes through in " +
                        std::to_string(call.retry_after / std::chrono::milliseconds(1)) + " ms"});
  }
  call.admitted_as = verdict;
  call.admitted_at = now;
  return next(call);
}

// A stream may last for hours; that it began is the answer.
void BreakCircuit::AnswerLasts(Call& call) {
  Record(call, resilience::Grade::kSuccess);
}

void BreakCircuit::Finish(Call& call, const Ending& ending) {
  Record(call, GradeOf(ending.outcome));
}

void BreakCircuit::Record(Call& call, resilience::Grade grade) {
  if (!call.admitted_as) return;
  resilience::CircuitBreaker& breaker = *call.plan->guards.breaker;
  const auto changed = breaker.Record(*call.admitted_as, grade, scheduler_.now(), call.admitted_at);
  call.admitted_as.reset();
  if (changed != resilience::CircuitBreaker::Transition::kNone)
    observer_.OnBreaker(call, changed, breaker.Counts(scheduler_.now()));
}

}  // namespace naru::call
