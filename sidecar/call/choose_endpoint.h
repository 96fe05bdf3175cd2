// Picks an endpoint for each attempt, and learns from how the attempt went: latency, failures, ejection.
#pragma once

#include <random>

#include "sidecar/call/call_observer.h"
#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class ChooseEndpoint final : public Layer {
 public:
  ChooseEndpoint(net::Scheduler& scheduler, int worker, std::mt19937_64& random, CallObserver& observer)
      : scheduler_(scheduler), worker_(worker), random_(random), observer_(observer) {}

  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void Finish(Call& call, const Ending& ending) override;

 private:
  // The index of the endpoint to try, or -1 when there is none.
  int Choose(const Call& call, TimePoint now);
  // Whether ejection lets calls go to it; readmits it when its time is over.
  bool MayServe(const Call& call, const HealthGroup& health, size_t index, TimePoint now);
  Failure NoEndpoint(const Call& call);
  void Begin(Call& call, size_t index);
  void Learn(Call& call, const Result<Response>& result);
  void RecordHealth(Call& call, size_t index, resilience::Grade grade);
  static void LeaveInFlight(Call& call);

  net::Scheduler& scheduler_;
  const int worker_;
  std::mt19937_64& random_;
  CallObserver& observer_;
};

}  // namespace naru::call
