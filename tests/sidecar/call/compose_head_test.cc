#include "sidecar/call/compose_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/http/http1_head.h"
#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using http::Framing;
using std::chrono::milliseconds;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.0.1:80]
    hosts: [api.example.com]
    timeout: 5s
)";

// --- towards upstream ---

// The head of the first attempt of a call, `sent_after` its own head came.
std::string Upstream(const std::string& request, Duration sent_after = {}, int attempts = 1,
                     uint16_t service_port = 0, bool with_id = false) {
  LayeredCalls calls(kYaml);
  calls.layers = {&calls.resolve_service, &calls.enforce_deadline, &calls.retry_attempts, &calls.upstream};
  if (with_id) calls.layers.insert(calls.layers.begin(), &calls.record_call);
  CarriedCall carried(calls.world, calls.scheduler, request);
  carried.call.service_port = service_port;
  carried.Start(Next(calls.layers.data()));
  EXPECT_EQ(carried.said(), "200");
  carried.call.attempts.resize(static_cast<size_t>(attempts));
  std::string head;
  AppendUpstreamHead(head, carried.call, calls.scheduler.now() + sent_after);
  calls.Finish(carried);
  return head;
}

// What every head ends with.
std::string Own(const std::string& attempt = "", const std::string& deadline = "5000") {
  return "x-naru-caller: video/video-api\r\n" + attempt + "x-naru-deadline-ms: " + deadline +
         "\r\nvia: 1.1 naru\r\n\r\n";
}

TEST(UpstreamHead, ForwardsTheRequestAndSaysWhoCallsAndForHowLong) {
  EXPECT_EQ(Upstream("POST /v1/x?y=1 HTTP/1.1\r\nHost: courses\r\nContent-Length: 3\r\nX-Any: a,  b\r\n"
                     "X-Request-ID: 7\r\n\r\n",
                     milliseconds(1200)),
            "POST /v1/x?y=1 HTTP/1.1\r\nhost: courses\r\nContent-Length: 3\r\nX-Any: a,  b\r\n"
            "X-Request-ID: 7\r\n" +
                Own("", "3800"));
}

TEST(UpstreamHead, SaysTheHostByHowTheServiceWasNamed) {
  struct Row {
    const char* line_and_host;
    const char* upstream;
    bool port = false;
  };
  for (const Row& row :
       {Row{"GET /v1/x HTTP/1.1\r\nhost: courses\r\n\r\n", "GET /v1/x HTTP/1.1\r\nhost: courses\r\n"},
        Row{"GET /v1/x HTTP/1.1\r\nhost: Courses.:4000\r\n\r\n", "GET /v1/x HTTP/1.1\r\nhost: courses\r\n"},
        Row{"GET /v1/x HTTP/1.1\r\nhost: api.example.com\r\n\r\n",
            "GET /v1/x HTTP/1.1\r\nhost: api.example.com\r\n"},
        Row{"GET /v1/x HTTP/1.1\r\nhost: API.example.com:443\r\n\r\n",
            "GET /v1/x HTTP/1.1\r\nhost: API.example.com:443\r\n"},
        Row{"GET /courses/v1/x HTTP/1.1\r\nhost: 127.0.0.1:4000\r\n\r\n",
            "GET /v1/x HTTP/1.1\r\nhost: courses\r\n"},
        Row{"GET /courses?x HTTP/1.1\r\nhost: localhost\r\n\r\n", "GET /?x HTTP/1.1\r\nhost: courses\r\n"},
        Row{"GET http://courses/v1/x HTTP/1.1\r\nhost: other\r\n\r\n",
            "GET /v1/x HTTP/1.1\r\nhost: courses\r\n"},
        Row{"GET /courses/v1/x HTTP/1.0\r\n\r\n", "GET /v1/x HTTP/1.1\r\nhost: courses\r\n"}}) {
    EXPECT_EQ(Upstream(row.line_and_host), row.upstream + Own()) << row.line_and_host;
  }
}

TEST(UpstreamHead, RemovesWhatIsForOneHopOnly) {
  EXPECT_EQ(Upstream("GET / HTTP/1.1\r\nhost: courses\r\nConnection: keep-alive, X-Private\r\n"
                     "X-Private: 1\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\n"
                     "TE: gzip\r\nAccept: */*\r\n\r\n"),
            "GET / HTTP/1.1\r\nhost: courses\r\nAccept: */*\r\n" + Own());
}

