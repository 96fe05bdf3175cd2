// One connection of the application: reads its requests one after the other and carries each as a call.
//
// Pipelined requests wait in the socket, answered in order. While it waits for a request it holds neither a
// buffer nor a Call. Owned by its worker, on whose thread it lives; it tells the worker when it has ended.
#pragma once

#include <boost/intrusive/list.hpp>
#include <memory>
#include <optional>
#include <string>

#include "sidecar/call/call.h"
#include "sidecar/call/http1_request_body.h"
#include "sidecar/call/outbound_stack.h"
#include "sidecar/http/http1_head.h"

namespace naru::call {

class Http1Downstream;
struct DownstreamFraming;

// A pooled block: what one call needs besides its connection.
struct CallBlock {
  Call call;
  std::string out;  // what is being written to the application
};

// What the connections of one worker share; implemented by the worker.
class DownstreamHost {
 public:
  virtual ~DownstreamHost() = default;
  virtual net::EventLoop& loop() = 0;
  virtual net::BufferPool& buffers() = 0;
  virtual OutboundStack& stack() = 0;
  virtual std::shared_ptr<const Snapshot> snapshot() = 0;
  virtual int worker() const = 0;
  virtual std::unique_ptr<CallBlock> TakeBlock() = 0;
  virtual void GiveBack(std::unique_ptr<CallBlock> block) = 0;
  // A call began (+1) or ended (-1).
  virtual void CountCall(int change) = 0;
  // The connection has ended; the host destroys it.
  virtual void Gone(Http1Downstream& connection) = 0;
};

// Where a connection was accepted.
struct AcceptedAt {
  uint16_t service_port = 0;  // 0: the shared port or a Unix socket
  bool unix_socket = false;
};

class Http1Downstream final
    : public Downstream,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  static constexpr Duration kIdleLimit = std::chrono::minutes(10);  // between requests
  static constexpr Duration kHeadLimit = std::chrono::seconds(10);  // from a head's first byte to its last
  static constexpr Duration kLingerLimit =
      std::chrono::seconds(2);  // for the application to read a last answer
  static constexpr Duration kRecheckGone = std::chrono::milliseconds(100);

  // Takes ownership of `fd`.
  Http1Downstream(DownstreamHost& host, int fd, AcceptedAt accepted_at);
  ~Http1Downstream() override;

  // Serves until the connection ends, then tells the host.
  void Start() { net::Spawn(Serve()); }

  // Between two requests. A new connection is not: what it was opened for is on its way.
  bool idle() const { return block_ == nullptr && has_served_ && !socket_.readable(); }
  // Ends it soon: an idle connection is closed, a call in progress is cancelled.
  void Abort();

  net::Task<void> ForwardInformational(const http::ResponseHead& head) override;

 private:
  enum class HeadResult { kReceived, kEnd };

  net::Task<void> Serve();
  net::Task<HeadResult> ReceiveHead();
  net::Task<bool> ReceiveMore();
  // True when a whole, sound head was found; otherwise `refused` may say why the connection must end.
  bool FindHead(std::optional<Failure>& refused);
  net::Task<void> Refuse(Failure failure);

  net::Task<void> CarryCall();
  net::Task<Ending> Answer(Result<Response>& result);
  net::Task<Ending> PassOn(const Response& response);
  net::Task<Ending> RelayBody(const Response& response, const DownstreamFraming& framing, Ending ending);
  net::Task<Ending> AnswerFailure(const Failure& failure);
  // True if the rest of the request's body was here already and is gone now.
  bool DiscardReceivedBody();
  net::Task<Ending> RunTunnel();
  // Writes what block_->out holds and a piece of the body. False when the application does not take it.
  net::Task<bool> WritePart(Chunk chunk, http::Framing::Kind framing, const http::FieldList& trailers);
  net::Task<bool> WriteOut();
  Ending BreakOff(Failure failure, int status);
  net::Task<void> Linger();
  void RecordOverhead();

  // The application has sent FIN or the connection broke while a call was in progress.
  static void OnApplicationFinished(void* self);
  void CheckApplication();
  static void OnRecheck(void* self);
  static void OnTimer(void* self);
  // The call was cancelled while its answer went out.
  static void OnCallCancelled(void* self);

  DownstreamHost& host_;
  net::Socket socket_;
  const AcceptedAt accepted_at_;
  net::Timer timer_;
  std::optional<net::Timer> recheck_;  // while an application has half-closed: is it still there?
  Received received_;
  std::unique_ptr<CallBlock> block_;
  // Made with the first body, so that connections that only GET stay small.
  std::unique_ptr<Http1RequestBody> body_;
  http::HeadScanner scanner_;
  bool has_served_ = false;
  bool stay_open_ = true;
  bool application_finished_ = false;  // it has sent FIN and nothing of it is left to read
  bool cut_ = false;                   // ends without ceremony: the answer is incomplete, or nobody is there
};

}  // namespace naru::call
