#include "sidecar/call/http1_attempt.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "resilience/deadline.h"
#include "sidecar/call/compose_head.h"
#include "sidecar/call/connect_failure.h"
#include "sidecar/call/enforce_deadline.h"
#include "sidecar/call/layer.h"
#include "sidecar/http/http2_session.h"

namespace naru::call {
namespace {

using net::IoError;
using net::IoResult;

// A head that cannot be read: what is wrong, and how it begins, which tells what stands at the other end.
Failure BadHead(std::string_view problem, std::string_view head) {
  constexpr size_t kShown = 60;
  std::string detail(problem);
  const std::string_view first_line = head.substr(0, std::min(head.find_first_of("\r\n"), kShown));
  if (!first_line.empty()) {
    detail += "; it begins '";
    for (const char c : first_line) detail += c >= ' ' && c <= '~' ? c : '?';
    detail += "'";
  }
  return {FailureKind::kBadResponse, std::move(detail)};
}

}  // namespace

Http1Attempt::Http1Attempt(UpstreamContext& context, Call& call)
    : context_(context),
      call_(call),
      endpoint_(*call.callee->endpoints[call.attempts.back().endpoint_index]),
      timer_(&Http1Attempt::OnTimer, this),
      on_cancel_(call.cancellation, &Http1Attempt::OnCallCancelled, this) {}

Http1Attempt::~Http1Attempt() = default;

void Http1Attempt::OnTimer(void* self) {
  auto* attempt = static_cast<Http1Attempt*>(self);
  if (attempt->connection_ != nullptr) attempt->connection_->socket.Cancel(IoError::kTimeout);
}

void Http1Attempt::OnCallCancelled(void* self) {
  auto* attempt = static_cast<Http1Attempt*>(self);
  if (attempt->connection_ != nullptr) attempt->connection_->socket.Cancel(IoError::kCancelled);
}

void Http1Attempt::Arm(TimePoint at) {
  context_.loop.timers().Arm(timer_, at);
}

net::Task<Result<Response>> Http1Attempt::Send() {
  if (const auto limit = resilience::AttemptTimeout(call_.policy().try_timeout, call_.last_attempt)) {
    try_by_ = context_.loop.now() + *limit;
  }
  connection_ = context_.connections.TakeIdle(endpoint_);
  if (connection_ == nullptr) {
    std::optional<Failure> unconnected = co_await Connect();
    if (unconnected) co_return std::move(*unconnected);
  }
  Chunk first;
  if (std::optional<Failure> broken = ComposeRequest(first)) co_return *std::move(broken);
  const IoResult written = co_await WriteBody(first);
  sent_at_ = context_.loop.ReadClock();
  if (!written.ok() && written.bytes == 0 && !call_.cancellation.cancelled()) {
    co_return Failure{FailureKind::kUnsentReset, "the connection was closed before the request left"};
  }
  // A write that failed half way may be an answer that came early: reading tells.
  if (written.ok() && !upload_complete_) upload_.Start(Upload());
  co_return co_await ReceiveAnswer();
}

net::Task<std::optional<Failure>> Http1Attempt::Connect() {
  int error = 0;
  connection_ =
      context_.connections.Connect(call_.callee->endpoints[call_.attempts.back().endpoint_index], error);
  if (connection_ == nullptr) co_return Failure{FailureKind::kConnectRefused, std::strerror(error)};
  const TimePoint began = context_.loop.ReadClock();
  const TimePoint connect_by = context_.loop.now() + call_.policy().connect_timeout;
  Arm(try_by_ ? std::min(*try_by_, connect_by) : connect_by);
  const IoResult waited = co_await connection_->socket.WaitConnected();
  timer_.Disarm();
  call_.upstream_wait += context_.loop.ReadClock() - began;
  if (call_.cancellation.cancelled()) co_return call_.cancellation.failure();
  co_return ConnectFailure(connection_->socket, waited);
}

// The head goes to upstream_out, what has come of the body to `first`.
std::optional<Failure> Http1Attempt::ComposeRequest(Chunk& first) {
  call_.upstream_out.clear();
  AppendUpstreamHead(call_.upstream_out, call_, context_.loop.now());
  first = {{}, true};
  if (call_.body != nullptr) {
    std::optional<Result<Chunk>> buffered = call_.replay.Buffered();
    if (buffered && !buffered->ok()) return std::move(buffered->failure());
    first = buffered ? **buffered : Chunk{};
  }
  upload_complete_ = first.last;
  if (try_by_ && upload_complete_) Arm(*try_by_);
  return std::nullopt;
}

MessageWrite Http1Attempt::WriteBody(Chunk chunk) {
  call_.bytes_up += chunk.bytes.size();
  return {connection_->socket, call_.upstream_out, chunk, call_.head.body.kind, call_.replay.trailers()};
}

net::Task<void> Http1Attempt::Upload() {
  while (!upload_complete_) {
    Result<Chunk> chunk = co_await call_.replay.Read();
    if (!chunk.ok()) {
      // The application broke its own request, unless we stopped reading ourselves: the call cannot succeed.
      if (!ending_) call_.cancellation.Cancel(std::move(chunk.failure()));
      co_return;
    }
    UploadProgressed(call_, context_.loop);
    const bool last = chunk->last;
    const IoResult written = co_await WriteBody(*chunk);
    if (!written.ok()) co_return;
    upload_complete_ = last;
  }
  sent_at_ = context_.loop.ReadClock();
  if (try_by_ && !answered_ && !call_.last_attempt && call_.replay.replayable()) Arm(*try_by_);
}

net::Task<Result<Response>> Http1Attempt::ReceiveAnswer() {
  for (int informational = 0; informational <= kMaxInformational; ++informational) {
    std::optional<Failure> failure = co_await ReceiveHead();
    if (failure) co_return std::move(*failure);
    const bool final = call_.answer.status >= 200 || call_.answer.status == 101;
    if (final) {
      answered_ = true;
      break;
    }
    http::MarkHopByHop(call_.answer.fields);
    co_await call_.downstream->ForwardInformational(call_.answer);
    scanner_.Reset();
  }
  timer_.Disarm();
  if (!answered_)
    co_return Failure{FailureKind::kBadResponse, "more than 32 informational answers before the final one"};
  if (call_.answer.status == 101 && !call_.head.upgrade) {
    co_return Failure{FailureKind::kBadResponse, "status 101 without having been asked to switch protocols"};
  }
  // Towards HTTP/2 any 2xx would grant the tunnel (RFC 8441 5).
  if (call_.answer.status / 100 == 2 && !call_.head.protocol.empty()) {
    co_return Failure{FailureKind::kBadResponse, "answered a request to switch protocols without switching"};
  }
  call_.upstream_wait += context_.loop.ReadClock() - sent_at_;
  if (const http::Field* keep_alive = call_.answer.fields.Find(http::FieldId::kKeepAlive)) {
    const std::optional<Duration> announced = resilience::ParseKeepAliveTimeout(keep_alive->value);
    if (announced) endpoint_.idle_limit.ObserveAnnounced(*announced);
  }
  silence_limit_ = IsStream(call_.answer) ? call_.policy().idle_timeout : call_.policy().timeout;
  http::MarkHopByHop(call_.answer.fields);
  decoder_.Start(call_.answer.body, call_.answer.fields);
  co_return Response{&call_.answer, decoder_.done() ? nullptr : static_cast<BodySource*>(this)};
}

// Reads until a whole head stands at begin_, parses it, and moves begin_ behind it.
net::Task<std::optional<Failure>> Http1Attempt::ReceiveHead() {
  while (true) {
    const std::string_view unread(buffer_.data() + begin_, end_ - begin_);
    if (http::LooksLikeHttp2Settings(unread)) {
      co_return Failure{FailureKind::kWrongProtocol, "answers HTTP/1.1 with HTTP/2"};
    }
    using Verdict = http::HeadScanner::Verdict;
    const Verdict verdict = unread.empty() ? Verdict::kIncomplete : scanner_.Scan(unread);
    if (verdict == Verdict::kComplete) co_return ParseHead();
    if (verdict == Verdict::kMalformed) co_return BadHead(scanner_.problem(), unread);
    if (verdict == Verdict::kTooLarge)
      co_return Failure{FailureKind::kBadResponse, "the head is larger than 64 KiB"};
    if (!buffer_) {
      const IoResult ready = co_await connection_->socket.WaitReadable();
      if (!ready.ok()) co_return BeforeAnswer(ready.error);
    }
    MakeRoom();
    const IoResult got =
        co_await connection_->socket.Read({buffer_.data() + end_, buffer_.capacity() - end_});
    if (!got.ok()) co_return BeforeAnswer(got.error);
    end_ += got.bytes;
    got_bytes_ = true;
  }
}

// So that a read has somewhere to go.
void Http1Attempt::MakeRoom() {
  if (!buffer_) {
    buffer_ = context_.buffers.Small();
  } else if (end_ == buffer_.capacity()) {
    net::Buffer larger = context_.buffers.OfSize(begin_ + http::kMaxHeadBytes + net::BufferPool::kSmallBytes);
    std::memcpy(larger.data(), buffer_.data(), end_);
    buffer_ = std::move(larger);
  }
}

std::optional<Failure> Http1Attempt::ParseHead() {
  const std::string_view head(buffer_.data() + begin_ + scanner_.begin(), scanner_.end() - scanner_.begin());
  begin_ += scanner_.end();
  const std::string_view problem = http::ParseResponseHead(head, call_.head.method, call_.answer);
  if (problem.empty()) return std::nullopt;
  return BadHead(problem, head);
}

Failure Http1Attempt::FailureOf(IoError error, FailureKind otherwise, std::string_view what) const {
  if (call_.cancellation.cancelled()) return call_.cancellation.failure();
  if (error == IoError::kTimeout && try_by_) {
    return {FailureKind::kTryTimeout, "no response head within " + Milliseconds(*call_.policy().try_timeout)};
  }
  return {otherwise, std::string(what)};
}

Failure Http1Attempt::BeforeAnswer(IoError error) const {
  if (got_bytes_) return FailureOf(error, FailureKind::kReset, "closed inside the head of its answer");
  if (connection_->reused) {
    return FailureOf(error, FailureKind::kReusedReset, "closed a reused connection without an answer");
  }
  return FailureOf(error, FailureKind::kReset,
                   error == IoError::kEof ? "closed without an answer" : "reset without an answer");
}

std::optional<Result<Chunk>> Http1Attempt::Buffered() {
  if (begin_ == end_) return std::nullopt;
  return DecodeBuffered();
}

Result<Chunk> Http1Attempt::DecodeBuffered() {
  const http::BodyDecoder::Step step = decoder_.Decode({buffer_.data() + begin_, end_ - begin_});
  if (!step.problem.empty()) return Failure{FailureKind::kTruncated, std::string(step.problem)};
  begin_ += step.consumed;
  return Chunk{step.payload, decoder_.done()};
}

bool Http1Attempt::WantsLargeBuffer() const {
  return filled_last_read_ || decoder_.remaining() > 2 * net::BufferPool::kSmallBytes;
}

net::Task<Result<Chunk>> Http1Attempt::Read() {
  if (begin_ != end_) co_return DecodeBuffered();
  begin_ = end_ = 0;
  net::Socket& socket = connection_->socket;
  // Around both waits: a socket that seemed readable may turn out to be empty.
  Arm(context_.loop.now() + silence_limit_);
  if (!socket.readable()) {
    buffer_.Release();
    co_await socket.WaitReadable();
  }
  const size_t wanted = WantsLargeBuffer() ? net::BufferPool::kLargeBytes : net::BufferPool::kSmallBytes;
  if (buffer_.capacity() < wanted) {
    buffer_.Release();
    buffer_ = wanted == net::BufferPool::kLargeBytes ? context_.buffers.Large() : context_.buffers.Small();
  }
  const IoResult got = co_await socket.Read({buffer_.data(), buffer_.capacity()});
  timer_.Disarm();
  if (got.error == IoError::kTimeout) {
    co_return Failure{FailureKind::kTruncated,
                      "silent for " + Milliseconds(silence_limit_) + " inside its answer"};
  }
  if (got.error == IoError::kEof && decoder_.EndOfStream()) co_return Chunk{{}, true};
  if (!got.ok() && call_.cancellation.cancelled()) co_return call_.cancellation.failure();
  if (!got.ok()) co_return Failure{FailureKind::kTruncated, "closed inside the body of its answer"};
  end_ = got.bytes;
  filled_last_read_ = got.bytes == buffer_.capacity();
  co_return DecodeBuffered();
}

Duplex& Http1Attempt::tunnel() {
  tunnel_ = std::make_unique<SocketDuplex>(connection_->socket, context_.buffers);
  tunnel_->set_already_read({buffer_.data() + begin_, end_ - begin_});
  return *tunnel_;
}

void Http1Attempt::CancelRead() {
  if (connection_ != nullptr) connection_->socket.CancelRead(IoError::kCancelled);
}

bool Http1Attempt::Reusable() const {
  return connection_ != nullptr && answered_ && call_.answer.keep_alive && call_.answer.status != 101 &&
         upload_complete_ && decoder_.done() && begin_ == end_ && !call_.cancellation.cancelled();
}

bool Http1Attempt::TryEnd() {
  if (upload_.running()) return false;
  timer_.Disarm();
  ending_ = true;
  buffer_.Release();
  if (Reusable()) {
    context_.connections.PutIdle(std::move(connection_));
  } else {
    connection_.reset();
  }
  return true;
}

net::Task<void> Http1Attempt::End() {
  timer_.Disarm();
  ending_ = true;
  if (upload_.running()) {
    call_.replay.CancelRead();
    connection_->socket.Cancel(IoError::kCancelled);
    co_await upload_.Join();
    upload_complete_ = false;
  }
  TryEnd();
}

}  // namespace naru::call
