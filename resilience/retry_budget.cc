#include "resilience/retry_budget.h"

namespace naru::resilience {

RetryBudget::RetryBudget(const RetryBudgetPolicy& policy) : policy_(policy), counts_(policy.window) {}

void RetryBudget::Earn(TimePoint now) {
  counts_.AddSuccess(now);
}

// Takes first and looks afterwards: two workers that looked first could both take the last one.
bool RetryBudget::Spend(TimePoint now) {
  const SlidingCounts::Counts with_this = counts_.AddFailureAndSum(now);
  if (static_cast<double>(with_this.failures) <= Allowed(with_this.successes)) return true;
  counts_.RemoveFailure(now);
  return false;
}

double RetryBudget::Allowed(uint64_t successes) const {
  const double window_seconds = std::chrono::duration<double>(policy_.window).count();
  return policy_.floor_per_second * window_seconds + policy_.ratio * static_cast<double>(successes);
}

}  // namespace naru::resilience
