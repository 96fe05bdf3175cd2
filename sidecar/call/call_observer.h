// Who hears of what goes wrong with calls, and of the guards that change because of it: the log, and the
// recent calls of the admin port. Called on the worker's thread.
#pragma once

#include "resilience/circuit_breaker.h"
#include "resilience/ejection.h"
#include "sidecar/call/call.h"

namespace naru::call {

class CallObserver {
 public:
  virtual ~CallObserver() = default;

  // A call has ended that failed or was slow.
  virtual void OnCall(const Call& call, const Ending& ending, Duration took) = 0;

  // With this call the breaker of its service or route opened or closed; `counts` are those of its window.
  virtual void OnBreaker(const Call& call, resilience::CircuitBreaker::Transition transition,
                         const resilience::SlidingCounts::Counts& counts) = 0;
  // With this call an endpoint of its service was set aside.
  virtual void OnEjected(const Call& call, const EndpointState& endpoint, resilience::EjectionReason reason,
                         Duration aside) = 0;
  // This call is the first that may go to an endpoint again that was set aside.
  virtual void OnReturned(const Call& call, const EndpointState& endpoint) = 0;
};

}  // namespace naru::call
