// One HTTP/2 connection of the application: every stream is a call of its own.
//
// Owned by its worker, on whose thread it lives; it tells the worker when it has ended, which is when the
// last of its calls has.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <vector>

#include "sidecar/call/answer_call.h"
#include "sidecar/call/http2_connection.h"
#include "sidecar/call/stream_duplex.h"

namespace naru::call {

class Http2Downstream;

// One stream: the request as a call, the answer on its way back.
class Http2Call final
    : public AnswerWriter,
      public BodySource,
      private Http2Stream::Owner,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  explicit Http2Call(Http2Downstream& connection);
  ~Http2Call() override;

  static void* operator new(size_t bytes) { return net::FramePool::Allocate(bytes); }
  static void operator delete(void* memory, size_t bytes) noexcept { net::FramePool::Free(memory, bytes); }

  Http2Stream& stream() { return stream_; }
  void Start() { net::Spawn(Carry()); }
  // Its connection is to end: the call is cancelled.
  void Cancel(Failure why);

 private:
  net::Task<void> Carry();
  // A failure: the request is refused.
  Result<Response> Begin();
  std::optional<Failure> ReadHead();
  net::Task<void> EndWithStatus(const Failure& failure);
  std::string WhyGone() const;

  // --- AnswerWriter ---
  net::Task<void> ForwardInformational(const http::ResponseHead& head) override;
  void ForgetHead() override { stream_.ForgetHead(); }
  std::string Peer() const override;
  void BeginAnswer(const Response& response) override;
  net::Task<bool> WritePart(Chunk chunk, const http::FieldList& trailers) override;
  net::Task<bool> WriteFailure(const Failure& failure) override;
  void Cut() override;
  void StopWriting() override { stream_.CancelWrite(); }
  Duplex& tunnel() override { return tunnel_; }

  // --- BodySource: the request's body ---
  std::optional<Result<Chunk>> Buffered() override;
  Signal* Arrival() override { return stream_.Arrival(); }
  net::Task<Result<Chunk>> Read() override;
  bool received_all() const override { return stream_.ended(); }
  void CancelRead() override { stream_.CancelRead(); }
  const http::FieldList& trailers() const override { return stream_.trailers(); }

  void OnHead() override;
  void OnClosed() override;
  static void OnTimer(void* self);

  Http2Downstream& connection_;
  Http2Stream stream_;
  StreamDuplex tunnel_;
  net::Timer timer_;
  std::unique_ptr<CallBlock> block_;  // from the request's head to the end of the call
  bool begun_ = false;
  bool cut_ = false;
};

class Http2Downstream final : public DownstreamConnection, private Http2Connection::Owner {
 public:
  static constexpr Duration kIdleLimit = std::chrono::minutes(10);   // without a stream
  static constexpr Duration kHeadLimit = std::chrono::seconds(10);   // from a head's first byte to its last
  static constexpr Duration kLingerLimit = std::chrono::seconds(1);  // for the application to read a GOAWAY
  // From the first step of an orderly end to the second: longer than any round trip on this host.
  static constexpr Duration kGoAwayGrace = std::chrono::seconds(1);

  Http2Downstream(DownstreamHost& host, Http2Takeover takeover);
  ~Http2Downstream() override;

  void Start() override { net::Spawn(Serve()); }
  bool idle() const override { return calls_.empty(); }
  void Abort() override;
  void Drain() override;
  bool http2() const override { return true; }
  const AcceptedAt& accepted_at() const override { return accepted_at_; }

  // --- for its calls ---
  DownstreamHost& host() { return host_; }
  std::string Peer();
  // A call has its head and begins once the received frames have been taken.
  void Begin(Http2Call& call);
  // A call has ended, or its stream was closed before it began: it is destroyed, now or once the received
  // frames have been taken.
  void Ended(Http2Call& call);
  void Abandoned(Http2Call& call);

 private:
  friend class Http2Call;
  using Calls = boost::intrusive::list<Http2Call, boost::intrusive::constant_time_size<false>>;

  net::Task<void> Serve();
  void BeginUpgraded();
  void ArmIdle();
  static void OnTimer(void* self);
  static void OnHeadTimer(void* self);

  Http2Stream* OnRequest() override;
  void OnReceived() override;
  void OnSettings() override {}
  void OnGoAway() override;
  void OnPingAnswered() override {}
  void OnAbuse(resilience::AbuseKind kind) override { host_.CountAbuse(kind); }
  void OnNoStreams() override;

  DownstreamHost& host_;
  const AcceptedAt accepted_at_;
  Received received_;  // until Serve has taken it
  std::unique_ptr<http::Http2HeadBlock> upgraded_;
  std::string settings_;
  Http2Connection connection_;
  net::Timer timer_;
  const Http2Call* reading_head_ = nullptr;  // whose head has begun; a connection reads one at a time
  net::Timer head_timer_;
  std::vector<Http2Call*> to_begin_;
  std::vector<Http2Call*> abandoned_;
  Calls calls_;
  Signal all_ended_;
  enum class Leaving : uint8_t { kNo, kAnnounced, kYes } leaving_ = Leaving::kNo;
};

}  // namespace naru::call
