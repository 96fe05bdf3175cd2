// The resolver and its channel against scripted servers on loopback: real sockets, short timeouts.
#include "discovery/dns/resolver.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/dns_server.h"
#include "tests/support/temporary_directory.h"

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using Query = DnsServer::Query;
using Strings = std::vector<std::string>;

const DnsQuestion kA{"a.internal", RecordType::kA};

std::string GoodAnswer(const Query& query) {
  return DnsReply(query.id, query.question).Answer().A(query.question.name, 30, "10.0.0.1").Bytes();
}
std::string CodeAnswer(const Query& query, ResponseCode code) {
  return DnsReply(query.id, query.question, code).Bytes();
}

class ResolverTest : public testing::Test {
 protected:
  // Patient where an answer comes, so that a machine that stands still for a moment is not taken for silence.
  static ResolverOptions At(std::vector<Address> servers, milliseconds timeout = milliseconds(5000)) {
    ResolverOptions options;
    options.settings.servers = std::move(servers);
    options.channel.timeout = timeout;
    return options;
  }

  // Where no answer is to come.
  static ResolverOptions ImpatientlyAt(std::vector<Address> servers) {
    return At(std::move(servers), milliseconds(50));
  }

  // The addresses found, or what is wrong.
  Strings Ask(Resolver& resolver, const DnsQuestion& question = kA) {
    const absl::StatusOr<DnsAnswer> answer = AskWhole(resolver, question);
    if (!answer.ok()) return {std::string(answer.status().message())};
    Strings found;
    for (const IpBytes& ip : answer->addresses) found.push_back(IpToString(ip));
    return found;
  }

  absl::StatusOr<DnsAnswer> AskWhole(Resolver& resolver, const DnsQuestion& question) {
    absl::StatusOr<DnsAnswer> answer = absl::InternalError("no answer");
    bool done = false;
    resolver.Ask(question, [&](absl::StatusOr<DnsAnswer> given) {
      answer = std::move(given);
      done = true;
    });
    EXPECT_FALSE(done);
    EXPECT_TRUE(RunUntil(io_, [&] { return done; }));
    return answer;
  }

  // Where nobody listens: a port that was ours a moment ago.
  Address Nowhere() { return DnsServer(io_, GoodAnswer).address(); }

  boost::asio::io_context io_;
};

TEST_F(ResolverTest, AsksAServer) {
  const DnsServer server(io_, GoodAnswer);
  Resolver resolver(io_, At({server.address()}));
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
  ASSERT_EQ(server.queries().size(), 1u);
  EXPECT_EQ(server.queries()[0].question, kA);
}

TEST_F(ResolverTest, SaysWhoAnsweredThatThereIsNothing) {
  const DnsServer server(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kNameError); });
  Resolver resolver(io_, At({server.address()}));
  const absl::StatusOr<DnsAnswer> answer = AskWhole(resolver, kA);
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, (DnsAnswer{DnsAnswer::Kind::kMissing,
                                {},
                                {},
                                std::chrono::seconds(0x7fff'ffff),
                                server.address().ToString()}));
}

TEST_F(ResolverTest, AsksAgainOverTcpWhereTheAnswerIsTruncated) {
  const DnsServer server(io_, [](const Query& query) {
    if (query.tcp) return GoodAnswer(query);
    return DnsReply(query.id, query.question, ResponseCode::kNoError, DnsReply::kTruncated).Bytes();
  });
  Resolver resolver(io_, At({server.address()}));
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
  ASSERT_EQ(server.queries().size(), 2u);
  EXPECT_TRUE(server.queries()[1].tcp);
}

