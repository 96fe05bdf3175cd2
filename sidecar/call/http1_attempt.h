// One attempt over HTTP/1.1: a pooled or new connection, the request up, the answer down.
//
// The body goes up in a child coroutine beside the answer, so that an early answer is not missed and both
// directions can stream at once. While nothing arrives it holds no buffer.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sidecar/call/attempt.h"
#include "sidecar/call/message_writer.h"
#include "sidecar/call/upstream_context.h"
#include "sidecar/http/body_decoder.h"
#include "sidecar/http/http1_head.h"
#include "sidecar/net/buffer_pool.h"

namespace naru::call {

class Http1Attempt final : public Attempt {
 public:
  // `call` has chosen its endpoint: the last of call.attempts.
  Http1Attempt(UpstreamContext& context, Call& call);
  ~Http1Attempt() override;

  static void* operator new(size_t bytes) { return net::FramePool::Allocate(bytes); }
  static void operator delete(void* memory, size_t bytes) noexcept { net::FramePool::Free(memory, bytes); }

  net::Task<Result<Response>> Send() override;
  std::optional<Result<Chunk>> Buffered() override;
  net::Task<Result<Chunk>> Read() override;
  void CancelRead() override;
  const http::FieldList& trailers() const override { return decoder_.trailers(); }
  bool TryEnd() override;
  net::Task<void> End() override;
  Duplex& tunnel() override;

 private:
  static constexpr int kMaxInformational = 32;  // 1xx answers before the final one

  net::Task<std::optional<Failure>> Connect();
  std::optional<Failure> ComposeRequest(Chunk& first);
  net::Task<void> Upload();
  // Writes what call.upstream_out holds, the head at first, and a piece of the body.
  MessageWrite WriteBody(Chunk chunk);
  net::Task<Result<Response>> ReceiveAnswer();
  net::Task<std::optional<Failure>> ReceiveHead();
  void MakeRoom();
  std::optional<Failure> ParseHead();
  Result<Chunk> DecodeBuffered();
  bool WantsLargeBuffer() const;
  bool Reusable() const;

  // What an I/O error of this attempt means, given why it may have been caused.
  Failure FailureOf(net::IoError error, FailureKind otherwise, std::string_view what) const;
  Failure BeforeAnswer(net::IoError error) const;
  void Arm(TimePoint at);
  static void OnTimer(void* self);
  static void OnCallCancelled(void* self);

  UpstreamContext& context_;
  Call& call_;
  EndpointState& endpoint_;  // the call's snapshot keeps it
  std::unique_ptr<UpstreamConnection> connection_;
  net::Buffer buffer_;
  size_t begin_ = 0;  // unread bytes in buffer_
  size_t end_ = 0;
  http::HeadScanner scanner_;
  http::BodyDecoder decoder_;
  std::unique_ptr<SocketDuplex> tunnel_;
  net::Child upload_;
  net::Timer timer_;
  OnCancel on_cancel_;
  std::optional<TimePoint> try_by_;
  TimePoint sent_at_{};
  bool upload_complete_ = false;
  bool ending_ = false;            // what still runs is being stopped by End
  bool answered_ = false;          // the head of the final answer is here
  bool got_bytes_ = false;         // any byte of an answer
  bool filled_last_read_ = false;  // more would have come in one read
  Duration silence_limit_{};
};

}  // namespace naru::call
