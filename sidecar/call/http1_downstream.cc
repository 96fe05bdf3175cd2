#include "sidecar/call/http1_downstream.h"

#include <cstring>
#include <utility>

#include "sidecar/call/attempt.h"
#include "sidecar/call/compose_head.h"
#include "sidecar/call/error_answer.h"
#include "sidecar/call/message_writer.h"
#include "sidecar/http/http2_session.h"
#include "sidecar/net/lingering_close.h"
#include "sidecar/net/peer_state.h"

namespace naru::call {
namespace {

using http::Framing;
using net::IoError;
using net::IoResult;

constexpr const char* kSpeaksTls =
    "this is TLS, and naru speaks plain HTTP with applications: call http://... instead of https://...";

}  // namespace

Http1Downstream::Http1Downstream(DownstreamHost& host, int fd, AcceptedAt accepted_at)
    : host_(host),
      socket_(std::in_place, host.loop(), fd, net::Socket::State::kConnected),
      accepted_at_(accepted_at),
      timer_(&Http1Downstream::OnTimer, this) {}

Http1Downstream::~Http1Downstream() = default;

void Http1Downstream::OnTimer(void* self) {
  auto* connection = static_cast<Http1Downstream*>(self);
  if (connection->head_arrives_) {
    connection->head_late_ = true;
    connection->socket_->CancelRead(IoError::kTimeout);  // the answer that says so has to be written yet
  } else {
    connection->socket_->Cancel(IoError::kTimeout);
  }
}

void Http1Downstream::Abort() {
  if (!socket_) return;
  stay_open_ = false;
  if (block_ != nullptr)
    block_->call.cancellation.Cancel({FailureKind::kShuttingDown, "naru is shutting down"});
  socket_->Cancel(IoError::kCancelled);
}

net::Task<void> Http1Downstream::Serve() {
  while (stay_open_) {
    const HeadResult head = co_await ReceiveHead();
    if (head == HeadResult::kEnd || !stay_open_) break;  // Abort may have come with the head
    if (AsksForHttp2()) {
      co_await UpgradeToHttp2();
      break;
    }
    co_await CarryCall();
    has_served_ = true;
    if (body_ != nullptr && stay_open_) body_->HandOver(received_);
    if (received_.empty()) received_.Release();
    scanner_.Reset();
    host_.GiveBack(std::move(block_));
  }
  if (block_ != nullptr) host_.GiveBack(std::move(block_));
  received_.Release();
  if (!socket_) {
    host_.Gone(*this);
    co_return;
  }
  if (cut_) {
    socket_->ResetOnClose();
  } else if (!application_finished_) {
    timer_.Disarm();
    co_await net::LingeringClose(*socket_, host_.buffers(), kLingerLimit);
  }
  host_.Gone(*this);
}

// --- receiving a request ---

net::Task<Http1Downstream::HeadResult> Http1Downstream::ReceiveHead() {
  while (true) {
    std::optional<Failure> refused;
    const Preface preface = received_.empty() ? Preface::kNo : LooksLikeHttp2();
    if (preface == Preface::kYes) {
      ContinueAsHttp2(nullptr, {});
      co_return HeadResult::kEnd;
    }
    if (!received_.empty() && preface == Preface::kNo && FindHead(refused)) {
      timer_.Disarm();
      head_arrives_ = false;
      co_return HeadResult::kReceived;
    }
    if (!refused && head_late_) refused = LateHead();
    if (refused) {
      co_await Refuse(std::move(*refused));
      co_return HeadResult::kEnd;
    }
    if (!head_arrives_) {
      head_arrives_ = !received_.empty();
      const Duration limit = head_arrives_ ? kHeadLimit : kIdleLimit;
      host_.loop().timers().Arm(timer_, host_.loop().now() + limit);
    }
    if (received_.empty()) {
      received_.Release();
      const IoResult ready = co_await socket_->WaitReadable();
      if (!ready.ok()) co_return HeadResult::kEnd;
    }
    MakeRoom();
    const IoResult got = co_await socket_->Read(
        {received_.buffer.data() + received_.end, received_.buffer.capacity() - received_.end});
    if (got.error == IoError::kTimeout && head_late_) continue;
    if (!got.ok()) {
      application_finished_ = got.error == IoError::kEof;
      co_return HeadResult::kEnd;
    }
    received_.end += got.bytes;
  }
}

// So that a read has somewhere to go.
void Http1Downstream::MakeRoom() {
  if (received_.empty()) {
    received_.buffer = host_.buffers().Small();
  } else if (received_.end == received_.buffer.capacity()) {
    net::Buffer larger = host_.buffers().OfSize(http::kMaxHeadBytes + net::BufferPool::kSmallBytes);
    std::memcpy(larger.data(), received_.data(), received_.size());
    received_.end = received_.size();
    received_.begin = 0;
    received_.buffer = std::move(larger);
  }
}

bool Http1Downstream::FindHead(std::optional<Failure>& refused) {
  using Verdict = http::HeadScanner::Verdict;
  if (block_ == nullptr) block_ = host_.TakeBlock();
  const Verdict verdict = scanner_.Scan({received_.data(), received_.size()});
  if (verdict == Verdict::kMalformed)
    refused = Failure{FailureKind::kBadRequest, std::string(scanner_.problem())};
  if (verdict == Verdict::kTooLarge)
    refused = Failure{FailureKind::kHeadTooLarge, "the head is larger than 64 KiB"};
  if (verdict != Verdict::kComplete) {
    const std::string_view bytes(received_.data(), received_.size());
    if (!has_served_ && http::LooksLikeTls(bytes)) refused = Failure{FailureKind::kBadRequest, kSpeaksTls};
    if (refused) http::ReadRequestLineOnly(bytes.substr(scanner_.begin()), block_->call.head);
    return false;
  }
  const std::string_view head(received_.data() + scanner_.begin(), scanner_.end() - scanner_.begin());
  const std::string_view problem = http::ParseRequestHead(head, block_->call.head);
  if (!problem.empty()) refused = Failure{FailureKind::kBadRequest, std::string(problem)};
  received_.begin += scanner_.end();
  return problem.empty();
}

Failure Http1Downstream::LateHead() {
  if (block_ == nullptr) block_ = host_.TakeBlock();
  http::ReadRequestLineOnly(std::string_view(received_.data(), received_.size()).substr(scanner_.begin()),
                            block_->call.head);
  return {FailureKind::kHeadTimeout,
          "the head was not complete " + Milliseconds(kHeadLimit) + " after its first byte"};
}

// A message that cannot be understood: what follows it on the connection cannot be either.
net::Task<void> Http1Downstream::Refuse(Failure failure) {
  timer_.Disarm();
  head_arrives_ = false;
  stay_open_ = false;
  Call& call = block_->call;
  call.started = host_.loop().ReadClock();
  call.snapshot = host_.snapshot();
  call.downstream = this;
  Result<Response> refused(std::move(failure));
  const Ending ending = co_await AnswerCall(host_, call, refused, *this);
  host_.stack().Finish(call, ending);
}

// --- carrying a call ---

net::Task<void> Http1Downstream::CarryCall() {
  Call& call = block_->call;
  call.started = host_.loop().ReadClock();
  call.snapshot = host_.snapshot();
  call.service_port = accepted_at_.service_port;
  call.downstream = this;
  stay_open_ = call.head.keep_alive && !draining_;
  if (call.head.body.kind != Framing::Kind::kNone) {
    if (body_ == nullptr) body_ = std::make_unique<Http1RequestBody>(*socket_, host_.buffers());
    body_->Start(call.head, received_);
    if (!body_->complete()) call.body = body_.get();
  }
  host_.CountCall(1);
  socket_->set_peer_finished_hook(&Http1Downstream::OnApplicationFinished, this);
  if (socket_->peer_finished()) CheckApplication();
  Result<Response> result = co_await host_.stack().Carry(call);
  const Ending ending = co_await AnswerCall(host_, call, result, *this);
  socket_->set_peer_finished_hook(nullptr, nullptr);
  recheck_.reset();
  timer_.Disarm();
  if (!call.TryEndAttempt()) co_await call.EndAttempt();
  host_.stack().Finish(call, ending);
  host_.CountCall(-1);
}

void Http1Downstream::BeginAnswer(const Response& response) {
  Call& call = block_->call;
  // A body that the application is still sending cannot be skipped, only left behind with the connection.
  if (call.body != nullptr && !body_->complete()) stay_open_ = false;
  const bool tunnel = response.head->status == 101;
  const DownstreamFraming framing = FrameAnswer(*response.head, call.head.minor_version, stay_open_);
  if (framing.close || tunnel) stay_open_ = false;
  if (tunnel) socket_->set_peer_finished_hook(nullptr, nullptr);
  answer_framing_ = tunnel ? Framing::Kind::kNone : framing.kind;
  block_->out.clear();
  AppendAnswerHead(block_->out, *response.head, framing, call.head.minor_version);
}

net::Task<bool> Http1Downstream::WritePart(Chunk chunk, const http::FieldList& trailers) {
  return Write(chunk, answer_framing_, trailers);
}

std::string Http1Downstream::Peer() const {
  return net::DescribePeer(socket_->fd());
}

void Http1Downstream::Cut() {
  cut_ = true;
  stay_open_ = false;
}

Duplex& Http1Downstream::tunnel() {
  tunnel_ = std::make_unique<SocketDuplex>(*socket_, host_.buffers());
  tunnel_->set_already_read({received_.data(), received_.size()});
  received_.begin = received_.end;  // the buffer stays: the head, which the log may still want, is in it
  return *tunnel_;
}

// A reader that takes nothing for too long is gone for all we know.
net::Task<bool> Http1Downstream::Write(Chunk chunk, Framing::Kind framing, const http::FieldList& trailers) {
  const Call& call = block_->call;
  const Duration limit = call.plan == nullptr ? kLingerLimit : call.policy().idle_timeout;
  MessageWrite write(*socket_, block_->out, chunk, framing, trailers);
  if (!write.TryNow()) host_.loop().timers().Arm(timer_, host_.loop().now() + limit);
  const IoResult written = co_await write;
  timer_.Disarm();
  if (!written.ok()) Cut();
  co_return written.ok();
}

net::Task<bool> Http1Downstream::WriteOut() {
  static const http::FieldList kNoTrailers;
  return Write({}, Framing::Kind::kNone, kNoTrailers);
}

net::Task<bool> Http1Downstream::WriteFailure(const Failure& failure) {
  Call& call = block_->call;
  const bool body_left = call.body != nullptr && !DiscardReceivedBody();
  if (body_left || failure.kind == FailureKind::kBadRequest ||
      failure.kind == FailureKind::kHttpsOverConnect) {
    stay_open_ = false;
  }
  block_->out.clear();
  AppendErrorAnswer(block_->out, call, failure, !stay_open_, host_.loop().ReadClock());
  return WriteOut();
}

// A small body has come together with its head: taking it off costs nothing and saves the application a
// reconnect.
bool Http1Downstream::DiscardReceivedBody() {
  while (!body_->complete()) {
    const std::optional<Result<Chunk>> chunk = body_->Buffered();
    if (!chunk || !chunk->ok()) return false;
  }
  return true;
}

net::Task<void> Http1Downstream::ForwardInformational(const http::ResponseHead& head) {
  if (block_->call.head.minor_version == 0) co_return;  // HTTP/1.0 does not know them (RFC 9110 15.2)
  block_->out.clear();
  AppendInformationalHead(block_->out, head);
  co_await WriteOut();
}

// --- becoming HTTP/2 ---

Http1Downstream::Preface Http1Downstream::LooksLikeHttp2() const {
  if (has_served_) return Preface::kNo;
  const std::string_view bytes(received_.data(), received_.size());
  if (bytes.starts_with(http::kHttp2Preface)) return Preface::kYes;
  return http::kHttp2Preface.starts_with(bytes) ? Preface::kIncomplete : Preface::kNo;
}

// RFC 7540 3.2. What cannot have it is carried as HTTP/1: a server may ignore the wish. It is never passed
// on, or the connection would become one that no policy looks into.
bool Http1Downstream::AsksForHttp2() {
  http::RequestHead& head = block_->call.head;
  if (!head.fields.HasToken(http::FieldId::kUpgrade, "h2c")) return false;
  const bool granted = head.upgrade && head.fields.Count(http::FieldId::kHttp2Settings) == 1 &&
                       http::IsHttp2SettingsField(head.fields.Find(http::FieldId::kHttp2Settings)->value);
  head.upgrade = false;
  return granted;
}

net::Task<void> Http1Downstream::UpgradeToHttp2() {
  timer_.Disarm();
  http::RequestHead& head = block_->call.head;
  auto request = std::make_unique<http::Http2HeadBlock>();
  http::MarkHopByHop(head.fields);
  ToHttp2Block(head, *request);
  std::string settings(head.fields.Find(http::FieldId::kHttp2Settings)->value);
  block_->out = "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n";
  const bool written = co_await WriteOut();
  if (written) ContinueAsHttp2(std::move(request), std::move(settings));
}

void Http1Downstream::ContinueAsHttp2(std::unique_ptr<http::Http2HeadBlock> upgraded, std::string settings) {
  timer_.Disarm();
  const int fd = socket_->Release();
  socket_.reset();
  host_.Continue({fd, accepted_at_, std::move(received_), std::move(upgraded), std::move(settings)});
}

// --- the end of the connection ---

void Http1Downstream::OnApplicationFinished(void* self) {
  static_cast<Http1Downstream*>(self)->CheckApplication();
}

void Http1Downstream::CheckApplication() {
  Call& call = block_->call;
  const Failure gone{FailureKind::kCancelled, "the application closed its connection"};
  if (socket_->broken()) {
    call.cancellation.Cancel(gone);
    return;
  }
  // A Unix socket whose other end is closed is broken; one that is only finished is not.
  if (accepted_at_.unix_socket) return;
  if (net::StateOfPeer(socket_->fd()) != net::PeerState::kOpen) {
    call.cancellation.Cancel(gone);
    return;
  }
  recheck_.emplace(&Http1Downstream::OnRecheck, this);
  host_.loop().timers().Arm(*recheck_, host_.loop().now() + kRecheckGone);
}

void Http1Downstream::OnRecheck(void* self) {
  auto* connection = static_cast<Http1Downstream*>(self);
  if (connection->block_ != nullptr) connection->CheckApplication();
}

}  // namespace naru::call
