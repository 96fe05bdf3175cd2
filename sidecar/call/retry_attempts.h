// Tries again where that is safe, allowed and paid for; otherwise passes on what happened.
#pragma once

#include <random>

#include "resilience/retry_policy.h"
#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class RetryAttempts final : public Layer {
 public:
  RetryAttempts(net::Scheduler& scheduler, int worker, std::mt19937_64& random)
      : scheduler_(scheduler), worker_(worker), random_(random) {}

  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void Finish(Call& call, const Ending& ending) override;

 private:
  // Why an attempt should be tried again if it may, or nothing when it was good enough.
  std::optional<resilience::FailedAttempt> Judge(const Call& call, const Result<Response>& result) const;
  // True if another attempt is to follow; counts the retry, or why there is none.
  bool MayRetry(Call& call, const resilience::FailedAttempt& failed);
  void Prepare(Call& call) const;
  void BeginAttempt(Call& call) const;

  net::Scheduler& scheduler_;
  const int worker_;
  std::mt19937_64& random_;
};

// The closed lists of label values of naru_retries_total and naru_retries_suppressed_total, in the order of
// their values.
std::vector<std::string> RetryReasonWords();
std::vector<std::string> SuppressedRetryWords();

}  // namespace naru::call
