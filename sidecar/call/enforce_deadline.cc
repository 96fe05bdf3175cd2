#include "sidecar/call/enforce_deadline.h"

#include <algorithm>

#include "sidecar/call/caller_deadline.h"

namespace naru::call {
namespace {

TimePoint AnswerBy(const Call& call, TimePoint now) {
  const TimePoint by = now + (call.IsStreamingUp() ? call.policy().idle_timeout : call.policy().timeout);
  return call.caller_deadline ? std::min(by, *call.caller_deadline) : by;
}

// What the caller has left, by whichever field says the least.
std::optional<Failure> ReadCallerDeadline(Call& call) {
  const TimeLeft by_naru = TimeLeftByNaru(call.head.fields);
  if (!by_naru.sound)
    return Failure{FailureKind::kBadRequest, "x-naru-deadline-ms is not a number of milliseconds"};
  const TimeLeft by_grpc = call.grpc ? TimeLeftByGrpc(call.head.fields) : TimeLeft{};
  if (!by_grpc.sound)
    return Failure{FailureKind::kBadRequest,
                   "grpc-timeout is not one to eight digits and one of H M S m u n"};
  if (!by_naru.least && !by_grpc.least) return std::nullopt;
  const Duration left =
      std::min(by_naru.least.value_or(Duration::max()), by_grpc.least.value_or(Duration::max()));
  call.caller_deadline = call.answer_by = call.started + left;
  if (left <= Duration::zero())
    return Failure{FailureKind::kTimeout, "the caller's deadline had already passed"};
  return std::nullopt;
}

}  // namespace

net::Task<Result<Response>> EnforceDeadline::Handle(Call& call, Next next) {
  if (std::optional<Failure> failure = ReadCallerDeadline(call)) return Refused(*std::move(failure));
  call.answer_awaited = true;
  call.answer_by = AnswerBy(call, call.started);
  scheduler_.timers().Arm(call.deadline_timer, call.answer_by);
  return next(call);
}

void EnforceDeadline::Answered(Call& call, const Result<Response>& result) {
  call.deadline_timer.Disarm();
  call.answer_awaited = false;
  if (!result.ok() || !call.caller_deadline) return;
  call.answer_by = *call.caller_deadline;
  scheduler_.timers().Arm(call.deadline_timer, call.answer_by);
}

void EnforceDeadline::Finish(Call& call, const Ending&) {
  call.deadline_timer.Disarm();
}

void UploadProgressed(Call& call, net::Scheduler& scheduler) {
  // Once the answer has begun, only the caller's own deadline still runs, and that does not move.
  if (!call.answer_awaited) return;
  call.answer_by = AnswerBy(call, scheduler.now());
  scheduler.timers().Arm(call.deadline_timer, call.answer_by);
}

}  // namespace naru::call
