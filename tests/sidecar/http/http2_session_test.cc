#include "sidecar/http/http2_session.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/http2_frames.h"
#include "tests/support/http2_peer.h"
#include "tests/support/read_message.h"

namespace naru::http {
namespace {

using Strings = std::vector<std::string>;
using std::string_view_literals::operator""sv;

// Two sessions that talk to each other, what they say cut into fragments.
class Http2SessionTest : public testing::Test {
 protected:
  // One after the other until neither has anything to say.
  void Exchange(size_t fragment_bytes = static_cast<size_t>(-1)) {
    bool said = true;
    while (said) {
      const std::string up = client_.Take();
      Deliver(up, server_, fragment_bytes);
      const std::string down = server_.Take();
      Deliver(down, client_, fragment_bytes);
      said = !up.empty() || !down.empty();
    }
  }
  static void Deliver(std::string_view bytes, Http2Peer& to, size_t fragment_bytes) {
    while (!bytes.empty()) {
      const std::string fragment(bytes.substr(0, fragment_bytes));  // in memory of its own
      bytes.remove_prefix(fragment.size());
      if (!to.Receive(fragment)) return;
    }
  }
  // The server's stream that the last request became.
  PeerStream& Asked() {
    Exchange();
    return server_.stream(server_.streams() - 1);
  }

