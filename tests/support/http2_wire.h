// Applications and endpoints that speak HTTP/2 to naru over real sockets (see wire.h), all in one thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/http2_peer.h"
#include "tests/support/wire.h"

namespace naru {

// What an endpoint says of itself instead of what naru's own sessions do.
struct PeerSettings {
  uint32_t max_streams = http::Http2Session::kMaxStreams;
  bool extended_connect = true;
};

// A peer and the socket it talks through.
class Http2WirePeer {
 public:
  Http2WirePeer(Descriptor descriptor, Http2Peer::Role role, PeerSettings settings = {})
      : peer_(role), descriptor_(std::move(descriptor)), settings_(settings) {}

  Http2Peer* operator->() { return &peer_; }
  const Descriptor& descriptor() const { return descriptor_; }
  // Takes what has come and sends what there is, without waiting.
  void Pump();
  void Close() { descriptor_.Close(); }
  // How it ended: "[end]", "[reset]"; empty while it has not.
  const std::string& end() const { return end_; }
  // The frames that have come, a line each (see DescribeFrames).
  std::string frames() const;
  // Neither reads nor writes.
  bool paused = false;

 private:
  void Adjust(std::string& first) const;

  Http2Peer peer_;
  Descriptor descriptor_;
  const PeerSettings settings_;
  bool began_ = false;
  std::string unsent_;
  std::string received_;
  std::string end_;
};

class Http2Wire {
 public:
  // As Wire.
  explicit Http2Wire(const std::string& policy = "") : wire(policy) {
    wire.set_peers([this] { Pump(); });
  }
  ~Http2Wire() { wire.set_peers(nullptr); }

  // A new connection of an application.
  Http2WirePeer& Connect(Wire::Kind kind = Wire::Kind::kUnix);
  // The endpoint's end of the next connection that naru makes.
  Http2WirePeer& Accept(PeerSettings settings = {});
  // A connection that the test has talked through already.
  Http2WirePeer& Adopt(Descriptor descriptor, Http2Peer::Role role, PeerSettings settings = {});

  // Runs everything until `happened`.
  template <class Condition>
  [[nodiscard]] bool Until(Condition happened) {
    return wire.Until(happened);
  }
  // Until a peer has as many streams, or a stream its end.
  PeerStream& Stream(Http2WirePeer& peer, size_t index);
  // What became of a stream that must be over.
  std::string Over(PeerStream& stream);
  // Lets everything happen that can happen by itself now.
  void Settle();
  void Pump();

  Wire wire;

 private:
  std::vector<std::unique_ptr<Http2WirePeer>> peers_;
};

}  // namespace naru
