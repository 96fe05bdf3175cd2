// Whatever a peer sends over HTTP/2, as a client or as a server: the same is understood however it arrives,
// no head is over its limits, every head that naru reads is read or refused with a sentence, and a session
// that answers comes to an end of what it has to say.
#include <string>
#include <string_view>

#include "sidecar/call/frame_guard.h"
#include "sidecar/http/http2_head.h"
#include "tests/fuzz/codec_fuzzing.h"
#include "tests/support/http2_frames.h"
#include "tests/support/http2_peer.h"

namespace naru {
namespace {

constexpr size_t kMostSaid = 64 * 1024 * 1024;  // by a session about one input
constexpr resilience::TimePoint kNow{std::chrono::seconds(1000)};

// How the bytes come.
struct Arrival {
  Http2Peer::Role role;  // of naru's session
  bool begins;           // the preface and SETTINGS stand before the input, so that it can get further
  bool answers;          // and sends what it has to say after every fragment
  size_t fragment_bytes;
};

void RequireWithinLimits(const http::Http2HeadBlock& block) {
  Require(block.size() <= http::Http2Session::kMaxFields);
  size_t bytes = 0;
  for (size_t i = 0; i < block.size(); ++i) {
    const http::Http2HeadBlock::Entry entry = block[i];
    bytes += entry.name.size() + entry.value.size() + http::kFieldOverhead;
    Require(entry.value.find_first_of("\0\r\n", 0, 3) == entry.value.npos);
    Require(entry.name.find_first_of(" \t\r\n", 0, 4) == entry.name.npos);
  }
  Require(bytes <= http::Http2Session::kMaxHeaderListBytes);
}

void RequireReadable(const http::Http2HeadBlock& block, bool ends) {
  RequireWithinLimits(block);
  http::RequestHead request;
  const bool sound = http::ReadRequestHead(block, ends, request).empty();
  Require(!sound || (!request.method.empty() && !request.target.empty()));
  http::FieldList trailers;
  http::ReadTrailers(block, trailers);
  Require(trailers.size() == block.size());
  if (!http::HasStatus(block)) return;
  http::ResponseHead response;
  const bool answer = http::ReadResponseHead(block, "GET", ends, response).empty();
  Require(!answer || (response.status >= 100 && response.status <= 599));
}

// What a client has asked before the input arrives.
void Ask(Http2Peer& client) {
  client.Request(RequestFields("GET", "/"));
  client.Request(RequestFields("HEAD", "/"));
  client.Request(GrpcRequestFields("/a.B/C"), true).Send("message", true, {{"trailer", "1"}});
  client.Take();
}

// Answers what was asked meanwhile: in the head alone, or with a body and trailers.
void Answer(Http2Peer& server, size_t& answered) {
  for (; answered < server.streams(); ++answered) {
    PeerStream& stream = server.stream(answered);
    if (stream.head.empty()) return;
    const bool has_body = answered % 2 == 1;
    stream.Answer(AnswerFields(200, {{"content-type", "text/plain"}}), has_body);
    if (has_body) stream.Send(std::string(100'000, 'x'), true, {{"grpc-status", "0"}});
  }
}

size_t Said(Http2Peer& peer) {
  return peer.Take().size();
}

// What a session understood.
struct Understanding {
  std::string text;
  bool over = false;  // perhaps before the input was
};

Understanding Understand(std::string_view bytes, const Arrival& arrival) {
  Http2Peer peer(arrival.role);
  peer.on_block = RequireReadable;
  const bool server = arrival.role == Http2Peer::Role::kServer;
  if (!server) Ask(peer);
  bool alive = true;
  if (arrival.begins) alive = peer.Receive(server ? ClientPreface() : Frame(FrameType::kSettings, 0, 0));
  size_t answered = 0;
  size_t said = 0;
  while (alive && !bytes.empty()) {
    const std::string fragment(bytes.substr(0, arrival.fragment_bytes));  // in memory of its own
    bytes.remove_prefix(fragment.size());
    alive = peer.Receive(fragment);
    if (!arrival.answers) continue;
    if (server) Answer(peer, answered);
    said += Said(peer);
  }
  said += Said(peer);
  Require(said <= kMostSaid && !peer.session().WantsToSend());
  Understanding understood{{}, !alive};
  for (size_t i = 0; i < peer.streams(); ++i) {
    PeerStream& stream = peer.stream(i);
    // How much came of a body that turned out malformed is of no interest.
    if (!stream.ended) stream.body.clear();
    understood.text += stream.Transcript() + "\n";
  }
  for (const std::string& event : peer.events) {
    understood.text += event + "\n";
    understood.over |= event.starts_with("goaway");
  }
  return understood;
}

// The first abuse in it, by its number; -1: none.
int Abuse(std::string_view bytes, size_t fragment_bytes) {
  call::FrameGuard guard(kNow);
  while (!bytes.empty()) {
    const std::string fragment(bytes.substr(0, fragment_bytes));
    bytes.remove_prefix(fragment.size());
    if (const auto kind = guard.Inspect(
            fragment, [](int32_t) { return false; }, kNow))
      return static_cast<int>(*kind);
  }
  return -1;
}

}  // namespace
}  // namespace naru

// The input: a byte that says who the peer is (1: a server), whether its preface is left out (2) and, above
// that, in which pieces the rest arrives; then the bytes of the connection.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr auto kWhole = static_cast<size_t>(-1);
  const std::string_view bytes(reinterpret_cast<const char*>(data + 1), size - 1);
  const size_t pieces = naru::FragmentBytes(data[0] / 4);
  const auto role = data[0] & 1 ? naru::Http2Peer::Role::kClient : naru::Http2Peer::Role::kServer;
  const bool begins = !(data[0] & 2);
  const naru::Understanding whole = naru::Understand(bytes, {role, begins, false, kWhole});
  const naru::Understanding cut = naru::Understand(bytes, {role, begins, false, pieces});
  // What stands behind the end of a connection is heard or not, as it comes.
  naru::Require(cut.over || whole.text == cut.text);
  naru::Understand(bytes, {role, begins, true, pieces});
  naru::Require(naru::Abuse(bytes, kWhole) == naru::Abuse(bytes, pieces));
  return 0;
}
