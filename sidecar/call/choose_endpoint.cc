#include "sidecar/call/choose_endpoint.h"

#include <ctime>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "resilience/balancer.h"
#include "resilience/retry_policy.h"

namespace naru::call {
namespace {

using resilience::BalanceKind;
using resilience::Candidate;
using resilience::Grade;

bool Tried(const Call& call, size_t index) {
  for (const AttemptRecord& attempt : call.attempts) {
    if (attempt.endpoint_index == index) return true;
  }
  return false;
}

// An endpoint that turns calls away (429) must not look fast, though that is no failure of it (Linkerd).
bool DeservesPenalty(int status) {
  return status >= 500 || status == 429;
}

bool DeservesPenalty(const Call& call, int status) {
  if (call.grpc && call.grpc_status) return resilience::DeservesPenalty(*call.grpc_status);
  return DeservesPenalty(status);
}

Outcome OutcomeOf(const Call& call, int status) {
  if (call.grpc && call.grpc_status) return resilience::OutcomeOfGrpc(*call.grpc_status);
  return resilience::OutcomeOfStatus(status);
}

std::string Describe(const Call& call, int status) {
  if (call.grpc && call.grpc_status)
    return "grpc-status " + std::string(resilience::WordOf(*call.grpc_status));
  return "status " + std::to_string(status);
}

Duration AskedToWait(const Call& call, const http::ResponseHead& head) {
  if (call.grpc_pushback && *call.grpc_pushback) return **call.grpc_pushback;
  const http::Field* field = head.fields.Find(http::FieldId::kRetryAfter);
  if (field == nullptr) return Duration::zero();
  return resilience::ParseRetryAfter(field->value, std::time(nullptr)).value_or(Duration::zero());
}

void RememberAnswer(const Call& call, int status, EndpointState& endpoint, TimePoint now) {
  if (call.grpc && call.grpc_status) return endpoint.last_failure.Record(*call.grpc_status, now);
  endpoint.last_failure.RecordStatus(status, now);
}

}  // namespace

net::Task<Result<Response>> ChooseEndpoint::Handle(Call& call, Next next) {
  const int index = Choose(call, scheduler_.now());
  if (index < 0) co_return NoEndpoint(call);
  Begin(call, static_cast<size_t>(index));
  Result<Response> result = co_await next(call);
  Learn(call, result);
  co_return result;
}

int ChooseEndpoint::Choose(const Call& call, TimePoint now) {
  const Callee& callee = *call.callee;
  const size_t count = callee.endpoints.size();
  const BalanceKind kind = call.policy().balance;
  const HealthGroup* health = call.plan->guards.health.get();
  if (count == 1) {
    if (health != nullptr) MayServe(call, *health, 0, now);
    return 0;
  }
  absl::InlinedVector<Candidate, 16> candidates(count);
  for (size_t i = 0; i < count; ++i) {
    Candidate& candidate = candidates[i];
    const bool not_ejected = health == nullptr || MayServe(call, *health, i, now);
    candidate.serving = not_ejected && callee.endpoints[i]->checked.healthy();
    candidate.tried = Tried(call, i);
    if (!callee.weights.empty()) candidate.weight = callee.weights[i];
    if (kind == BalanceKind::kP2c) candidate.penalised = callee.endpoints[i]->estimate.penalised(now);
  }
  const uint32_t turn =
      kind == BalanceKind::kRoundRobin ? callee.round_robin->fetch_add(1, std::memory_order_relaxed) : 0;
  const resilience::Draw draw = resilience::DrawTwo(kind, candidates, random_(), turn);
  if (draw.second < 0) return draw.first;
  const resilience::LatencyEstimate& first = callee.endpoints[static_cast<size_t>(draw.first)]->estimate;
  const resilience::LatencyEstimate& second = callee.endpoints[static_cast<size_t>(draw.second)]->estimate;
  const bool p2c = kind == BalanceKind::kP2c;
  const double first_load = p2c ? first.Load(now) : first.in_flight();
  const double second_load = p2c ? second.Load(now) : second.in_flight();
  const uint32_t first_weight = candidates[static_cast<size_t>(draw.first)].weight;
  const uint32_t second_weight = candidates[static_cast<size_t>(draw.second)].weight;
  return second_load * first_weight < first_load * second_weight ? draw.second : draw.first;
}

bool ChooseEndpoint::MayServe(const Call& call, const HealthGroup& health, size_t index, TimePoint now) {
  using Standing = resilience::EndpointHealth::Standing;
  const Standing standing = health.endpoints[index]->StandingAt(now);
  if (standing == Standing::kReturned) observer_.OnReturned(call, *call.callee->endpoints[index]);
  return standing != Standing::kAside;
}

Failure ChooseEndpoint::NoEndpoint(const Call& call) {
  const Callee& callee = *call.callee;
  const bool refused = callee.found != nullptr && !callee.found->refused.empty();
  if (refused) callee.series[worker_]->RecordRefusedPublic();
  return Failure{refused ? FailureKind::kRefusedPublic : FailureKind::kNoEndpoint, callee.why_none};
}

void ChooseEndpoint::Begin(Call& call, size_t index) {
  LeaveInFlight(call);
  AttemptRecord record;
  record.endpoint = call.callee->endpoints[index].get();
  record.endpoint_index = index;
  // The first attempt mostly begins with the call, and then needs no clock: the loop has not slept since.
  const bool at_once = call.attempts.empty() && scheduler_.now() <= call.started;
  record.started = at_once ? call.started : scheduler_.ReadClock();
  call.attempts.push_back(std::move(record));
  call.in_flight_at = call.callee->endpoints[index].get();
  call.in_flight_at->estimate.AttemptStarted();
}

void ChooseEndpoint::Learn(Call& call, const Result<Response>& result) {
  AttemptRecord& attempt = call.attempts.back();
  EndpointState& endpoint = *call.callee->endpoints[attempt.endpoint_index];
  const TimePoint now = scheduler_.ReadClock();
  attempt.took = now - attempt.started;
  // A gRPC answer that has begun says in its trailers how it went: see Finish.
  const bool decided = !result.ok() || !call.grpc || call.grpc_status || result->body == nullptr;
  const bool penalty = result.ok() && DeservesPenalty(call, result->head->status);
  if (result.ok()) {
    attempt.status = result->head->status;
    attempt.outcome = OutcomeOf(call, attempt.status);
    if (penalty) attempt.detail = Describe(call, attempt.status);
  } else {
    attempt.outcome = resilience::TraitsOf(result.failure().kind).outcome;
    attempt.detail = result.failure().detail;
    const bool timed_out = result.failure().kind == FailureKind::kTimeout;
    if (timed_out && attempt.detail.empty()) attempt.detail = call.TimeLimit() + " ended it";
  }
  const Grade grade = GradeOf(attempt.outcome);
  if (result.ok() && !penalty) endpoint.estimate.RecordLatency(attempt.took, now);
  if (penalty) {
    endpoint.estimate.RecordFailure(AskedToWait(call, *result->head), now);
    RememberAnswer(call, attempt.status, endpoint, now);
  }
  if (!result.ok() && grade == Grade::kFailure) {
    endpoint.estimate.RecordFailure(Duration::zero(), now);
    endpoint.last_failure.Record(result.failure().kind, now);
  }
  RecordHealth(call, attempt.endpoint_index, grade);
  call.attempt_undecided = !decided;
  if (decided) call.callee->series[worker_]->RecordAttempt(static_cast<uint8_t>(attempt.outcome));
}

void ChooseEndpoint::RecordHealth(Call& call, size_t index, Grade grade) {
  const HealthGroup* health = call.plan->guards.health.get();
  if (health == nullptr || grade == Grade::kNeutral) return;
  const double uniform = grade == Grade::kFailure ? std::uniform_real_distribution<double>(0, 1)(random_) : 0;
  const auto endpoints = static_cast<uint32_t>(health->endpoints.size());
  resilience::EndpointHealth& endpoint = *health->endpoints[index];
  const TimePoint now = scheduler_.now();
  const resilience::EjectionReason reason = endpoint.Record(grade, endpoints, now, uniform);
  if (reason != resilience::EjectionReason::kNone)
    observer_.OnEjected(call, *call.callee->endpoints[index], reason, endpoint.ejected_until() - now);
}

void ChooseEndpoint::Finish(Call& call, const Ending& ending) {
  LeaveInFlight(call);
  if (call.attempts.empty()) return;
  AttemptRecord& attempt = call.attempts.back();
  if (call.attempt_undecided) {
    attempt.outcome = ending.outcome;
    call.callee->series[worker_]->RecordAttempt(static_cast<uint8_t>(ending.outcome));
  }
  // An answer that broke off, or a gRPC call that failed in its trailers, was a success when its head came.
  const bool failed_late = ending.outcome == Outcome::kTruncated ||
                           (call.attempt_undecided && ending.outcome == Outcome::kServerError);
  const bool penalised_late =
      call.attempt_undecided && call.grpc_status && resilience::DeservesPenalty(*call.grpc_status);
  if (failed_late) RecordHealth(call, attempt.endpoint_index, Grade::kFailure);
  if (ending.outcome == Outcome::kTruncated) {
    attempt.outcome = ending.outcome;  // as its head came it was counted as answered
    if (call.broke_off) attempt.detail = call.broke_off->detail;
  }
  if (!failed_late && !penalised_late) return;
  if (penalised_late) attempt.detail = Describe(call, attempt.status);
  EndpointState& endpoint = *call.callee->endpoints[attempt.endpoint_index];
  endpoint.estimate.RecordFailure(Duration::zero(), scheduler_.now());
  if (ending.outcome == Outcome::kTruncated) {
    endpoint.last_failure.Record(FailureKind::kTruncated, scheduler_.now());
  } else {
    RememberAnswer(call, attempt.status, endpoint, scheduler_.now());
  }
}

void ChooseEndpoint::LeaveInFlight(Call& call) {
  if (EndpointState* left = std::exchange(call.in_flight_at, nullptr)) left->estimate.AttemptEnded();
}

}  // namespace naru::call
