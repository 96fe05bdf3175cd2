#include "tests/resilience/call_model.h"

#include <algorithm>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;

constexpr Duration kRoundTrip = std::chrono::microseconds(300);
constexpr Duration kService = milliseconds(20);
constexpr Duration kSlowService = milliseconds(1000);
constexpr double kIdempotentShare = 0.8;

Grade GradeOf(std::optional<FailureKind> failure, int status) {
  return failure || status >= 500 ? Grade::kFailure : Grade::kSuccess;
}

}  // namespace

Duration Bottleneck::Serve(TimePoint now) {
  free_at_ = std::max(free_at_, now) + each_;
  return free_at_ - now;
}

CallModel::CallModel(VirtualTime& time, const ModelPolicy& policy, uint32_t endpoints, uint64_t seed)
    : time_(time),
      policy_(policy),
      random_(seed),
      breaker_(policy.breaker),
      budget_(policy.retry.budget),
      begin_(time.now()) {
  for (uint32_t i = 0; i < endpoints; ++i) {
    endpoints_.push_back(std::make_unique<Endpoint>(policy_.ejection, group_));
  }
}

void CallModel::SetFaultOfAll(Fault fault) {
  for (const auto& endpoint : endpoints_) endpoint->fault = fault;
}

void CallModel::OfferCalls(double per_second, Duration how_long) {
  std::exponential_distribution<double> gap(per_second);
  for (double at = gap(random_); at < std::chrono::duration<double>(how_long).count(); at += gap(random_)) {
    time_.After(Duration(static_cast<int64_t>(at * 1e9)), [this] { Begin(); });
  }
}

CallModel::Second CallModel::Sum(size_t from, size_t to) const {
  Second sum;
  for (size_t i = from; i < to && i < seconds_.size(); ++i) {
    sum.offered += seconds_[i].offered;
    sum.good += seconds_[i].good;
    sum.attempts += seconds_[i].attempts;
  }
  return sum;
}

uint32_t CallModel::AttemptsInFlight() const {
  uint32_t sum = 0;
  for (const auto& endpoint : endpoints_) sum += endpoint->estimate.in_flight();
  return sum;
}

void CallModel::Begin() {
  ++begun_;
  ++Now().offered;
  const CallRef call = std::make_shared<Call>();
  call->begun = time_.now();
  call->tried.resize(endpoints_.size());
  call->idempotent = Uniform() < kIdempotentShare;
  time_.After(policy_.timeout, [=, this] { TimeOut(call); });
  // Nobody overtakes those who wait.
  if (waiting_.empty() && limit_.TryAcquire(policy_.limits)) {
    Admit(call);
  } else {
    Wait(call);
  }
}

void CallModel::Wait(const CallRef& call) {
  if (!limit_.TryEnqueue(policy_.limits)) return End(call, Grade::kNeutral);
  call->waiting = true;
  waiting_.push_back(call);
  most_queued_ = std::max(most_queued_, limit_.queued());
  time_.After(policy_.limits.queue_timeout, [=, this] {
    if (!call->waiting) return;
    StopWaiting(call);
    End(call, Grade::kNeutral);
  });
}

void CallModel::StopWaiting(const CallRef& call) {
  call->waiting = false;
  limit_.LeaveQueue();
  waiting_.erase(std::find(waiting_.begin(), waiting_.end(), call));
}

void CallModel::Admit(const CallRef& call) {
  call->has_permit = true;
  most_in_flight_ = std::max(most_in_flight_, limit_.in_flight());
  call->admitted_at = time_.now();
  call->admitted_as = breaker_.Admit(time_.now());
  if (call->admitted_as == CircuitBreaker::Verdict::kRefuse) return End(call, Grade::kNeutral);
  Attempt(call);
}

void CallModel::Attempt(const CallRef& call) {
  call->endpoint = ChooseEndpoint(*call);
  call->tried[*call->endpoint] = true;
  call->attempt_begun = time_.now();
  ++call->attempt_id;
  ++call->attempts;
  most_attempts_ = std::max(most_attempts_, call->attempts);
  ++Now().attempts;
  Endpoint& endpoint = *endpoints_[*call->endpoint];
  ++endpoint.attempts;
  endpoint.estimate.AttemptStarted();
  if (call->attempts < policy_.retry.attempts) {
    ArriveAfter(policy_.try_timeout, call, {FailureKind::kTryTimeout});
  }
  Send(call, endpoint);
}

size_t CallModel::ChooseEndpoint(const Call& call) {
  std::vector<Candidate> candidates(endpoints_.size());
  for (size_t i = 0; i < candidates.size(); ++i) {
    candidates[i].load = endpoints_[i]->estimate.Load(time_.now());
    candidates[i].serving = endpoints_[i]->health.Serving(time_.now());
    candidates[i].tried = call.tried[i];
  }
  return static_cast<size_t>(Choose(BalanceKind::kP2c, candidates, random_(), 0));
}

