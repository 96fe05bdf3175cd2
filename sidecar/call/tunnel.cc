#include "sidecar/call/tunnel.h"

namespace naru::call {
namespace {

using net::IoError;
using net::IoResult;
using net::Socket;

// Ends both directions when neither has moved for a while.
class IdleGuard {
 public:
  IdleGuard(Socket& a, Socket& b, resilience::Duration limit)
      : a_(a), b_(b), limit_(limit), timer_(&OnIdle, this) {
    Moved();
  }
  void Moved() { a_.loop().timers().Arm(timer_, a_.loop().now() + limit_); }
  void Break(IoError why) {
    a_.Cancel(why);
    b_.Cancel(why);
  }

 private:
  static void OnIdle(void* self) { static_cast<IdleGuard*>(self)->Break(IoError::kTimeout); }

  Socket& a_;
  Socket& b_;
  const resilience::Duration limit_;
  net::Timer timer_;
};

net::Task<bool> WriteAll(Socket& to, std::string_view bytes) {
  iovec part{const_cast<char*>(bytes.data()), bytes.size()};
  const IoResult written = co_await to.Write({&part, 1});
  co_return written.ok();
}

// One direction. A clean end is passed on as FIN; anything else breaks the tunnel.
net::Task<void> Pump(TunnelSide from, Socket& to, IdleGuard& guard, net::BufferPool& buffers,
                     uint64_t& bytes) {
  bool written = from.already_read.empty() || co_await WriteAll(to, from.already_read);
  bytes += from.already_read.size();
  while (written) {
    const IoResult ready = co_await from.socket.WaitReadable();
    if (!ready.ok()) break;
    net::Buffer buffer = buffers.Small();
    const IoResult got = co_await from.socket.Read({buffer.data(), buffer.capacity()});
    if (got.error == IoError::kEof) {
      to.FinishSending();
      co_return;
    }
    if (!got.ok()) break;
    guard.Moved();
    bytes += got.bytes;
    written = co_await WriteAll(to, {buffer.data(), got.bytes});
    guard.Moved();
  }
  guard.Break(IoError::kReset);
}

}  // namespace

net::Task<TunnelTraffic> RelayTunnel(TunnelSide application, TunnelSide upstream,
                                     resilience::Duration idle_timeout, net::BufferPool& buffers) {
  TunnelTraffic traffic;
  IdleGuard guard(application.socket, upstream.socket, idle_timeout);
  net::Child up;
  up.Start(Pump(application, upstream.socket, guard, buffers, traffic.bytes_up));
  co_await Pump(upstream, application.socket, guard, buffers, traffic.bytes_down);
  co_await up.Join();
  co_return traffic;
}

}  // namespace naru::call