TEST_F(ResolverTest, TakesALongAnswerOverTcpWhole) {
  constexpr int kMany = 500;
  const DnsServer server(io_, [](const Query& query) {
    DnsReply reply(query.id, query.question, ResponseCode::kNoError, query.tcp ? 0 : DnsReply::kTruncated);
    for (int i = 0; query.tcp && i < kMany; ++i) {
      reply.Answer().A("a.internal", 30, "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250));
    }
    return reply.Bytes();
  });
  Resolver resolver(io_, At({server.address()}));
  EXPECT_EQ(Ask(resolver).size(), static_cast<size_t>(kMany));
}

TEST_F(ResolverTest, AsksOnceMoreWhereNoAnswerComes) {
  int asked = 0;
  const DnsServer server(io_, [&](const Query& query) {
    return ++asked == 1 ? std::nullopt : std::optional(GoodAnswer(query));
  });
  Resolver resolver(io_, At({server.address()}, milliseconds(1500)));
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
  EXPECT_EQ(asked, 2);
}

TEST_F(ResolverTest, SaysThatNoServerAnswered) {
  const DnsServer silent(io_, [](const Query&) { return std::nullopt; });
  const DnsServer another(io_, [](const Query&) { return std::nullopt; });
  Resolver resolver(io_, ImpatientlyAt({silent.address(), another.address()}));
  EXPECT_EQ(Ask(resolver),
            (Strings{"cannot resolve a.internal (A): the DNS server " + silent.address().ToString() + " or " +
                     another.address().ToString() + " did not answer"}));
  EXPECT_EQ(silent.queries().size(), 2u);
  EXPECT_EQ(another.queries().size(), 2u);
}

TEST_F(ResolverTest, GoesOnToTheServerThatAnswers) {
  const DnsServer good(io_, GoodAnswer);
  Resolver resolver(io_, At({Nowhere(), good.address()}));
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
}

// A channel that met a refused connection once stayed broken for another proxy, until it was restarted.
TEST_F(ResolverTest, IsWellAgainWhenAServerThatRefusedItIsBack) {
  const Address address = Nowhere();
  Resolver resolver(io_, At({address}));
  EXPECT_EQ(Ask(resolver), (Strings{"cannot resolve a.internal (A): the DNS server " + address.ToString() +
                                    " could not be reached (connection refused, or no way there)"}));
  const DnsServer back(io_, GoodAnswer, address.port);
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
}

TEST_F(ResolverTest, AsksFromANewPortAfterNoAnswerCame) {
  bool speaks = false;
  const DnsServer server(
      io_, [&](const Query& q) { return speaks ? std::optional(GoodAnswer(q)) : std::nullopt; });
  Resolver resolver(io_, ImpatientlyAt({server.address()}));
  Ask(resolver);
  speaks = true;
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
  EXPECT_NE(server.queries().front().from_port, server.queries().back().from_port);
}

TEST_F(ResolverTest, SaysThatAServerFailedOrRefused) {
  ResponseCode code = ResponseCode::kServerFailure;
  const DnsServer server(io_, [&](const Query& query) { return CodeAnswer(query, code); });
  const std::string by = "cannot resolve a.internal (A): the DNS server " + server.address().ToString();
  Resolver resolver(io_, At({server.address()}));
  EXPECT_EQ(Ask(resolver), (Strings{by + " answered SERVFAIL"}));
  code = ResponseCode::kRefused;
  EXPECT_EQ(Ask(resolver), (Strings{by + " answered REFUSED"}));
  EXPECT_EQ(server.queries().size(), 2u);
}

TEST_F(ResolverTest, AsksTheNextServerWhereOneCannotAndThenStaysWithIt) {
  const DnsServer broken(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kServerFailure); });
  const DnsServer good(io_, GoodAnswer);
  Resolver resolver(io_, At({broken.address(), good.address()}));
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
  EXPECT_EQ(Ask(resolver), (Strings{"10.0.0.1"}));
  EXPECT_EQ(broken.queries().size(), 1u);
  EXPECT_EQ(good.queries().size(), 2u);
}

TEST_F(ResolverTest, AsksEveryServerOnceWhereAllCannot) {
  const DnsServer one(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kServerFailure); });
  const DnsServer two(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kRefused); });
  Resolver resolver(io_, At({one.address(), two.address()}));
  EXPECT_EQ(Ask(resolver).size(), 1u);
  EXPECT_EQ(one.queries().size(), 1u);
  EXPECT_EQ(two.queries().size(), 1u);
}

TEST_F(ResolverTest, CallsAMalformedAnswerOne) {
  const DnsServer server(io_, [](const Query& query) {
    const std::string whole = GoodAnswer(query);
    return whole.substr(0, whole.size() - 2);
  });
  Resolver resolver(io_, At({server.address()}));
  EXPECT_EQ(Ask(resolver),
            (Strings{"cannot resolve a.internal (A): the DNS server " + server.address().ToString() +
                     " sent an answer that ends or breaks off inside the A record of \"a.internal\""}));
}

TEST_F(ResolverTest, PassesOverAnswersToWhatWasNotAsked) {
  const DnsServer server(io_, [](const Query& query) {
    Query other = query;
    other.id = static_cast<uint16_t>(query.id + 1);
    return GoodAnswer(other);
  });
  Resolver resolver(io_, ImpatientlyAt({server.address()}));
  EXPECT_EQ(Ask(resolver), (Strings{"cannot resolve a.internal (A): the DNS server " +
                                    server.address().ToString() + " did not answer"}));
}

TEST_F(ResolverTest, AsksForExactlyTheNameUnlessToldToSearch) {
  const TemporaryDirectory conf;
  conf.Write("resolv.conf", "search prod.internal\noptions ndots:5\n");
  const DnsServer server(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kNameError); });
  ResolverOptions options = At({server.address()});
  options.resolv_conf = conf.File("resolv.conf");
  Resolver resolver(io_, options);
  Ask(resolver, {"courses", RecordType::kA});
  ASSERT_EQ(server.queries().size(), 1u);
  EXPECT_EQ(server.queries()[0].question.name, "courses");
}

