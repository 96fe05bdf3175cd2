#include "sidecar/call/retry_attempts.h"

#include <algorithm>
#include <bit>
#include <ctime>

#include "resilience/failure.h"
#include "sidecar/call/repeat_facts.h"
#include "sidecar/call/sleep.h"

namespace naru::call {
namespace {

using resilience::FailedAttempt;
using resilience::RetryClass;
using resilience::RetryVerdict;

// The RetryOn bit that an answer asks for another try with; 0: none.
uint16_t ReasonOfAnswer(const Call& call, int status) {
  if (call.grpc && call.grpc_status == resilience::GrpcCode::kUnavailable) return resilience::kOnUnavailable;
  if (call.grpc && call.grpc_status) return 0;
  return resilience::RetryReasonOfStatus(status);
}

double Uniform(std::mt19937_64& random) {
  return std::uniform_real_distribution<double>(0, 1)(random);
}

}  // namespace

std::vector<std::string> RetryReasonWords() {
  std::vector<std::string> words;
  for (uint16_t reason = 1; !resilience::WordOfRetryReason(reason).empty(); reason <<= 1) {
    words.emplace_back(resilience::WordOfRetryReason(reason));
  }
  return words;
}

std::vector<std::string> SuppressedRetryWords() {
  return {"not_idempotent", "budget", "deadline", "body", "upstream_retrying"};
}

net::Task<Result<Response>> RetryAttempts::Handle(Call& call, Next next) {
  Prepare(call);
  while (true) {
    // An attempt that begins now would hear of no cancellation any more, the deadline's included.
    if (call.cancellation.cancelled()) co_return call.cancellation.failure();
    BeginAttempt(call);
    Result<Response> result = co_await next(call);
    if (call.cancellation.cancelled()) co_return call.cancellation.failure();
    const std::optional<FailedAttempt> failed = Judge(call, result);
    if (!failed) {
      // The status of a gRPC call may come as late as its trailers: see Finish.
      if (!call.grpc && result->head->status < 500) call.plan->guards.budget->Earn(scheduler_.now());
      co_return result;
    }
    if (!MayRetry(call, *failed)) co_return result;
    if (failed->retry_class == RetryClass::kUnsent) ++call.unseen_attempts;
    call.replay.KeepForAnother();
    co_await call.EndAttempt();
    call.replay.Rewind();
    if (failed->backoff > Duration::zero()) {
      const TimePoint began = scheduler_.now();
      co_await Sleep(scheduler_, call.cancellation, began + failed->backoff);
      call.upstream_wait += scheduler_.now() - began;
    }
  }
}

void RetryAttempts::Finish(Call& call, const Ending& ending) {
  const bool succeeded = ending.outcome == Outcome::kOk || ending.outcome == Outcome::kClientError;
  if (call.grpc && succeeded) call.plan->guards.budget->Earn(scheduler_.now());
}

void RetryAttempts::Prepare(Call& call) const {
  const resilience::RetryPolicy& policy = call.policy().retry;
  call.replay.Start(call.body, policy.attempts > 1 ? policy.body_bytes : 0);
  call.inbound_attempt = InboundAttemptOf(call.head);
  call.safe_to_repeat = IsSafeToRepeat(call.head, policy);
  if (call.grpc) {
    call.previous_rpc_attempts = LargestCount(call.head.fields, http::FieldId::kGrpcPreviousRpcAttempts);
  }
}

void RetryAttempts::BeginAttempt(Call& call) const {
  const resilience::RetryPolicy& policy = call.policy().retry;
  ++call.counted_attempts;
  call.grpc_status.reset();
  call.grpc_pushback.reset();
  // An attempt that no other may follow is not cut short: that could only turn a late answer into none.
  call.last_attempt = call.counted_attempts >= policy.attempts || !call.safe_to_repeat ||
                      call.inbound_attempt > 1 || !(policy.on & resilience::kOnReset);
}

std::optional<FailedAttempt> RetryAttempts::Judge(const Call& call, const Result<Response>& result) const {
  const resilience::RetryPolicy& policy = call.policy().retry;
  FailedAttempt failed;
  std::optional<Duration> asked;
  if (result.ok()) {
    failed.reason = ReasonOfAnswer(call, result->head->status);
    if (failed.reason == 0) return std::nullopt;
    failed.retry_class = RetryClass::kAnswered;
    // gRPC proposal A6: pushback without a time says that nobody should try again.
    if (call.grpc_pushback && !*call.grpc_pushback) failed.retry_class = RetryClass::kNever;
    if (const http::Field* field = result->head->fields.Find(http::FieldId::kRetryAfter)) {
      asked = resilience::ParseRetryAfter(field->value, std::time(nullptr));
    }
  } else {
    failed.reason = resilience::RetryReasonOf(result.failure().kind);
    failed.retry_class = resilience::TraitsOf(result.failure().kind).retry_class;
    const FailureKind kind = result.failure().kind;
    const bool was_pooled = kind == FailureKind::kUnsentReset || kind == FailureKind::kReusedReset;
    // gRPC proposal A6: what the server's library turned away unseen is tried again once, uncounted.
    const bool refused = kind == FailureKind::kRefusedStream;
    failed.first_free_retry = (was_pooled || refused) && !call.had_free_retry;
  }
  failed.attempts_made = call.counted_attempts;
  failed.safe_to_repeat = call.safe_to_repeat;
  failed.body_replayable = call.body == nullptr || call.replay.replayable();
  failed.upstream_retrying = call.inbound_attempt > 1;
  failed.remaining = call.answer_by - scheduler_.now();
  failed.backoff = resilience::FullJitter(policy.backoff, call.counted_attempts, Uniform(random_));
  if (asked) failed.backoff = std::max(failed.backoff, *asked);
  if (result.ok() && call.grpc_pushback && *call.grpc_pushback) failed.backoff = **call.grpc_pushback;
  if (failed.first_free_retry) failed.backoff = {};
  return failed;
}

bool RetryAttempts::MayRetry(Call& call, const FailedAttempt& failed) {
  const resilience::RetryPolicy& policy = call.policy().retry;
  metrics::CalleeSeries& series = *call.callee->series[worker_];
  auto suppressed = [&](SuppressedRetry why, std::string_view note) {
    series.RecordSuppressedRetry(static_cast<uint8_t>(why));
    call.policy_note = note;
    return false;
  };
  switch (resilience::DecideRetry(policy, failed)) {
    case RetryVerdict::kGiveUp:
      call.policy_note = call.counted_attempts >= policy.attempts ? "retry.attempts" : "retry.on";
      return false;
    case RetryVerdict::kNotIdempotent:
      return suppressed(SuppressedRetry::kNotIdempotent, "retry.idempotent");
    case RetryVerdict::kDeadline:
      return suppressed(SuppressedRetry::kDeadline, "timeout");
    case RetryVerdict::kBody:
      return suppressed(SuppressedRetry::kBody, "retry.body");
    case RetryVerdict::kUpstreamRetrying:
      return suppressed(SuppressedRetry::kUpstreamRetrying, {});
    case RetryVerdict::kRetryFree:
      call.had_free_retry = true;
      --call.counted_attempts;
      if (!call.attempts.empty()) call.attempts.back().free = true;
      break;
    case RetryVerdict::kRetry:
      if (!call.plan->guards.budget->Spend(scheduler_.now())) {
        return suppressed(SuppressedRetry::kBudget, "retry.budget.ratio");
      }
      break;
  }
  series.RecordRetry(static_cast<uint8_t>(std::countr_zero(failed.reason)));
  return true;
}

}  // namespace naru::call
