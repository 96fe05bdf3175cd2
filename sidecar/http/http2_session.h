// One HTTP/2 connection, either end, on nghttp2 (RFC 9113). Sans-I/O: bytes come in and become events,
// commands become bytes that go out.
//
// nghttp2 keeps the rules of the protocol: states, flow control, HPACK, malformed messages. Nothing is sent
// by itself: after Receive or a command, Fill takes what is to be written. Bodies are pulled from the streams
// as flow control allows. The receive window of a stream opens only as its bytes are consumed; that of the
// connection at once, so that one slow stream does not hold up the others.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "sidecar/http/http2_frame_scanner.h"
#include "sidecar/http/http2_head_block.h"

struct nghttp2_session;

namespace naru::http {

// RFC 9113 7.
enum class Http2Error : uint32_t {
  kNoError = 0x0,
  kProtocolError = 0x1,
  kInternalError = 0x2,
  kStreamClosed = 0x5,
  kRefusedStream = 0x7,
  kCancel = 0x8,
  kEnhanceYourCalm = 0xb,
  // naru's own words, which are never sent:
  kMalformed = 0xfffffffd,       // the peer broke the rules, of this stream or of the whole connection
  kNotSent = 0xfffffffe,         // the request never left
  kConnectionLost = 0xffffffff,  // the connection ended under the stream
};

// Of nghttp2, such as "1.52.0".
std::string_view Http2LibraryVersion();

// "CANCEL", as logs and error texts say it.
std::string_view WordOf(Http2Error error);

// True if this may stand in HTTP2-Settings: base64url of whole settings (RFC 7540 3.2.1).
bool IsHttp2SettingsField(std::string_view value);

// True if bytes that should be an answer of HTTP/1 are the SETTINGS frame with which an HTTP/2 server begins.
bool LooksLikeHttp2Settings(std::string_view bytes);

inline constexpr std::string_view kHttp2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";  // RFC 9113 3.4

// One stream, as the session sees it. Called from inside Receive and Fill: it must neither call these nor
// destroy the session.
class Http2StreamHandler {
 public:
  // A whole header block. Its memory may be taken by Swap. `too_large`: it was over the limit and is cut.
  virtual void OnHeaders(Http2HeadBlock& block, bool ends, bool too_large) = 0;
  // Part of the body: credit for it returns by Http2Session::Consume.
  virtual void OnData(std::string_view bytes) = 0;
  // The peer has finished sending on this stream.
  virtual void OnEnd() = 0;
  // The peer resets the stream: what closes without that was found malformed by us.
  virtual void OnPeerReset() = 0;
  // The stream is over and has forgotten the handler; for a clean end the code is kNoError.
  virtual void OnClosed(Http2Error error) = 0;

  // What could be sent of the body now.
  struct Offer {
    size_t bytes = 0;
    bool last = false;      // nothing follows these bytes
    bool trailers = false;  // but for trailers
  };
  virtual Offer OfferBody() = 0;
  // Takes `bytes` of what was offered; all of an offer that was the last ends the body.
  virtual std::string_view TakeBody(size_t bytes) = 0;
  virtual void AppendTrailers(Http2Fields& fields) = 0;

 protected:
  ~Http2StreamHandler() = default;
};

// Hears of every frame and of what nghttp2 finds wrong, one line each; empty: nobody listens, at no cost.
using Http2Trace = std::function<void(std::string_view line)>;

class Http2Session {
 public:
  enum class Role : uint8_t { kServer, kClient };

  // Called from inside Receive.
  class Events {
   public:
    // A request begins: its handler, or nothing to refuse it (REFUSED_STREAM).
    virtual Http2StreamHandler* OnRequest(int32_t stream) = 0;
    virtual void OnSettings() = 0;
    virtual void OnGoAway(Http2Error error) = 0;
    virtual void OnPingAnswered() = 0;
    // A request that was submitted could not be sent any more and never will be.
    virtual void OnUnsendable(int32_t stream) = 0;

   protected:
    ~Events() = default;
  };

