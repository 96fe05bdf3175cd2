#include "sidecar/call/enforce_deadline.h"

#include <algorithm>

#include "resilience/deadline.h"

namespace naru::call {
namespace {

TimePoint AnswerBy(const Call& call, TimePoint now) {
  const TimePoint by = now + call.policy().timeout;
  return call.caller_deadline ? std::min(by, *call.caller_deadline) : by;
}

}  // namespace

net::Task<Result<Response>> EnforceDeadline::Handle(Call& call, Next next) {
  if (const http::Field* sent = call.head.fields.Find(http::FieldId::kXNaruDeadlineMs)) {
    const std::optional<Duration> left = resilience::ParseDeadlineMs(sent->value);
    if (!left)
      co_return Failure{FailureKind::kBadRequest, "x-naru-deadline-ms is not a number of milliseconds"};
    call.caller_deadline = call.answer_by = call.started + *left;
    if (*left <= Duration::zero())
      co_return Failure{FailureKind::kTimeout, "the caller's deadline had already passed"};
  }
  call.answer_awaited = true;
  call.answer_by = AnswerBy(call, call.started);
  scheduler_.timers().Arm(call.deadline_timer, call.answer_by);
  Result<Response> result = co_await next(call);
  call.deadline_timer.Disarm();
  call.answer_awaited = false;
  if (result.ok() && call.caller_deadline) {
    call.answer_by = *call.caller_deadline;
    scheduler_.timers().Arm(call.deadline_timer, call.answer_by);
  }
  co_return result;
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