  Http2Peer client_{Http2Session::Role::kClient};
  Http2Peer server_{Http2Session::Role::kServer};
};

// The same as a header block.
const std::string kPseudo =
    Hpack({{":method", "GET"}, {":scheme", "http"}, {":path", "/"}, {":authority", "courses"}});
constexpr const char* kGetHead = ":method: GET\n:scheme: http\n:path: /\n:authority: courses\n";

// --- messages ---

class Http2SessionInPieces : public Http2SessionTest, public testing::WithParamInterface<size_t> {};

TEST_P(Http2SessionInPieces, CarriesMessagesAsIfTheyHadComeWhole) {
  const size_t bytes = GetParam();
  PeerStream& sent = client_.Request(RequestFields("POST", "/v1", {{"x-a", ""}, {"x-a", "2"}}), true);
  sent.Send("hel");
  Exchange(bytes);
  ASSERT_EQ(server_.streams(), 1u);
  PeerStream& received = server_.stream(0);
  const std::string head = ":method: POST\n:scheme: http\n:path: /v1\n:authority: courses\nx-a: \nx-a: 2\n";
  EXPECT_EQ(received.Transcript(), head + "hel\n");

  received.Inform({{":status", "103"}, {"link", "</a>"}});
  sent.Send("lo", true, {{"x-sum", "7"}});
  Exchange(bytes);
  EXPECT_EQ(received.Transcript(), head + "hello\n+x-sum: 7\n[end]");

  received.Answer(AnswerFields(200, {{"content-type", "text/plain"}}), true);
  received.Send(std::string(1000, 'x'));
  received.Finish({{"grpc-status", "0"}});
  Exchange(bytes);
  EXPECT_EQ(sent.Transcript(),
            ":status: 103\nlink: </a>\n[informational]\n:status: 200\ncontent-type: text/plain\n" +
                std::string(1000, 'x') + "\n+grpc-status: 0\n[end][closed NO_ERROR]");
  EXPECT_EQ(received.Transcript(), head + "hello\n+x-sum: 7\n[end][closed NO_ERROR]");
  EXPECT_EQ(client_.events, Strings{"settings"});
  EXPECT_EQ(server_.events, Strings{"settings"});
}

INSTANTIATE_TEST_SUITE_P(Sizes, Http2SessionInPieces, testing::ValuesIn(kFragmentSizes),
                         [](const auto& size) {
                           return size.param > 1000 ? "Whole" : std::to_string(size.param);
                         });

TEST_F(Http2SessionTest, CarriesMessagesWithoutBodies) {
  PeerStream& sent = client_.Request(RequestFields("GET", "/"));
  EXPECT_EQ(Asked().Transcript(), kGetHead + std::string("[end]"));
  server_.stream(0).Answer(AnswerFields(204));
  Exchange();
  EXPECT_EQ(sent.Transcript(), ":status: 204\n[end][closed NO_ERROR]");
  EXPECT_EQ(server_.stream(0).Transcript(), kGetHead + std::string("[end][closed NO_ERROR]"));
}

TEST_F(Http2SessionTest, AnswersStreamsInAnyOrder) {
  PeerStream& first = client_.Request(RequestFields("GET", "/1"));
  PeerStream& second = client_.Request(RequestFields("GET", "/2"));
  Exchange();
  EXPECT_EQ(server_.stream(0).Field(":path"), "/1");
  EXPECT_EQ(server_.stream(1).Field(":path"), "/2");
  server_.stream(1).Answer(AnswerFields(202));
  Exchange();
  EXPECT_EQ(first.Transcript(), "");
  EXPECT_EQ(second.Transcript(), ":status: 202\n[end][closed NO_ERROR]");
  server_.stream(0).Answer(AnswerFields(201));
  Exchange();
  EXPECT_EQ(first.Transcript(), ":status: 201\n[end][closed NO_ERROR]");
}

TEST_F(Http2SessionTest, SendsFieldsInLowerCaseAndAnEmptyTrailerListAsAPlainEnd) {
  PeerStream& sent = client_.Request(RequestFields("PUT", "/", {{"X-Upper", "A"}}), true);
  sent.Send("x", true, {});
  PeerStream& received = Asked();
  EXPECT_EQ(received.Field("x-upper"), "A");
  EXPECT_EQ(received.trailers, "");
  EXPECT_TRUE(received.ended);
}

TEST_F(Http2SessionTest, FillsBuffersOfSixteenKibibytesToTheBrim) {
  PeerStream& sent = client_.Request(RequestFields("PUT", "/"), true);
  sent.Send(std::string(60000, 'x'), true);
  std::vector<size_t> fills;
  std::string buffer(16 * 1024, '\0');
  std::string all;
  while (const size_t filled = client_.session().Fill(buffer)) {
    fills.push_back(filled);
    all.append(buffer, 0, filled);
  }
  ASSERT_EQ(fills.size(), 4u);
  for (size_t i = 0; i < 3; ++i) EXPECT_GT(fills[i], 14u * 1024);
  EXPECT_FALSE(client_.session().WantsToSend());
  Deliver(all, server_, static_cast<size_t>(-1));
  EXPECT_EQ(server_.stream(0).body, std::string(60000, 'x'));
  EXPECT_TRUE(server_.stream(0).ended);
}

// --- flow control ---

TEST_F(Http2SessionTest, OpensTheWindowOfARequestOnlyAsItIsConsumed) {
  Exchange();
  PeerStream& sent = client_.Request(RequestFields("PUT", "/"), true);
  PeerStream& received = Asked();
  received.reads = false;
  sent.Send(std::string(300'000, 'x'), true);
  Exchange();
  const auto window = static_cast<size_t>(Http2Session::kRequestWindowBytes);
  EXPECT_EQ(received.body.size(), window);
  EXPECT_EQ(sent.unsent(), 300'000 - window);
  EXPECT_FALSE(client_.session().WantsToSend());

  received.Consume(window);
  Exchange();
  EXPECT_EQ(received.body.size(), 2 * window);
  received.Consume(window);
  Exchange();
  EXPECT_EQ(received.body.size(), 300'000u);
  EXPECT_TRUE(received.ended);
}

TEST_F(Http2SessionTest, OpensTheWindowOfAnAnswerOnlyAsItIsConsumed) {
  PeerStream& sent = client_.Request(RequestFields("GET", "/"));
  sent.reads = false;
  PeerStream& received = Asked();
  received.Answer(AnswerFields(200), true);
  received.Send(std::string(600'000, 'x'), true);
  Exchange();
  const auto window = static_cast<size_t>(Http2Session::kAnswerWindowBytes);
  EXPECT_EQ(sent.body.size(), window);
  sent.Consume(window);
  Exchange();
  EXPECT_EQ(sent.body.size(), 2 * window);
  sent.Consume(window);
  Exchange();
  EXPECT_TRUE(sent.ended);
}

TEST_F(Http2SessionTest, AStreamThatNobodyReadsHoldsUpNoOther) {
  PeerStream& slow = client_.Request(RequestFields("GET", "/slow"));
  PeerStream& fast = client_.Request(RequestFields("GET", "/fast"));
  slow.reads = false;
  Exchange();
  for (size_t i = 0; i < 2; ++i) {
    server_.stream(i).Answer(AnswerFields(200), true);
    server_.stream(i).Send(std::string(20'000'000, 'x'), true);
  }
  Exchange();
  EXPECT_EQ(fast.body.size(), 20'000'000u);
  EXPECT_EQ(slow.body.size(), static_cast<size_t>(Http2Session::kAnswerWindowBytes));
}

TEST_F(Http2SessionTest, GivesCreditForPaddingByItself) {
  ASSERT_TRUE(server_.Receive(ClientPreface()));
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kHeaders, kEndHeaders, 1, kPseudo)));
  const std::string payload = "\xff" + std::string(1, 'x') + std::string(255, '\0');
  // Four times the window of the stream, nearly all of it padding.
  const int frames = 4 * Http2Session::kRequestWindowBytes / 257;
  for (int i = 0; i < frames; ++i) {
    ASSERT_TRUE(server_.Receive(Frame(FrameType::kData, kPadded, 1, payload))) << i;
    server_.Take();
  }
  EXPECT_EQ(server_.stream(0).body, std::string(static_cast<size_t>(frames), 'x'));
  EXPECT_FALSE(server_.stream(0).closed);
}

TEST_F(Http2SessionTest, APeerThatIgnoresTheWindowIsEndedWithAnError) {
  ASSERT_TRUE(server_.Receive(ClientPreface()));
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kHeaders, kEndHeaders, 1, kPseudo)));
  server_.stream(0).reads = false;
  server_.Take();
  ASSERT_TRUE(server_.Receive(Frame(FrameType::kSettings, kAck, 0)));
  bool alive = true;
  for (int i = 0; i < 20 && alive; ++i)
    alive = server_.Receive(Frame(FrameType::kData, 0, 1, std::string(16384, 'x')));
  // The frame that went too far is the last that was heard.
  EXPECT_EQ(server_.stream(0).body.size(), static_cast<size_t>(Http2Session::kRequestWindowBytes) + 16384);
  EXPECT_EQ(DescribeFrames(server_.Take()), "RST_STREAM 1 FLOW_CONTROL_ERROR\n");
  EXPECT_TRUE(server_.stream(0).closed);
}

// --- ends ---

TEST_F(Http2SessionTest, TellsTheOtherEndOfAReset) {
  PeerStream& sent = client_.Request(RequestFields("PUT", "/"), true);
  PeerStream& received = Asked();
  sent.Reset(Http2Error::kCancel);
  Exchange();
  EXPECT_EQ(received.Transcript(),
            ":method: PUT\n:scheme: http\n:path: /\n:authority: courses\n[closed CANCEL]");
  EXPECT_EQ(sent.Transcript(), "");  // who resets is not told

  PeerStream& again = client_.Request(RequestFields("GET", "/"));
  Asked().Reset(Http2Error::kInternalError);
  Exchange();
  EXPECT_EQ(again.Transcript(), "[closed INTERNAL_ERROR]");
}

TEST_F(Http2SessionTest, GivesUpTheBodyOfAStreamThatWasReset) {
  PeerStream& sent = client_.Request(RequestFields("PUT", "/"), true);
  sent.Send(std::string(300'000, 'x'), true);
  client_.Take();
  sent.Reset(Http2Error::kCancel);
  EXPECT_EQ(DescribeFrames(client_.Take()), "RST_STREAM 1 CANCEL\n");
  EXPECT_FALSE(client_.session().WantsToSend());
}

TEST_F(Http2SessionTest, RefusesARequestForWhichThereIsNoHandler) {
  server_.refuses = true;
  PeerStream& sent = client_.Request(RequestFields("GET", "/"));
  Exchange();
  EXPECT_EQ(sent.Transcript(), "[closed REFUSED_STREAM]");
  EXPECT_EQ(server_.streams(), 0u);
}

TEST_F(Http2SessionTest, ADetachedStreamGoesOnToItsEndUnheard) {
  PeerStream& sent = client_.Request(RequestFields("GET", "/"));
  PeerStream& received = Asked();
  client_.session().Detach(sent.id);
  received.Answer(AnswerFields(200), true);
  received.Send(std::string(300'000, 'x'), true);
  Exchange();
  EXPECT_EQ(sent.Transcript(), "");
  EXPECT_TRUE(received.closed);
  EXPECT_EQ(received.unsent(), 0u);  // what nobody hears is consumed all the same
}

TEST_F(Http2SessionTest, KnowsWhetherARequestHasBegun) {
  PeerStream& sent = client_.Request(RequestFields("GET", "/"));
  EXPECT_FALSE(client_.session().HasBegun(sent.id));
  client_.Take();
  EXPECT_TRUE(client_.session().HasBegun(sent.id));
}

// RFC 9113 6.8
TEST_F(Http2SessionTest, AnnouncesItsEndWithoutRefusingWhatIsOnItsWay) {
  PeerStream& first = client_.Request(RequestFields("GET", "/1"));
  Exchange();
  PeerStream& crossing = client_.Request(RequestFields("GET", "/2"));
  const std::string on_its_way = client_.Take();
  server_.session().AnnounceGoAway();
  const std::string announced = server_.Take();
  EXPECT_EQ(DescribeFrames(announced), "GOAWAY NO_ERROR\n");
  ASSERT_TRUE(client_.Receive(announced));
  EXPECT_EQ(client_.events, (Strings{"settings", "goaway NO_ERROR"}));
  EXPECT_LT(client_.Request(RequestFields("GET", "/3")).id, 0);

  ASSERT_TRUE(server_.Receive(on_its_way));
  server_.session().GoAway(Http2Error::kNoError);
  EXPECT_EQ(server_.streams(), 2u);
  for (size_t i = 0; i < 2; ++i) server_.stream(i).Answer(AnswerFields(200));
  Exchange();
  EXPECT_EQ(first.Transcript(), ":status: 200\n[end][closed NO_ERROR]");
  EXPECT_EQ(crossing.Transcript(), ":status: 200\n[end][closed NO_ERROR]");
  EXPECT_FALSE(client_.session().IsAlive());
  EXPECT_FALSE(server_.session().IsAlive());
}

TEST_F(Http2SessionTest, TellsWhichRequestsAGoAwayLeftOut) {
  Exchange();
  PeerStream& taken = client_.Request(RequestFields("GET", "/1"));
  Asked();
  PeerStream& crossing = client_.Request(RequestFields("GET", "/2"));
  const std::string on_its_way = client_.Take();
  PeerStream& queued = client_.Request(RequestFields("GET", "/3"));
  server_.session().GoAway(Http2Error::kNoError);
  ASSERT_TRUE(client_.Receive(server_.Take()));
  EXPECT_EQ(crossing.Transcript(), "[closed REFUSED_STREAM]");
  EXPECT_EQ(client_.Take(), "");
  EXPECT_EQ(client_.events,
            (Strings{"settings", "goaway NO_ERROR", "unsendable " + std::to_string(queued.id)}));
  EXPECT_EQ(queued.Transcript(), "[closed REFUSED_STREAM]");
  ASSERT_TRUE(server_.Receive(on_its_way));
  EXPECT_EQ(server_.streams(), 1u);
  server_.stream(0).Answer(AnswerFields(200));
  Exchange();
  EXPECT_EQ(taken.Transcript(), ":status: 200\n[end][closed NO_ERROR]");
}

TEST_F(Http2SessionTest, EndsAtOnceWithAnError) {
  client_.Request(RequestFields("GET", "/1"));
  Exchange();
  server_.session().GoAway(Http2Error::kEnhanceYourCalm);
  EXPECT_TRUE(server_.session().IsAlive());  // until that has left
  EXPECT_EQ(DescribeFrames(server_.Take()), "GOAWAY ENHANCE_YOUR_CALM\n");
  EXPECT_FALSE(server_.session().IsAlive());
}

// --- the rest of a connection ---

TEST_F(Http2SessionTest, SaysWhatItTakes) {
  EXPECT_EQ(DescribeFrames(server_.Take()), "SETTINGS\nWINDOW\n");
  EXPECT_EQ(DescribeFrames(client_.Take()), "preface\nSETTINGS\nWINDOW\n");
  Http2Peer client(Http2Session::Role::kClient);
  Http2Peer server(Http2Session::Role::kServer);
  ASSERT_TRUE(client.Receive(server.Take()));
  EXPECT_EQ(client.session().peer_max_streams(), Http2Session::kMaxStreams);
  EXPECT_TRUE(client.session().peer_takes_extended_connect());
  ASSERT_TRUE(server.Receive(client.Take()));
  EXPECT_FALSE(server.session().peer_takes_extended_connect());
}

TEST_F(Http2SessionTest, BeginsNoMoreStreamsThanThePeerAllows) {
  client_.Take();
  ASSERT_TRUE(client_.Receive(Frame(FrameType::kSettings, 0, 0, Setting(3, 1))));
  EXPECT_EQ(client_.session().peer_max_streams(), 1u);
  client_.Request(RequestFields("GET", "/1"));
  client_.Request(RequestFields("GET", "/2"));
  EXPECT_EQ(DescribeFrames(client_.Take()), "SETTINGS ack\nHEADERS 1 end\n");
  ASSERT_TRUE(
      client_.Receive(Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, Hpack({{":status", "200"}}))));
  EXPECT_EQ(DescribeFrames(client_.Take()), "HEADERS 3 end\n");
}

TEST_F(Http2SessionTest, TakesNoMoreStreamsThanItSaid) {
  std::string requests;
  for (uint32_t i = 0; i <= Http2Session::kMaxStreams; ++i) requests += GetFrame(2 * i + 1);
  for (const bool knew : {false, true}) {
    Http2Peer server(Http2Session::Role::kServer);
    server.Take();
    ASSERT_TRUE(server.Receive(ClientPreface() + (knew ? Frame(FrameType::kSettings, kAck, 0) : "")));
    server.Take();
    ASSERT_TRUE(server.Receive(requests));
    EXPECT_EQ(server.streams(), Http2Session::kMaxStreams);
    // Who knew the limit and went over it does not keep to the protocol at all.
    EXPECT_EQ(DescribeFrames(server.Take()),
              knew ? "GOAWAY PROTOCOL_ERROR\n" : "RST_STREAM 1025 REFUSED_STREAM\n");
  }
}

TEST_F(Http2SessionTest, AsksWhetherThePeerIsThere) {
  Exchange();
  client_.session().Ping();
  const std::string asked = client_.Take();
  EXPECT_EQ(DescribeFrames(asked), "PING\n");
  ASSERT_TRUE(server_.Receive(asked));
  const std::string answered = server_.Take();
  EXPECT_EQ(DescribeFrames(answered), "PING ack\n");
  ASSERT_TRUE(client_.Receive(answered));
  EXPECT_EQ(client_.events, (Strings{"settings", "ping answered"}));
}

TEST(Http2Settings, AreKnownByTheirFirstNineBytes) {
  Http2Peer server(Http2Session::Role::kServer);
  const std::string begins = server.Take();
  EXPECT_TRUE(LooksLikeHttp2Settings(begins));
  EXPECT_TRUE(LooksLikeHttp2Settings(Frame(FrameType::kSettings, 0, 0)));
  EXPECT_FALSE(LooksLikeHttp2Settings(begins.substr(0, 8)));
  EXPECT_FALSE(LooksLikeHttp2Settings(""));
  EXPECT_FALSE(LooksLikeHttp2Settings("HTTP/1.1 200 OK\r\n\r\n"));
  EXPECT_FALSE(LooksLikeHttp2Settings(Frame(FrameType::kPing, 0, 0, "12345678")));
  EXPECT_FALSE(LooksLikeHttp2Settings(Frame(FrameType::kSettings, kAck, 0)));
  EXPECT_FALSE(LooksLikeHttp2Settings(Frame(FrameType::kSettings, 0, 1)));
}

// --- upgraded from HTTP/1 (RFC 7540 3.2) ---

TEST_F(Http2SessionTest, TakesTheFirstRequestFromHttp1) {
  const std::string settings = "AAMAAABkAAQAAP__";  // 100 streams, a window of 65,535 bytes
  ASSERT_TRUE(server_.Upgrade(settings));
  ASSERT_TRUE(client_.Upgrade(settings));
  Exchange();
  EXPECT_EQ(server_.session().peer_max_streams(), 100u);
  server_.stream(0).Answer(AnswerFields(200), true);
  server_.stream(0).Send("hello", true);
  Exchange();
  EXPECT_EQ(client_.stream(0).Transcript(), ":status: 200\nhello\n[end][closed NO_ERROR]");
  EXPECT_TRUE(server_.stream(0).closed);
  EXPECT_EQ(client_.Request(RequestFields("GET", "/")).id, 3);
  EXPECT_EQ(Asked().Transcript(), kGetHead + std::string("[end]"));
}

TEST_F(Http2SessionTest, TakesAnUpgradeWithoutSettings) {
  EXPECT_TRUE(server_.Upgrade(""));
}

TEST(Http2Session, RefusesAnUpgradeWithMalformedSettings) {
  for (const char* settings :
       {"AAMAAABkAAQAAP_", "AAMAAABkAAQAAP//", "AAMAAABkAAQAAP__=", "A", "%%", "AAMAAABkAAQA"}) {
    Http2Peer server(Http2Session::Role::kServer);
    EXPECT_FALSE(server.Upgrade(settings)) << settings;
  }
}

// --- what is too large ---

// A client's connection up to here, and a request whose fields begin with these.
std::string RequestWith(const std::string& block) {
  std::string bytes = ClientPreface();
  std::string_view rest = block;
  uint8_t type = FrameType::kHeaders;
  uint8_t flags = kEndStream;
  while (rest.size() > 16384) {
    bytes += Frame(type, flags, 1, rest.substr(0, 16384));
    rest.remove_prefix(16384);
    type = FrameType::kContinuation;
    flags = 0;
  }
  return bytes + Frame(type, flags | kEndHeaders, 1, rest);
}

TEST_F(Http2SessionTest, CutsAHeaderListThatIsTooLargeAndSaysSo) {
  const std::string large(30'000, 'a');
  ASSERT_TRUE(
      server_.Receive(RequestWith(kPseudo + Hpack({{"x-1", large}, {"x-2", large}, {"x-3", large}}))));
  EXPECT_EQ(server_.stream(0).Transcript(),
            kGetHead + ("x-1: " + large) + "\nx-2: " + large + "\n[too large]\n[end]");
  EXPECT_FALSE(server_.session().header_list_abused());
  // The connection goes on, and its compression with it.
  ASSERT_TRUE(server_.Receive(GetFrame(3)));
  EXPECT_EQ(server_.stream(1).Transcript(), kGetHead + std::string("[end]"));
}

TEST_F(Http2SessionTest, TakesAHeaderListUpToTheLimit) {
  struct Row {
    size_t bytes;
    bool too_large;
  };
  // RFC 9113 6.5.2: each field counts 32 bytes more than it has.
  const size_t others = 7 + 3 + 7 + 4 + 5 + 1 + 10 + 7 + 3 + 5 * 32;
  for (const Row& row : {Row{Http2Session::kMaxHeaderListBytes - others, false},
                         Row{Http2Session::kMaxHeaderListBytes - others + 1, true}}) {
    Http2Peer server(Http2Session::Role::kServer);
    ASSERT_TRUE(server.Receive(RequestWith(kPseudo + Hpack({{"x-1", std::string(row.bytes, 'a')}}))));
    EXPECT_EQ(server.stream(0).head_too_large, row.too_large) << row.bytes;
  }
}

TEST_F(Http2SessionTest, TakesNoMoreFieldsThanItsLimit) {
  for (const size_t fields : {Http2Session::kMaxFields, Http2Session::kMaxFields + 1}) {
    std::string block = kPseudo;
    for (size_t i = 4; i < fields; ++i) block += Hpack({{"a", "b"}});
    Http2Peer server(Http2Session::Role::kServer);
    ASSERT_TRUE(server.Receive(RequestWith(block)));
    EXPECT_EQ(server.stream(0).head_too_large, fields > Http2Session::kMaxFields);
  }
}

// RFC 7541 7.3: few bytes that unpack to many.
TEST_F(Http2SessionTest, EndsAConnectionWhoseHeaderListIsABomb) {
  // A field of four kilobytes enters the table, and every further byte repeats it.
  const std::string value(4000, 'a');
  const std::string entry = std::string(1, '\x40') + HpackString("x-bomb") + HpackString(value);
  const std::string bomb = entry + std::string(100, static_cast<char>(0x80 | 62));
  EXPECT_LT(bomb.size(), 4200u);
  EXPECT_FALSE(server_.Receive(RequestWith(kPseudo + bomb)));
  EXPECT_TRUE(server_.session().header_list_abused());
  EXPECT_EQ(DescribeFrames(server_.Take()), "SETTINGS\nGOAWAY ENHANCE_YOUR_CALM\n");
  EXPECT_FALSE(server_.session().IsAlive());
}

TEST_F(Http2SessionTest, SendsAHeadThatIsNotTooLargeHoweverManyFieldsItHas) {
  OwnedFields many;
  for (int i = 0; i < 1000; ++i) many.emplace_back("x-" + std::to_string(1000 + i), std::string(52, 'a'));
  PeerStream& sent = client_.Request(RequestFields("GET", "/"));
  Asked().Answer(AnswerFields(200, many));
  Exchange();
  EXPECT_TRUE(sent.ended) << "nothing has come of it";
}

// --- what is malformed ---

struct ConnectionError {
  const char* name;
  std::string bytes;  // behind the preface
  const char* word;
};

class MalformedFrames : public testing::TestWithParam<ConnectionError> {};

TEST_P(MalformedFrames, EndTheConnection) {
  for (const size_t bytes : kFragmentSizes) {
    Http2Peer server(Http2Session::Role::kServer);
    std::string sent;
    std::string_view rest = GetParam().bytes;
    bool alive = true;
    while (alive && !rest.empty()) {
      const std::string fragment(rest.substr(0, bytes));
      rest.remove_prefix(fragment.size());
      alive = server.Receive(fragment);
      sent += server.Take();
      alive = alive && server.session().IsAlive();
    }
    EXPECT_FALSE(alive) << bytes;
    EXPECT_TRUE(DescribeFrames(sent).ends_with(std::string("GOAWAY ") + GetParam().word + "\n"))
        << bytes << "\n"
        << DescribeFrames(sent);
    EXPECT_EQ(server.Take(), "");
  }
}

std::string Behind(std::string_view bytes) {
  return ClientPreface().append(bytes);
}

const std::string kHalfAHead = Frame(FrameType::kHeaders, 0, 1, kPseudo);

INSTANTIATE_TEST_SUITE_P(
    Rows, MalformedFrames,
    testing::Values(
        ConnectionError{"NoPreface", "GET / HTTP/1.1\r\nhost: courses\r\n\r\n", "PROTOCOL_ERROR"},
        ConnectionError{"NoSettings", std::string(kHttp2Preface) + Frame(FrameType::kPing, 0, 0, "12345678"),
                        "PROTOCOL_ERROR"},
        ConnectionError{"DataOnStreamZero", Behind(Frame(FrameType::kData, 0, 0, "x")), "PROTOCOL_ERROR"},
        ConnectionError{"DataOnAnIdleStream", Behind(Frame(FrameType::kData, 0, 1, "x")), "PROTOCOL_ERROR"},
        ConnectionError{"HeadersOnStreamZero", Behind(Frame(FrameType::kHeaders, kEndHeaders, 0, kPseudo)),
                        "PROTOCOL_ERROR"},
        ConnectionError{"HeadersOnAnEvenStream", Behind(Frame(FrameType::kHeaders, kEndHeaders, 2, kPseudo)),
                        "PROTOCOL_ERROR"},
        ConnectionError{"FrameTooLarge", Behind(FrameOfLength(16385, FrameType::kPing, 0, 0, "12345678")),
                        "FRAME_SIZE_ERROR"},
        ConnectionError{"PaddingLongerThanTheFrame",
                        Behind(Frame(FrameType::kHeaders, kEndHeaders | kPadded, 1, "\xff" + kPseudo)),
                        "PROTOCOL_ERROR"},
        ConnectionError{"ContinuationAlone", Behind(Frame(FrameType::kContinuation, kEndHeaders, 1, kPseudo)),
                        "PROTOCOL_ERROR"},
        ConnectionError{"HeadersInterrupted", Behind(kHalfAHead + Frame(FrameType::kPing, 0, 0, "12345678")),
                        "PROTOCOL_ERROR"},
        ConnectionError{"ContinuationOfAnother",
                        Behind(kHalfAHead + Frame(FrameType::kContinuation, kEndHeaders, 3, "")),
                        "PROTOCOL_ERROR"},
        ConnectionError{"PushPromise", Behind(Frame(FrameType::kPushPromise, kEndHeaders, 1, Number32(2))),
                        "PROTOCOL_ERROR"},
        ConnectionError{"SettingsOfSevenBytes", Behind(Frame(FrameType::kSettings, 0, 0, "1234567")),
                        "FRAME_SIZE_ERROR"},
        ConnectionError{"SettingsOnAStream", Behind(Frame(FrameType::kSettings, 0, 1)), "PROTOCOL_ERROR"},
        ConnectionError{"WindowBeyond31Bits",
                        Behind(Frame(FrameType::kSettings, 0, 0, Setting(4, 0x80000000))),
                        "FLOW_CONTROL_ERROR"},
        ConnectionError{"PingOfSevenBytes", Behind(Frame(FrameType::kPing, 0, 0, "1234567")),
                        "FRAME_SIZE_ERROR"},
        ConnectionError{"PingOnAStream", Behind(Frame(FrameType::kPing, 0, 1, "12345678")), "PROTOCOL_ERROR"},
        ConnectionError{"WindowByZero", Behind(Frame(FrameType::kWindowUpdate, 0, 0, Number32(0))),
                        "PROTOCOL_ERROR"},
        ConnectionError{"ResetOfAnIdleStream", Behind(Frame(FrameType::kRstStream, 0, 1, Number32(8))),
                        "PROTOCOL_ERROR"},
        ConnectionError{"GoAwayOnAStream", Behind(Frame(FrameType::kGoAway, 0, 1, Number32(0) + Number32(0))),
                        "PROTOCOL_ERROR"},
        ConnectionError{"AnIndexThatIsNotInTheTable",
                        Behind(Frame(FrameType::kHeaders, kEndHeaders, 1, std::string(1, '\xfe'))),
                        "COMPRESSION_ERROR"}),
    [](const auto& row) { return std::string(row.param.name); });

struct StreamError {
  const char* name;
  std::string block;
};

class MalformedRequests : public testing::TestWithParam<StreamError> {};

// RFC 9113 8.1.1: a malformed request is an error of its stream only.
TEST_P(MalformedRequests, EndTheirStreamOnly) {
  Http2Peer server(Http2Session::Role::kServer);
  ASSERT_TRUE(server.Receive(ClientPreface()));
  server.Take();
  ASSERT_TRUE(server.Receive(Frame(FrameType::kHeaders, kEndHeaders | kEndStream, 1, GetParam().block)));
  EXPECT_EQ(DescribeFrames(server.Take()), "RST_STREAM 1 PROTOCOL_ERROR\n");
  ASSERT_EQ(server.streams(), 1u);
  EXPECT_EQ(server.stream(0).Transcript(), "[closed PROTOCOL_ERROR]");
  ASSERT_TRUE(server.Receive(GetFrame(3)));
  EXPECT_EQ(server.stream(1).Transcript(), kGetHead + std::string("[end]"));
}

INSTANTIATE_TEST_SUITE_P(
    Rows, MalformedRequests,
    testing::Values(
        StreamError{"NoPath", Hpack({{":method", "GET"}, {":scheme", "http"}})},
        StreamError{"NoMethod", Hpack({{":path", "/"}, {":scheme", "http"}})},
        StreamError{"NoScheme", Hpack({{":method", "GET"}, {":path", "/"}})},
        StreamError{"EmptyPath", Hpack({{":method", "GET"}, {":scheme", "http"}, {":path", ""}})},
        StreamError{"MethodTwice",
                    Hpack({{":method", "GET"}, {":method", "GET"}, {":scheme", "http"}, {":path", "/"}})},
        StreamError{"StatusOfARequest", kPseudo + Hpack({{":status", "200"}})},
        StreamError{"PseudoBehindAField",
                    Hpack({{":method", "GET"}, {":scheme", "http"}, {"a", "b"}, {":path", "/"}})},
        StreamError{"UnknownPseudo", kPseudo + Hpack({{":naru", "1"}})},
        StreamError{"UpperCase", kPseudo + Hpack({{"X-A", "b"}})},
        StreamError{"EmptyName", kPseudo + Hpack({{"", "b"}})},
        StreamError{"NameWithASpace", kPseudo + Hpack({{"a b", "c"}})},
        StreamError{"ValueWithALineEnd", kPseudo + Hpack({{"a", "b\r\nc: d"}})},
        StreamError{"ValueWithANul", kPseudo + Hpack({{"a", "b\0c"sv}})},
        StreamError{"Connection", kPseudo + Hpack({{"connection", "close"}})},
        StreamError{"KeepAlive", kPseudo + Hpack({{"keep-alive", "1"}})},
        StreamError{"ProxyConnection", kPseudo + Hpack({{"proxy-connection", "close"}})},
        StreamError{"TransferEncoding", kPseudo + Hpack({{"transfer-encoding", "chunked"}})},
        StreamError{"Upgrade", kPseudo + Hpack({{"upgrade", "h2c"}})},
        StreamError{"TeThatIsNotTrailers", kPseudo + Hpack({{"te", "gzip"}})},
        StreamError{"ProtocolWithoutConnect", kPseudo + Hpack({{":protocol", "websocket"}})},
        StreamError{"LengthTwice", kPseudo + Hpack({{"content-length", "0"}, {"content-length", "0"}})},
        StreamError{"LengthThatIsNone", kPseudo + Hpack({{"content-length", "x"}})},
        StreamError{"LengthThatDoesNotCome", kPseudo + Hpack({{"content-length", "5"}})}),
    [](const auto& row) { return std::string(row.param.name); });

TEST_F(Http2SessionTest, RefusesABodyThatIsNotAsLongAsItsLength) {
  for (const char* body : {"hell", "hello!"}) {
    Http2Peer server(Http2Session::Role::kServer);
    ASSERT_TRUE(server.Receive(ClientPreface() + Frame(FrameType::kHeaders, kEndHeaders, 1,
                                                       kPseudo + Hpack({{"content-length", "5"}}))));
    server.Take();
    ASSERT_TRUE(server.Receive(Frame(FrameType::kData, kEndStream, 1, body)));
    EXPECT_EQ(DescribeFrames(server.Take()), "RST_STREAM 1 PROTOCOL_ERROR\n") << body;
    EXPECT_FALSE(server.stream(0).ended) << body;
  }
}

TEST_F(Http2SessionTest, TakesUnknownFramesAndSettings) {
  ASSERT_TRUE(server_.Receive(ClientPreface() + Frame(0xfa, 0xff, 7, "whatever") +
                              Frame(FrameType::kSettings, 0, 0, Setting(0xfafa, 1)) + GetFrame(1)));
  EXPECT_EQ(server_.stream(0).Transcript(), kGetHead + std::string("[end]"));
}

TEST_F(Http2SessionTest, KnowsTheWordsOfErrors) {
  EXPECT_EQ(WordOf(Http2Error::kNoError), "NO_ERROR");
  EXPECT_EQ(WordOf(Http2Error::kCancel), "CANCEL");
  EXPECT_EQ(WordOf(Http2Error::kRefusedStream), "REFUSED_STREAM");
  EXPECT_EQ(WordOf(Http2Error::kEnhanceYourCalm), "ENHANCE_YOUR_CALM");
}

}  // namespace
}  // namespace naru::http
