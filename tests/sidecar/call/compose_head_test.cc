#include "sidecar/call/compose_head.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/call/websocket.h"
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
  carried.Start(calls.layers);
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

// --- towards upstream, in HTTP/2 ---

// How a call came and how often it was tried.
struct Came {
  std::string request;  // as text of HTTP/1
  bool http2 = false;
  bool grpc = false;
  std::string_view protocol = {};  // of an extended CONNECT
  Duration sent_after = {};
  int attempts = 1;
};

std::string Describe(const http::Http2Fields& fields) {
  std::string text;
  for (const http::Http2Fields::Entry& entry : fields.entries()) {
    text.append(entry.indexed ? "" : "*").append(entry.name).append(": ").append(entry.value).append("\n");
  }
  return text;
}

// What is sent of `came`: fields that enter no table with a '*' before them; `as_http1` the head as text.
std::string Sent(const Came& came, bool as_http1 = false) {
  LayeredCalls calls(kYaml);
  calls.layers = {&calls.resolve_service, &calls.enforce_deadline, &calls.retry_attempts, &calls.upstream};
  CarriedCall carried(calls.world, calls.scheduler, came.request);
  if (came.http2) carried.call.head.major_version = 2;
  carried.call.grpc = came.grpc;
  if (!came.protocol.empty()) {
    carried.call.head.protocol = came.protocol;
    carried.call.head.upgrade = true;
  }
  carried.Start(calls.layers);
  EXPECT_EQ(carried.said(), "200");
  carried.call.attempts.resize(static_cast<size_t>(came.attempts));
  std::string head;
  http::Http2Fields fields;
  fields.Add("left", "over");
  const TimePoint now = calls.scheduler.now() + came.sent_after;
  if (as_http1) AppendUpstreamHead(head, carried.call, now);
  if (!as_http1) ComposeHttp2Request(fields, carried.call, now);
  calls.Finish(carried);
  return as_http1 ? head : Describe(fields);
}

std::string Pseudo(const std::string& method, const std::string& path = "/") {
  return ":method: " + method + "\n:scheme: http\n:authority: courses\n:path: " + path + "\n";
}

const std::string kOwn = "x-naru-caller: video/video-api\n*x-naru-deadline-ms: 5000\nvia: 1.1 naru\n";
const std::string kOwnOfHttp2 = "x-naru-caller: video/video-api\n*x-naru-deadline-ms: 5000\nvia: 2 naru\n";
const std::string kOwnOfGrpc = "x-naru-caller: video/video-api\nvia: 2 naru\n";

TEST(Http2Request, ForwardsTheRequestAndSaysWhoCallsAndForHowLong) {
  EXPECT_EQ(Sent({"POST /v1/x?y=1 HTTP/1.1\r\nHost: Courses.:4000\r\nContent-Length: 3\r\nX-Any: a,  b\r\n"
                  "X-Request-ID: 7\r\nIdempotency-Key: 8\r\n\r\n"}),
            Pseudo("POST", "/v1/x?y=1") +
                "*content-length: 3\nx-any: a,  b\n*x-request-id: 7\n*idempotency-key: 8\n" + kOwn);
}

TEST(Http2Request, KeepsTheHostByWhichTheServiceWasNamed) {
  EXPECT_EQ(Sent({"GET / HTTP/1.1\r\nhost: API.example.com:443\r\n\r\n"}),
            ":method: GET\n:scheme: http\n:authority: API.example.com:443\n:path: /\n" + kOwn);
}

TEST(Http2Request, RemovesWhatIsForOneHopOnly) {
  EXPECT_EQ(Sent({"PUT / HTTP/1.1\r\nhost: courses\r\nConnection: keep-alive, X-Private\r\nX-Private: 1\r\n"
                  "Keep-Alive: timeout=5\r\nTransfer-Encoding: chunked\r\nTE: gzip\r\nAccept: */*\r\n\r\n"}),
            Pseudo("PUT") + "accept: */*\n" + kOwn);
}

// RFC 9113 8.2.2: the only TE there is.
TEST(Http2Request, PassesTheWishForTrailersOn) {
  EXPECT_EQ(Sent({"GET / HTTP/1.1\r\nhost: courses\r\nconnection: te\r\nTE: gzip, trailers\r\n\r\n"}),
            Pseudo("GET") + "te: trailers\n" + kOwn);
  EXPECT_EQ(Sent({.request = "GET / HTTP/1.1\r\nhost: courses\r\nte: trailers\r\n\r\n", .http2 = true}),
            Pseudo("GET") + "te: trailers\n" + kOwnOfHttp2);
}

