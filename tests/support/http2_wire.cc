#include "tests/support/http2_wire.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "tests/support/http2_frames.h"

namespace naru {
namespace {

constexpr uint16_t kMaxConcurrentStreams = 3;
constexpr uint16_t kEnableConnectProtocol = 8;

void Replace(std::string& text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
}

}  // namespace

// The settings are where the session wrote its own.
void Http2WirePeer::Adjust(std::string& first) const {
  Replace(first, Setting(kMaxConcurrentStreams, http::Http2Session::kMaxStreams),
          Setting(kMaxConcurrentStreams, settings_.max_streams));
  Replace(first, Setting(kEnableConnectProtocol, 1),
          Setting(kEnableConnectProtocol, settings_.extended_connect));
}

void Http2WirePeer::Pump() {
  if (paused || !end_.empty() || descriptor_.get() < 0) return;
  char piece[16384];
  while (end_.empty()) {
    const ssize_t got = recv(descriptor_.get(), piece, sizeof(piece), MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN) break;
    if (got <= 0) {
      end_ = got == 0 ? "[end]" : "[reset]";
      break;
    }
    received_.append(piece, static_cast<size_t>(got));
    // What follows an error of the connection is not looked at.
    if (!peer_.Receive({piece, static_cast<size_t>(got)})) break;
  }
  std::string more = peer_.Take();
  if (!std::exchange(began_, began_ || !more.empty())) Adjust(more);
  unsent_ += more;
  const ssize_t sent = send(descriptor_.get(), unsent_.data(), unsent_.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent > 0) unsent_.erase(0, static_cast<size_t>(sent));
}

std::string Http2WirePeer::frames() const {
  return DescribeFrames(received_);
}

Http2WirePeer& Http2Wire::Adopt(Descriptor descriptor, Http2Peer::Role role, PeerSettings settings) {
  peers_.push_back(std::make_unique<Http2WirePeer>(std::move(descriptor), role, settings));
  return *peers_.back();
}

Http2WirePeer& Http2Wire::Connect(Wire::Kind kind) {
  return Adopt(wire.Connect(kind), Http2Peer::Role::kClient);
}

Http2WirePeer& Http2Wire::Accept(PeerSettings settings) {
  // What makes naru connect may not have been sent yet.
  EXPECT_TRUE(Until([this] { return wire.SomebodyWaits(); })) << "naru did not connect";
  return Adopt(wire.Accept(), Http2Peer::Role::kServer, settings);
}

PeerStream& Http2Wire::Stream(Http2WirePeer& peer, size_t index) {
  const bool began = Until([&] { return peer->streams() > index && !peer->stream(index).head.empty(); });
  EXPECT_TRUE(began) << "only " << peer->streams() << " streams";
  return peer->stream(index);
}

std::string Http2Wire::Over(PeerStream& stream) {
  EXPECT_TRUE(Until([&] { return stream.closed; })) << stream.Transcript().substr(0, 1000);
  return stream.Transcript();
}

void Http2Wire::Settle() {
  for (int turn = 0; turn < 3; ++turn) {
    Pump();
    wire.Settle();
  }
  Pump();
}

void Http2Wire::Pump() {
  for (const auto& peer : peers_) peer->Pump();
}

}  // namespace naru
