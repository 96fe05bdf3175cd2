#include "sidecar/call/http2_connection.h"

#include <utility>

namespace naru::call {

using http::Http2Error;
using net::IoResult;

Http2Connection::Http2Connection(net::EventLoop& loop, net::BufferPool& buffers, int fd,
                                 net::Socket::State state, http::Http2Session::Role role, Owner& owner,
                                 http::Http2Trace trace)
    : buffers_(buffers),
      socket_(loop, fd, state),
      owner_(owner),
      session_(role, *this, std::move(trace)),
      guard_(role == http::Http2Session::Role::kServer ? std::make_unique<FrameGuard>(loop.now()) : nullptr),
      something_to_send_(loop),
      linger_timer_(&Http2Connection::OnLingerTimer, this),
      last_received_(loop.now()) {}

net::Task<void> Http2Connection::Run(net::Buffer buffer, std::string_view first) {
  writer_.Start(WriteLoop());
  Kick();
  bool alive = first.empty() || Feed(first);
  buffer.Release();
  while (alive && !ended_) {
    const IoResult ready = co_await socket_.WaitReadable();
    if (!ready.ok()) break;
    buffer = filled_last_read_ ? buffers_.Large() : buffers_.Small();
    const IoResult got = co_await socket_.Read({buffer.data(), buffer.capacity()});
    if (!got.ok()) break;
    filled_last_read_ = got.bytes == buffer.capacity();
    alive = Feed({buffer.data(), got.bytes});
    buffer.Release();
  }
  buffer.Release();
  // Whatever the session still has to say, a GOAWAY mostly, gets a moment to leave.
  ended_ = true;
  loop().timers().Arm(linger_timer_, loop().now() + kLingerLimit);
  Kick();
  co_await writer_.Join();
  linger_timer_.Disarm();
  while (!open_streams_.empty()) {
    Http2Stream& stream = open_streams_.front();
    const bool sent = session_.HasBegun(stream.id_);
    const Http2Error lost = broken_by_peer_ ? Http2Error::kMalformed : Http2Error::kConnectionLost;
    stream.OnClosed(sent ? lost : Http2Error::kNotSent);
  }
}

bool Http2Connection::Feed(std::string_view bytes) {
  last_received_ = loop().now();
  if (!heard_) spoke_http1_ = bytes.starts_with("HTTP/");
  heard_ = true;
  const bool alive = !IsAbuse(bytes) && session_.Receive(bytes);
  broken_by_peer_ = !alive;
  if (session_.flooded()) owner_.OnAbuse(resilience::AbuseKind::kPing);
  if (session_.header_list_abused()) owner_.OnAbuse(resilience::AbuseKind::kHeaderList);
  if (session_.WantsToSend()) Kick();
  owner_.OnReceived();
  return alive;
}

bool Http2Connection::IsAbuse(std::string_view bytes) {
  if (guard_ == nullptr) return false;
  const std::optional<resilience::AbuseKind> kind = guard_->Inspect(
      bytes, [this](int32_t stream) { return session_.IsOver(stream); }, last_received_);
  if (!kind) return false;
  session_.GoAway(Http2Error::kEnhanceYourCalm);
  owner_.OnAbuse(*kind);
  return true;
}

void Http2Connection::CountMalformed() {
  if (guard_ == nullptr || ended_ || guard_->Count(resilience::AbuseKind::kRapidReset, last_received_))
    return;
  session_.GoAway(Http2Error::kEnhanceYourCalm);
  ended_ = true;
  owner_.OnAbuse(resilience::AbuseKind::kRapidReset);
}

void Http2Connection::Kick() {
  something_to_send_.Set();
}

net::Task<void> Http2Connection::WriteLoop() {
  bool writable = true;
  while (writable && !ended_) {
    co_await something_to_send_.Wait();
    writable = co_await Flush();
    // A session that nobody here has ended was ended by nghttp2, for what the peer had sent.
    if (writable && !ended_ && !session_.IsAlive()) broken_by_peer_ = true;
    if (!writable) Abort();
    if (!session_.IsAlive()) StopReading();
  }
  if (writable) co_await Flush();
}

net::Task<bool> Http2Connection::Flush() {
  while (session_.WantsToSend() || SubmitDelayedResets()) {
    net::Buffer buffer = filled_last_write_ ? buffers_.Large() : buffers_.Small();
    const size_t filled = session_.Fill({buffer.data(), buffer.capacity()});
    if (filled == 0) break;
    filled_last_write_ = filled + 4096 > buffer.capacity();
    iovec part{buffer.data(), filled};
    const IoResult written = co_await socket_.Write({&part, 1});
    if (!written.ok()) co_return false;
  }
  co_return true;
}

void Http2Connection::End(Http2Error error) {
  if (ended_) return;
  session_.GoAway(error);
  StopReading();
}

void Http2Connection::StopReading() {
  ended_ = true;
  socket_.CancelRead(net::IoError::kCancelled);
  Kick();
}

void Http2Connection::Abort() {
  ended_ = true;
  socket_.Cancel(net::IoError::kCancelled);
  Kick();
}

void Http2Connection::OnLingerTimer(void* self) {
  static_cast<Http2Connection*>(self)->socket_.Cancel(net::IoError::kTimeout);
}

// --- streams ---

http::Http2StreamHandler* Http2Connection::OnRequest(int32_t id) {
  Http2Stream* stream = owner_.OnRequest();
  if (stream == nullptr) return nullptr;
  Attach(*stream, id);
  return stream;
}

void Http2Connection::OnUnsendable(int32_t id) {
  for (Http2Stream& stream : open_streams_) {
    if (stream.id_ != id) continue;
    stream.OnClosed(Http2Error::kNotSent);
    return;
  }
}

void Http2Connection::Attach(Http2Stream& stream, int32_t id) {
  stream.connection_ = this;
  stream.id_ = id;
  open_streams_.push_back(stream);
  ++streams_;
}

void Http2Connection::Forget(Http2Stream& stream) {
  stream.connection_ = nullptr;
  stream.unlink();
  if (--streams_ == 0) owner_.OnNoStreams();
}

bool Http2Connection::Open(Http2Stream& stream, const http::Http2Fields& fields, bool has_body) {
  if (ended_) return false;
  const int32_t id = session_.SubmitRequest(fields, has_body, stream);
  if (id < 0) return false;
  Attach(stream, id);
  Kick();
  return true;
}

bool Http2Connection::Upgrade(Http2Stream& stream, std::string_view settings_base64, bool is_head) {
  if (!session_.UpgradeFromHttp1(settings_base64, is_head, stream)) return false;
  Attach(stream, 1);
  return true;
}

void Http2Connection::ResumeBody(int32_t id) {
  session_.ResumeBody(id);
  Kick();
}

void Http2Connection::Consume(int32_t id, size_t bytes) {
  if (bytes == 0) return;
  session_.Consume(id, bytes);
  if (session_.WantsToSend()) Kick();
}

void Http2Connection::SubmitAnswer(int32_t id, const http::Http2Fields& fields, bool has_body) {
  session_.SubmitAnswer(id, fields, has_body);
  Kick();
}

void Http2Connection::SubmitInformational(int32_t id, const http::Http2Fields& fields) {
  session_.SubmitInformational(id, fields);
  Kick();
}

void Http2Connection::Reset(Http2Stream& stream, Http2Error error) {
  session_.Reset(stream.id_, error);
  Forget(stream);
  Kick();
}

void Http2Connection::ResetWhenSent(Http2Stream& stream, Http2Error error) {
  session_.Detach(stream.id_);
  delayed_resets_.emplace_back(stream.id_, error);
  Forget(stream);
  Kick();
}

bool Http2Connection::SubmitDelayedResets() {
  for (const auto& [id, error] : delayed_resets_) session_.Reset(id, error);
  const bool some = !delayed_resets_.empty();
  delayed_resets_.clear();
  return some;
}

void Http2Connection::Leave(Http2Stream& stream) {
  session_.Detach(stream.id_);
  Forget(stream);
}

}  // namespace naru::call
