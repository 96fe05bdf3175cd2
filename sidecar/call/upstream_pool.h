// The idle connections of one worker to endpoints, and new ones.
//
// A connection may lie idle as long as its endpoint's IdleLimit says. A peer that closes it is noticed when
// its FIN arrives and once more right before reuse. Last in, first out, so that what is not needed grows old
// and goes.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "discovery/address.h"
#include "sidecar/call/callee.h"
#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/socket.h"

namespace naru::call {

class UpstreamPool;

// One HTTP/1 connection to an endpoint. Owned by the attempt that uses it, or by the pool while idle.
class UpstreamConnection
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  UpstreamConnection(UpstreamPool& pool, std::shared_ptr<EndpointState> endpoint, int fd);
  ~UpstreamConnection();

  net::Socket socket;
  const std::shared_ptr<EndpointState> endpoint;
  bool reused = false;  // it has carried an exchange before

 private:
  friend class UpstreamPool;
  static void OnPeerFinished(void* self);
  static void OnIdleTimer(void* self);

  UpstreamPool& pool_;
  net::TimePoint idle_since_{};
  net::Timer idle_timer_;
};

class UpstreamPool {
 public:
  explicit UpstreamPool(net::EventLoop& loop) : loop_(loop) {}
  ~UpstreamPool();
  UpstreamPool(const UpstreamPool&) = delete;
  UpstreamPool& operator=(const UpstreamPool&) = delete;

  // An idle connection that still works as far as anybody can know, or nothing.
  std::unique_ptr<UpstreamConnection> TakeIdle(const EndpointState& endpoint);

  // Begins to connect; wait with socket.WaitConnected(). Nothing, and an errno, when the system refuses at
  // once.
  std::unique_ptr<UpstreamConnection> Connect(std::shared_ptr<EndpointState> endpoint, int& error);

  // Takes back a connection whose exchange ended cleanly.
  void PutIdle(std::unique_ptr<UpstreamConnection> connection);

  // Connections open now, busy ones included. Any thread.
  uint64_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  friend class UpstreamConnection;
  using IdleList = boost::intrusive::list<UpstreamConnection, boost::intrusive::constant_time_size<false>>;
  void CountOpen(int64_t change) {
    open_.store(open_.load(std::memory_order_relaxed) + static_cast<uint64_t>(change),
                std::memory_order_relaxed);
  }

  net::EventLoop& loop_;
  absl::flat_hash_map<discovery::Address, std::unique_ptr<IdleList>> idle_;
  IdleList closing_;
  std::atomic<uint64_t> open_{0};
};

}  // namespace naru::call
