// Bounds retries to a share of the answers that succeed, so that an outage earns no retries.
//
// In any window: retries <= floor * window + ratio * successes (the window moves in tenths, see
// SlidingCounts). Funding by successes instead of by requests is what lets an overloaded callee recover (gRPC
// proposal A6; the HotOS'21 study of metastable failures). One per callee and sidecar, exact over all
// workers.
#pragma once

#include "resilience/retry_policy.h"
#include "resilience/sliding_counts.h"
#include "resilience/time.h"

namespace naru::resilience {

class RetryBudget {
 public:
  explicit RetryBudget(const RetryBudgetPolicy& policy);

  void Earn(TimePoint now);  // an answer succeeded

  // Takes one retry out of the budget. False, and nothing taken, when there is none left.
  bool Spend(TimePoint now);

  const RetryBudgetPolicy& policy() const { return policy_; }

 private:
  double Allowed(uint64_t successes) const;

  const RetryBudgetPolicy policy_;
  SlidingCounts counts_;  // successes earned; "failures" are the retries spent
};

}  // namespace naru::resilience
