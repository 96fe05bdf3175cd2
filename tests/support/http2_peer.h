// One end of an HTTP/2 connection as a test plays it: a real session whose streams write down what they
// received and send what they are told. Knows no sockets.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/http/http2_session.h"

namespace naru {

class Http2Peer;

using OwnedFields = std::vector<std::pair<std::string, std::string>>;

class PeerStream final : public http::Http2StreamHandler {
 public:
  explicit PeerStream(Http2Peer& peer) : peer_(peer) {}

  // --- what the other end has sent ---
  int32_t id = 0;
  std::string head;                        // "name: value\n" for every field; 1xx ones excluded
  std::vector<std::string> informational;  // heads of 1xx answers
  std::string body;
  std::string trailers;
  bool head_too_large = false;
  bool was_reset = false;  // by the other end
  bool ended = false;      // it has finished sending
  bool closed = false;     // the stream is over
  http::Http2Error error = http::Http2Error::kNoError;
  // All of it: head, "body", trailers with a '+' before them, "[end]", "[closed CANCEL]".
  std::string Transcript() const;
  // The value of a field of the head, or of the trailers; "none" when there is none.
  std::string Field(std::string_view name) const;
  std::string Trailer(std::string_view name) const;

  // Credit for what was received goes back at once; off, it does when Consume is called.
  bool reads = true;
  void Consume(size_t bytes);

  // --- what this end sends ---
  void Answer(const OwnedFields& fields, bool has_body = false);
  void Inform(const OwnedFields& fields);
  // Part of the body; `with_trailers` go behind the last.
  void Send(std::string_view bytes, bool last = false, OwnedFields with_trailers = {});
  // Ends a body that was promised.
  void Finish(OwnedFields with_trailers = {}) { Send({}, true, std::move(with_trailers)); }
  // Bytes of the body that have not left.
  size_t unsent() const { return sending_.size() - taken_; }
  void Reset(http::Http2Error with);

 private:
  void OnHeaders(http::Http2HeadBlock& block, bool ends, bool too_large) override;
  void OnData(std::string_view bytes) override;
  void OnEnd() override { ended = true; }
  void OnPeerReset() override { was_reset = true; }
  void OnClosed(http::Http2Error with) override;
  Offer OfferBody() override;
  std::string_view TakeBody(size_t bytes) override;
  void AppendTrailers(http::Http2Fields& fields) override;

  Http2Peer& peer_;
  std::string sending_;
  size_t taken_ = 0;
  bool last_ = false;
  OwnedFields sending_trailers_;
};

class Http2Peer final : private http::Http2Session::Events {
 public:
  using Role = http::Http2Session::Role;
  explicit Http2Peer(Role role) : session_(role, *this) {}

  http::Http2Session& session() { return session_; }
  // The streams in the order in which they began.
  PeerStream& stream(size_t index) { return *streams_[index]; }
  size_t streams() const { return streams_.size(); }
  // "settings", "goaway NO_ERROR", "ping answered", "unsendable 3"; in their order.
  std::vector<std::string> events;
  bool Saw(std::string_view event) const;

  bool refuses = false;  // whatever is asked
  // Looks at every header block before its stream does; may be empty.
  std::function<void(const http::Http2HeadBlock& block, bool ends)> on_block;
  // Begins a request. Its id is negative when the session takes no more.
  PeerStream& Request(const OwnedFields& fields, bool has_body = false);
  // As UpgradeFromHttp1; false when the session refuses.
  bool Upgrade(std::string_view settings_base64, bool is_head = false);

  // False once the session has said that it cannot go on.
  bool Receive(std::string_view bytes);
  // Everything that is to be sent now.
  std::string Take();

 private:
  http::Http2StreamHandler* OnRequest(int32_t stream) override;
  void OnSettings() override { events.emplace_back("settings"); }
  void OnGoAway(http::Http2Error error) override;
  void OnPingAnswered() override { events.emplace_back("ping answered"); }
  void OnUnsendable(int32_t stream) override;

  PeerStream& Add();

  std::deque<std::unique_ptr<PeerStream>> streams_;
  http::Http2Session session_;
};

// A request of `method` for `path` of the service courses; more fields behind.
OwnedFields RequestFields(std::string method, std::string path, OwnedFields more = {});
OwnedFields GrpcRequestFields(std::string path, OwnedFields more = {});
OwnedFields AnswerFields(int status, OwnedFields more = {});
http::Http2Fields ToFields(const OwnedFields& fields);

}  // namespace naru
