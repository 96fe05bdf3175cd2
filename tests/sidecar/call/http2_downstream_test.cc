#include "sidecar/call/http2_downstream.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <string>
#include <vector>

#include "tests/support/http2_frames.h"
#include "tests/support/http2_wire.h"
#include "tests/support/undisturbed.h"

namespace naru::call {
namespace {

using http::Http2Error;
using std::chrono::milliseconds;

// Endpoints speak HTTP/1, so that what they are told can be read.
const std::string kHttp1 = "    protocol: http1\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
constexpr const char* kOkTranscript = ":status: 200\ncontent-length: 2\nok\n[end][closed NO_ERROR]";

class Http2DownstreamTest : public testing::Test {
 protected:
  explicit Http2DownstreamTest(const std::string& policy = "") : h_(kHttp1 + policy) {}

  PeerStream& Get(const std::string& path = "/") { return application_->Request(RequestFields("GET", path)); }
  Descriptor Accept() {
    EXPECT_TRUE(h_.Until([this] { return h_.wire.SomebodyWaits(); })) << "naru did not connect";
    return h_.wire.Accept();
  }
  // The request line that an endpoint reads.
  std::string RequestLine(const Descriptor& upstream) {
    const std::string head = h_.wire.ReadHead(upstream);
    return head.substr(0, head.find('\r'));
  }
  // Everything was given back.
  void ExpectNothingLeft() {
    EXPECT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 0; }));
    EXPECT_EQ(h_.wire.world().plan().guards.limit->in_flight(), 0u);
  }

  Http2Wire h_;
  Http2WirePeer& application_ = h_.Connect();
};

TEST_F(Http2DownstreamTest, AnswersTwoStreamsInAnyOrder) {
  PeerStream& first = Get("/1");
  Descriptor one = Accept();
  EXPECT_EQ(RequestLine(one), "GET /1 HTTP/1.1");
  PeerStream& second = Get("/2");
  Descriptor two = Accept();
  EXPECT_EQ(RequestLine(two), "GET /2 HTTP/1.1");
  Send(two, kOk);
  EXPECT_EQ(h_.Over(second), kOkTranscript);
  EXPECT_EQ(first.Transcript(), "");
  Send(one, kOk);
  EXPECT_EQ(h_.Over(first), kOkTranscript);
  ExpectNothingLeft();
  EXPECT_EQ(h_.wire.connections(), 1u);
  EXPECT_EQ(h_.wire.world().Counts(), "calls courses/other ok 200 = 2\nattempts courses ok = 2\n");
}

TEST_F(Http2DownstreamTest, ReadsFramesInPiecesOfAnySize) {
  for (const size_t bytes : {1, 2, 3, 5, 8, 31}) {
    Http2Wire h(kHttp1);
    const Descriptor application = h.wire.Connect();
    h.wire.SendInPieces(application, ClientPreface() + GetFrame(1), bytes);
    const Descriptor upstream = h.wire.Accept();
    EXPECT_EQ(h.wire.ReadHead(upstream).substr(0, 15), "GET / HTTP/1.1\r") << bytes;
    Send(upstream, kOk);
    ASSERT_TRUE(h.Until([&] { return h.wire.calls_in_progress() == 0; }));
  }
}

TEST_F(Http2DownstreamTest, PassesInformationalAnswersChunksAndTrailersOn) {
  PeerStream& stream = Get();
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  Send(upstream,
       "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: "
       "chunked\r\n\r\n3\r\nabc\r\n"
       "0\r\nchecksum: 7\r\nhost: evil\r\n\r\n");
  EXPECT_EQ(
      h_.Over(stream),
      ":status: 103\nlink: </a>\n[informational]\n:status: 200\nabc\n+checksum: 7\n[end][closed NO_ERROR]");
}

