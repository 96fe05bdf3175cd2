// One event loop on one thread, with its listeners, its connections and its copy of the layers.
//
// Workers share nothing but what a Snapshot refers to. Methods marked "any thread" may be called from the
// control thread; everything else runs on the worker's own.
#pragma once

#include <array>
#include <atomic>
#include <boost/intrusive/list.hpp>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "metrics/registry.h"
#include "sidecar/call/downstream.h"
#include "sidecar/call/upstream_context.h"
#include "sidecar/net/listener.h"

namespace naru {

struct WorkerOptions {
  int index = 0;
  metrics::CallSeries& nameless;  // of this worker
  call::CallObserver& observer;   // of this worker; called on its thread
  // Tells the other workers that a place has come free. May be empty.
  std::function<void(call::LimitConcurrency::LimitPtr)> wake_others;
  // A call named a service that the configuration does not: makes somebody call Discovered soon. May be
  // empty.
  std::function<void(const std::string& name)> discover;
  // Whether another connection of an application may be accepted. Called on the worker's thread.
  std::function<bool()> may_accept;
  // No descriptor was left to accept with. Called on the worker's thread.
  std::function<void(int error)> exhausted;
  // An application's connection was ended for this. Called on the worker's thread.
  std::function<void(resilience::AbuseKind kind)> abused;
  // Makes who hears of the frames of an HTTP/2 connection, named by its peer. Empty: nobody does.
  call::Http2UpstreamPool::Tracer tracer;
};

class Worker final : public call::DownstreamHost {
 public:
  Worker(WorkerOptions options, std::shared_ptr<const call::Snapshot> snapshot);
  ~Worker() override;

  // Any thread: starts the loop's thread, once.
  void Start();
  // Any thread: cuts every connection, ends the loop and waits for its thread.
  void Stop();

  // Any thread. Calls that are in progress keep the snapshot they began with.
  void UseSnapshot(std::shared_ptr<const call::Snapshot> snapshot);
  // Any thread. Takes ownership of the listening `fd`; `key` names it for RemoveListener.
  void AddListener(std::string key, int fd, call::AcceptedAt at);
  void RemoveListener(std::string key);
  // Any thread: naru is about to end, so nobody should begin anything on a connection that he can leave.
  void Drain();
  // Any thread: what came of a name that was asked for by WorkerOptions::discover.
  void Discovered(std::string name, call::Discovered answer);
  // Any thread: a place in `limit` may be free for a call that waits here.
  void WakeWaiting(call::LimitConcurrency::LimitPtr limit);

  // Any thread: connections ended for this kind of abuse.
  uint64_t abuse(resilience::AbuseKind kind) const {
    return abuse_[static_cast<size_t>(kind)].load(std::memory_order_relaxed);
  }
  // Any thread.
  uint64_t calls_in_flight() const { return calls_in_flight_.load(std::memory_order_relaxed); }
  uint64_t calls_begun() const { return calls_begun_.load(std::memory_order_relaxed); }
  uint64_t downstream_connections() const { return connection_count_.load(std::memory_order_relaxed); }
  uint64_t http2_downstream_connections() const { return http2_count_.load(std::memory_order_relaxed); }
  uint64_t upstream_connections() const { return upstream_pool_.open(); }
  uint64_t http2_upstream_connections() const { return http2_pool_.open(); }

  net::EventLoop& loop() override { return loop_; }
  net::BufferPool& buffers() override { return buffers_; }
  call::OutboundStack& stack() override { return stack_; }
  std::shared_ptr<const call::Snapshot> snapshot() override { return snapshot_; }
  int worker() const override { return options_.index; }
  std::unique_ptr<call::CallBlock> TakeBlock() override;
  void GiveBack(std::unique_ptr<call::CallBlock> block) override;
  void CountCall(int change) override;
  void CountAbuse(resilience::AbuseKind kind) override;
  http::Http2Trace http2_trace() override {
    return options_.tracer ? options_.tracer("application") : http::Http2Trace();
  }
  http::Http2Fields& http2_fields() override { return http2_pool_.fields(); }
  void Gone(call::DownstreamConnection& connection) override;
  void Continue(call::Http2Takeover takeover) override;

 private:
  using Connections =
      boost::intrusive::list<call::DownstreamConnection, boost::intrusive::constant_time_size<false>>;
  static constexpr size_t kMaxFreeBlocks = 256;
  static constexpr int kCloseIdlePerExhaustion = 64;

  void Accept(int fd, call::AcceptedAt at);
  void MakeRoom(int error);
  void AbortAll();
  void Serve(call::DownstreamConnection& connection);
  void StopWhenEmpty();

  const WorkerOptions options_;
  net::EventLoop loop_;
  net::BufferPool buffers_;
  std::mt19937_64 random_;
  std::shared_ptr<const call::Snapshot> snapshot_;
  call::UpstreamPool upstream_pool_;
  call::Http2UpstreamPool http2_pool_;
  call::OutboundStack stack_;
  std::vector<std::unique_ptr<call::CallBlock>> free_blocks_;
  struct NumberedListener {
    uint32_t number;
    std::unique_ptr<net::Listener> listener;
  };
  std::map<std::string, NumberedListener> listeners_;
  uint32_t last_listener_ = 0;
  Connections connections_;
  bool stopping_ = false;
  std::atomic<uint64_t> calls_in_flight_{0};
  std::atomic<uint64_t> calls_begun_{0};
  std::atomic<uint64_t> connection_count_{0};
  std::atomic<uint64_t> http2_count_{0};
  std::array<std::atomic<uint64_t>, resilience::kAbuseKinds> abuse_{};
  std::thread thread_;
};

}  // namespace naru
