// The whole path of a call over real sockets in one thread: an application's connection, the layers, an
// upstream that the test plays by hand.
//
// Everything happens in real time on a real EventLoop, which runs only while the test waits for something.
#pragma once

#include <functional>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "sidecar/call/http1_downstream.h"
#include "sidecar/call/http2_downstream.h"
#include "sidecar/call/upstream_context.h"
#include "tests/support/call_world.h"
#include "tests/support/connections.h"
#include "tests/support/layered_calls.h"
#include "tests/support/run_until.h"

namespace naru {

// A listening socket on loopback, on a port that the system chose.
class LoopbackListener {
 public:
  LoopbackListener();
  uint16_t port() const { return port_; }
  int fd() const { return fd_.get(); }

 private:
  Descriptor fd_;
  uint16_t port_ = 0;
};

class Wire final : public call::DownstreamHost {
 public:
  // One service, `courses`, whose only endpoint is the test's listener. `policy` is more YAML of it, such as
  // "    timeout: 1s\n".
  explicit Wire(const std::string& policy = "");
  ~Wire() override;

  // The application's end of a new connection.
  enum class Kind { kUnix, kTcp };
  Descriptor Connect(Kind kind = Kind::kUnix);
  // The upstream's end of the next connection that naru makes.
  Descriptor Accept();
  // A connection waits to be accepted, or will without anything else happening.
  bool SomebodyConnects();
  // A connection waits to be accepted now.
  bool SomebodyWaits() const;

  // Runs the loop until `text` has been received, and fails the test if anything else was.
  void Expect(const Descriptor& peer, std::string_view text);
  // What comes until an empty line, that line included; until the end if that is first.
  std::string ReadHead(const Descriptor& peer);
  std::string Read(const Descriptor& peer, size_t bytes);
  // What comes until the end, and "[end]" or "[reset]".
  std::string ReadToEnd(const Descriptor& peer);
  // Sends, letting the loop run in between so that each piece arrives alone.
  void SendInPieces(const Descriptor& peer, std::string_view text, size_t piece_bytes);
  // Lets everything happen that can happen by itself now.
  void Settle();
  template <class Condition>
  [[nodiscard]] bool Until(Condition happened) {
    return RunUntil(loop_, [&] {
      if (peers_) peers_();
      return happened();
    });
  }

  // Called whenever the test waits: what peers do by themselves.
  void set_peers(std::function<void()> peers) { peers_ = std::move(peers); }

  CallWorld& world() { return world_; }
  call::UpstreamPool& pool() { return pool_; }
  call::Http2UpstreamPool& http2_pool() { return http2_pool_; }
  const FakeObserver& observer() const { return observer_; }
  int calls_in_progress() const { return calls_in_progress_; }
  // The words of the abuse that connections were ended for.
  const std::vector<std::string>& abuse() const { return abuse_; }
  size_t connections() const { return connections_.size(); }
  // The only connection of an application that there is.
  call::DownstreamConnection& connection() { return **connections_.begin(); }
  uint16_t upstream_port() const { return listener_.port(); }

  net::EventLoop& loop() override { return loop_; }
  net::BufferPool& buffers() override { return buffers_; }
  call::OutboundStack& stack() override { return stack_; }
  std::shared_ptr<const call::Snapshot> snapshot() override { return world_.snapshot(); }
  int worker() const override { return 0; }
  std::unique_ptr<call::CallBlock> TakeBlock() override;
  void GiveBack(std::unique_ptr<call::CallBlock> block) override;
  void CountCall(int change) override { calls_in_progress_ += change; }
  void CountAbuse(resilience::AbuseKind kind) override { abuse_.emplace_back(resilience::WordOf(kind)); }
  http::Http2Fields& http2_fields() override { return http2_pool_.fields(); }
  void Gone(call::DownstreamConnection& connection) override;
  void Continue(call::Http2Takeover takeover) override;

 private:
  const LoopbackListener listener_;
  CallWorld world_;
  net::EventLoop loop_;
  net::BufferPool buffers_;
  std::mt19937_64 random_{7};
  call::UpstreamPool pool_{loop_};
  call::Http2UpstreamPool http2_pool_{loop_, buffers_};
  FakeObserver observer_;
  call::OutboundStack stack_;
  std::vector<std::unique_ptr<call::CallBlock>> blocks_;
  std::set<call::DownstreamConnection*> connections_;
  int calls_in_progress_ = 0;
  std::vector<std::string> abuse_;
  std::function<void()> peers_;
};

}  // namespace naru
