#include "sidecar/call/http1_attempt.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/reserved_port.h"
#include "tests/support/wire.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;

const std::string kGet = "GET / HTTP/1.1\r\nhost: courses\r\nx-request-id: 1\r\n\r\n";
const std::string kOk = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

// The outcome word of an error answer.
std::string OutcomeOf(const std::string& head) {
  const size_t at = head.find("x-naru-outcome: ");
  return at == std::string::npos ? "none" : head.substr(at + 16, head.find('\r', at) - at - 16);
}

// What the chunks of a body without trailers hold.
std::string ReadChunks(Wire& wire, const Descriptor& peer) {
  std::string body;
  while (true) {
    std::string size;
    while (!size.ends_with("\r\n")) size += wire.Read(peer, 1);
    const size_t length = std::stoul(size, nullptr, 16);
    body += wire.Read(peer, length);
    wire.Expect(peer, "\r\n");
    if (length == 0) return body;
  }
}

// --- answers, in pieces of every size ---

struct AnswerRow {
  const char* name;
  std::string from_upstream;
  std::string to_application;
  bool closes = false;  // the upstream's end is the answer's
  bool reusable = true;
};

class AnswersInPieces : public testing::TestWithParam<AnswerRow> {};

TEST_P(AnswersInPieces, ArriveWhole) {
  const AnswerRow& row = GetParam();
  for (const size_t bytes : {1, 2, 3, 7, 16, 1000}) {
    Wire wire;
    const Descriptor application = wire.Connect();
    Send(application, kGet);
    Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    wire.SendInPieces(upstream, row.from_upstream, bytes);
    if (row.closes) upstream.Close();
    const bool chunked = row.to_application.find("chunked") != std::string::npos;
    if (chunked) {
      // How the body is cut into chunks depends on how it came.
      const std::string head = wire.ReadHead(application);
      EXPECT_EQ(head + ReadChunks(wire, application), row.to_application) << bytes;
    } else {
      wire.Expect(application, row.to_application);
    }
    ASSERT_TRUE(wire.Until([&] { return wire.calls_in_progress() == 0; }));
    EXPECT_EQ(wire.pool().open(), row.reusable ? 1u : 0u) << bytes;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Framings, AnswersInPieces,
    testing::Values(
        AnswerRow{"Length", kOk, kOk},
        AnswerRow{"Empty", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
                  "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"},
        AnswerRow{"NoContent", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"},
        AnswerRow{"NotModified", "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n",
                  "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n"},
        AnswerRow{
            "Chunks",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n10\r\n0123456789abcdef\r\n"
            "0\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nabc0123456789abcdef"},
        AnswerRow{"UntilClose", "HTTP/1.1 200 OK\r\n\r\nabcdef",
                  "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nabcdef", true, false},
        AnswerRow{"Informational",
                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + kOk,
                  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n" + kOk},
        AnswerRow{"ConnectionClose", "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
                  kOk, false, false},
        AnswerRow{"Http10", "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok", kOk, false, false}),
    [](const auto& row) { return std::string(row.param.name); });

// --- what is no answer ---

struct BadRow {
  const char* name;
  std::string from_upstream;
  const char* outcome;
  const char* detail;
  bool closes = false;
};

class BadAnswers : public testing::TestWithParam<BadRow> {};

TEST_P(BadAnswers, BecomeErrors) {
  Wire wire("    retry: {attempts: 1}\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, GetParam().from_upstream);
  if (GetParam().closes) upstream.Close();
  const std::string head = wire.ReadHead(application);
  EXPECT_EQ(head.substr(0, 24), "HTTP/1.1 502 Bad Gateway");
  EXPECT_EQ(OutcomeOf(head), GetParam().outcome);
  const size_t length = std::stoul(head.substr(head.find("content-length: ") + 16));
  const std::string body = wire.Read(application, length);
  const std::string detail = "\"detail\": \"" + std::string(GetParam().detail) + "\"}]";
  EXPECT_NE(body.find(detail), std::string::npos) << body;
  EXPECT_EQ(wire.pool().open(), 0u);
}

std::string Informational(int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text += "HTTP/1.1 102 Processing\r\n\r\n";
  return text;
}

INSTANTIATE_TEST_SUITE_P(
    Rows, BadAnswers,
    testing::Values(BadRow{"NothingAtAll", "", "reset", "closed without an answer", true},
                    BadRow{"HalfAHead", "HTTP/1.1 200 OK\r\ncont", "reset",
                           "closed inside the head of its answer", true},
                    BadRow{"SwitchingUnasked",
                           "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
                           "bad_response", "status 101 without having been asked to switch protocols"},
                    BadRow{"HeadTooLarge", "HTTP/1.1 200 OK\r\na: " + std::string(70000, 'a'), "bad_response",
                           "the head is larger than 64 KiB"}),
    [](const auto& row) { return std::string(row.param.name); });

TEST(Http1Attempt, GarbageIsABadResponse) {
  for (const char* garbage :
       {"SSH-2.0-OpenSSH_9.2\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n", "HTTP/1.1 20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"}) {
    Wire wire("    retry: {attempts: 1}\n");
    const Descriptor application = wire.Connect();
    Send(application, kGet);
    const Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    Send(upstream, garbage);
    EXPECT_EQ(OutcomeOf(wire.ReadHead(application)), "bad_response") << garbage;
    EXPECT_EQ(wire.pool().open(), 0u);
  }
}

TEST(Http1Attempt, EndlessInformationalAnswersAreABadResponse) {
  Wire wire("    retry: {attempts: 1}\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, Informational(33));
  wire.Expect(application, Informational(33));
  EXPECT_EQ(OutcomeOf(wire.ReadHead(application)), "bad_response");
}

// --- answers that break off ---

TEST(Http1Attempt, AnAnswerThatBreaksOffIsNeverEndedAsIfItWereComplete) {
  for (const char* answer : {"HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234",
                             "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\n",
                             "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\n01234\r\nnonsense"}) {
    Wire wire;
    const Descriptor application = wire.Connect(Wire::Kind::kTcp);
    Send(application, kGet);
    Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    Send(upstream, answer);
    upstream.Close();
    const std::string body = wire.ReadToEnd(application);
    EXPECT_TRUE(body.ends_with("[reset]")) << body;
    EXPECT_EQ(body.find("\r\n0\r\n"), std::string::npos) << body;
    EXPECT_EQ(wire.world().Counts(), "calls courses/other truncated 200 = 1\nattempts courses ok = 1\n");
  }
}

TEST(Http1Attempt, AnAnswerThatFallsSilentIsCut) {
  Wire wire("    timeout: 2s\n");
  const Descriptor application = wire.Connect(Wire::Kind::kTcp);
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n01234");
  EXPECT_TRUE(wire.ReadToEnd(application).ends_with("01234[reset]"));
  EXPECT_EQ(wire.world().Counts(), "calls courses/other truncated 200 = 1\nattempts courses ok = 1\n");
}

TEST(Http1Attempt, AnEventStreamMayBeSilentForLongerThanTimeout) {
  Wire wire("    timeout: 2s\n    idle_timeout: 60s\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n");
  wire.ReadHead(application);
  const net::TimePoint later = wire.loop().ReadClock() + milliseconds(2200);
  ASSERT_TRUE(wire.Until([&] { return wire.loop().ReadClock() > later; }));
  Send(upstream, "data: 1\n\n");
  wire.Expect(application, "9\r\ndata: 1\n\n\r\n");
}

// RFC 9110 8.6 sets no limit: what does not fit into 32 bits is still awaited to its last byte.
TEST(Http1Attempt, AnAnswerOfMoreThanFourGibibytesIsNotCompleteBeforeItsEnd) {
  Wire wire;
  const Descriptor application = wire.Connect(Wire::Kind::kTcp);
  Send(application, kGet);
  Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  const std::string begun = "HTTP/1.1 200 OK\r\ncontent-length: 4294967301\r\n\r\n01234";
  Send(upstream, begun);
  wire.Expect(application, begun);
  wire.Settle();
  EXPECT_EQ(wire.calls_in_progress(), 1);
  upstream.Close();
  EXPECT_EQ(wire.ReadToEnd(application), "[reset]");
}

TEST(Http1Attempt, ARequestOfMoreThanFourGibibytesIsNotCompleteBeforeItsEnd) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "PUT / HTTP/1.1\r\nhost: courses\r\ncontent-length: 4294967301\r\n\r\n01234");
  const Descriptor upstream = wire.Accept();
  EXPECT_NE(wire.ReadHead(upstream).find("\r\ncontent-length: 4294967301\r\n"), std::string::npos);
  wire.Expect(upstream, "01234");
  Send(application, "56789");
  wire.Expect(upstream, "56789");
  EXPECT_EQ(wire.calls_in_progress(), 1);
}

// --- deadlines ---

TEST(Http1Attempt, AnswersTimeoutWhenNothingComes) {
  Wire wire("    timeout: 30ms\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  const std::string head = wire.ReadHead(application);
  EXPECT_EQ(head.substr(0, 28), "HTTP/1.1 504 Gateway Timeout");
  EXPECT_EQ(OutcomeOf(head), "timeout");
  EXPECT_EQ(wire.pool().open(), 0u);
  EXPECT_EQ(wire.ReadToEnd(upstream), "[end]");
}

TEST(Http1Attempt, LeavesASilentAttemptForAnother) {
  Wire wire("    try_timeout: 30ms\n    retry: {backoff: {base: 1ms, max: 1ms}}\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor silent = wire.Accept();
  EXPECT_EQ(wire.ReadHead(silent).find("x-naru-attempt"), std::string::npos);
  const Descriptor second = wire.Accept();
  EXPECT_NE(wire.ReadHead(second).find("x-naru-attempt: 2\r\n"), std::string::npos);
  Send(second, kOk);
  wire.Expect(application, kOk);
  EXPECT_EQ(wire.ReadToEnd(silent), "[end]");
}

// --- connections ---

TEST(Http1Attempt, ReusesAConnectionWhoseExchangeEndedCleanly) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  for (int call = 0; call < 5; ++call) {
    if (call > 0) Send(application, kGet);
    wire.ReadHead(upstream);
    Send(upstream, kOk);
    wire.Expect(application, kOk);
  }
  EXPECT_FALSE(wire.SomebodyConnects());
  EXPECT_EQ(wire.pool().open(), 1u);
}

// Whoever has begun to answer has seen the request: another attempt is a second one, and counts.
TEST(Http1Attempt, AReusedConnectionThatDiesWithinItsAnswerIsNotRepeatedForFree) {
  for (const char* begun :
       {"H", "HTTP/1.1 200 OK\r\ncont", "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n"}) {
    Wire wire("    retry: {attempts: 2, backoff: {base: 1ms, max: 1ms}}\n");
    const Descriptor application = wire.Connect();
    Send(application, kGet);
    Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    Send(upstream, kOk);
    wire.Expect(application, kOk);
    Send(application, kGet);
    wire.ReadHead(upstream);
    Send(upstream, begun);
    wire.Settle();
    upstream.Close();
    Descriptor second = wire.Accept();
    wire.ReadHead(second);
    second.Close();
    std::string head = wire.ReadHead(application);
    if (head.starts_with("HTTP/1.1 103")) head = wire.ReadHead(application);
    EXPECT_EQ(OutcomeOf(head), "reset") << begun;
    EXPECT_FALSE(wire.SomebodyConnects()) << begun;
    const std::string body =
        wire.Read(application, std::stoul(head.substr(head.find("content-length: ") + 16)));
    EXPECT_NE(body.find("\"closed inside the head of its answer\"}"), std::string::npos) << body;
    EXPECT_EQ(body.find("\"free\""), std::string::npos) << body;
  }
}

TEST(Http1Attempt, AReusedConnectionThatDiesWithoutAnAnswerIsRepeatedForFreeAndSaysSo) {
  Wire wire("    retry: {attempts: 2, backoff: {base: 1ms, max: 1ms}}\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, kOk);
  wire.Expect(application, kOk);
  Send(application, kGet);
  wire.ReadHead(upstream);
  upstream.Close();
  for (int attempt = 0; attempt < 2; ++attempt) {
    const Descriptor another = wire.Accept();
    wire.ReadHead(another);
  }
  const std::string head = wire.ReadHead(application);
  const std::string body =
      wire.Read(application, std::stoul(head.substr(head.find("content-length: ") + 16)));
  EXPECT_NE(body.find("2 attempts failed within "), std::string::npos) << body;
  EXPECT_NE(body.find(" ms, and 1 more that retry.attempts does not count\""), std::string::npos) << body;
  EXPECT_NE(body.find("\"closed a reused connection without an answer\", \"free\": true}, {"),
            std::string::npos)
      << body;
}

TEST(Http1Attempt, NeverReusesAConnectionThatSaidMoreThanItsAnswer) {
  for (const bool later : {false, true}) {
    Wire wire;
    const Descriptor application = wire.Connect();
    Send(application, kGet);
    const Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    Send(upstream, later ? kOk : kOk + "HTTP/1.1 200 OK\r\n");
    wire.Expect(application, kOk);
    if (later) Send(upstream, "HTTP/1.1 200 OK\r\n");
    wire.Settle();
    Send(application, kGet);
    const Descriptor second = wire.Accept();
    wire.ReadHead(second);
    Send(second, kOk);
    wire.Expect(application, kOk);
    EXPECT_EQ(wire.pool().open(), 1u);
  }
}

TEST(Http1Attempt, ARefusedConnectionIsAConnectError) {
  const ReservedPort port;
  Wire wire("    retry: {attempts: 1}\n");
  wire.world().Reload(
      "caller: {squad: video, service: video-api}\n"
      "services: {courses: {squad: learning, endpoints: [127.0.0.1:" +
      std::to_string(port.number()) + "], retry: {attempts: 1}}}\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const std::string head = wire.ReadHead(application);
  EXPECT_EQ(OutcomeOf(head), "connect_error");
  EXPECT_NE(head.find("proxy-status: naru; error=connection_refused; next-hop=\"127.0.0.1:"),
            std::string::npos);
}

TEST(Http1Attempt, ARetryOfAConnectionThatDiedUnansweredIsFree) {
  Wire wire("    retry: {budget: {ratio: 0%, floor: 0/s, window: 10s}}\n");
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, kOk);
  wire.Expect(application, kOk);
  Send(application, kGet);
  wire.ReadHead(upstream);
  upstream.Close();
  const Descriptor second = wire.Accept();
  wire.ReadHead(second);
  Send(second, kOk);
  wire.Expect(application, kOk);
}

// --- bodies towards upstream ---

TEST(Http1Attempt, SendsABodyOfAnySizeAsItComes) {
  for (const size_t bytes : {size_t(1), size_t(20000), size_t(1000000)}) {
    Wire wire;
    const Descriptor application = wire.Connect();
    const std::string body(bytes, 'b');
    Send(application,
         "POST / HTTP/1.1\r\nhost: courses\r\ncontent-length: " + std::to_string(bytes) + "\r\n\r\n");
    Descriptor upstream = wire.Accept();
    wire.ReadHead(upstream);
    std::string received;
    for (size_t sent = 0; sent < bytes; sent += 10000) {
      Send(application, std::string_view(body).substr(sent, 10000));
      received += wire.Read(upstream, std::min<size_t>(10000, bytes - sent));
    }
    EXPECT_EQ(received, body);
    Send(upstream, kOk);
    wire.Expect(application, kOk);
    ASSERT_TRUE(wire.Until([&] { return wire.calls_in_progress() == 0; }));
    EXPECT_EQ(wire.pool().open(), 1u);
    EXPECT_EQ(wire.connections(), 1u);
  }
}

TEST(Http1Attempt, SendsChunksAndTrailers) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application,
       "PUT / HTTP/1.1\r\nhost: courses\r\ntransfer-encoding: chunked\r\n\r\n5;ext=1\r\nhello\r\n0\r\n"
       "checksum: 7\r\nhost: evil\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  EXPECT_NE(wire.ReadHead(upstream).find("\r\ntransfer-encoding: chunked\r\n"), std::string::npos);
  wire.Expect(upstream, "5\r\nhello\r\n0\r\nchecksum: 7\r\n\r\n");
  Send(upstream, kOk);
  wire.Expect(application, kOk);
}

TEST(Http1Attempt, SendsTheSameBodyToTheNextEndpoint) {
  Wire wire("    retry: {backoff: {base: 1ms, max: 1ms}}\n");
  const Descriptor application = wire.Connect();
  Send(application, "PUT / HTTP/1.1\r\nhost: courses\r\ncontent-length: 5\r\n\r\nhe");
  Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  wire.Expect(upstream, "he");
  Send(upstream, "HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n");
  const Descriptor second = wire.Accept();
  wire.ReadHead(second);
  wire.Expect(second, "he");
  Send(application, "llo");
  wire.Expect(second, "llo");
  Send(second, kOk);
  wire.Expect(application, kOk);
}

TEST(Http1Attempt, PassesAnEarlyAnswerOnWhileTheBodyIsStillComing) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "POST / HTTP/1.1\r\nhost: courses\r\ncontent-length: 1000\r\n\r\npart");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  wire.Expect(upstream, "part");
  Send(upstream, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno");
  wire.Expect(application, "HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\nconnection: close\r\n\r\nno");
  EXPECT_EQ(wire.ReadToEnd(application), "[end]");
  EXPECT_EQ(wire.ReadToEnd(upstream), "[end]");
}

TEST(Http1Attempt, StreamsBothWaysAtOnce) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "POST / HTTP/1.1\r\nhost: courses\r\ntransfer-encoding: chunked\r\n\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  Send(upstream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
  wire.ReadHead(application);
  for (int i = 0; i < 3; ++i) {
    Send(application, "4\r\nping\r\n");
    wire.Expect(upstream, "4\r\nping\r\n");
    Send(upstream, "4\r\npong\r\n");
    wire.Expect(application, "4\r\npong\r\n");
  }
  Send(application, "0\r\n\r\n");
  wire.Expect(upstream, "0\r\n\r\n");
  Send(upstream, "0\r\n\r\n");
  wire.Expect(application, "0\r\n\r\n");
}

TEST(Http1Attempt, ABodyThatIsMalformedEndsTheCall) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, "PUT / HTTP/1.1\r\nhost: courses\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n");
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  wire.Expect(upstream, "5\r\nhello\r\n");
  Send(application, "nonsense\r\n");
  EXPECT_EQ(OutcomeOf(wire.ReadHead(application)), "bad_request");
  EXPECT_EQ(wire.ReadToEnd(upstream), "[end]");
}

TEST(Http1Attempt, PassesALargeAnswerOnWhole) {
  Wire wire;
  const Descriptor application = wire.Connect();
  Send(application, kGet);
  const Descriptor upstream = wire.Accept();
  wire.ReadHead(upstream);
  const std::string body(3000000, 'x');
  Send(upstream, "HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n");
  wire.ReadHead(application);
  std::string received;
  for (size_t sent = 0; sent < body.size(); sent += 30000) {
    Send(upstream, std::string_view(body).substr(sent, 30000));
    received += wire.Read(application, 30000);
  }
  EXPECT_TRUE(received == body);
  ASSERT_TRUE(wire.Until([&] { return wire.calls_in_progress() == 0; }));
  EXPECT_EQ(wire.pool().open(), 1u);
}

}  // namespace
}  // namespace naru::call
