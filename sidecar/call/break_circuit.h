// Refuses calls to a callee whose breaker is open, and tells the breaker how the others ended.
#pragma once

#include "sidecar/call/call_observer.h"
#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class BreakCircuit final : public Layer {
 public:
  BreakCircuit(net::Scheduler& scheduler, CallObserver& observer)
      : scheduler_(scheduler), observer_(observer) {}
  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void AnswerLasts(Call& call) override;
  void Finish(Call& call, const Ending& ending) override;

 private:
  void Record(Call& call, resilience::Grade grade);

  net::Scheduler& scheduler_;
  CallObserver& observer_;
};

}  // namespace naru::call
