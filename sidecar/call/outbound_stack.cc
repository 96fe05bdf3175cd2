#include "sidecar/call/outbound_stack.h"

#include <utility>

namespace naru::call {

// What happens to a call, outermost first. Order matters where a line says so.
OutboundStack::OutboundStack(StackContext c)
    : discover_service_(c.scheduler, std::move(c.discover)),
      record_call_(c.scheduler, c.worker, c.nameless, c.observer, c.random),
      resolve_service_(discover_service_),
      enforce_deadline_(c.scheduler),
      limit_concurrency_(c.scheduler, std::move(c.wake_others)),
      break_circuit_(c.scheduler, c.observer),
      retry_attempts_(c.scheduler, c.worker, c.random),
      choose_endpoint_(c.scheduler, c.worker, c.random, c.observer),
      send_upstream_(c.upstream),
      layers_{
          &record_call_,        // outermost, so that what the others refuse is counted too
          &resolve_service_,    // everything below needs to know whose policy is in force
          &enforce_deadline_,   // around the queue and the waits between attempts: the caller's time runs
                                // there too
          &limit_concurrency_,  // around the breaker, so that a call that waited meets the breaker as it is
                                // then
          &break_circuit_,      // sees calls, not attempts: a retry that helped is a success
          &retry_attempts_,     // holds one place in the limit for all its attempts, so retries add no load
          &choose_endpoint_,    // inside the retry, so that every attempt goes to another endpoint
          &send_upstream_,
      } {}

void OutboundStack::AnswerLasts(Call& call) {
  if (std::exchange(call.lasts, true)) return;
  for (Layer* layer : layers_) layer->AnswerLasts(call);
  call.ForgetHeads();
}

// Innermost first, as destructors would: a call has left its endpoint before its place in the limit comes
// free.
void OutboundStack::Finish(Call& call, const Ending& ending) {
  for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) {
    const bool resolved = call.plan != nullptr;
    if (resolved || *layer == &record_call_) (*layer)->Finish(call, ending);
  }
}

}  // namespace naru::call