// RFC 9113 8.2.3
TEST(Http2Request, CutsCookiesIntoCrumbs) {
  EXPECT_EQ(Sent({"GET / HTTP/1.1\r\nhost: courses\r\nCookie: a=1; b=2;c; d=\r\nA: b\r\nCookie: e\r\n\r\n"}),
            Pseudo("GET") + "cookie: a=1\ncookie: b=2;c\ncookie: d=\na: b\ncookie: e\n" + kOwn);
}

TEST(Http2Request, MakesOneFieldOfCrumbsOnTheirWayToHttp1) {
  const std::string request = "GET / HTTP/1.1\r\nhost: courses\r\ncookie: a=1\r\nA: b\r\ncookie: c=2\r\n\r\n";
  EXPECT_EQ(
      Sent({.request = request, .http2 = true}, true),
      "GET / HTTP/1.1\r\nhost: courses\r\nA: b\r\ncookie: a=1; c=2\r\nx-naru-caller: video/video-api\r\n"
      "x-naru-deadline-ms: 5000\r\nvia: 2 naru\r\n\r\n");
  // What came as two fields of HTTP/1 stays two.
  EXPECT_EQ(Sent({.request = request}, true),
            "GET / HTTP/1.1\r\nhost: courses\r\ncookie: a=1\r\nA: b\r\ncookie: c=2\r\n" + Own());
}

TEST(Http2Request, SaysTheNumberOfTheAttemptFromTheSecondOn) {
  EXPECT_EQ(Sent({.request = "GET / HTTP/1.1\r\nhost: courses\r\n\r\n", .attempts = 2}),
            Pseudo("GET") +
                "x-naru-caller: video/video-api\n*x-naru-attempt: 2\n*x-naru-deadline-ms: 5000\n" +
                "via: 1.1 naru\n");
}

TEST(Http2Request, OfGrpcHasATimeoutOnlyIfItsCallerSetOne) {
  const std::string request =
      "POST /a.B/C HTTP/1.1\r\nhost: courses\r\ncontent-type: application/grpc\r\nte: trailers\r\n";
  const std::string head = Pseudo("POST", "/a.B/C") + "content-type: application/grpc\nte: trailers\n";
  EXPECT_EQ(Sent({.request = request + "\r\n", .http2 = true, .grpc = true}), head + kOwnOfGrpc);
  EXPECT_EQ(Sent({.request = request + "grpc-timeout: 1S\r\n\r\n",
                  .http2 = true,
                  .grpc = true,
                  .sent_after = milliseconds(250)}),
            head + "x-naru-caller: video/video-api\n*grpc-timeout: 750000u\nvia: 2 naru\n");
  // Either field is a deadline; only the one of gRPC is sent.
  EXPECT_EQ(Sent({.request = request + "x-naru-deadline-ms: 50\r\n\r\n", .http2 = true, .grpc = true}),
            head + "x-naru-caller: video/video-api\n*grpc-timeout: 50000000n\nvia: 2 naru\n");
}

TEST(Http2Request, LeavesTheFieldsOfGrpcToOtherCalls) {
  EXPECT_EQ(
      Sent({"GET / HTTP/1.1\r\nhost: courses\r\ngrpc-timeout: 1S\r\ngrpc-previous-rpc-attempts: 1\r\n\r\n"}),
      Pseudo("GET") + "grpc-timeout: 1S\ngrpc-previous-rpc-attempts: 1\n" + kOwn);
}

// gRPC proposal A6
TEST(Http2Request, OfGrpcSaysHowOftenItWasTriedBefore) {
  const std::string request = "POST /a.B/C HTTP/1.1\r\nhost: courses\r\n";
  const std::string again = "grpc-previous-rpc-attempts: 2\r\n\r\n";
  EXPECT_EQ(Sent({.request = request + again, .http2 = true, .grpc = true}),
            Pseudo("POST", "/a.B/C") + "grpc-previous-rpc-attempts: 2\n" + kOwnOfGrpc);
  EXPECT_EQ(Sent({.request = request + again, .http2 = true, .grpc = true, .attempts = 3}),
            Pseudo("POST", "/a.B/C") + "x-naru-caller: video/video-api\n*x-naru-attempt: 3\n" +
                "*grpc-previous-rpc-attempts: 4\nvia: 2 naru\n");
}

// --- extended CONNECT (RFC 8441), both ways ---

const std::string kWebSocket =
    "GET /chat HTTP/1.1\r\nhost: courses\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";

