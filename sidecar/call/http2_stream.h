// One stream of an HTTP/2 connection as a call uses it: the head that came, a body to pull, a body to push.
//
// What arrives waits here until it is pulled; the peer may send no more than the stream's window beyond that,
// so a slow reader slows its own writer and nobody else. A piece that is written stays the writer's until
// flow control has let it go. Owned by the call or attempt that uses it; the connection forgets it when the
// stream is closed or left.
#pragma once

#include <boost/intrusive/list.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/call/body.h"
#include "sidecar/call/signal.h"
#include "sidecar/http/http2_session.h"

namespace naru::call {

class Http2Connection;

class Http2Stream final
    : public http::Http2StreamHandler,
      public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
 public:
  // Told while frames are being read: must neither destroy the stream nor resume coroutines.
  class Owner {
   public:
    // A head has come, 1xx included.
    virtual void OnHead() = 0;
    // The stream was reset, or its connection was lost, or both sides have finished.
    virtual void OnClosed() = 0;

   protected:
    ~Owner() = default;
  };

  Http2Stream(net::Scheduler& scheduler, Owner& owner)
      : owner_(owner), arrived_(scheduler), taken_(scheduler) {}
  ~Http2Stream();

  // --- what the peer sends ---

  // Heads of 1xx answers that have not been passed on yet, and the first of them.
  bool has_informational() const { return heads_ != nullptr && !heads_->informational.empty(); }
  http::Http2HeadBlock TakeInformational();
  bool has_head() const { return has_head_; }
  // Empty before it has come and once it was forgotten.
  const http::Http2HeadBlock& head() const;
  // Gives the memory of the head back.
  void ForgetHead();
  // The stream ended with its head.
  bool ended_with_head() const { return ended_with_head_; }
  bool head_too_large() const { return head_too_large_; }
  // The peer has finished sending.
  bool ended() const { return ended_; }
  // Bytes of the body have come that nobody has pulled.
  bool has_bytes() const { return !arriving_.empty(); }
  // Nothing comes or goes any more.
  bool closed() const { return closed_; }
  http::Http2Error error() const { return error_; }

  // The next piece of the body if it is here, good until the next call of this or Read.
  std::optional<Chunk> Buffered();
  // What to wait for until Read need not wait: see BodySource.
  Signal* Arrival();
  // Waits for the next piece. Nothing when the stream was closed before its end, or the wait was cancelled.
  net::Task<std::optional<Chunk>> Read();
  void CancelRead();
  // Takes a CancelRead back that no Read has seen.
  void ForgetCancelledRead() { read_cancelled_ = false; }
  // Good once the last chunk was read.
  const http::FieldList& trailers() const;
  // The next thing that arrives: a head, bytes, the end.
  Signal& arrived() { return arrived_; }

  // --- what we send ---

  // Returns when the whole piece has been framed; false when it never will be. `trailers` go with the last.
  net::Task<bool> Write(Chunk chunk, const http::FieldList& trailers);
  // Ends a Write that waits, and all later ones.
  void CancelWrite();
  // Our side of the stream has been framed to its end.
  bool sent_end() const { return sent_end_; }
  void SubmitAnswer(const http::Http2Fields& fields, bool has_body);
  void SubmitInformational(const http::Http2Fields& fields);
  // Ends the stream at once.
  void Reset(http::Http2Error error);
  // Ends it once everything that was submitted has been framed.
  void ResetWhenSent(http::Http2Error error);
  // The request of a connection that was upgraded from HTTP/1.
  void ReceiveUpgraded(http::Http2HeadBlock& block);

 private:
  friend class Http2Connection;
  // The header blocks that came, until nobody looks at them any more.
  struct Heads {
    static void* operator new(size_t bytes) { return net::FramePool::Allocate(bytes); }
    static void operator delete(void* memory, size_t bytes) noexcept { net::FramePool::Free(memory, bytes); }

    ~Heads();

    std::vector<http::Http2HeadBlock> informational;
    http::Http2HeadBlock head;
    http::Http2HeadBlock trailer_block;
    http::FieldList trailers;
  };

  Heads& heads();
  void OnHeaders(http::Http2HeadBlock& block, bool ends, bool too_large) override;
  void RefuseTrailers();
  void OnData(std::string_view bytes) override;
  void OnEnd() override;
  void OnPeerReset() override { peer_reset_ = true; }
  void OnClosed(http::Http2Error error) override;
  Offer OfferBody() override;
  std::string_view TakeBody(size_t bytes) override;
  void AppendTrailers(http::Http2Fields& fields) override;

  Owner& owner_;
  Http2Connection* connection_ = nullptr;  // nothing: not opened yet, closed or left
  int32_t id_ = 0;

  std::unique_ptr<Heads> heads_;
  bool has_head_ = false;  // it may be empty: cut because it was too large
  bool ended_with_head_ = false;
  bool head_too_large_ = false;
  bool ended_ = false;
  bool closed_ = false;
  bool peer_reset_ = false;
  bool read_cancelled_ = false;
  bool write_cancelled_ = false;
  bool sending_last_ = false;
  bool sent_end_ = false;
  bool all_taken_ = true;
  http::Http2Error error_ = http::Http2Error::kNoError;
  std::string arriving_;    // not pulled yet
  std::string handed_out_;  // the chunk that was pulled last; its credit is still out
  Signal arrived_;

  std::string_view sending_;
  const http::FieldList* sending_trailers_ = nullptr;
  Signal taken_;
};

}  // namespace naru::call
