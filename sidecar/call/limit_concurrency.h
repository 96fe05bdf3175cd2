// Holds calls back that would exceed the callee's limit: for a while in a bounded queue, first come first
// served.
//
// The limit counts over all workers; the queue's waiting coroutines are listed by the worker they run on. A
// place that comes free goes to this worker's first in line, or, when none waits here, the other workers are
// told.
#pragma once

#include <boost/intrusive/list.hpp>
#include <coroutine>
#include <functional>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "resilience/concurrency_limit.h"
#include "sidecar/call/layer.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

class LimitConcurrency final : public Layer {
 public:
  using LimitPtr = std::shared_ptr<resilience::ConcurrencyLimit>;
  // `wake_others` makes every other worker call Wake with this limit soon. May be empty where there is one
  // worker.
  LimitConcurrency(net::Scheduler& scheduler, std::function<void(LimitPtr)> wake_others);
  ~LimitConcurrency() override;

  net::Task<Result<Response>> Handle(Call& call, Next next) override;
  void AnswerLasts(Call& call) override { Release(call); }
  void Finish(Call& call, const Ending& ending) override;

  // Lets the first in line go if a place is free. False if nobody waits here.
  bool Wake(const LimitPtr& limit);

 private:
  class Waiter;
  using Line = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;

  net::Task<Result<Response>> Queue(Call& call, Next next);
  net::Task<std::optional<Failure>> TakePlace(Call& call);
  void Release(Call& call);
  void GiveUpPlace(const LimitPtr& limit);

  net::Scheduler& scheduler_;
  const std::function<void(LimitPtr)> wake_others_;
  absl::flat_hash_map<const resilience::ConcurrencyLimit*, std::unique_ptr<Line>> lines_;
};

}  // namespace naru::call
