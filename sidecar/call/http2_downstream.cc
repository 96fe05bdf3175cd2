#include "sidecar/call/http2_downstream.h"

#include <utility>

#include "sidecar/call/attempt.h"
#include "sidecar/call/compose_head.h"
#include "sidecar/call/error_answer.h"
#include "sidecar/http/grpc.h"
#include "sidecar/http/http2_head.h"
#include "sidecar/net/lingering_close.h"
#include "sidecar/net/peer_state.h"

namespace naru::call {

using http::Http2Error;

namespace {

// An application that set a deadline resets the stream when it has passed, and its clock started a little
// before ours: it is the callee that was slow, not the application that lost interest.
bool DeadlineIsNear(const Call& call, TimePoint now) {
  constexpr Duration kHeadStart = std::chrono::milliseconds(10);
  return call.caller_deadline && now + kHeadStart >= *call.caller_deadline;
}

}  // namespace

Http2Downstream::Http2Downstream(DownstreamHost& host, Http2Takeover takeover)
    : host_(host),
      accepted_at_(takeover.accepted_at),
      received_(std::move(takeover.received)),
      upgraded_(std::move(takeover.upgraded)),
      settings_(std::move(takeover.settings)),
      connection_(host.loop(), host.buffers(), takeover.fd, net::Socket::State::kConnected,
                  http::Http2Session::Role::kServer, *this, host.http2_trace()),
      timer_(&Http2Downstream::OnTimer, this),
      head_timer_(&Http2Downstream::OnHeadTimer, this),
      all_ended_(host.loop()) {}

Http2Downstream::~Http2Downstream() = default;

net::Task<void> Http2Downstream::Serve() {
  ArmIdle();
  if (upgraded_ != nullptr) BeginUpgraded();
  const std::string_view received(received_.data(), received_.size());
  co_await connection_.Run(std::move(received_.buffer), received);
  OnReceived();  // what was closed together with the connection
  timer_.Disarm();
  head_timer_.Disarm();
  co_await net::LingeringClose(connection_.socket(), host_.buffers(), kLingerLimit);
  while (!calls_.empty()) {
    co_await all_ended_.Wait();
  }
  host_.Gone(*this);
}

// RFC 7540 3.2: the request that asked for it has the stream 1.
void Http2Downstream::BeginUpgraded() {
  auto* call = new Http2Call(*this);
  calls_.push_back(*call);
  const bool is_head = (*upgraded_)[0].value == "HEAD";
  if (!connection_.Upgrade(call->stream(), settings_, is_head)) {
    Abandoned(*call);
    connection_.End(Http2Error::kProtocolError);
    return;
  }
  call->stream().ReceiveUpgraded(*upgraded_);
  upgraded_.reset();
  OnReceived();
}

void Http2Downstream::Abort() {
  for (Http2Call& call : calls_) call.Cancel({FailureKind::kShuttingDown, "naru is shutting down"});
  connection_.End(Http2Error::kNoError);
}

void Http2Downstream::Drain() {
  if (leaving_ != Leaving::kNo || connection_.ended()) return;
  leaving_ = Leaving::kAnnounced;
  connection_.session().AnnounceGoAway();
  connection_.Kick();
  host_.loop().timers().Arm(timer_, host_.loop().now() + kGoAwayGrace);
}

void Http2Downstream::OnTimer(void* self) {
  auto& downstream = *static_cast<Http2Downstream*>(self);
  if (downstream.leaving_ == Leaving::kAnnounced) {
    downstream.leaving_ = Leaving::kYes;
    downstream.connection_.session().GoAway(Http2Error::kNoError);
    downstream.connection_.Kick();
    downstream.OnNoStreams();
  } else if (downstream.calls_.empty()) {
    downstream.connection_.End(Http2Error::kNoError);
  }
}

void Http2Downstream::OnHeadTimer(void* self) {
  static_cast<Http2Downstream*>(self)->connection_.End(Http2Error::kEnhanceYourCalm);
}

void Http2Downstream::ArmIdle() {
  host_.loop().timers().Arm(timer_, host_.loop().now() + kIdleLimit);
}

Http2Stream* Http2Downstream::OnRequest() {
  if (connection_.ended()) return nullptr;
  auto* call = new Http2Call(*this);
  calls_.push_back(*call);
  if (leaving_ == Leaving::kNo) timer_.Disarm();
  reading_head_ = call;
  return &call->stream();
}

void Http2Downstream::OnReceived() {
  // A call that begins may end at once, and its end may not reach into these lists.
  for (size_t i = 0; i < to_begin_.size(); ++i) to_begin_[i]->Start();
  to_begin_.clear();
  for (size_t i = 0; i < abandoned_.size(); ++i) Ended(*abandoned_[i]);
  abandoned_.clear();
  if (reading_head_ == nullptr) {
    head_timer_.Disarm();
  } else if (!head_timer_.armed()) {
    host_.loop().timers().Arm(head_timer_, host_.loop().now() + kHeadLimit);
  }
}

// The application will begin no further streams; it closes the connection itself once it has its answers.
void Http2Downstream::OnGoAway() {}

void Http2Downstream::OnNoStreams() {
  if (leaving_ == Leaving::kYes && connection_.streams() == 0) connection_.End(Http2Error::kNoError);
  if (leaving_ == Leaving::kNo) ArmIdle();
}

void Http2Downstream::Begin(Http2Call& call) {
  if (reading_head_ == &call) reading_head_ = nullptr;
  to_begin_.push_back(&call);
}

void Http2Downstream::Abandoned(Http2Call& call) {
  if (reading_head_ == &call) reading_head_ = nullptr;
  abandoned_.push_back(&call);
}

void Http2Downstream::Ended(Http2Call& call) {
  calls_.erase(calls_.iterator_to(call));
  delete &call;
  if (calls_.empty()) all_ended_.Set();
}

std::string Http2Downstream::Peer() {
  return net::DescribePeer(connection_.socket().fd());
}

// --- one call ---

Http2Call::Http2Call(Http2Downstream& connection)
    : connection_(connection),
      stream_(connection.host().loop(), *this),
      tunnel_(stream_),
      timer_(&Http2Call::OnTimer, this) {}

Http2Call::~Http2Call() = default;

// The first head of the stream; what follows it are trailers.
void Http2Call::OnHead() {
  begun_ = true;
  connection_.Begin(*this);
}

void Http2Call::OnClosed() {
  if (!begun_) {
    connection_.Abandoned(*this);
  } else if (!stream_.sent_end()) {
    const bool deadline = block_ != nullptr && DeadlineIsNear(block_->call, connection_.host().loop().now());
    Cancel(
        {deadline ? FailureKind::kTimeout : FailureKind::kCancelled, deadline ? std::string() : WhyGone()});
  }
}

std::string Http2Call::WhyGone() const {
  if (stream_.error() == Http2Error::kConnectionLost) return "the application closed its connection";
  if (stream_.error() == Http2Error::kMalformed) return "the application's request is not sound HTTP/2";
  return "the application reset the stream";
}

void Http2Call::Cancel(Failure why) {
  if (block_ != nullptr) block_->call.cancellation.Cancel(std::move(why));
  if (block_ == nullptr) cut_ = true;
}

void Http2Call::OnTimer(void* self) {
  static_cast<Http2Call*>(self)->stream_.CancelWrite();
}

std::optional<Failure> Http2Call::ReadHead() {
  Call& call = block_->call;
  const std::string_view problem =
      http::ReadRequestHead(stream_.head(), stream_.ended_with_head(), call.head);
  call.grpc = http::IsGrpc(call.head);
  if (stream_.head_too_large()) connection_.host().CountAbuse(resilience::AbuseKind::kHeaderList);
  if (stream_.head_too_large()) return Failure{FailureKind::kHeadTooLarge, "the head is larger than 64 KiB"};
  if (!problem.empty()) return Failure{FailureKind::kBadRequest, std::string(problem)};
  return std::nullopt;
}

Result<Response> Http2Call::Begin() {
  DownstreamHost& host = connection_.host();
  block_ = host.TakeBlock();
  Call& call = block_->call;
  call.started = host.loop().ReadClock();
  call.snapshot = host.snapshot();
  call.service_port = connection_.accepted_at().service_port;
  call.downstream = this;
  if (cut_ || stream_.closed()) call.cancellation.Cancel({FailureKind::kCancelled, WhyGone()});
  std::optional<Failure> refused = ReadHead();
  const bool has_body = call.head.body.kind != http::Framing::Kind::kNone;
  if (has_body) call.body = this;
  host.CountCall(1);
  if (refused) return std::move(*refused);
  return Response{};
}

net::Task<void> Http2Call::Carry() {
  DownstreamHost& host = connection_.host();
  Result<Response> result = Begin();
  Call& call = block_->call;
  if (result.ok()) result = co_await host.stack().Carry(call);
  const Ending ending = co_await AnswerCall(host, call, result, *this);
  if (cut_ && call.grpc && call.broke_off) co_await EndWithStatus(*call.broke_off);
  timer_.Disarm();
  if (!call.TryEndAttempt()) co_await call.EndAttempt();
  host.stack().Finish(call, ending);
  host.CountCall(-1);
  // RFC 9113 8.1: a request whose rest nobody wants is stopped after the answer, which stays whole.
  if (!cut_ && !stream_.ended()) stream_.ResetWhenSent(Http2Error::kNoError);
  if (cut_) stream_.Reset(Http2Error::kInternalError);
  host.GiveBack(std::move(block_));
  connection_.Ended(*this);
}

// An answer of gRPC that broke off says so in its trailers: RST_STREAM would tell the application only that
// something is wrong with its proxy.
net::Task<void> Http2Call::EndWithStatus(const Failure& failure) {
  const std::string status = std::to_string(resilience::TraitsOf(failure.kind).grpc_status);
  const std::string message = http::EncodeGrpcMessage(failure.detail);
  http::FieldList trailers;
  trailers.Add("grpc-status", status);
  trailers.Add("grpc-message", message);
  net::EventLoop& loop = connection_.host().loop();
  loop.timers().Arm(timer_, loop.now() + Http2Downstream::kGoAwayGrace);
  const bool told = co_await stream_.Write({{}, true}, trailers);
  if (told) cut_ = false;
}

// --- the answer ---

net::Task<void> Http2Call::ForwardInformational(const http::ResponseHead& head) {
  http::Http2Fields fields;
  ComposeHttp2Answer(fields, head);
  stream_.SubmitInformational(fields);
  co_return;
}

void Http2Call::BeginAnswer(const Response& response) {
  http::Http2Fields& fields = connection_.host().http2_fields();
  ComposeHttp2Answer(fields, *response.head);
  stream_.SubmitAnswer(fields, response.body != nullptr || response.head->status == 101);
}

// A reader that takes nothing for too long is gone for all we know.
net::Task<bool> Http2Call::WritePart(Chunk chunk, const http::FieldList& trailers) {
  if (stream_.sent_end()) co_return true;  // the head said it all
  if (stream_.closed()) co_return false;
  const Call& call = block_->call;
  net::EventLoop& loop = connection_.host().loop();
  loop.timers().Arm(timer_, loop.now() + call.policy().idle_timeout);
  const bool written = co_await stream_.Write(chunk, trailers);
  timer_.Disarm();
  if (!written) cut_ = true;
  co_return written;
}

net::Task<bool> Http2Call::WriteFailure(const Failure& failure) {
  static const http::FieldList kNoTrailers;
  const ErrorAnswer answer = MakeErrorAnswer(block_->call, failure, connection_.host().loop().ReadClock());
  http::Http2Fields& fields = connection_.host().http2_fields();
  fields.Clear();
  fields.AddCopy(":status", std::to_string(answer.status));
  for (const auto& [name, value] : answer.fields) fields.Add(name, value);
  if (stream_.closed()) co_return false;
  stream_.SubmitAnswer(fields, !answer.body.empty());
  if (answer.body.empty()) co_return true;
  net::EventLoop& loop = connection_.host().loop();
  loop.timers().Arm(timer_, loop.now() + Http2Downstream::kGoAwayGrace);
  const bool written = co_await stream_.Write({answer.body, true}, kNoTrailers);
  if (!written) cut_ = true;
  co_return written;
}

std::string Http2Call::Peer() const {
  return connection_.Peer();
}

void Http2Call::Cut() {
  cut_ = true;
}

// --- the request's body ---

std::optional<Result<Chunk>> Http2Call::Buffered() {
  std::optional<Chunk> chunk = stream_.Buffered();
  if (!chunk) return std::nullopt;
  return *chunk;
}

net::Task<Result<Chunk>> Http2Call::Read() {
  const std::optional<Chunk> chunk = co_await stream_.Read();
  if (chunk) co_return *chunk;
  co_return Failure{FailureKind::kCancelled, "the application broke off inside the body of its request"};
}

}  // namespace naru::call
