#include "sidecar/call/http2_upstream.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "sidecar/call/connect_failure.h"
#include "sidecar/net/dial.h"

namespace naru::call {

using net::IoError;
using net::IoResult;

Http2Upstream::Http2Upstream(Http2UpstreamPool& pool, std::shared_ptr<EndpointState> endpoint, int fd,
                             Duration connect_timeout)
    : pool_(pool),
      endpoint_(std::move(endpoint)),
      connect_timeout_(connect_timeout),
      connection_(pool.loop_, pool.buffers_, fd, net::Socket::State::kConnecting,
                  http::Http2Session::Role::kClient, *this,
                  pool.tracer_ ? pool.tracer_(endpoint_->text) : http::Http2Trace()),
      keep_alive_(pool.loop_.now(), pool.keep_alive_),
      timer_(&Http2Upstream::OnTimer, this) {}

net::Task<void> Http2Upstream::Run() {
  pool_.loop_.timers().Arm(timer_, pool_.loop_.now() + connect_timeout_);
  std::optional<Failure> failure = co_await Connect();
  if (!failure) {
    connected_ = true;
    co_await connection_.Run({}, {});
    failure = WhyOver();
  }
  timer_.Disarm();
  state_ = State::kLeaving;
  Wake(&*failure);
  pool_.Gone(*this);
}

net::Task<std::optional<Failure>> Http2Upstream::Connect() {
  net::Socket& socket = connection_.socket();
  const IoResult waited = co_await socket.WaitConnected();
  co_return ConnectFailure(socket, waited);
}

// Of a connection that calls still waited for.
Failure Http2Upstream::WhyOver() const {
  if (state_ != State::kConnecting)
    return {FailureKind::kUnsentReset, "the connection was closed before the request left"};
  if (timed_out_)
    return {FailureKind::kConnectTimeout, "connected, but sent no HTTP/2 SETTINGS in connect_timeout"};
  if (connection_.spoke_http1()) return {FailureKind::kWrongProtocol, "answers HTTP/2 with HTTP/1.1"};
  return {FailureKind::kWrongProtocol, "closed the connection instead of speaking HTTP/2"};
}

void Http2Upstream::Wake(const Failure* failure) {
  while (!waiting_.empty()) {
    Waiter& waiter = waiting_.front();
    waiting_.pop_front();
    waiter.done = true;
    if (failure != nullptr) waiter.failure = *failure;
    waiter.wake.Set();
  }
}

bool Http2Upstream::has_room() const {
  if (state_ == State::kLeaving || connection_.ended()) return false;
  const uint32_t said = endpoint_->max_streams.load(std::memory_order_relaxed);
  const uint32_t most =
      said == 0 ? Http2UpstreamPool::kUnknownMaxStreams : std::min(said, Http2UpstreamPool::kMaxStreams);
  return connection_.streams() + waiting_.size() < most;
}

bool Http2Upstream::NeedsAsking() const {
  return state_ == State::kReady && !keep_alive_.Trusted(connection_.streams() > 0, pool_.loop_.now());
}

void Http2Upstream::Ask() {
  state_ = State::kAsking;
  connection_.session().Ping();
  connection_.Kick();
  keep_alive_.Asked(pool_.loop_.now());
  ArmCheck();
}

bool Http2Upstream::Open(Http2Stream& stream, const http::Http2Fields& fields, bool has_body) {
  if (!connection_.Open(stream, fields, has_body)) return false;
  keep_alive_.Used(pool_.loop_.now());
  // Until now the next look was due when the connection had been idle for long.
  if (connection_.streams() == 1) ArmCheck();
  reused_ = true;
  return true;
}

void Http2Upstream::OnSettings() {
  endpoint_->max_streams.store(std::max(connection_.session().peer_max_streams(), 1u),
                               std::memory_order_relaxed);
  if (state_ != State::kConnecting) return;
  state_ = State::kReady;
  ArmCheck();
  Wake(nullptr);
}

void Http2Upstream::OnReceived() {
  keep_alive_.Heard(pool_.loop_.now());
  if (state_ == State::kAsking) OnPingAnswered();  // it is alive, whatever it said
}

void Http2Upstream::OnPingAnswered() {
  if (state_ != State::kAsking) return;
  state_ = State::kReady;
  Wake(nullptr);
}

void Http2Upstream::OnGoAway() {
  state_ = State::kLeaving;
  const Failure failure{FailureKind::kUnsentReset, "the connection was closed before the request left"};
  Wake(&failure);
  if (connection_.streams() == 0) connection_.End(http::Http2Error::kNoError);
}

void Http2Upstream::OnNoStreams() {
  keep_alive_.Used(pool_.loop_.now());
  if (state_ == State::kLeaving) connection_.End(http::Http2Error::kNoError);
}

void Http2Upstream::ArmCheck() {
  pool_.loop_.timers().Arm(timer_, keep_alive_.NextCheck(connection_.streams() > 0));
}

void Http2Upstream::OnTimer(void* self) {
  auto& upstream = *static_cast<Http2Upstream*>(self);
  Http2Connection& connection = upstream.connection_;
  if (upstream.state_ == State::kConnecting) {
    upstream.timed_out_ = true;
    // Before it is connected somebody waits on the socket itself, who is to be told why.
    connection.socket().Cancel(IoError::kTimeout);
    connection.Abort();
    return;
  }
  using Verdict = resilience::KeepAlive::Verdict;
  const TimePoint now = upstream.pool_.loop_.now();
  switch (upstream.keep_alive_.Check(connection.streams() > 0, now)) {
    case Verdict::kAsk:
      connection.session().Ping();
      connection.Kick();
      upstream.keep_alive_.Asked(now);
      break;
    case Verdict::kSilent:
      connection.Abort();
      return;
    case Verdict::kIdle:
      upstream.state_ = State::kLeaving;
      connection.End(http::Http2Error::kNoError);
      return;
    case Verdict::kFine:
      break;
  }
  upstream.ArmCheck();
}

// --- the pool ---

Http2UpstreamPool::~Http2UpstreamPool() = default;

Http2Upstream* Http2UpstreamPool::For(const std::shared_ptr<EndpointState>& endpoint,
                                      Duration connect_timeout, Failure& why_not) {
  Connections& connections = connections_[endpoint->address];
  Http2Upstream* in_preparation = nullptr;
  for (const std::unique_ptr<Http2Upstream>& connection : connections) {
    if (!connection->has_room()) continue;
    if (connection->ready()) {
      if (!connection->NeedsAsking()) return connection.get();
      connection->Ask();
    }
    if (in_preparation == nullptr) in_preparation = connection.get();
  }
  if (in_preparation != nullptr) return in_preparation;
  if (connections.size() >= kMaxConnections) {
    why_not = {FailureKind::kConnectRefused,
               "has " + std::to_string(kMaxConnections) + " connections already, all in use"};
    return nullptr;
  }
  const net::OpenedSocket opened = net::StartConnect({endpoint->address.ip, endpoint->address.port});
  if (opened.error != 0) {
    why_not = {FailureKind::kConnectRefused, std::strerror(opened.error)};
    return nullptr;
  }
  CountOpen(1);
  connections.push_back(std::make_unique<Http2Upstream>(*this, endpoint, opened.fd, connect_timeout));
  Http2Upstream* connection = connections.back().get();
  connection->Start();
  return connection;
}

void Http2UpstreamPool::AbortAll(std::function<void()> done) {
  if (connections_.empty()) return done();
  all_gone_ = std::move(done);
  for (auto& [address, connections] : connections_) {
    for (const std::unique_ptr<Http2Upstream>& connection : connections) connection->Abort();
  }
}

void Http2UpstreamPool::Gone(Http2Upstream& connection) {
  const auto found = connections_.find(connection.endpoint_->address);
  std::erase_if(found->second, [&](const auto& owned) { return owned.get() == &connection; });
  if (found->second.empty()) connections_.erase(found);
  CountOpen(-1);
  if (all_gone_ && connections_.empty()) std::exchange(all_gone_, nullptr)();
}

}  // namespace naru::call