  static constexpr size_t kMaxHeaderListBytes = 64 * 1024;
  static constexpr size_t kMaxFields = 256;
  // A list so much over the limit is an attack on memory (RFC 7541 7.3), not a mistake.
  static constexpr size_t kAbusiveHeaderListBytes = 4 * kMaxHeaderListBytes;
  static constexpr uint32_t kMaxStreams = 512;                         // of one application's connection
  static constexpr int32_t kRequestWindowBytes = 128 * 1024;           // of one request's body
  static constexpr int32_t kAnswerWindowBytes = 256 * 1024;            // of one answer's body
  static constexpr int32_t kConnectionWindowBytes = 16 * 1024 * 1024;  // consumed at once

  Http2Session(Role role, Events& events, Http2Trace trace = {});
  ~Http2Session();
  Http2Session(const Http2Session&) = delete;
  Http2Session& operator=(const Http2Session&) = delete;

  // Takes bytes of the peer. False when the connection cannot go on: what Fill then gives, a GOAWAY, is the
  // last.
  [[nodiscard]] bool Receive(std::string_view bytes);
  // True when the peer sent a header list so large that it must be an attack.
  bool header_list_abused() const { return header_list_abused_; }

  // True when so many answers that the protocol demands, to PING mostly, are unsent that there is no end to
  // it.
  bool flooded() const { return flooded_; }

  // Writes what is to be sent into `into`, which is at least 16 KiB; returns how much that is. 0: nothing
  // now.
  size_t Fill(std::span<char> into);
  bool WantsToSend() const;
  // False once nothing more can come or go: the connection may be closed.
  bool IsAlive() const;

  // The first request of a connection that came as `Upgrade: h2c` (RFC 7540 3.2): makes stream 1 of it, which
  // has been received whole. False when the settings are malformed.
  bool UpgradeFromHttp1(std::string_view settings_base64, bool is_head, Http2StreamHandler& handler);

  // Returns the stream, or a negative number when no further stream can begin on this connection.
  int32_t SubmitRequest(const Http2Fields& fields, bool has_body, Http2StreamHandler& handler);
  void SubmitAnswer(int32_t stream, const Http2Fields& fields, bool has_body);
  void SubmitInformational(int32_t stream, const Http2Fields& fields);
  // The head of this request has been framed.
  bool HasBegun(int32_t stream) const;
  // The peer has opened this stream, and it is closed.
  bool IsOver(int32_t stream) const;
  // OfferBody has something again.
  void ResumeBody(int32_t stream);
  // Returns credit for bytes that OnData brought.
  void Consume(int32_t stream, size_t bytes);
  // Ends the stream; its handler is forgotten.
  void Reset(int32_t stream, Http2Error error);
  // Forgets the handler of a stream that goes on to its end by itself.
  void Detach(int32_t stream);

  void Ping();
  // The two steps of an orderly end (RFC 9113 6.8): first "no more soon", a round trip later "none from now".
  void AnnounceGoAway();
  void GoAway(Http2Error error);

  // How many streams the peer lets us have open at once.
  uint32_t peer_max_streams() const;
  // The peer takes extended CONNECT (RFC 8441 3).
  bool peer_takes_extended_connect() const;

 private:
  struct Callbacks;
  bool Feed(std::string_view bytes);
  // A request's stream that is closed, but not by a reset of ours, or was skipped.
  bool IsGone(int32_t stream) const;
  // The last of some kind of streams.
  struct Remembered {
    std::array<int32_t, 64> streams{};
    size_t next = 0;
    void Add(int32_t stream) { streams[next++ % streams.size()] = stream; }
    bool Has(int32_t stream) const;
  };

  const Role role_;
  Events& events_;
  const Http2Trace trace_;
  std::unique_ptr<nghttp2_session, void (*)(nghttp2_session*)> session_;
  Http2HeadBlock block_;  // the header block that is arriving: one at a time (RFC 9113 4.3)
  size_t block_bytes_ = 0;
  bool block_too_large_ = false;
  bool header_list_abused_ = false;
  bool flooded_ = false;
  bool names_sent_ = false;    // a first request has put its names into the peer's table
  int32_t last_request_ = 0;   // the highest stream that the peer has opened
  int32_t reset_by_peer_ = 0;  // the last one
  Remembered reset_by_us_;     // frames that crossed our RST_STREAM may still come on these (RFC 9113 5.1)
  Remembered closed_;
  Http2FrameScanner scanner_{kHttp2Preface.size()};
  std::span<char> filling_;  // of Fill
  size_t filled_ = 0;        // of filling_
  std::string_view unsent_;  // of a frame that did not fit, in memory of nghttp2
};

}  // namespace naru::http
