// One attempt over HTTP/2: a stream of a shared connection, the request up, the answer down.
//
// The body goes up in a child coroutine beside the answer, as with HTTP/1. Cutting an attempt short resets
// its stream and leaves the connection to the others.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sidecar/call/attempt.h"
#include "sidecar/call/http2_stream.h"
#include "sidecar/call/stream_duplex.h"
#include "sidecar/call/upstream_context.h"

namespace naru::call {

class Http2Attempt final : public Attempt, private Http2Stream::Owner {
 public:
  // `call` has chosen its endpoint: the last of call.attempts.
  Http2Attempt(UpstreamContext& context, Call& call);
  ~Http2Attempt() override;

  static void* operator new(size_t bytes) { return net::FramePool::Allocate(bytes); }
  static void operator delete(void* memory, size_t bytes) noexcept { net::FramePool::Free(memory, bytes); }

  net::Task<Result<Response>> Send() override;
  std::optional<Result<Chunk>> Buffered() override;
  Signal* Arrival() override;
  net::Task<Result<Chunk>> Read() override;
  void CancelRead() override { stream_.CancelRead(); }
  const http::FieldList& trailers() const override { return stream_.trailers(); }
  bool TryEnd() override;
  void ForgetHead() override { stream_.ForgetHead(); }
  net::Task<void> End() override;
  Duplex& tunnel() override { return tunnel_; }

 private:
  static constexpr size_t kMaxInformational = 32;  // 1xx answers before the final one
  // How long the head of a gRPC answer may be held back to see whether it fails without a message, where the
  // call could then be tried again.
  static constexpr Duration kTrailersGrace = std::chrono::milliseconds(10);

  // Begins on a connection that is ready, if there is one.
  std::optional<Failure> TryOpenStream(bool& begun);
  net::Task<std::optional<Failure>> OpenStream();
  // Nothing has come and nothing has ended the wait.
  bool IsSilent() const;
  void BeginAnswer();
  // Waits for `connection`; nothing when it is worth looking again.
  net::Task<std::optional<Failure>> WaitFor(Http2Upstream& connection);
  std::optional<Failure> Begin(Http2Upstream& connection, bool& begun);
  net::Task<void> Upload();
  // False when nothing more can go up.
  net::Task<bool> UploadPiece();
  net::Task<std::optional<Failure>> ReceiveHead();
  std::optional<Failure> ReadHead();
  // The endpoint agreed to an extended CONNECT.
  void SwitchProtocols();
  net::Task<void> AwaitGrpcStatus();

  std::optional<Failure> Interrupted() const;
  Failure WhyClosed() const;
  Failure WhyTruncated() const;
  void Arm(TimePoint at);
  void ForgetTimeout();
  static void OnTimer(void* self);
  static void OnCallCancelled(void* self);

  void OnHead() override {}
  void OnClosed() override {}

  UpstreamContext& context_;
  Call& call_;
  const std::shared_ptr<EndpointState>& endpoint_;  // the call's snapshot keeps it
  Http2Stream stream_;
  StreamDuplex tunnel_;
  net::Child upload_;
  net::Timer timer_;
  OnCancel on_cancel_;
  std::optional<TimePoint> try_by_;
  TimePoint sent_at_{};
  bool timed_out_ = false;
  bool reused_ = false;
  bool ending_ = false;    // what still runs is being stopped by End
  bool answered_ = false;  // the head of the final answer is here
  bool upload_complete_ = false;
  Duration silence_limit_{};
  std::unique_ptr<const std::string>
      websocket_accept_;  // what HTTP/1 wants to hear of a handshake that HTTP/2 does without
};

}  // namespace naru::call
