#include "discovery/dns/dns_answer.h"

#include <gtest/gtest.h>

#include "tests/support/dns_messages.h"

namespace naru::discovery {
namespace {

using std::chrono::seconds;
using Kind = DnsAnswer::Kind;

const DnsQuestion kA{"a.internal", RecordType::kA};
const DnsQuestion kAaaa{"a.internal", RecordType::kAaaa};
const DnsQuestion kSrv{"_a._tcp.internal", RecordType::kSrv};
constexpr seconds kNoLimit{0x7fff'ffff};

absl::StatusOr<DnsAnswer> Read(const DnsReply& reply, const DnsQuestion& question) {
  const absl::StatusOr<DnsMessage> message = ParseDnsMessage(reply.Bytes());
  return message.ok() ? ReadDnsAnswer(*message, question) : message.status();
}

DnsAnswer Good(const DnsReply& reply, const DnsQuestion& question) {
  const absl::StatusOr<DnsAnswer> answer = Read(reply, question);
  EXPECT_TRUE(answer.ok()) << answer.status();
  return answer.value_or(DnsAnswer{});
}

std::string Problem(const DnsReply& reply, const DnsQuestion& question = kA) {
  const absl::StatusOr<DnsAnswer> answer = Read(reply, question);
  return answer.ok() ? "" : std::string(answer.status().message());
}

std::vector<IpBytes> Ips(std::vector<std::string> texts) {
  std::vector<IpBytes> ips;
  for (const std::string& text : texts) ips.push_back(*ParseIp(text));
  return ips;
}

TEST(DnsAnswer, HasTheAddressesInOrderAndOnce) {
  const DnsReply reply = DnsReply(1, kA)
                             .Answer()
                             .A("a.internal", 30, "10.0.0.2")
                             .A("a.internal", 30, "10.0.0.1")
                             .A("a.internal", 30, "10.0.0.2")
                             .A("b.internal", 30, "10.0.0.3");
  EXPECT_EQ(Good(reply, kA), (DnsAnswer{Kind::kRecords, Ips({"10.0.0.1", "10.0.0.2"}), {}, seconds(30)}));
}

TEST(DnsAnswer, TakesTheLeastTtlOfTheRecords) {
  const DnsReply reply =
      DnsReply(1, kA).Answer().A("a.internal", 30, "10.0.0.1").A("a.internal", 20, "10.0.0.2");
  EXPECT_EQ(Good(reply, kA).ttl, seconds(20));
}

// A resolver that took the TTL of the address alone would keep what the CNAME led to for a day.
TEST(DnsAnswer, TakesTheLeastTtlOfTheChain) {
  const DnsReply reply = DnsReply(1, kA)
                             .Answer()
                             .Cname("a.internal", 60, "b.internal")
                             .Cname("b.internal", 10, "c.internal")
                             .A("c.internal", 86400, "10.0.0.1");
  EXPECT_EQ(Good(reply, kA), (DnsAnswer{Kind::kRecords, Ips({"10.0.0.1"}), {}, seconds(10)}));
}

TEST(DnsAnswer, FollowsAChainInWhateverOrderItComes) {
  const DnsReply reply =
      DnsReply(1, kA).Answer().A("b.internal", 86400, "10.0.0.1").Cname("A.Internal", 10, "B.internal");
  EXPECT_EQ(Good(reply, kA), (DnsAnswer{Kind::kRecords, Ips({"10.0.0.1"}), {}, seconds(10)}));
}

TEST(DnsAnswer, RefusesAChainWithoutAnEnd) {
  const DnsReply circle =
      DnsReply(1, kA).Answer().Cname("a.internal", 10, "b.internal").Cname("b.internal", 10, "a.internal");
  EXPECT_EQ(Problem(circle), "sent CNAMEs that go in a circle, or more than 16");
}

TEST(DnsAnswer, IsCaseInsensitive) {
  const DnsReply reply = DnsReply(1, {"A.INTERNAL", RecordType::kA}).Answer().A("a.Internal", 30, "10.0.0.1");
  EXPECT_EQ(Good(reply, {"a.internal.", RecordType::kA}).addresses, Ips({"10.0.0.1"}));
}

// RFC 2308 5: the lesser of the SOA's own TTL and its MINIMUM.
TEST(DnsAnswer, HoldsANegativeAsLongAsTheZoneSays) {
  const DnsReply by_minimum =
      DnsReply(1, kA, ResponseCode::kNameError).Authority().Soa("internal", 3600, 300);
  EXPECT_EQ(Good(by_minimum, kA), (DnsAnswer{Kind::kMissing, {}, {}, seconds(300)}));
  const DnsReply by_ttl = DnsReply(1, kA).Authority().Soa("internal", 7, 300);
  EXPECT_EQ(Good(by_ttl, kA), (DnsAnswer{Kind::kEmpty, {}, {}, seconds(7)}));
}

TEST(DnsAnswer, IsNegativeWithoutAnSoa) {
  EXPECT_EQ(Good(DnsReply(1, kA), kA), (DnsAnswer{Kind::kEmpty, {}, {}, kNoLimit}));
  EXPECT_EQ(Good(DnsReply(1, kA, ResponseCode::kNameError), kA),
            (DnsAnswer{Kind::kMissing, {}, {}, kNoLimit}));
}

TEST(DnsAnswer, IsEmptyWhereTheNameHasRecordsOfAnotherType) {
  const DnsReply reply = DnsReply(1, kAaaa).Answer().A("a.internal", 30, "10.0.0.1");
  EXPECT_EQ(Good(reply, kAaaa).kind, Kind::kEmpty);
}

TEST(DnsAnswer, IsMissingWhereAChainLeadsNowhere) {
  const DnsReply reply =
      DnsReply(1, kA, ResponseCode::kNameError).Answer().Cname("a.internal", 10, "b.internal");
  EXPECT_EQ(Good(reply, kA).kind, Kind::kMissing);
}

TEST(DnsAnswer, IsNoneWhereTheServerCannotOrWillNot) {
  EXPECT_EQ(Problem(DnsReply(1, kA, ResponseCode::kServerFailure)), "answered SERVFAIL");
  EXPECT_EQ(Problem(DnsReply(1, kA, ResponseCode::kRefused)), "answered REFUSED");
  EXPECT_EQ(Problem(DnsReply(1, kA, ResponseCode::kNotImplemented)), "answered NOTIMP");
  EXPECT_EQ(Problem(DnsReply(1, kA, ResponseCode::kFormatError)), "answered FORMERR");
  EXPECT_EQ(Problem(DnsReply(1, kA).Additional().Opt(1)), "answered RCODE 16");
}

// RFC 2308 2.2: "here is who would know" is not "there is none".
TEST(DnsAnswer, IsNoneInAReferral) {
  EXPECT_EQ(Problem(DnsReply(1, kA).Authority().Ns("internal", 60, "ns.internal")),
            "referred to other servers instead of answering: it does not recurse for us");
}

TEST(DnsAnswer, IsNoneWhereItIsCutOffOrToSomethingElse) {
  EXPECT_EQ(Problem(DnsReply(1, kA, ResponseCode::kNoError, DnsReply::kTruncated)),
            "sent a truncated answer over TCP, too");
  EXPECT_EQ(Problem(DnsReply(1, kAaaa)), "answered another question than was asked");
  DnsMessage question;
  question.questions = {kA};
  EXPECT_EQ(ReadDnsAnswer(question, kA).status().message(), "sent a question in place of an answer");
}

TEST(DnsAnswer, HasTargetsWithTheAddressesThatCameAlong) {
  const SrvData one{1, 10, 8080, "one.internal"};
  const SrvData two{1, 0, 8081, "two.internal"};
  const DnsReply reply = DnsReply(1, kSrv)
                             .Answer()
                             .Srv(kSrv.name, 15, two)
                             .Srv(kSrv.name, 15, one)
                             .Additional()
                             .Aaaa("one.internal", 12, "fd00::1")
                             .A("ONE.internal", 14, "10.0.0.1");
  EXPECT_EQ(Good(reply, kSrv),
            (DnsAnswer{Kind::kRecords, {}, {{one, Ips({"10.0.0.1", "fd00::1"})}, {two, {}}}, seconds(12)}));
}

TEST(DnsAnswer, KeepsTheTargetThatSaysThatThereIsNoService) {
  const SrvData nowhere{0, 0, 0, ""};
  const DnsReply reply = DnsReply(1, kSrv).Answer().Srv(kSrv.name, 15, nowhere);
  EXPECT_EQ(Good(reply, kSrv), (DnsAnswer{Kind::kRecords, {}, {{nowhere, {}}}, seconds(15)}));
}

TEST(DnsAnswer, RefusesATargetThatIsNoHost) {
  const DnsReply odd = DnsReply(1, kSrv).Answer().Srv(kSrv.name, 15, {1, 1, 8080, "a b"});
  EXPECT_EQ(Problem(odd, kSrv), "sent the SRV target \"a\\032b:8080\", which is no host and port");
  const DnsReply portless = DnsReply(1, kSrv).Answer().Srv(kSrv.name, 15, {1, 1, 0, "one.internal"});
  EXPECT_EQ(Problem(portless, kSrv), "sent the SRV target \"one.internal:0\", which is no host and port");
}

}  // namespace
}  // namespace naru::discovery