void CallModel::Send(const CallRef& call, Endpoint& endpoint) {
  switch (endpoint.fault) {
    case Fault::kNone:
      if (bottleneck_ != nullptr) return ArriveAfter(kRoundTrip + bottleneck_->Serve(time_.now()), call, {});
      return ArriveAfter(kRoundTrip + Around(kService), call, {});
    case Fault::kRefuses:
      return ArriveAfter(kRoundTrip, call, {FailureKind::kConnectRefused});
    case Fault::kConnectHangs:
      return ArriveAfter(policy_.connect_timeout, call, {FailureKind::kConnectTimeout});
    case Fault::kHangs:
      return;  // only a timeout ends it
    case Fault::kResets:
      return ArriveAfter(kRoundTrip + Around(kService), call, {FailureKind::kReset});
    case Fault::kAnswers503:
      return ArriveAfter(kRoundTrip, call, {std::nullopt, 503});
    case Fault::kSlow:
      return ArriveAfter(Around(kSlowService), call, {});
  }
}

void CallModel::ArriveAfter(Duration delay, const CallRef& call, const Result& result) {
  time_.After(delay, [=, this, id = call->attempt_id] {
    if (call->endpoint && call->attempt_id == id) EndAttempt(call, result);
  });
}

void CallModel::EndAttempt(const CallRef& call, const Result& result) {
  Endpoint& endpoint = *endpoints_[*call->endpoint];
  const TimePoint now = time_.now();
  const Grade grade = GradeOf(result.failure, result.status);
  call->endpoint.reset();
  endpoint.estimate.AttemptEnded();
  if (grade == Grade::kSuccess) endpoint.estimate.RecordLatency(now - call->attempt_begun, now);
  if (grade == Grade::kFailure) endpoint.estimate.RecordFailure(Duration::zero(), now);
  endpoint.health.Record(grade, static_cast<uint32_t>(endpoints_.size()), now, Uniform());
  most_ejected_ = std::max(most_ejected_, group_.ejected());
  if (result.failure == FailureKind::kTimeout) return End(call, grade);
  if (grade == Grade::kFailure) return RetryOrEnd(call, result);
  budget_.Earn(now);
  ++SecondOf(call->begun).good;
  End(call, grade);
}

void CallModel::RetryOrEnd(const CallRef& call, const Result& result) {
  FailedAttempt failed;
  failed.retry_class = result.failure ? TraitsOf(*result.failure).retry_class : RetryClass::kAnswered;
  failed.reason = result.failure ? RetryReasonOf(*result.failure) : RetryReasonOfStatus(result.status);
  failed.attempts_made = call->attempts;
  failed.safe_to_repeat = call->idempotent;
  failed.backoff = FullJitter(policy_.retry.backoff, call->attempts, Uniform());
  failed.remaining = call->begun + policy_.timeout - time_.now();
  const bool retry = DecideRetry(policy_.retry, failed) == RetryVerdict::kRetry && budget_.Spend(time_.now());
  if (!retry) return End(call, Grade::kFailure);
  time_.After(failed.backoff, [=, this] {
    if (!call->ended) Attempt(call);
  });
}

void CallModel::TimeOut(const CallRef& call) {
  if (call->ended) return;
  if (call->endpoint) return EndAttempt(call, {FailureKind::kTimeout});
  if (call->waiting) StopWaiting(call);
  End(call, call->attempts > 0 ? Grade::kFailure : Grade::kNeutral);
}

void CallModel::End(const CallRef& call, Grade grade) {
  if (call->ended) ++ended_twice_;
  call->ended = true;
  ++ended_;
  breaker_.Record(call->admitted_as, grade, time_.now(), call->admitted_at);
  if (!call->has_permit) return;
  limit_.Release();
  WakeNext();
}

void CallModel::WakeNext() {
  if (waiting_.empty() || !limit_.TryAcquire(policy_.limits)) return;
  const CallRef call = waiting_.front();
  StopWaiting(call);
  Admit(call);
}

CallModel::Second& CallModel::SecondOf(TimePoint at) {
  const size_t second = static_cast<size_t>((at - begin_) / std::chrono::seconds(1));
  if (second >= seconds_.size()) seconds_.resize(second + 1);
  return seconds_[second];
}

// Half to three halves of the mean.
Duration CallModel::Around(Duration mean) {
  return mean / 2 + Duration(static_cast<int64_t>(Uniform() * mean.count()));
}

}  // namespace naru::resilience
