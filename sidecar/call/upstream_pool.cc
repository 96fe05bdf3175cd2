#include "sidecar/call/upstream_pool.h"

#include <utility>

#include "sidecar/net/dial.h"

namespace naru::call {
namespace {

// Events up to the last wake of the loop have been seen, so a connection that was busy a moment ago needs no
// look.
constexpr resilience::Duration kTrustedFor = std::chrono::milliseconds(10);

}  // namespace

UpstreamConnection::UpstreamConnection(UpstreamPool& pool, std::shared_ptr<EndpointState> to, int fd)
    : socket(pool.loop_, fd, net::Socket::State::kConnecting),
      endpoint(std::move(to)),
      pool_(pool),
      idle_timer_(&UpstreamConnection::OnIdleTimer, this) {
  pool_.CountOpen(1);
}

UpstreamConnection::~UpstreamConnection() {
  pool_.CountOpen(-1);
}

// The hook may not destroy the socket, so the timer does, in the same turn of the loop or the next.
void UpstreamConnection::OnPeerFinished(void* self) {
  auto* connection = static_cast<UpstreamConnection*>(self);
  net::EventLoop& loop = connection->pool_.loop_;
  connection->endpoint->idle_limit.ObserveClose(loop.now() - connection->idle_since_, loop.now());
  connection->socket.set_peer_finished_hook(nullptr, nullptr);
  connection->unlink();
  connection->pool_.closing_.push_back(*connection);
  loop.timers().Arm(connection->idle_timer_, loop.now());
}

void UpstreamConnection::OnIdleTimer(void* self) {
  delete static_cast<UpstreamConnection*>(self);
}

UpstreamPool::~UpstreamPool() {
  for (auto& [address, idle] : idle_) idle->clear_and_dispose([](UpstreamConnection* c) { delete c; });
  closing_.clear_and_dispose([](UpstreamConnection* c) { delete c; });
}

std::unique_ptr<UpstreamConnection> UpstreamPool::TakeIdle(const EndpointState& endpoint) {
  const auto found = idle_.find(endpoint.address);
  if (found == idle_.end()) return nullptr;
  IdleList& connections = *found->second;
  while (!connections.empty()) {
    std::unique_ptr<UpstreamConnection> connection(&connections.front());
    connections.pop_front();
    connection->idle_timer_.Disarm();
    connection->socket.set_peer_finished_hook(nullptr, nullptr);
    const resilience::Duration idle = loop_.now() - connection->idle_since_;
    if (idle > endpoint.idle_limit.Current(loop_.now())) continue;
    if (connection->socket.readable()) continue;  // an idle peer has nothing to say
    if (idle <= kTrustedFor || connection->socket.QuietNow()) return connection;
    connection->endpoint->idle_limit.ObserveClose(idle, loop_.now());
  }
  return nullptr;
}

std::unique_ptr<UpstreamConnection> UpstreamPool::Connect(std::shared_ptr<EndpointState> endpoint,
                                                          int& error) {
  const net::OpenedSocket opened = net::StartConnect({endpoint->address.ip, endpoint->address.port});
  error = opened.error;
  if (opened.error != 0) return nullptr;
  return std::make_unique<UpstreamConnection>(*this, std::move(endpoint), opened.fd);
}

void UpstreamPool::PutIdle(std::unique_ptr<UpstreamConnection> connection) {
  if (connection->socket.peer_finished() || connection->socket.readable()) return;
  std::unique_ptr<IdleList>& idle = idle_[connection->endpoint->address];
  if (idle == nullptr) idle = std::make_unique<IdleList>();
  UpstreamConnection& kept = *connection.release();
  kept.reused = true;
  kept.idle_since_ = loop_.now();
  kept.socket.set_peer_finished_hook(&UpstreamConnection::OnPeerFinished, &kept);
  loop_.timers().Arm(kept.idle_timer_, loop_.now() + kept.endpoint->idle_limit.Current(loop_.now()));
  idle->push_front(kept);
}

}  // namespace naru::call
