#include "sidecar/call/discover_service.h"

#include <utility>

namespace naru::call {
namespace {

// As long as a resolver makes a client wait before it falls back to what it has (RFC 8767 5).
constexpr std::chrono::milliseconds kLongestWait(1800);

}  // namespace

// A call that waits for a name. It leaves by the answer, by time, or by being cancelled.
class DiscoverService::Waiter
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  Waiter(net::Scheduler& scheduler, Call& call)
      : scheduler_(scheduler),
        timer_(&Waiter::OnEnd, this),
        on_cancel_(call.cancellation, &Waiter::OnEnd, this) {
    answer_.why_not = "its source has not answered within 1.8 s";
  }

  void Take(const Discovered& answer) {
    answer_ = answer;
    OnEnd(this);
  }

  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) {
    handle_ = handle;
    scheduler_.timers().Arm(timer_, scheduler_.now() + kLongestWait);
  }
  Discovered await_resume() { return std::move(answer_); }

 private:
  static void OnEnd(void* self) {
    auto* waiter = static_cast<Waiter*>(self);
    if (waiter->is_linked()) waiter->unlink();
    waiter->timer_.Disarm();
    if (waiter->handle_) waiter->scheduler_.ResumeLater(std::exchange(waiter->handle_, nullptr));
  }

  net::Scheduler& scheduler_;
  Discovered answer_;
  std::coroutine_handle<> handle_;
  net::Timer timer_;
  OnCancel on_cancel_;
};

DiscoverService::DiscoverService(net::Scheduler& scheduler, std::function<void(const std::string& name)> ask)
    : scheduler_(scheduler), ask_(std::move(ask)) {}

DiscoverService::~DiscoverService() = default;

net::Task<Discovered> DiscoverService::Find(Call& call, std::string name) {
  if (!ask_ || call.cancellation.cancelled()) co_return Discovered{};
  std::unique_ptr<Line>& line = lines_[name];
  if (line == nullptr && lines_.size() > kMostNames) {
    lines_.erase(name);
    co_return Discovered{nullptr, true, "too many names are being looked up already"};
  }
  const bool asked = line != nullptr && !line->empty();
  if (line == nullptr) line = std::make_unique<Line>();
  Waiter waiter(scheduler_, call);
  line->push_back(waiter);
  if (!asked) ask_(name);
  Discovered answer = co_await waiter;
  const auto at = lines_.find(name);
  if (at != lines_.end() && at->second->empty()) lines_.erase(at);
  co_return answer;
}

void DiscoverService::Answer(const std::string& name, const Discovered& answer) {
  const auto at = lines_.find(name);
  if (at == lines_.end()) return;
  while (!at->second->empty()) at->second->front().Take(answer);
}

}  // namespace naru::call