TEST_F(ResolverTest, SearchesUntilANameExists) {
  const TemporaryDirectory conf;
  conf.Write("resolv.conf", "search one.internal two.internal three.internal\n");
  const DnsServer server(io_, [](const Query& query) {
    const bool exists = query.question.name == "courses.two.internal";
    return exists ? GoodAnswer(query) : CodeAnswer(query, ResponseCode::kNameError);
  });
  ResolverOptions options = At({server.address()});
  options.resolv_conf = conf.File("resolv.conf");
  options.settings.search = true;
  Resolver resolver(io_, options);
  EXPECT_EQ(Ask(resolver, {"courses", RecordType::kA}), (Strings{"10.0.0.1"}));
  EXPECT_EQ(server.queries().size(), 2u);
}

// Another name's AAAA beside this one's A would mix two services.
TEST_F(ResolverTest, SearchesNoFurtherThanANameThatExistsWithoutSuchRecords) {
  const TemporaryDirectory conf;
  conf.Write("resolv.conf", "search one.internal two.internal\n");
  const DnsServer server(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kNoError); });
  ResolverOptions options = At({server.address()});
  options.resolv_conf = conf.File("resolv.conf");
  options.settings.search = true;
  Resolver resolver(io_, options);
  EXPECT_EQ(Ask(resolver, {"courses", RecordType::kAaaa}), Strings());
  EXPECT_EQ(server.queries().size(), 1u);
}

// A server that cannot say is no reason to ask for another name.
TEST_F(ResolverTest, SearchesNoFurtherThanAFailure) {
  const TemporaryDirectory conf;
  conf.Write("resolv.conf", "search one.internal two.internal\n");
  const DnsServer server(io_, [](const Query& q) { return CodeAnswer(q, ResponseCode::kServerFailure); });
  ResolverOptions options = At({server.address()});
  options.resolv_conf = conf.File("resolv.conf");
  options.settings.search = true;
  Resolver resolver(io_, options);
  Ask(resolver, {"courses", RecordType::kA});
  EXPECT_EQ(server.queries().size(), 1u);
}

TEST_F(ResolverTest, AsksTheServersOfTheFileOnTheirPortWhereNoneAreConfigured) {
  const TemporaryDirectory conf;
  conf.Write("resolv.conf", "nameserver 127.99.99.99\n");
  ResolverOptions options = At({});
  options.resolv_conf = conf.File("resolv.conf");
  Resolver resolver(io_, options);
  EXPECT_EQ(Ask(resolver),
            (Strings{"cannot resolve a.internal (A): the DNS server 127.99.99.99:53 could not be "
                     "reached (connection refused, or no way there)"}));
  conf.Write("resolv.conf", "nameserver 127.99.99.98\n");
  // The file is looked at once a second.
  EXPECT_TRUE(RunUntil(io_, [&] { return Ask(resolver)[0].find("127.99.99.98:53") != std::string::npos; }));
}

TEST_F(ResolverTest, SendsNoMoreThanTheRateAllows) {
  const DnsServer server(io_, GoodAnswer);
  Resolver resolver(io_, At({server.address()}));
  int answered = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (int i = 0; i < 30; ++i) {
    resolver.Ask({"n" + std::to_string(i) + ".internal", RecordType::kA}, [&](const auto&) { ++answered; });
  }
  EXPECT_TRUE(RunUntil(io_, [&] { return answered == 30; }));
  EXPECT_GE(std::chrono::steady_clock::now() - begin, milliseconds(20 * 25 - 1));
  EXPECT_EQ(server.queries().size(), 30u);
}

TEST_F(ResolverTest, AnswersNobodyOnceItIsGone) {
  const DnsServer server(io_, [](const Query&) { return std::nullopt; });
  bool gone = false;
  {
    Resolver resolver(io_, ImpatientlyAt({server.address()}));
    for (int i = 0; i < 20; ++i) resolver.Ask(kA, [&gone](const auto&) { EXPECT_FALSE(gone); });
    EXPECT_TRUE(RunUntil(io_, [&] { return server.queries().size() >= 5; }));
    gone = true;
  }
  RunFor(io_, milliseconds(200));
}

TEST_F(ResolverTest, MayBeDestroyedByWhomItAnswers) {
  const DnsServer server(io_, GoodAnswer);
  auto resolver = std::make_unique<Resolver>(io_, At({server.address()}));
  resolver->Ask(kA, [&](const auto&) { resolver.reset(); });
  EXPECT_TRUE(RunUntil(io_, [&] { return resolver == nullptr; }));
  RunFor(io_, milliseconds(20));
}

}  // namespace
}  // namespace naru::discovery