TEST(ExtendedConnect, StandsForAnUpgradeTowardsHttp2) {
  EXPECT_EQ(Sent({kWebSocket}),
            ":method: CONNECT\n:scheme: http\n:authority: courses\n:path: /chat\n"
            ":protocol: websocket\nsec-websocket-version: 13\n" +
                kOwn);
}

TEST(ExtendedConnect, IsPassedOnToHttp2) {
  EXPECT_EQ(Sent({.request = "GET /chat HTTP/1.1\r\nhost: courses\r\nsec-websocket-version: 13\r\n\r\n",
                  .http2 = true,
                  .protocol = "websocket"}),
            ":method: CONNECT\n:scheme: http\n:authority: courses\n:path: /chat\n:protocol: websocket\n"
            "sec-websocket-version: 13\n" +
                kOwnOfHttp2);
}

// RFC 8441 5: GET, Upgrade and a key again.
TEST(ExtendedConnect, BecomesAnUpgradeTowardsHttp1) {
  EXPECT_EQ(Sent({.request = "GET /chat HTTP/1.1\r\nhost: courses\r\nsec-websocket-version: 13\r\n"
                             "x-request-id: 7\r\n\r\n",
                  .http2 = true,
                  .protocol = "websocket"},
                 true),
            "GET /chat HTTP/1.1\r\nhost: courses\r\nsec-websocket-version: 13\r\nx-request-id: 7\r\n"
            "connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-key: " +
                WebSocketKey("7") +
                "\r\nx-naru-caller: video/video-api\r\nx-naru-deadline-ms: 5000\r\nvia: 2 naru\r\n\r\n");
}

// --- a request of HTTP/1 that becomes stream 1 (RFC 7540 3.2) ---

TEST(Http2Block, IsTheRequestWithoutWhatIsForOneHopOnly) {
  const std::string text =
      "GET /v1 HTTP/1.1\r\nHost: courses\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
      "HTTP2-Settings: AAMAAABk\r\nAccept: */*\r\n\r\n";
  http::RequestHead head;
  ASSERT_EQ(http::ParseRequestHead(text, head), "");
  http::MarkHopByHop(head.fields);
  http::Http2HeadBlock block;
  ToHttp2Block(head, block);
  std::string lines;
  for (size_t i = 0; i < block.size(); ++i)
    lines.append(block[i].name).append(": ").append(block[i].value) += "\n";
  EXPECT_EQ(lines, ":method: GET\n:scheme: http\n:path: /v1\nhost: courses\naccept: */*\n");
}

// --- towards the application, in HTTP/2 ---

std::string Http2Answer(const std::string& from_upstream) {
  http::ResponseHead head;
  EXPECT_EQ(http::ParseResponseHead(from_upstream, "GET", head), "");
  http::MarkHopByHop(head.fields);
  http::Http2Fields fields;
  fields.Add("left", "over");
  ComposeHttp2Answer(fields, head);
  return Describe(fields);
}

TEST(Http2Answer, IsPassedOnWithoutWhatIsForOneHopOnly) {
  EXPECT_EQ(Http2Answer("HTTP/1.1 200 Fine\r\nConnection: close, X-P\r\nX-P: 1\r\nKeep-Alive: timeout=3\r\n"
                        "Transfer-Encoding: chunked\r\nETag: \"A\"\r\nX-Request-Id: 7\r\n\r\n"),
            ":status: 200\netag: \"A\"\n*x-request-id: 7\n");
  EXPECT_EQ(Http2Answer("HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\nSet-Cookie: a=1; b\r\n\r\n"),
            ":status: 404\n*content-length: 5\nset-cookie: a=1; b\n");
}

// RFC 9110 8.6
TEST(Http2Answer, HasNoLengthWhereItHasNoBody) {
  EXPECT_EQ(Http2Answer("HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n"), ":status: 204\n");
  EXPECT_EQ(Http2Answer("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"), ":status: 103\nlink: </a>\n");
  EXPECT_EQ(Http2Answer("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"),
            ":status: 304\n*content-length: 5\n");
}

// RFC 8441 5: a 2xx agrees, and nothing accepts a key that was never sent.
TEST(Http2Answer, SaysThatAnUpgradeWasAgreedTo) {
  EXPECT_EQ(Http2Answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                        "Sec-WebSocket-Accept: b\r\nSec-WebSocket-Protocol: chat\r\n\r\n"),
            ":status: 200\nsec-websocket-protocol: chat\n");
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