TEST_F(Http2DownstreamTest, PassesAnswersWithoutABodyOn) {
  struct Row {
    const char* method;
    std::string from_upstream;
    std::string transcript;
  };
  for (const Row& row :
       {Row{"GET", "HTTP/1.1 204 No Content\r\n\r\n", ":status: 204\n"},
        Row{"HEAD", "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n", ":status: 200\ncontent-length: 7\n"},
        Row{"GET", "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",
            ":status: 304\ncontent-length: 7\n"},
        Row{"GET", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ":status: 200\ncontent-length: 0\n"}}) {
    Http2Wire h(kHttp1);
    Http2WirePeer& application = h.Connect();
    PeerStream& stream = application->Request(RequestFields(row.method, "/"));
    ASSERT_TRUE(h.Until([&] { return h.wire.SomebodyWaits(); }));
    const Descriptor upstream = h.wire.Accept();
    h.wire.ReadHead(upstream);
    Send(upstream, row.from_upstream);
    EXPECT_EQ(h.Over(stream), row.transcript + "[end][closed NO_ERROR]");
    ASSERT_TRUE(h.Until([&] { return h.wire.calls_in_progress() == 0; }));
    EXPECT_EQ(h.wire.pool().open(), 1u);
  }
}

TEST_F(Http2DownstreamTest, StreamsARequestUpNoFasterThanItIsRead) {
  constexpr size_t kBytes = 16 * 1024 * 1024;
  PeerStream& stream =
      application_->Request(RequestFields("POST", "/", {{"content-length", std::to_string(kBytes)}}), true);
  stream.Send(std::string(kBytes, 'b'), true);
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  h_.Settle();
  h_.Settle();
  const size_t held_back = stream.unsent();
  EXPECT_GT(held_back, 0u);
  std::string received;
  ASSERT_TRUE(h_.Until([&] {
    char piece[65536];
    ssize_t got;
    while ((got = recv(upstream.get(), piece, sizeof(piece), MSG_DONTWAIT)) > 0)
      received.append(piece, static_cast<size_t>(got));
    return received.size() >= kBytes;
  }));
  EXPECT_EQ(received.size(), kBytes);
  EXPECT_EQ(received.find_first_not_of('b'), std::string::npos);
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(stream), kOkTranscript);
  ExpectNothingLeft();
}

TEST_F(Http2DownstreamTest, SendsTheTrailersOfARequest) {
  PeerStream& stream = application_->Request(RequestFields("PUT", "/"), true);
  stream.Send("hello", true, {{"checksum", "7"}});
  const Descriptor upstream = Accept();
  EXPECT_NE(h_.wire.ReadHead(upstream).find("\r\ntransfer-encoding: chunked\r\n"), std::string::npos);
  h_.wire.Expect(upstream, "5\r\nhello\r\n0\r\nchecksum: 7\r\n\r\n");
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(stream), kOkTranscript);
}

