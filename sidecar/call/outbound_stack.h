// The layers that every call passes, in their order: what happens to a call is this list.
#pragma once

#include <array>
#include <functional>
#include <random>

#include "sidecar/call/break_circuit.h"
#include "sidecar/call/choose_endpoint.h"
#include "sidecar/call/enforce_deadline.h"
#include "sidecar/call/limit_concurrency.h"
#include "sidecar/call/record_call.h"
#include "sidecar/call/resolve_service.h"
#include "sidecar/call/retry_attempts.h"
#include "sidecar/call/send_upstream.h"

namespace naru::call {

// What the layers of one worker need. The references outlive the stack.
struct StackContext {
  net::Scheduler& scheduler;
  UpstreamContext upstream;
  int worker = 0;
  metrics::CallSeries& nameless;  // calls for which no service was found
  CallObserver& observer;
  std::mt19937_64& random;
  std::function<void(LimitConcurrency::LimitPtr)> wake_others;
  std::function<void(const std::string& name)> discover;  // see DiscoverService
};

class OutboundStack {
 public:
  explicit OutboundStack(StackContext context);

  // Carries a call down to an endpoint and returns the head of its answer, or why there is none.
  net::Task<Result<Response>> Carry(Call& call) { return Next(layers_.data())(call); }

  // Whoever carried a call says so here as soon as it has the result.
  void Answered(Call& call, const Result<Response>& result) { TellAnswered(layers_, call, result); }

  // The answer of a gRPC call turned out to be a stream. Only the first time counts.
  void AnswerLasts(Call& call);

  // Ends a call: exactly once, after its answer's last byte, whatever happened to it.
  void Finish(Call& call, const Ending& ending);

  LimitConcurrency& limits() { return limit_concurrency_; }
  DiscoverService& discovery() { return discover_service_; }

 private:
  DiscoverService discover_service_;
  RecordCall record_call_;
  ResolveService resolve_service_;
  EnforceDeadline enforce_deadline_;
  LimitConcurrency limit_concurrency_;
  BreakCircuit break_circuit_;
  RetryAttempts retry_attempts_;
  ChooseEndpoint choose_endpoint_;
  SendUpstream send_upstream_;
  const std::array<Layer*, 8> layers_;
};

}  // namespace naru::call
