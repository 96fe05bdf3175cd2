#include "sidecar/call/limit_concurrency.h"

#include <utility>

namespace naru::call {

// A call in line. It leaves by being granted a place, by the queue's timeout, or by being cancelled.
class LimitConcurrency::Waiter
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Waiter(net::Scheduler& scheduler, Call& call)
      : scheduler_(scheduler),
        policy_(call.policy().limits),
        timer_(&Waiter::OnEnd, this),
        on_cancel_(call.cancellation, &Waiter::OnEnd, this) {}

  const resilience::LimitPolicy& policy() const { return policy_; }
  void Grant() {
    granted_ = true;
    OnEnd(this);
  }

  bool await_ready() const { return granted_; }  // on the second look
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    scheduler_.timers().Arm(timer_, scheduler_.now() + policy_.queue_timeout);
  }
  bool await_resume() const { return granted_; }

 private:
  static void OnEnd(void* self) {
    auto* waiter = static_cast<Waiter*>(self);
    if (waiter->is_linked()) waiter->unlink();
    waiter->timer_.Disarm();
    if (waiter->handle_) waiter->scheduler_.ResumeLater(std::exchange(waiter->handle_, nullptr));
  }

  net::Scheduler& scheduler_;
  const resilience::LimitPolicy& policy_;
  bool granted_ = false;
  std::coroutine_handle<> handle_;
  net::Timer timer_;
  OnCancel on_cancel_;
};

LimitConcurrency::LimitConcurrency(net::Scheduler& scheduler, std::function<void(LimitPtr)> wake_others)
    : scheduler_(scheduler), wake_others_(std::move(wake_others)) {}

LimitConcurrency::~LimitConcurrency() = default;

net::Task<Result<Response>> LimitConcurrency::Handle(Call& call, Next next) {
  resilience::ConcurrencyLimit& limit = *call.plan->guards.limit;
  // Nobody overtakes those who wait already.
  const bool free = limit.queued() == 0 && limit.TryAcquire(call.policy().limits);
  if (!free) return Queue(call, next);
  call.has_permit = true;
  return next(call);
}

net::Task<Result<Response>> LimitConcurrency::Queue(Call& call, Next next) {
  std::optional<Failure> refused = co_await TakePlace(call);
  if (refused) co_return *std::move(refused);
  call.has_permit = true;
  co_return co_await next(call);
}

net::Task<std::optional<Failure>> LimitConcurrency::TakePlace(Call& call) {
  if (call.cancellation.cancelled()) co_return call.cancellation.failure();
  const LimitPtr& limit = call.plan->guards.limit;
  const resilience::LimitPolicy& policy = call.policy().limits;
  call.retry_after = std::chrono::seconds(1);
  if (!limit->TryEnqueue(policy)) {
    call.policy_note = "limits.queue";
    co_return Failure{FailureKind::kLimit, std::to_string(policy.concurrent) + " calls are in flight and " +
                                               std::to_string(policy.queue) + " wait: the queue is full"};
  }
  std::unique_ptr<Line>& line = lines_[limit.get()];
  if (line == nullptr) line = std::make_unique<Line>();
  Waiter waiter(scheduler_, call);
  line->push_back(waiter);
  // A place may have come free between the two looks, on another worker.
  Wake(limit);
  const bool granted = co_await waiter;
  limit->LeaveQueue();
  if (call.cancellation.cancelled()) {
    if (granted) GiveUpPlace(limit);
    co_return call.cancellation.failure();
  }
  if (granted) {
    call.retry_after = {};
    co_return std::nullopt;
  }
  call.policy_note = "limits.queue_timeout";
  co_return Failure{
      FailureKind::kLimit,
      "waited queue_timeout for one of " + std::to_string(policy.concurrent) + " places and none came free"};
}

bool LimitConcurrency::Wake(const LimitPtr& limit) {
  const auto found = lines_.find(limit.get());
  if (found == lines_.end() || found->second->empty()) return false;
  Waiter& first = found->second->front();
  if (limit->TryAcquire(first.policy())) first.Grant();
  return true;
}

void LimitConcurrency::Release(Call& call) {
  if (std::exchange(call.has_permit, false)) GiveUpPlace(call.plan->guards.limit);
}

// The next in line has it, wherever it waits.
void LimitConcurrency::GiveUpPlace(const LimitPtr& limit) {
  limit->Release();
  if (limit->queued() == 0) return;
  if (!Wake(limit) && wake_others_) wake_others_(limit);
}

void LimitConcurrency::Finish(Call& call, const Ending&) {
  Release(call);
}

}  // namespace naru::call