TEST_F(Http2DownstreamTest, SendsAnAnswerNoFasterThanItIsRead) {
  PeerStream& slow = Get();
  slow.reads = false;
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  const std::string body(300'000, 'x');
  Send(upstream, "HTTP/1.1 200 OK\r\ncontent-length: 300000\r\n\r\n" + body);
  const auto window = static_cast<size_t>(http::Http2Session::kAnswerWindowBytes);
  ASSERT_TRUE(h_.Until([&] { return slow.body.size() == window; }));
  h_.Settle();
  EXPECT_EQ(slow.body.size(), window);
  EXPECT_FALSE(slow.ended);
  slow.Consume(window);
  EXPECT_EQ(h_.Over(slow), ":status: 200\ncontent-length: 300000\n" + body + "\n[end][closed NO_ERROR]");
}

// --- what ends a call early ---

TEST_F(Http2DownstreamTest, CancelsTheCallOfAStreamThatWasResetAndNoOther) {
  PeerStream& gone = Get("/gone");
  const Descriptor one = Accept();
  RequestLine(one);
  PeerStream& other = Get("/other");
  const Descriptor two = Accept();
  RequestLine(two);
  gone.Reset(Http2Error::kCancel);
  ASSERT_TRUE(h_.Until([&] { return h_.wire.calls_in_progress() == 1; }));
  EXPECT_EQ(h_.wire.ReadToEnd(one), "[end]");
  Send(two, kOk);
  EXPECT_EQ(h_.Over(other), kOkTranscript);
  ExpectNothingLeft();
  EXPECT_EQ(h_.wire.world().Counts(),
            "calls courses/other ok 200 = 1\ncalls courses/other cancelled 0 = 1\n"
            "attempts courses ok = 1\nattempts courses cancelled = 1\n");
}

TEST_F(Http2DownstreamTest, CancelsACallThatWasResetInsideItsBody) {
  PeerStream& stream = application_->Request(RequestFields("PUT", "/"), true);
  stream.Send("half");
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  h_.wire.Expect(upstream, "4\r\nhalf\r\n");
  stream.Reset(Http2Error::kCancel);
  ExpectNothingLeft();
  EXPECT_EQ(h_.wire.ReadToEnd(upstream), "[end]");
  EXPECT_EQ(h_.wire.world().Counts(),
            "calls courses/other cancelled 0 = 1\nattempts courses cancelled = 1\n");
}

TEST_F(Http2DownstreamTest, CancelsTheCallsOfAnApplicationThatHasGone) {
  for (const Wire::Kind kind : {Wire::Kind::kUnix, Wire::Kind::kTcp}) {
    Http2Wire h(kHttp1);
    Http2WirePeer& application = h.Connect(kind);
    application->Request(RequestFields("GET", "/"));
    application->Request(RequestFields("PUT", "/"), true);
    ASSERT_TRUE(h.Until([&] { return h.wire.calls_in_progress() == 2; }));
    const Descriptor one = h.wire.Accept();
    const Descriptor two = h.wire.Accept();
    application.Close();
    ASSERT_TRUE(h.Until([&] { return h.wire.connections() == 0; }));
    EXPECT_EQ(h.wire.calls_in_progress(), 0);
    EXPECT_TRUE(h.wire.ReadToEnd(one).ends_with("[end]"));
    EXPECT_TRUE(h.wire.ReadToEnd(two).ends_with("[end]"));
    EXPECT_EQ(h.wire.world().Counts(),
              "calls courses/other cancelled 0 = 2\nattempts courses cancelled = 2\n");
  }
}

TEST_F(Http2DownstreamTest, ResetsAnAnswerThatBrokeOffAndNoOther) {
  PeerStream& broken = Get("/broken");
  Descriptor one = Accept();
  RequestLine(one);
  PeerStream& whole = Get("/whole");
  const Descriptor two = Accept();
  RequestLine(two);
  Send(one, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
  ASSERT_TRUE(h_.Until([&] { return broken.body == "01234"; }));
  one.Close();
  EXPECT_EQ(h_.Over(broken), ":status: 200\ncontent-length: 10\n01234\n[closed INTERNAL_ERROR]");
  Send(two, kOk);
  EXPECT_EQ(h_.Over(whole), kOkTranscript);
}

// RFC 9113 8.1: the answer is whole, and the rest of the request is of no interest.
TEST_F(Http2DownstreamTest, StopsARequestThatWasAnsweredEarly) {
  PeerStream& stream = application_->Request(RequestFields("POST", "/"), true);
  stream.Send("part");
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  h_.wire.Expect(upstream, "4\r\npart\r\n");
  Send(upstream, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno");
  EXPECT_EQ(h_.Over(stream), ":status: 413\ncontent-length: 2\nno\n[end][closed NO_ERROR]");
  EXPECT_NE(application_.frames().find("RST_STREAM 1 NO_ERROR\n"), std::string::npos)
      << application_.frames();
  ExpectNothingLeft();
}

// --- what naru answers itself ---

TEST_F(Http2DownstreamTest, AnUnknownServiceDoesNotEndTheConnection) {
  for (int i = 0; i < 2; ++i) {
    PeerStream& stream = application_->Request(
        {{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "coarses"}});
    h_.Over(stream);
    EXPECT_EQ(stream.Field(":status"), "502");
    EXPECT_EQ(stream.Field("x-naru-outcome"), "unknown_service");
    EXPECT_EQ(stream.Field("content-length"), std::to_string(stream.body.size()));
    EXPECT_TRUE(stream.ended);
  }
  EXPECT_EQ(h_.wire.world().Counts(), "calls unknown/other unknown_service 502 = 2\n");
}

TEST_F(Http2DownstreamTest, AnswersGrpcWithTrailersOnly) {
  PeerStream& stream =
      application_->Request(GrpcRequestFields("/learning.Courses/Get", {{"grpc-timeout", "nonsense"}}), true);
  stream.Send("message", true);
  h_.Over(stream);
  EXPECT_EQ(stream.Field(":status"), "200");
  EXPECT_EQ(stream.Field("content-type"), "application/grpc");
  EXPECT_EQ(stream.Field("grpc-status"), "13");
  EXPECT_EQ(stream.Field("x-naru-outcome"), "bad_request");
  EXPECT_EQ(stream.Field("grpc-message").substr(0, 40), "{\"outcome\": \"bad_request\", \"status\": 400");
  EXPECT_EQ(stream.body, "");
  EXPECT_TRUE(stream.ended);
}

TEST_F(Http2DownstreamTest, RefusesAHeadThatIsTooLarge) {
  PeerStream& stream =
      application_->Request(RequestFields("GET", "/", {{"x-large", std::string(65'500, 'a')}}));
  h_.Over(stream);
  EXPECT_EQ(stream.Field(":status"), "431");
  EXPECT_EQ(h_.wire.abuse(), std::vector<std::string>{"header_list"});
  PeerStream& next = Get();
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(next), kOkTranscript);
}

// The very first field is over the limit, so that nothing is left of the head; what follows it are trailers.
TEST_F(Http2DownstreamTest, BeginsACallOnceHoweverLargeItsFirstFieldIs) {
  const Descriptor application = h_.wire.Connect();
  const std::string block = Hpack({{":path", "/" + std::string(65'520, 'a')},
                                   {":method", "PUT"},
                                   {":scheme", "http"},
                                   {":authority", "courses"}});
  std::string bytes =
      ClientPreface() + Frame(FrameType::kHeaders, 0, 1, std::string_view(block).substr(0, 16384));
  std::string_view rest = std::string_view(block).substr(16384);
  for (; rest.size() > 16384; rest.remove_prefix(16384))
    bytes += Frame(FrameType::kContinuation, 0, 1, rest.substr(0, 16384));
  bytes += Frame(FrameType::kContinuation, kEndHeaders, 1, rest);
  bytes += Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, Hpack({{"checksum", "7"}}));
  h_.wire.SendInPieces(application, bytes, bytes.size());
  ASSERT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 0; }));
  h_.Settle();
  EXPECT_EQ(h_.wire.world().Counts(), "calls unknown/other bad_request 431 = 1\n");
}

// Whoever takes nothing of an error answer for a second is left, and the stream with it.
TEST_F(Http2DownstreamTest, ResetsAnErrorAnswerThatNobodyTakes) {
  const Descriptor application = h_.wire.Connect();
  Send(application,
       std::string(http::kHttp2Preface) + Frame(FrameType::kSettings, 0, 0, Setting(4, 0)) +
           Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1,
                 Hpack({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "none"}})));
  std::string received;
  EXPECT_TRUE(h_.Until([&] {
    char piece[4096];
    const ssize_t got = recv(application.get(), piece, sizeof(piece), MSG_DONTWAIT);
    if (got > 0) received.append(piece, static_cast<size_t>(got));
    return DescribeFrames(received).find("RST_STREAM 1 ") != std::string::npos;
  })) << DescribeFrames(received);
  ExpectNothingLeft();
}

// --- the connection ---

TEST_F(Http2DownstreamTest, EndsAConnectionThatBreaksTheRules) {
  const Descriptor application = h_.wire.Connect(Wire::Kind::kTcp);
  Send(application, std::string(http::kHttp2Preface) + "nonsense that is no frame at all");
  const std::string said = h_.wire.ReadToEnd(application);
  EXPECT_TRUE(said.ends_with("[end]")) << said;
  EXPECT_NE(DescribeFrames(said.substr(0, said.rfind('['))).find("GOAWAY"), std::string::npos);
}

// A reset would destroy what the application has not read yet (RFC 9112 9.6).
TEST_F(Http2DownstreamTest, EndsAnEndedConnectionWithoutAResetWhileMoreComes) {
  Undisturbed([this] {
    Descriptor application = h_.wire.Connect();
    const net::TimePoint began = h_.wire.loop().ReadClock();
    Send(application, ClientPreface() + Frame(FrameType::kGoAway, 0, 0, Number32(0) + Number32(0)));
    EXPECT_TRUE(h_.wire.ReadToEnd(application).ends_with("[end]"));
    const bool in_time = h_.wire.loop().ReadClock() - began <= milliseconds(500);  // it waits for a second
    if (in_time) {
      Send(application, Frame(FrameType::kPing, 0, 0, std::string(8, 'p')));
      EXPECT_EQ(h_.wire.connections(), 2u);
    }
    application.Close();
    EXPECT_TRUE(h_.Until([this] { return h_.wire.connections() == 1; }));
    return in_time;
  });
}

TEST_F(Http2DownstreamTest, EndsAFloodAndSaysWhichItWas) {
  const Descriptor application = h_.wire.Connect(Wire::Kind::kTcp);
  std::string flood = ClientPreface();
  for (uint32_t i = 0; i < 5000; ++i)
    flood += GetFrame(2 * i + 1) + Frame(FrameType::kRstStream, 0, 2 * i + 1, Number32(8));
  Send(application, flood);
  const std::string said = h_.wire.ReadToEnd(application);
  EXPECT_TRUE(DescribeFrames(said.substr(0, said.rfind('['))).ends_with("GOAWAY ENHANCE_YOUR_CALM\n"))
      << DescribeFrames(said);
  EXPECT_EQ(h_.wire.abuse(), std::vector<std::string>{"rapid_reset"});
  ExpectNothingLeft();
}

// As libraries do that answer every frame of a stream that they have reset with another reset.
TEST_F(Http2DownstreamTest, BearsAnApplicationThatResetsItsStreamsAgainAndAgain) {
  const Descriptor application = h_.wire.Connect(Wire::Kind::kTcp);
  Send(application, ClientPreface());
  for (uint32_t stream = 1; stream < 600; stream += 2) {
    Send(application, GetFrame(stream));
    ASSERT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 1; }));
    const std::string reset = Frame(FrameType::kRstStream, 0, stream, Number32(8));
    const std::string earlier = stream == 1 ? "" : Frame(FrameType::kRstStream, 0, stream - 2, Number32(8));
    Send(application, reset + reset);
    ASSERT_TRUE(h_.Until([this] { return h_.wire.calls_in_progress() == 0; }));
    Send(application, earlier + reset + earlier);
  }
  h_.Settle();
  EXPECT_EQ(h_.wire.abuse(), std::vector<std::string>{});
}

