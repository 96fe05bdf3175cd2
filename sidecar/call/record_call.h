// Counts every call, whatever happens below, and tells about those that went wrong or took long.
#pragma once

#include <random>

#include "metrics/series.h"
#include "sidecar/call/call_observer.h"
#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class RecordCall final : public Layer {
 public:
  // A call whose answer took longer than this to begin is told about even if it went well.
  static constexpr Duration kSlow = std::chrono::seconds(1);

  // `nameless` counts the calls for which no service was found.
  RecordCall(net::Scheduler& scheduler, int worker, metrics::CallSeries& nameless, CallObserver& observer,
             std::mt19937_64& random);

  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void Finish(Call& call, const Ending& ending) override;

 private:
  net::Scheduler& scheduler_;
  const int worker_;
  metrics::CallSeries& nameless_;
  CallObserver& observer_;
  std::mt19937_64& random_;
};

}  // namespace naru::call
