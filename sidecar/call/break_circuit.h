// Refuses calls to a callee whose breaker is open, and tells the breaker how the others ended.
#pragma once

#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class BreakCircuit final : public Layer {
 public:
  explicit BreakCircuit(net::Scheduler& scheduler) : scheduler_(scheduler) {}
  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void AnswerLasts(Call& call) override;
  void Finish(Call& call, const Ending& ending) override;

 private:
  void Record(Call& call, resilience::Grade grade);

  net::Scheduler& scheduler_;
};

}  // namespace naru::call