// RFC 9113 6.8
TEST_F(Http2DownstreamTest, DrainsInTwoSteps) {
  PeerStream& stream = Get();
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  h_.wire.connection().Drain();
  ASSERT_TRUE(h_.Until([this] { return application_->events.size() == 3; }));
  EXPECT_EQ(application_->events,
            (std::vector<std::string>{"settings", "goaway NO_ERROR", "goaway NO_ERROR"}));
  EXPECT_EQ(application_.end(), "");
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(stream), kOkTranscript);
  ASSERT_TRUE(h_.Until([this] { return h_.wire.connections() == 0; }));
  ASSERT_TRUE(h_.Until([this] { return !application_.end().empty(); }));
  EXPECT_EQ(application_.end(), "[end]");
}

TEST_F(Http2DownstreamTest, ClosesAnIdleConnectionThatDrains) {
  ASSERT_TRUE(h_.Until([this] { return application_->Saw("settings"); }));
  EXPECT_TRUE(h_.wire.connection().idle());
  h_.wire.connection().Drain();
  ASSERT_TRUE(h_.Until([this] { return h_.wire.connections() == 0; }));
  ASSERT_TRUE(h_.Until([this] { return !application_.end().empty(); }));
  EXPECT_TRUE(application_.frames().ends_with("GOAWAY NO_ERROR\nGOAWAY NO_ERROR\n")) << application_.frames();
}

