// One HTTP/2 connection, downstream or upstream: a socket, a session, and the two coroutines between them.
//
// The reader hands what comes to the session; the writer sends what the session has, at the end of the turn
// of the loop in which it came up, so that the frames of many streams leave in one system call. While nothing
// moves, the connection holds no buffer. Owned by Http2Downstream or Http2Upstream, on one worker.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "resilience/time.h"
#include "sidecar/call/frame_guard.h"
#include "sidecar/call/http2_stream.h"
#include "sidecar/http/http2_session.h"
#include "sidecar/net/buffer_pool.h"
#include "sidecar/net/socket.h"
#include "sidecar/net/task.h"

namespace naru::call {

using resilience::Duration;
using resilience::TimePoint;

class Http2Connection final : private http::Http2Session::Events {
 public:
  // Told while frames are being read, but for OnReceived, which comes right after.
  class Owner {
   public:
    // A request begins: its stream, or nothing to refuse it.
    virtual Http2Stream* OnRequest() = 0;
    // All that one read brought has been taken.
    virtual void OnReceived() = 0;
    virtual void OnSettings() = 0;
    virtual void OnGoAway() = 0;
    virtual void OnPingAnswered() = 0;
    // The peer went too far in this: the connection ends with ENHANCE_YOUR_CALM.
    virtual void OnAbuse(resilience::AbuseKind kind) = 0;
    // The last open stream has gone.
    virtual void OnNoStreams() = 0;

   protected:
    ~Owner() = default;
  };

  // Takes ownership of `fd`.
  Http2Connection(net::EventLoop& loop, net::BufferPool& buffers, int fd, net::Socket::State state,
                  http::Http2Session::Role role, Owner& owner, http::Http2Trace trace = {});

  // Carries frames until the connection is over, then closes every stream that is left. `first`, a part of
  // `buffer`, has been received already.
  net::Task<void> Run(net::Buffer buffer, std::string_view first);

  // Ends the connection soon: a last GOAWAY is sent, then Run returns.
  void End(http::Http2Error error);
  // Ends it without another word.
  void Abort();
  bool ended() const { return ended_; }

  net::Socket& socket() { return socket_; }
  http::Http2Session& session() { return session_; }
  net::EventLoop& loop() { return socket_.loop(); }
  size_t streams() const { return streams_; }
  TimePoint last_received() const { return last_received_; }
  // What the peer said first was an answer of HTTP/1.
  bool spoke_http1() const { return spoke_http1_; }
  // Something is there to be sent.
  void Kick();

  // Begins a request on `stream`. False when the connection takes no more.
  bool Open(Http2Stream& stream, const http::Http2Fields& fields, bool has_body);
  // Makes `stream` the first one of a connection that was upgraded from HTTP/1.
  bool Upgrade(Http2Stream& stream, std::string_view settings_base64, bool is_head);

 private:
  friend class Http2Stream;
  static constexpr Duration kLingerLimit = std::chrono::seconds(1);  // for a last GOAWAY to leave

  // --- for the streams ---
  void ResumeBody(int32_t id);
  void Consume(int32_t id, size_t bytes);
  void SubmitAnswer(int32_t id, const http::Http2Fields& fields, bool has_body);
  void SubmitInformational(int32_t id, const http::Http2Fields& fields);
  void Reset(Http2Stream& stream, http::Http2Error error);
  void ResetWhenSent(Http2Stream& stream, http::Http2Error error);
  void Leave(Http2Stream& stream);

  http::Http2StreamHandler* OnRequest(int32_t id) override;
  void OnSettings() override { owner_.OnSettings(); }
  void OnGoAway(http::Http2Error) override { owner_.OnGoAway(); }
  void OnPingAnswered() override { owner_.OnPingAnswered(); }
  void OnUnsendable(int32_t id) override;

  void Attach(Http2Stream& stream, int32_t id);
  void Forget(Http2Stream& stream);
  // A stream was reset for what the peer sent on it, which costs as much as being reset by it.
  void CountMalformed();
  bool Feed(std::string_view bytes);
  // True if these bytes are abuse, which ends the connection.
  bool IsAbuse(std::string_view bytes);
  void StopReading();
  net::Task<void> WriteLoop();
  net::Task<bool> Flush();
  bool SubmitDelayedResets();
  static void OnLingerTimer(void* self);

  net::BufferPool& buffers_;
  net::Socket socket_;
  Owner& owner_;
  http::Http2Session session_;
  std::unique_ptr<FrameGuard> guard_;  // of a connection of an application
  net::Child writer_;
  Signal something_to_send_;
  net::Timer linger_timer_;
  boost::intrusive::list<Http2Stream, boost::intrusive::constant_time_size<false>> open_streams_;
  size_t streams_ = 0;
  // nghttp2 drops what a stream still has to send when it is reset, so these wait until it has.
  std::vector<std::pair<int32_t, http::Http2Error>> delayed_resets_;
  TimePoint last_received_{};
  bool ended_ = false;
  bool broken_by_peer_ = false;  // it broke the rules of the whole connection
  bool heard_ = false;           // anything
  bool spoke_http1_ = false;
  bool filled_last_read_ = false;
  bool filled_last_write_ = false;
};

}  // namespace naru::call