TEST(UpstreamHead, PassesTheWishForTrailersOn) {
  EXPECT_EQ(Upstream("GET / HTTP/1.1\r\nhost: courses\r\nconnection: te\r\nTE: gzip, trailers\r\n\r\n"),
            "GET / HTTP/1.1\r\nhost: courses\r\nconnection: te\r\nte: trailers\r\n" + Own());
}

TEST(UpstreamHead, PassesUpgradesOn) {
  EXPECT_EQ(Upstream("GET /chat HTTP/1.1\r\nhost: courses\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                     "Sec-WebSocket-Key: a\r\n\r\n"),
            "GET /chat HTTP/1.1\r\nhost: courses\r\nSec-WebSocket-Key: a\r\nconnection: upgrade\r\n"
            "upgrade: websocket\r\n" +
                Own());
}

TEST(UpstreamHead, SendsChunksAsChunks) {
  EXPECT_EQ(Upstream("PUT / HTTP/1.1\r\nhost: courses\r\nTransfer-Encoding: chunked\r\n\r\n"),
            "PUT / HTTP/1.1\r\nhost: courses\r\ntransfer-encoding: chunked\r\n" + Own());
}

TEST(UpstreamHead, ReplacesWhatOnlyNaruSays) {
  EXPECT_EQ(Upstream("GET / HTTP/1.1\r\nhost: courses\r\nX-Naru-Caller: evil/one\r\n"
                     "x-naru-deadline-ms: 300\r\nx-naru-attempt: 1\r\n\r\n",
                     milliseconds(100)),
            "GET / HTTP/1.1\r\nhost: courses\r\n" + Own("", "200"));
}

TEST(UpstreamHead, SaysTheNumberOfTheAttemptFromTheSecondOn) {
  const std::string request = "GET / HTTP/1.1\r\nhost: courses\r\n\r\n";
  EXPECT_EQ(Upstream(request, {}, 1), "GET / HTTP/1.1\r\nhost: courses\r\n" + Own());
  EXPECT_EQ(Upstream(request, {}, 2), "GET / HTTP/1.1\r\nhost: courses\r\n" + Own("x-naru-attempt: 2\r\n"));
}

TEST(UpstreamHead, TheLeastDeadlineIsAMillisecond) {
  EXPECT_EQ(Upstream("GET / HTTP/1.1\r\nhost: courses\r\n\r\n", milliseconds(6000)),
            "GET / HTTP/1.1\r\nhost: courses\r\n" + Own("", "1"));
}

TEST(UpstreamHead, AddsARequestIdWhereThereIsNone) {
  const std::string head = Upstream("GET / HTTP/1.1\r\nhost: courses\r\n\r\n", {}, 1, 0, true);
  const size_t at = head.find("x-request-id: ");
  ASSERT_NE(at, std::string::npos);
  EXPECT_EQ(head.substr(at + 14).find("\r\n"), 32u);
  const std::string kept =
      Upstream("GET / HTTP/1.1\r\nhost: courses\r\nx-request-id: 7\r\n\r\n", {}, 1, 0, true);
  EXPECT_EQ(kept, "GET / HTTP/1.1\r\nhost: courses\r\nx-request-id: 7\r\n" + Own());
}

TEST(UpstreamHead, KeepsEarlierProxiesInVia) {
  EXPECT_EQ(Upstream("GET / HTTP/1.1\r\nhost: courses\r\nVia: 1.0 fred\r\n\r\n"),
            "GET / HTTP/1.1\r\nhost: courses\r\nVia: 1.0 fred\r\n" + Own());
}

// --- towards the application ---

struct AnswerRow {
  const char* name;
  std::string from_upstream;
  const char* method;
  int minor_version;  // of the application's request
  bool keep_alive;    // whether the connection could stay open
  std::string head;
  Framing::Kind kind;
  bool close;
};

class AnswerHead : public testing::TestWithParam<AnswerRow> {};

TEST_P(AnswerHead, IsFramedForWhoeverReadsIt) {
  const AnswerRow& row = GetParam();
  http::ResponseHead head;
  ASSERT_EQ(http::ParseResponseHead(row.from_upstream, row.method, head), "");
  http::MarkHopByHop(head.fields);
  const DownstreamFraming framing = FrameAnswer(head, row.minor_version, row.keep_alive);
  std::string out;
  AppendAnswerHead(out, head, framing, row.minor_version);
  EXPECT_EQ(out, row.head);
  EXPECT_EQ(framing.kind, row.kind);
  EXPECT_EQ(framing.close, row.close);
}

const std::string kLength = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n";
const std::string kChunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nETag: \"a\"\r\n\r\n";
const std::string kUntilClose = "HTTP/1.0 200 OK\r\nETag: \"a\"\r\n\r\n";

INSTANTIATE_TEST_SUITE_P(
    Framings, AnswerHead,
    testing::Values(
        AnswerRow{"LengthTo11", kLength, "GET", 1, true,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n", Framing::Kind::kLength,
                  false},
        AnswerRow{"LengthTo11ThatCloses", kLength, "GET", 1, false,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\nconnection: close\r\n\r\n",
                  Framing::Kind::kLength, true},
        AnswerRow{"LengthTo10", kLength, "GET", 0, true,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\nconnection: keep-alive\r\n\r\n",
                  Framing::Kind::kLength, false},
        AnswerRow{"LengthTo10ThatCloses", kLength, "GET", 0, false,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\nconnection: close\r\n\r\n",
                  Framing::Kind::kLength, true},
        AnswerRow{"ChunksTo11", kChunks, "GET", 1, true,
                  "HTTP/1.1 200 OK\r\nETag: \"a\"\r\ntransfer-encoding: chunked\r\n\r\n",
                  Framing::Kind::kChunked, false},
        AnswerRow{"ChunksTo10", kChunks, "GET", 0, true,
                  "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nconnection: close\r\n\r\n", Framing::Kind::kUntilClose,
                  true},
        AnswerRow{"UntilCloseTo11", kUntilClose, "GET", 1, true,
                  "HTTP/1.1 200 OK\r\nETag: \"a\"\r\ntransfer-encoding: chunked\r\n\r\n",
                  Framing::Kind::kChunked, false},
        AnswerRow{"UntilCloseTo10", kUntilClose, "GET", 0, true,
                  "HTTP/1.1 200 OK\r\nETag: \"a\"\r\nconnection: close\r\n\r\n", Framing::Kind::kUntilClose,
                  true},
        AnswerRow{"HeadKeepsItsLength", kLength, "HEAD", 1, true,
                  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"a\"\r\n\r\n", Framing::Kind::kNone, false},
        AnswerRow{"NoContent", "HTTP/1.1 204 No Content\r\n\r\n", "GET", 1, true,
                  "HTTP/1.1 204 No Content\r\n\r\n", Framing::Kind::kNone, false},
        AnswerRow{"NotModified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "GET", 1, true,
                  "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", Framing::Kind::kNone, false},
        AnswerRow{"OneHopOnly",
                  "HTTP/1.1 200 Fine\r\nConnection: close, X-P\r\nX-P: 1\r\nKeep-Alive: timeout=3\r\n"
                  "Content-Length: 0\r\n\r\n",
                  "GET", 1, true, "HTTP/1.1 200 Fine\r\nContent-Length: 0\r\n\r\n", Framing::Kind::kLength,
                  false},
        AnswerRow{"NoReason", "HTTP/1.1 503\r\nContent-Length: 0\r\n\r\n", "GET", 1, true,
                  "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", Framing::Kind::kLength,
                  false},
        AnswerRow{"Switching",
                  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                  "Sec-WebSocket-Accept: b\r\n\r\n",
                  "GET", 1, true,
                  "HTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: b\r\nconnection: upgrade\r\n"
                  "upgrade: websocket\r\n\r\n",
                  Framing::Kind::kNone, false}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(InformationalHead, LosesWhatIsForOneHopOnly) {
  http::ResponseHead head;
  const std::string text =
      "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: keep-alive\r\nKeep-Alive: 5\r\n\r\n";
  ASSERT_EQ(http::ParseResponseHead(text, "GET", head), "");
  http::MarkHopByHop(head.fields);
  std::string out;
  AppendInformationalHead(out, head);
  EXPECT_EQ(out, "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
}

}  // namespace
}  // namespace naru::call
