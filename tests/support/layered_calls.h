// Calls carried by real layers over a scripted upstream, in virtual time.
//
// Every layer is there; a test names those that its calls pass, outermost first (as outbound_stack.cc orders
// them). A call must have ended before its test does.
#pragma once

#include <deque>
#include <initializer_list>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "sidecar/call/break_circuit.h"
#include "sidecar/call/choose_endpoint.h"
#include "sidecar/call/enforce_deadline.h"
#include "sidecar/call/limit_concurrency.h"
#include "sidecar/call/record_call.h"
#include "sidecar/call/resolve_service.h"
#include "sidecar/call/retry_attempts.h"
#include "tests/support/call_world.h"
#include "tests/support/manual_scheduler.h"
#include "tests/support/scripted_upstream.h"

namespace naru {

// "GET /v1/x HTTP/1.1", Host: courses, and the fields given.
std::string RequestText(std::string_view method_and_target,
                        std::initializer_list<std::string_view> fields = {});

class FakeObserver final : public call::CallObserver {
 public:
  void OnCall(const call::Call& call, const call::Ending& ending, call::Duration took) override;
  void OnBreaker(const call::Call& call, resilience::CircuitBreaker::Transition transition,
                 const resilience::SlidingCounts::Counts& counts) override;
  void OnEjected(const call::Call& call, const call::EndpointState& endpoint,
                 resilience::EjectionReason reason, call::Duration aside) override;
  void OnReturned(const call::Call& call, const call::EndpointState& endpoint) override;

  std::vector<std::string> told;   // "timeout 504 after 5000 ms"
  std::vector<std::string> asked;  // "GET /x from unix, process 7"
  // "courses opened after 4 of 4", "courses 10.0.0.1:80 ejected for 1000 ms: in a row", "... returned"
  std::vector<std::string> changes;
};

// One application's call and what has become of it.
class CarriedCall {
 public:
  CarriedCall(const CallWorld& world, net::Scheduler& scheduler, std::string request,
              call::BodySource* body = nullptr);
  using Layers = std::span<call::Layer* const>;
  void Start(Layers layers) { net::Spawn(Run(layers)); }
  net::Task<void> Run(Layers layers);

  bool answered() const { return result_.has_value(); }
  const call::Result<call::Response>& result() const { return *result_; }
  // "waits", "200", or "timeout" and the detail, if any, behind a colon. Good after the call is finished,
  // too.
  const std::string& said() const { return said_; }
  // How it ends if it ends now, as the downstream connection would tell it.
  call::Ending ending() const;

  call::Call call;
  bool finished = false;

 private:
  const std::string request_;
  std::optional<call::Result<call::Response>> result_;
  std::string said_ = "waits";
};

class LayeredCalls {
 public:
  explicit LayeredCalls(const std::string& yaml) : world(yaml) {}
  explicit LayeredCalls(std::shared_ptr<const config::Config> config) : world(std::move(config)) {}

  CarriedCall& Carry(std::string request, call::BodySource* body = nullptr);
  // A gRPC call: POST over HTTP/2, with these fields.
  CarriedCall& CarryGrpc(std::initializer_list<std::string_view> fields = {},
                         call::BodySource* body = nullptr);
  // As OutboundStack::Finish.
  void Finish(CarriedCall& carried) { Finish(carried, carried.ending()); }
  void Finish(CarriedCall& carried, const call::Ending& ending);
  // Carries a call and finishes it; it must not have to wait. Returns what it said.
  std::string CarryAndFinish(std::string request);

  ManualScheduler scheduler;
  CallWorld world;
  std::mt19937_64 random{20240229};
  ScriptedUpstream upstream{scheduler};
  FakeObserver observer;
  std::vector<std::shared_ptr<resilience::ConcurrencyLimit>> woken_others;

  call::RecordCall record_call{scheduler, 0, world.nameless(), observer, random};
  std::vector<std::string> asked_for;  // names that discovery.default was asked about
  call::DiscoverService discover_service{scheduler,
                                         [this](const std::string& name) { asked_for.push_back(name); }};
  call::ResolveService resolve_service{discover_service};
  call::EnforceDeadline enforce_deadline{scheduler};
  call::LimitConcurrency limit_concurrency{
      scheduler, [this](call::LimitConcurrency::LimitPtr limit) { woken_others.push_back(limit); }};
  call::BreakCircuit break_circuit{scheduler, observer};
  call::RetryAttempts retry_attempts{scheduler, 0, random};
  call::ChooseEndpoint choose_endpoint{scheduler, 0, random, observer};
  std::vector<call::Layer*> layers = {&record_call,   &resolve_service, &enforce_deadline, &limit_concurrency,
                                      &break_circuit, &retry_attempts,  &choose_endpoint,  &upstream};

 private:
  std::deque<std::unique_ptr<CarriedCall>> calls_;
};

}  // namespace naru
