#include "sidecar/call/http2_attempt.h"

#include <utility>

#include "resilience/deadline.h"
#include "sidecar/call/compose_head.h"
#include "sidecar/call/enforce_deadline.h"
#include "sidecar/call/layer.h"
#include "sidecar/call/websocket.h"
#include "sidecar/http/http2_head.h"

namespace naru::call {
namespace {

using http::Http2Error;

}  // namespace

Http2Attempt::Http2Attempt(UpstreamContext& context, Call& call)
    : context_(context),
      call_(call),
      endpoint_(call.callee->endpoints[call.attempts.back().endpoint_index]),
      stream_(context.loop, *this),
      tunnel_(stream_),
      timer_(&Http2Attempt::OnTimer, this),
      on_cancel_(call.cancellation, &Http2Attempt::OnCallCancelled, this) {}

Http2Attempt::~Http2Attempt() = default;

void Http2Attempt::OnTimer(void* self) {
  auto* attempt = static_cast<Http2Attempt*>(self);
  attempt->timed_out_ = true;
  attempt->stream_.CancelRead();
}

void Http2Attempt::OnCallCancelled(void* self) {
  auto* attempt = static_cast<Http2Attempt*>(self);
  attempt->stream_.CancelRead();
  attempt->stream_.CancelWrite();
}

// What was waited for came in the same turn of the loop: the next wait must not hear of it.
void Http2Attempt::ForgetTimeout() {
  if (!std::exchange(timed_out_, false)) return;
  if (!call_.cancellation.cancelled()) stream_.ForgetCancelledRead();
}

void Http2Attempt::Arm(TimePoint at) {
  timed_out_ = false;
  context_.loop.timers().Arm(timer_, at);
}

// The usual case, a connection that is ready and a head that comes first, needs no other coroutine than this.
net::Task<Result<Response>> Http2Attempt::Send() {
  if (const auto limit = resilience::AttemptTimeout(call_.policy().try_timeout, call_.last_attempt)) {
    try_by_ = context_.loop.now() + *limit;
  }
  bool begun = false;
  std::optional<Failure> failure = TryOpenStream(begun);
  if (!failure && !begun) failure = co_await OpenStream();
  if (failure) co_return std::move(*failure);
  sent_at_ = context_.loop.ReadClock();
  upload_complete_ = call_.body == nullptr;
  if (try_by_ && upload_complete_) Arm(*try_by_);
  if (!upload_complete_) upload_.Start(Upload());
  while (IsSilent()) {
    co_await stream_.arrived().Wait();
  }
  if (stream_.has_head() && !stream_.has_informational()) {
    failure = ReadHead();
  } else {
    failure = co_await ReceiveHead();
  }
  timer_.Disarm();
  if (failure) co_return std::move(*failure);
  BeginAnswer();
  if (call_.grpc) co_await AwaitGrpcStatus();
  const bool body = !stream_.ended_with_head() && call_.answer.body.kind != http::Framing::Kind::kNone;
  co_return Response{&call_.answer, body ? static_cast<BodySource*>(this) : nullptr};
}

void Http2Attempt::BeginAnswer() {
  ForgetTimeout();
  answered_ = true;
  call_.upstream_wait += context_.loop.ReadClock() - sent_at_;
  const bool lasts = call_.grpc || IsStream(call_.answer);
  silence_limit_ = lasts ? call_.policy().idle_timeout : call_.policy().timeout;
}

bool Http2Attempt::IsSilent() const {
  return !stream_.has_head() && !stream_.has_informational() && !stream_.closed() && !timed_out_ &&
         !call_.cancellation.cancelled();
}

std::optional<Failure> Http2Attempt::TryOpenStream(bool& begun) {
  Failure why_not{FailureKind::kConnectRefused, {}};
  Http2Upstream* connection = context_.http2.For(endpoint_, call_.policy().connect_timeout, why_not);
  if (connection == nullptr) return why_not;
  return connection->ready() ? Begin(*connection, begun) : std::nullopt;
}

net::Task<std::optional<Failure>> Http2Attempt::OpenStream() {
  while (true) {
    Failure why_not{FailureKind::kConnectRefused, {}};
    Http2Upstream* connection = context_.http2.For(endpoint_, call_.policy().connect_timeout, why_not);
    if (connection == nullptr) co_return why_not;
    if (connection->ready()) {
      bool begun = false;
      std::optional<Failure> failure = Begin(*connection, begun);
      if (begun || failure) co_return failure;
      continue;
    }
    std::optional<Failure> failure = co_await WaitFor(*connection);
    if (failure) co_return failure;
  }
}

std::optional<Failure> Http2Attempt::Begin(Http2Upstream& connection, bool& begun) {
  if (call_.head.upgrade && !connection.takes_extended_connect()) {
    return Failure{FailureKind::kWrongProtocol, "does not switch protocols on HTTP/2 (RFC 8441)"};
  }
  ComposeHttp2Request(context_.http2.fields(), call_, context_.loop.now());
  reused_ = connection.reused();
  begun = connection.Open(stream_, context_.http2.fields(), call_.body != nullptr || call_.head.upgrade);
  return std::nullopt;
}

net::Task<std::optional<Failure>> Http2Attempt::WaitFor(Http2Upstream& connection) {
  const TimePoint began = context_.loop.ReadClock();
  const TimePoint connect_by = context_.loop.now() + call_.policy().connect_timeout;
  Arm(try_by_ ? std::min(*try_by_, connect_by) : connect_by);
  Http2Upstream::Waiter waiter(stream_.arrived());
  connection.Wait(waiter);
  while (!waiter.done && !timed_out_ && !call_.cancellation.cancelled()) {
    co_await stream_.arrived().Wait();
  }
  timer_.Disarm();
  call_.upstream_wait += context_.loop.ReadClock() - began;
  if (call_.cancellation.cancelled()) co_return call_.cancellation.failure();
  if (waiter.done) {
    ForgetTimeout();
    co_return std::move(waiter.failure);
  }
  co_return Failure{FailureKind::kConnectTimeout, "no answer in connect_timeout"};
}

// While the application is silent there is no other coroutine of the upload than this.
net::Task<void> Http2Attempt::Upload() {
  while (!upload_complete_) {
    Signal* const arrival = call_.replay.Arrival();
    if (arrival != nullptr) {
      co_await arrival->Wait();
      continue;
    }
    const bool goes_on = co_await UploadPiece();
    if (!goes_on) co_return;
  }
  sent_at_ = context_.loop.ReadClock();
  if (try_by_ && !answered_ && !call_.last_attempt && call_.replay.replayable()) Arm(*try_by_);
}

net::Task<bool> Http2Attempt::UploadPiece() {
  std::optional<Result<Chunk>> got = call_.replay.Buffered();
  if (!got) got.emplace(co_await call_.replay.Read());
  if (!got->ok()) {
    // The application broke its own request, unless we stopped reading ourselves: the call cannot succeed.
    if (!ending_) call_.cancellation.Cancel(std::move(got->failure()));
    co_return false;
  }
  UploadProgressed(call_, context_.loop);
  const Chunk chunk = **got;
  call_.bytes_up += chunk.bytes.size();
  const bool written = co_await stream_.Write(chunk, call_.replay.trailers());
  upload_complete_ = written && chunk.last;
  co_return written;
}

// --- the answer ---

net::Task<std::optional<Failure>> Http2Attempt::ReceiveHead() {
  size_t informational = 0;
  while (true) {
    while (stream_.has_informational()) {
      if (++informational > kMaxInformational) {
        co_return Failure{FailureKind::kBadResponse,
                          "more than 32 informational answers before the final one"};
      }
      const http::Http2HeadBlock block = stream_.TakeInformational();
      const std::string_view problem = http::ReadResponseHead(block, call_.head.method, false, call_.answer);
      if (problem.empty()) co_await call_.downstream->ForwardInformational(call_.answer);
    }
    if (stream_.has_head()) co_return ReadHead();
    if (std::optional<Failure> failure = Interrupted()) co_return failure;
    if (stream_.closed()) co_return WhyClosed();
    co_await stream_.arrived().Wait();
  }
}

std::optional<Failure> Http2Attempt::ReadHead() {
  if (stream_.head_too_large()) return Failure{FailureKind::kBadResponse, "the head is larger than 64 KiB"};
  const std::string_view problem =
      http::ReadResponseHead(stream_.head(), call_.head.method, stream_.ended_with_head(), call_.answer);
  if (!problem.empty()) return Failure{FailureKind::kBadResponse, std::string(problem)};
  // RFC 8441 5: any 2xx agrees to switch. 101 is how the layers and HTTP/1 say it.
  if (call_.head.upgrade && call_.answer.status / 100 == 2) SwitchProtocols();
  http::MarkHopByHop(call_.answer.fields);
  return std::nullopt;
}

void Http2Attempt::SwitchProtocols() {
  call_.answer.status = 101;
  call_.answer.body = {};
  const http::Field* upgrade = call_.head.fields.Find(http::FieldId::kUpgrade);
  if (upgrade == nullptr) return;  // the application speaks HTTP/2 too
  call_.answer.fields.Add("upgrade", upgrade->value);
  const http::Field* key = call_.head.fields.Find(http::FieldId::kSecWebSocketKey);
  if (key == nullptr) return;
  websocket_accept_ = std::make_unique<const std::string>(WebSocketAccept(key->value));
  call_.answer.fields.Add("sec-websocket-accept", *websocket_accept_);
}

// A failure that follows the head without a message could still be tried again, if nobody has seen the head.
net::Task<void> Http2Attempt::AwaitGrpcStatus() {
  call_.NoteGrpcStatus(call_.answer.fields);
  const bool may_retry = upload_complete_ && call_.safe_to_repeat && !call_.last_attempt;
  if (may_retry) Arm(context_.loop.now() + kTrailersGrace);
  while (may_retry && !timed_out_ && !stream_.has_bytes() && !stream_.ended() && !stream_.closed() &&
         !call_.cancellation.cancelled()) {
    co_await stream_.arrived().Wait();
  }
  timer_.Disarm();
  stream_.ForgetCancelledRead();
  timed_out_ = false;
  if (stream_.ended() && !stream_.has_bytes()) call_.NoteGrpcStatus(stream_.trailers());
}

std::optional<Failure> Http2Attempt::Interrupted() const {
  if (call_.cancellation.cancelled()) return call_.cancellation.failure();
  if (!timed_out_) return std::nullopt;
  return Failure{FailureKind::kTryTimeout,
                 "no response head within " + Milliseconds(*call_.policy().try_timeout)};
}

Failure Http2Attempt::WhyClosed() const {
  switch (stream_.error()) {
    case Http2Error::kNotSent:
      return {FailureKind::kUnsentReset, "the connection was closed before the request left"};
    case Http2Error::kRefusedStream:
      return {FailureKind::kRefusedStream, "refused the stream unprocessed"};
    case Http2Error::kMalformed:
      return {FailureKind::kBadResponse, "its answer is not sound HTTP/2"};
    case Http2Error::kConnectionLost:
      if (reused_) return {FailureKind::kReusedReset, "closed a reused connection without an answer"};
      return {FailureKind::kReset, "closed without an answer"};
    default:
      return {FailureKind::kReset, "reset the stream (" + std::string(http::WordOf(stream_.error())) + ")"};
  }
}

std::optional<Result<Chunk>> Http2Attempt::Buffered() {
  std::optional<Chunk> chunk = stream_.Buffered();
  if (!chunk) return std::nullopt;
  timer_.Disarm();
  ForgetTimeout();
  return *chunk;
}

Signal* Http2Attempt::Arrival() {
  Signal* const arrival = stream_.Arrival();
  if (arrival != nullptr && !timer_.armed()) Arm(context_.loop.now() + silence_limit_);
  return arrival;
}

net::Task<Result<Chunk>> Http2Attempt::Read() {
  for (Signal* arrival = Arrival(); arrival != nullptr; arrival = Arrival()) {
    co_await arrival->Wait();
  }
  const std::optional<Result<Chunk>> chunk = Buffered();
  if (chunk) co_return *chunk;
  timer_.Disarm();
  stream_.ForgetCancelledRead();
  co_return WhyTruncated();
}

Failure Http2Attempt::WhyTruncated() const {
  if (call_.cancellation.cancelled()) return call_.cancellation.failure();
  if (timed_out_) {
    return Failure{FailureKind::kTruncated,
                   "silent for " + Milliseconds(silence_limit_) + " inside its answer"};
  }
  if (stream_.error() == Http2Error::kMalformed)
    return Failure{FailureKind::kTruncated, "its answer is not sound HTTP/2"};
  if (stream_.error() == Http2Error::kConnectionLost)
    return Failure{FailureKind::kTruncated, "closed inside the body of its answer"};
  return Failure{FailureKind::kTruncated,
                 "reset the stream inside its answer (" + std::string(http::WordOf(stream_.error())) + ")"};
}

bool Http2Attempt::TryEnd() {
  if (upload_.running()) return false;
  timer_.Disarm();
  ending_ = true;
  // Whole in both directions it is closed already; all else is of no more interest.
  stream_.Reset(Http2Error::kCancel);
  return true;
}

net::Task<void> Http2Attempt::End() {
  timer_.Disarm();
  ending_ = true;
  if (upload_.running()) {
    call_.replay.CancelRead();
    stream_.CancelWrite();
    co_await upload_.Join();
  }
  TryEnd();
}

}  // namespace naru::call
