#include "tests/support/layered_calls.h"

#include <cstdlib>
#include <utility>

#include "sidecar/http/http1_head.h"

namespace naru {
namespace {

std::string Describe(const call::Result<call::Response>& result) {
  if (result.ok()) return std::to_string(result->head->status);
  const call::Failure& failure = result.failure();
  std::string text(resilience::TraitsOf(failure.kind).name);
  return failure.detail.empty() ? text : text + ": " + failure.detail;
}

net::Task<void> EndAttempt(call::Call& call) {
  co_await call.EndAttempt();
}

}  // namespace

std::string RequestText(std::string_view method_and_target, std::initializer_list<std::string_view> fields) {
  std::string text = std::string(method_and_target) + " HTTP/1.1\r\nhost: courses\r\n";
  for (const std::string_view field : fields) text.append(field).append("\r\n");
  return text + "\r\n";
}

void FakeObserver::OnCall(const call::Call& call, const call::Ending& ending, call::Duration took) {
  asked.push_back(std::string(call.head.method) + " " + std::string(call.head.target) + " from " +
                  (call.downstream == nullptr ? "nobody" : call.downstream->Peer()));
  told.push_back(std::string(resilience::WordOf(ending.outcome)) + " " + std::to_string(ending.status) +
                 " after " + std::to_string(took / std::chrono::milliseconds(1)) + " ms");
}

void FakeObserver::OnBreaker(const call::Call& call, resilience::CircuitBreaker::Transition transition,
                             const resilience::SlidingCounts::Counts& counts) {
  static constexpr const char* kWords[] = {"unchanged", "opened", "reopened", "closed"};
  changes.push_back(call.callee->service->name + " " + kWords[static_cast<size_t>(transition)] + " after " +
                    std::to_string(counts.failures) + " of " + std::to_string(counts.total()));
}

void FakeObserver::OnEjected(const call::Call& call, const call::EndpointState& endpoint,
                             resilience::EjectionReason reason, call::Duration aside) {
  static constexpr const char* kWords[] = {"nothing", "in a row", "success rate"};
  changes.push_back(call.callee->service->name + " " + endpoint.text + " ejected for " +
                    std::to_string(aside / std::chrono::milliseconds(1)) +
                    " ms: " + kWords[static_cast<size_t>(reason)]);
}

void FakeObserver::OnReturned(const call::Call& call, const call::EndpointState& endpoint) {
  changes.push_back(call.callee->service->name + " " + endpoint.text + " returned");
}

CarriedCall::CarriedCall(const CallWorld& world, net::Scheduler& scheduler, std::string request,
                         call::BodySource* body)
    : request_(std::move(request)) {
  if (!http::ParseRequestHead(request_, call.head).empty()) std::abort();
  call.body = body;
  call.started = scheduler.ReadClock();
  call.snapshot = world.snapshot();
}

net::Task<void> CarriedCall::Run(Layers layers) {
  call::Result<call::Response> result = co_await call::Next(layers.data())(call);
  call::TellAnswered(layers, call, result);
  said_ = Describe(result);
  result_.emplace(std::move(result));
}

call::Ending CarriedCall::ending() const {
  if (result_->ok()) {
    const int status = (*result_)->head->status;
    return {resilience::OutcomeOfStatus(status), status, nullptr};
  }
  const resilience::FailureTraits& traits = resilience::TraitsOf(result_->failure().kind);
  return {traits.outcome, traits.http_status, &result_->failure()};
}

CarriedCall& LayeredCalls::Carry(std::string request, call::BodySource* body) {
  calls_.push_back(std::make_unique<CarriedCall>(world, scheduler, std::move(request), body));
  calls_.back()->Start(layers);
  return *calls_.back();
}

CarriedCall& LayeredCalls::CarryGrpc(std::initializer_list<std::string_view> fields, call::BodySource* body) {
  calls_.push_back(std::make_unique<CarriedCall>(world, scheduler,
                                                 RequestText("POST /learning.Courses/Get", fields), body));
  CarriedCall& carried = *calls_.back();
  carried.call.head.major_version = 2;
  carried.call.head.minor_version = 0;
  carried.call.grpc = true;
  carried.Start(layers);
  return carried;
}

void LayeredCalls::Finish(CarriedCall& carried, const call::Ending& ending) {
  if (std::exchange(carried.finished, true)) std::abort();
  net::Spawn(EndAttempt(carried.call));
  for (auto layer = layers.rbegin(); layer != layers.rend(); ++layer) {
    const bool resolved = carried.call.plan != nullptr;
    if (resolved || *layer == &record_call) (*layer)->Finish(carried.call, ending);
  }
}

std::string LayeredCalls::CarryAndFinish(std::string request) {
  CarriedCall& carried = Carry(std::move(request));
  Finish(carried);
  return carried.said();
}

}  // namespace naru
