// Tells about failed and slow calls: one line of the log each, and an entry in the recent calls of the admin
// port. Also about breakers that open and close and endpoints that are set aside and come back, a line each.
#pragma once

#include "sidecar/admin/recent_calls.h"
#include "sidecar/call/call_observer.h"
#include "sidecar/log/logger.h"

namespace naru {

class CallLog final : public call::CallObserver {
 public:
  CallLog(log::Logger& logger, admin::RecentCalls& recent) : logger_(logger), recent_(recent) {}

  void OnCall(const call::Call& call, const call::Ending& ending, call::Duration took) override;
  void OnBreaker(const call::Call& call, resilience::CircuitBreaker::Transition transition,
                 const resilience::SlidingCounts::Counts& counts) override;
  void OnEjected(const call::Call& call, const call::EndpointState& endpoint,
                 resilience::EjectionReason reason, call::Duration aside) override;
  void OnReturned(const call::Call& call, const call::EndpointState& endpoint) override;

 private:
  log::Logger& logger_;
  admin::RecentCalls& recent_;
};

}  // namespace naru