TEST_F(Http2DownstreamTest, CutsItsCallsWhenNaruEnds) {
  PeerStream& stream = Get();
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  h_.wire.connection().Abort();
  ASSERT_TRUE(h_.Until([this] { return h_.wire.connections() == 0; }));
  ASSERT_TRUE(h_.Until([this] { return !application_.end().empty(); }));
  EXPECT_TRUE(application_->Saw("goaway NO_ERROR"));
  EXPECT_EQ(stream.head, "");
  EXPECT_EQ(h_.wire.ReadToEnd(upstream), "[end]");
}

// --- upgrades ---

TEST_F(Http2DownstreamTest, ContinuesAnHttp1ConnectionThatAsksForH2c) {
  Descriptor application = h_.wire.Connect();
  const std::string settings = "AAMAAABkAAQAAP__";
  Send(application,
       "GET /1 HTTP/1.1\r\nhost: courses\r\nconnection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\n"
       "http2-settings: " +
           settings + "\r\n\r\n");
  h_.wire.Expect(application,
                 "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n");
  Http2WirePeer& upgraded = h_.Adopt(std::move(application), Http2Peer::Role::kClient);
  ASSERT_TRUE(upgraded->Upgrade(settings));
  const Descriptor upstream = Accept();
  EXPECT_EQ(RequestLine(upstream), "GET /1 HTTP/1.1");
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(upgraded->stream(0)), kOkTranscript);
  PeerStream& second = upgraded->Request(RequestFields("GET", "/2"));
  EXPECT_EQ(RequestLine(upstream), "GET /2 HTTP/1.1");
  Send(upstream, kOk);
  EXPECT_EQ(h_.Over(second), kOkTranscript);
}

