// One connection of the application: reads its requests one after the other and carries each as a call.
//
// Pipelined requests wait in the socket, answered in order. While it waits for a request it holds neither a
// buffer nor a Call. Owned by its worker, on whose thread it lives; it tells the worker when it has ended.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "sidecar/call/answer_call.h"
#include "sidecar/call/http1_request_body.h"
#include "sidecar/http/http1_head.h"

namespace naru::call {

struct DownstreamFraming;

class Http1Downstream final : public DownstreamConnection, private AnswerWriter {
 public:
  static constexpr Duration kIdleLimit = std::chrono::minutes(10);  // between requests
  static constexpr Duration kHeadLimit = std::chrono::seconds(10);  // from a head's first byte to its last
  static constexpr Duration kLingerLimit =
      std::chrono::seconds(2);  // for the application to read a last answer
  static constexpr Duration kRecheckGone = std::chrono::milliseconds(100);

  // Takes ownership of `fd`.
  Http1Downstream(DownstreamHost& host, int fd, AcceptedAt accepted_at);
  ~Http1Downstream() override;

  void Start() override { net::Spawn(Serve()); }
  // A new connection is not idle: what it was opened for is on its way.
  bool idle() const override { return block_ == nullptr && has_served_ && !socket_->readable(); }
  void Abort() override;
  // The next answer says that it is the last. An idle connection is left alone: its next request may be on
  // its way.
  void Drain() override { draining_ = true; }
  bool http2() const override { return false; }
  const AcceptedAt& accepted_at() const override { return accepted_at_; }

 private:
  enum class HeadResult { kReceived, kEnd };

  net::Task<void> Serve();
  net::Task<HeadResult> ReceiveHead();
  void MakeRoom();
  // True when a whole, sound head was found; otherwise `refused` may say why the connection must end.
  bool FindHead(std::optional<Failure>& refused);
  Failure LateHead();
  net::Task<void> Refuse(Failure failure);

  net::Task<void> CarryCall();
  // True if the rest of the request's body was here already and is gone now.
  bool DiscardReceivedBody();

  // --- AnswerWriter ---
  net::Task<void> ForwardInformational(const http::ResponseHead& head) override;
  std::string Peer() const override;
  void BeginAnswer(const Response& response) override;
  net::Task<bool> WritePart(Chunk chunk, const http::FieldList& trailers) override;
  net::Task<bool> WriteFailure(const Failure& failure) override;
  void Cut() override;
  void StopWriting() override { socket_->Cancel(net::IoError::kCancelled); }
  Duplex& tunnel() override;

  // Writes what block_->out holds and a piece of the body. False when the application does not take it.
  net::Task<bool> Write(Chunk chunk, http::Framing::Kind framing, const http::FieldList& trailers);
  net::Task<bool> WriteOut();

  // The first bytes are, or may become, the preface of HTTP/2.
  enum class Preface { kNo, kIncomplete, kYes };
  Preface LooksLikeHttp2() const;
  // The request asks for h2c and may have it; if it may not, it no longer asks.
  bool AsksForHttp2();
  // Hands the connection over; this object ends without touching it.
  void ContinueAsHttp2(std::unique_ptr<http::Http2HeadBlock> upgraded, std::string settings);
  net::Task<void> UpgradeToHttp2();

  // The application has sent FIN or the connection broke while a call was in progress.
  static void OnApplicationFinished(void* self);
  void CheckApplication();
  static void OnRecheck(void* self);
  static void OnTimer(void* self);

  DownstreamHost& host_;
  std::optional<net::Socket> socket_;  // nothing: handed over to HTTP/2
  const AcceptedAt accepted_at_;
  net::Timer timer_;
  std::optional<net::Timer> recheck_;  // while an application has half-closed: is it still there?
  Received received_;
  std::unique_ptr<CallBlock> block_;
  // Made with the first body, so that connections that only GET stay small.
  std::unique_ptr<Http1RequestBody> body_;
  std::unique_ptr<SocketDuplex> tunnel_;
  http::HeadScanner scanner_;
  http::Framing::Kind answer_framing_ = http::Framing::Kind::kNone;
  bool has_served_ = false;
  bool head_arrives_ = false;  // its first byte has come, its last has not
  bool head_late_ = false;     // and did not within kHeadLimit
  bool stay_open_ = true;
  bool draining_ = false;
  bool application_finished_ = false;  // it has sent FIN and nothing of it is left to read
  bool cut_ = false;                   // ends without ceremony: the answer is incomplete, or nobody is there
};

}  // namespace naru::call
