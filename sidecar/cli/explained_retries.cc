#include "sidecar/cli/explained_retries.h"

#include <string_view>
#include <vector>

#include "resilience/failure.h"
#include "sidecar/call/repeat_facts.h"
#include "sidecar/config/text.h"
#include "sidecar/http/grpc.h"

namespace naru::cli {
namespace {

using config::Cat;
using resilience::RetryClass;
using resilience::RetryVerdict;

// RetryOn bits, by what becomes of an attempt that fails that way.
struct Verdicts {
  uint16_t retried = 0;
  uint16_t not_idempotent = 0;
  uint16_t upstream_retrying = 0;

  uint16_t suppressed() const { return not_idempotent | upstream_retrying; }
};

RetryClass ClassOf(uint16_t reason) {
  for (int i = 0; i < resilience::kFailureKinds; ++i) {
    const auto kind = static_cast<resilience::FailureKind>(i);
    if (resilience::RetryReasonOf(kind) == reason) return resilience::TraitsOf(kind).retry_class;
  }
  return RetryClass::kAnswered;
}

Verdicts Decide(const http::RequestHead& head, const resilience::RetryPolicy& policy) {
  resilience::FailedAttempt attempt;
  attempt.safe_to_repeat = call::IsSafeToRepeat(head, policy);
  attempt.upstream_retrying = call::InboundAttemptOf(head) > 1;
  Verdicts verdicts;
  for (uint16_t reason = 1; !resilience::WordOfRetryReason(reason).empty(); reason <<= 1) {
    if (reason == resilience::kOnUnavailable && !http::IsGrpc(head)) continue;  // it is a code of gRPC
    attempt.reason = reason;
    attempt.retry_class = ClassOf(reason);
    const RetryVerdict verdict = resilience::DecideRetry(policy, attempt);
    if (verdict == RetryVerdict::kRetry) verdicts.retried |= reason;
    if (verdict == RetryVerdict::kNotIdempotent) verdicts.not_idempotent |= reason;
    if (verdict == RetryVerdict::kUpstreamRetrying) verdicts.upstream_retrying |= reason;
  }
  return verdicts;
}

std::string WordsOf(uint16_t reasons) {
  std::vector<std::string_view> words;
  for (uint16_t reason = 1; !resilience::WordOfRetryReason(reason).empty(); reason <<= 1) {
    if (reasons & reason) words.push_back(resilience::WordOfRetryReason(reason));
  }
  return config::Join(words, ", ");
}

std::string WhySafe(const http::RequestHead& head) {
  if (resilience::IsIdempotent(head.method)) return Cat(head.method, " is idempotent");
  return head.fields.Has(http::FieldId::kIdempotencyKey) ? "it has an Idempotency-Key"
                                                         : "retry.idempotent vouches for it";
}

std::string CallerRetries(const http::RequestHead& head) {
  return Cat("x-naru-attempt: ", call::InboundAttemptOf(head), " says that its caller is retrying");
}

std::string WhyNotIdempotent(const http::RequestHead& head) {
  return http::IsGrpc(head) ? std::string("a gRPC call is a POST, which is not idempotent")
                            : Cat(head.method, " is not idempotent");
}

std::string WhyNotMore(const http::RequestHead& head, const Verdicts& verdicts) {
  if (verdicts.not_idempotent == 0) return CallerRetries(head);
  if (call::InboundAttemptOf(head) > 1) return Cat(WhyNotIdempotent(head), ", and ", CallerRetries(head));
  return Cat(WhyNotIdempotent(head), " (retry.idempotent or an Idempotency-Key would allow ",
             WordsOf(verdicts.not_idempotent), ")");
}

}  // namespace

std::string ExplainRetries(const http::RequestHead& head, const resilience::RetryPolicy& policy) {
  if (policy.attempts == 1) return "never retried: retry.attempts is 1";
  const Verdicts verdicts = Decide(head, policy);
  const std::string retried = WordsOf(verdicts.retried);
  if (verdicts.suppressed() != 0) {
    return Cat(retried.empty() ? "not retried" : Cat("retried on ", retried, " only"), ": ",
               WhyNotMore(head, verdicts));
  }
  if (retried.empty()) return "not retried: nothing that retry.on names can happen to it";
  const uint16_t may_have_been_processed =
      verdicts.retried & ~(resilience::kOnUnsent | resilience::kOnRefused);
  if (may_have_been_processed == 0) return Cat("retried on ", retried, ", as retry.on says");
  return Cat("retried on ", retried, ", even if it may have been processed: ", WhySafe(head));
}

}  // namespace naru::cli
