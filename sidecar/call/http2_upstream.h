// The HTTP/2 connections of one worker to endpoints. Many calls share one; another is opened when the peer
// lets no more streams begin on those there are.
//
// A connection takes calls once the peer's SETTINGS have come: until then it is not known to speak HTTP/2 at
// all, and nothing that matters has been sent. Calls wait for that side by side.
#pragma once

#include <boost/intrusive/list.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "discovery/address.h"
#include "resilience/keep_alive.h"
#include "sidecar/call/callee.h"
#include "sidecar/call/http2_connection.h"
#include "sidecar/call/result.h"

namespace naru::call {

class Http2UpstreamPool;

// One connection to an endpoint. Owned by its pool until it is over.
class Http2Upstream final : private Http2Connection::Owner {
 public:
  // A call that waits until the connection takes calls, or never will.
  struct Waiter
      : boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
    explicit Waiter(Signal& to_wake) : wake(to_wake) {}
    Signal& wake;
    bool done = false;               // look again
    std::optional<Failure> failure;  // it never will
  };

  // Takes ownership of `fd`, which has begun to connect.
  Http2Upstream(Http2UpstreamPool& pool, std::shared_ptr<EndpointState> endpoint, int fd,
                Duration connect_timeout);

  // Calls may begin on it now.
  bool ready() const { return state_ == State::kReady; }
  // Further streams that it takes, or will take as far as is known.
  bool has_room() const;
  // Before a call uses a connection that has been idle for long, it must have answered a PING.
  bool NeedsAsking() const;
  void Ask();
  // The waiter may go at any time; it is told once.
  void Wait(Waiter& waiter) { waiting_.push_back(waiter); }
  // It has carried a call before.
  bool reused() const { return reused_; }
  bool takes_extended_connect() { return connection_.session().peer_takes_extended_connect(); }
  // False when it takes no more after all.
  bool Open(Http2Stream& stream, const http::Http2Fields& fields, bool has_body);
  // Cuts it, calls in progress included.
  void Abort() { connection_.Abort(); }
  void Start() { net::Spawn(Run()); }

 private:
  friend class Http2UpstreamPool;
  enum class State : uint8_t {
    kConnecting,  // and until the peer's SETTINGS
    kReady,
    kAsking,   // as kReady, once a PING is answered
    kLeaving,  // no further calls; those in progress go on
  };

  net::Task<void> Run();
  net::Task<std::optional<Failure>> Connect();
  Failure WhyOver() const;
  void Wake(const Failure* failure);
  void ArmCheck();
  static void OnTimer(void* self);

  Http2Stream* OnRequest() override { return nullptr; }
  void OnReceived() override;
  void OnSettings() override;
  void OnGoAway() override;
  void OnPingAnswered() override;
  void OnAbuse(resilience::AbuseKind) override {}
  void OnNoStreams() override;

  Http2UpstreamPool& pool_;
  const std::shared_ptr<EndpointState> endpoint_;
  const Duration connect_timeout_;
  Http2Connection connection_;
  resilience::KeepAlive keep_alive_;
  net::Timer timer_;
  State state_ = State::kConnecting;
  bool connected_ = false;
  bool timed_out_ = false;
  bool reused_ = false;
  boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>> waiting_;
};

class Http2UpstreamPool {
 public:
  static constexpr size_t kMaxConnections = 256;  // to one endpoint
  static constexpr uint32_t kMaxStreams = 1000;   // on one connection, whatever the peer allows
  static constexpr uint32_t kUnknownMaxStreams =
      100;  // until the peer has said (RFC 9113 6.5.2 asks for no less)

  // Makes the trace of a connection to `endpoint`.
  using Tracer = std::function<http::Http2Trace(const std::string& endpoint)>;
  // `tracer` may be empty: nobody hears of frames.
  Http2UpstreamPool(net::EventLoop& loop, net::BufferPool& buffers, Tracer tracer = {})
      : loop_(loop), buffers_(buffers), tracer_(std::move(tracer)) {}
  ~Http2UpstreamPool();
  Http2UpstreamPool(const Http2UpstreamPool&) = delete;
  Http2UpstreamPool& operator=(const Http2UpstreamPool&) = delete;

  // A connection that takes another call, now or as soon as it is ready; opened if there is none. Nothing,
  // and why, when there can be none.
  Http2Upstream* For(const std::shared_ptr<EndpointState>& endpoint, Duration connect_timeout,
                     Failure& why_not);

  // Of connections that are opened from now on.
  void set_keep_alive(const resilience::KeepAlivePolicy& policy) { keep_alive_ = policy; }

  // Cuts every connection and calls `done`, now or once the last one is gone.
  void AbortAll(std::function<void()> done);

  // For composing a request: one list whose memory serves every call.
  http::Http2Fields& fields() { return fields_; }

  // Connections open now. Any thread.
  uint64_t open() const { return open_.load(std::memory_order_relaxed); }

 private:
  friend class Http2Upstream;
  using Connections = std::vector<std::unique_ptr<Http2Upstream>>;

  void Gone(Http2Upstream& connection);
  void CountOpen(int64_t change) {
    open_.store(open_.load(std::memory_order_relaxed) + static_cast<uint64_t>(change),
                std::memory_order_relaxed);
  }

  net::EventLoop& loop_;
  net::BufferPool& buffers_;
  const Tracer tracer_;
  resilience::KeepAlivePolicy keep_alive_;
  absl::flat_hash_map<discovery::Address, Connections> connections_;
  http::Http2Fields fields_;
  std::function<void()> all_gone_;
  std::atomic<uint64_t> open_{0};
};

}  // namespace naru::call