// RFC 8441, towards an endpoint that switches as HTTP/1 does.
TEST_F(Http2DownstreamTest, TunnelsAfterAnExtendedConnect) {
  PeerStream& stream = application_->Request({{":method", "CONNECT"},
                                              {":protocol", "websocket"},
                                              {":scheme", "http"},
                                              {":path", "/chat"},
                                              {":authority", "courses"}},
                                             true);
  const Descriptor upstream = Accept();
  const std::string head = h_.wire.ReadHead(upstream);
  EXPECT_EQ(head.substr(0, 19), "GET /chat HTTP/1.1\r");
  EXPECT_NE(head.find("\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: "),
            std::string::npos);
  Send(upstream,
       "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
       "sec-websocket-accept: x\r\n\r\nhello");
  ASSERT_TRUE(h_.Until([&] { return stream.body == "hello"; }));
  EXPECT_EQ(stream.head, ":status: 200\n");
  stream.Send("up");
  h_.wire.Expect(upstream, "up");
  Send(upstream, "down");
  ASSERT_TRUE(h_.Until([&] { return stream.body == "hellodown"; }));
  stream.Finish();
  EXPECT_EQ(h_.wire.ReadToEnd(upstream), "[end]");
  ASSERT_EQ(shutdown(upstream.get(), SHUT_WR), 0);
  EXPECT_EQ(h_.Over(stream), ":status: 200\nhellodown\n[end][closed NO_ERROR]");
  ExpectNothingLeft();
  EXPECT_EQ(h_.wire.world().Counts(), "calls courses/other ok 101 = 1\nattempts courses ok = 1\n");
}

TEST_F(Http2DownstreamTest, PassesTheRefusalOfAnExtendedConnectOn) {
  PeerStream& stream = application_->Request({{":method", "CONNECT"},
                                              {":protocol", "websocket"},
                                              {":scheme", "http"},
                                              {":path", "/chat"},
                                              {":authority", "courses"}},
                                             true);
  const Descriptor upstream = Accept();
  RequestLine(upstream);
  Send(upstream, "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno");
  EXPECT_EQ(h_.Over(stream), ":status: 404\ncontent-length: 2\nno\n[end][closed NO_ERROR]");
  ExpectNothingLeft();
}

}  // namespace
}  // namespace naru::call
