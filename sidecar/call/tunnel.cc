#include "sidecar/call/tunnel.h"

namespace naru::call {
namespace {

// Ends both directions when neither has moved for a while.
class IdleGuard {
 public:
  IdleGuard(Duplex& a, Duplex& b, resilience::Duration limit, net::Scheduler& scheduler)
      : a_(a), b_(b), limit_(limit), scheduler_(scheduler), timer_(&OnIdle, this) {
    Moved();
  }
  void Moved() { scheduler_.timers().Arm(timer_, scheduler_.now() + limit_); }
  void Break() {
    a_.Break();
    b_.Break();
  }

 private:
  static void OnIdle(void* self) { static_cast<IdleGuard*>(self)->Break(); }

  Duplex& a_;
  Duplex& b_;
  const resilience::Duration limit_;
  net::Scheduler& scheduler_;
  net::Timer timer_;
};

// One direction. A clean end is passed on as such; anything else breaks the tunnel.
net::Task<void> Pump(Duplex& from, Duplex& to, IdleGuard& guard, uint64_t& bytes) {
  bool written = true;
  while (written) {
    const std::optional<std::string_view> got = co_await from.Read();
    if (!got) break;
    if (got->empty()) {
      co_await to.FinishWriting();
      co_return;
    }
    guard.Moved();
    bytes += got->size();
    written = co_await to.Write(*got);
    guard.Moved();
  }
  guard.Break();
}

}  // namespace

net::Task<TunnelTraffic> RelayTunnel(Duplex& application, Duplex& upstream, resilience::Duration idle_timeout,
                                     net::Scheduler& scheduler) {
  TunnelTraffic traffic;
  IdleGuard guard(application, upstream, idle_timeout, scheduler);
  net::Child up;
  up.Start(Pump(application, upstream, guard, traffic.bytes_up));
  co_await Pump(upstream, application, guard, traffic.bytes_down);
  co_await up.Join();
  co_return traffic;
}

}  // namespace naru::call
