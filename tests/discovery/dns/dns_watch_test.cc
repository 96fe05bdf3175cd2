#include "discovery/dns/dns_watch.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using std::chrono::seconds;
using Kind = DnsAnswer::Kind;

constexpr RecordType kA = RecordType::kA;
constexpr RecordType kAaaa = RecordType::kAaaa;

// The vocabulary: what is heard of courses.internal, at a time that the test moves. Without jitter.
class DnsWatchTest : public testing::Test {
 protected:
  std::vector<RecordType> Take() { return watch_.TakeDue(now_); }

  void Hear(RecordType type, std::vector<std::string> ips) {
    DnsAnswer answer{Kind::kRecords, {}, {}, seconds(20)};
    for (const std::string& ip : ips) answer.addresses.push_back(*ParseIp(ip));
    watch_.Heard(type, answer, now_, 1);
  }
  void Hear(RecordType type, Kind nothing) {
    watch_.Heard(type, DnsAnswer{nothing, {}, {}, seconds(300), "10.0.0.2:53"}, now_, 1);
  }
  void Fail(RecordType type) { watch_.Failed(type, "it failed", now_, 1); }
  void Twice(RecordType type, Kind nothing) {
    Hear(type, nothing);
    Hear(type, nothing);
  }

  std::vector<std::string> Found() const {
    std::vector<std::string> ips;
    for (const IpBytes& ip : watch_.Found().addresses) ips.push_back(IpToString(ip));
    return ips;
  }

  using Strings = std::vector<std::string>;

  TimePoint now_{seconds(1000)};
  DnsWatch watch_{"courses.internal", {kA, kAaaa}, DnsTiming{}, now_};
};

TEST_F(DnsWatchTest, AsksForBothAtOnceAndForEachWhenItIsDue) {
  EXPECT_EQ(Take(), (std::vector<RecordType>{kA, kAaaa}));
  EXPECT_EQ(Take(), std::vector<RecordType>());
  Hear(kA, Strings{"10.0.0.1"});
  Fail(kAaaa);
  EXPECT_EQ(watch_.NextDue(), now_ + seconds(1));
  now_ += seconds(1);
  EXPECT_EQ(Take(), (std::vector<RecordType>{kAaaa}));
  EXPECT_EQ(watch_.NextDue(), now_ + seconds(19));
}

TEST_F(DnsWatchTest, FindsTheAddressesOfBoth) {
  Hear(kA, Strings{"10.0.0.1", "10.0.0.2"});
  EXPECT_EQ(Found(), (Strings{"10.0.0.1", "10.0.0.2"}));
  EXPECT_FALSE(watch_.HeardAll());
  Hear(kAaaa, Strings{"fd00::1"});
  EXPECT_EQ(Found(), (Strings{"10.0.0.1", "10.0.0.2", "fd00::1"}));
  EXPECT_TRUE(watch_.HeardAll());
  EXPECT_EQ(watch_.trouble(), "");
}

// One family's timeout beside the other's answer once emptied a cluster of another proxy.
TEST_F(DnsWatchTest, AFailedFamilyKeepsItsAddressesWhileTheOtherAnswers) {
  Hear(kA, Strings{"10.0.0.1"});
  Hear(kAaaa, Strings{"fd00::1"});
  Fail(kA);
  EXPECT_EQ(watch_.trouble(), "it failed");
  Hear(kAaaa, Strings{"fd00::2"});
  EXPECT_EQ(Found(), (Strings{"10.0.0.1", "fd00::2"}));
  Fail(kAaaa);
  Hear(kA, Strings{"10.0.0.3"});
  EXPECT_EQ(Found(), (Strings{"10.0.0.3", "fd00::2"}));
}

TEST_F(DnsWatchTest, AFamilyThatFailsBesideOneThatAnswersIsToldOfOnce) {
  Hear(kA, Strings{"10.0.0.1"});
  EXPECT_TRUE(watch_.answered());
  Fail(kAaaa);
  EXPECT_FALSE(watch_.answered());
  EXPECT_EQ(watch_.trouble(), "it failed");
  Hear(kA, Strings{"10.0.0.1"});
  Fail(kAaaa);
  EXPECT_EQ(watch_.trouble(), "");
  Fail(kA);
  Fail(kAaaa);
  EXPECT_EQ(watch_.trouble(), "it failed");
}

TEST_F(DnsWatchTest, IsNotSureOfNothingWhileAFamilyFails) {
  Fail(kA);
  Twice(kAaaa, Kind::kEmpty);
  EXPECT_EQ(watch_.Found(), (DnsFound{{}, {}, false, true, ""}));
}

TEST_F(DnsWatchTest, IsSureOfNothingOnceBothHaveSaidSoTwice) {
  Twice(kA, Kind::kEmpty);
  Hear(kAaaa, Kind::kEmpty);
  EXPECT_FALSE(watch_.Found().sure);
  EXPECT_EQ(watch_.trouble(),
            "courses.internal has no A or AAAA record, says the DNS server 10.0.0.2:53. It is asked once "
            "more before "
            "that is believed.");
  Hear(kAaaa, Kind::kEmpty);
  EXPECT_EQ(
      watch_.Found(),
      (DnsFound{
          {}, {}, true, true, "courses.internal has no A or AAAA record, says the DNS server 10.0.0.2:53"}));
  EXPECT_EQ(watch_.trouble(), "");
}

TEST_F(DnsWatchTest, SaysThatAResolverMayKeepANameMissing) {
  Twice(kA, Kind::kMissing);
  Twice(kAaaa, Kind::kMissing);
  EXPECT_EQ(
      watch_.Found(),
      (DnsFound{
          {},
          {},
          true,
          false,
          "courses.internal does not exist, says the DNS server 10.0.0.2:53 (NXDOMAIN). If it was created "
          "a moment ago, a caching resolver on the way, such as the VPC's, may keep saying so for up to "
          "300 s"}));
}

// RFC 4074 4.2: some servers deny the name where they only lack its AAAA.
TEST_F(DnsWatchTest, ANameThatOnlyOneFamilyDeniesExists) {
  Hear(kA, Strings{"10.0.0.1"});
  Twice(kAaaa, Kind::kMissing);
  EXPECT_EQ(watch_.Found(), (DnsFound{{*ParseIp("10.0.0.1")}, {}, true, true, ""}));
}

TEST_F(DnsWatchTest, AFamilyThatTheNameNeverHadIsNoTrouble) {
  Hear(kA, Strings{"10.0.0.1"});
  Hear(kAaaa, Kind::kEmpty);
  EXPECT_EQ(watch_.trouble(), "");
  EXPECT_EQ(Found(), (Strings{"10.0.0.1"}));
}

TEST_F(DnsWatchTest, AFamilyThatIsDoubtedWhileTheOtherIsNotHeardIsNoTroubleYet) {
  Hear(kA, Kind::kEmpty);
  EXPECT_EQ(watch_.trouble(), "");
  Hear(kAaaa, Strings{"fd00::1"});
  EXPECT_EQ(watch_.trouble(), "");
}

TEST_F(DnsWatchTest, SaysThatWhatWasKnownStaysWhileItIsDoubted) {
  Hear(kA, Strings{"10.0.0.1"});
  Hear(kA, Kind::kEmpty);
  EXPECT_EQ(
      watch_.trouble(),
      "courses.internal has no A record, says the DNS server 10.0.0.2:53. What was known stays until that is "
      "confirmed.");
  EXPECT_EQ(Found(), (Strings{"10.0.0.1"}));
}

// Every sidecar would ask for the AAAA of every service every five seconds, for nothing.
TEST_F(DnsWatchTest, AsksForAFamilyThatTheNameLacksNoMoreOftenThanForTheOne) {
  Take();
  Hear(kA, Strings{"10.0.0.1"});
  Twice(kAaaa, Kind::kEmpty);
  now_ += seconds(20);
  EXPECT_EQ(Take(), (std::vector<RecordType>{kA}));
  EXPECT_EQ(watch_.NextDue(), now_ + seconds(10));
}

TEST_F(DnsWatchTest, AsksForTheOtherFamilyAtOnceWhenOneGoes) {
  Take();
  Hear(kA, Strings{"10.0.0.1"});
  Twice(kAaaa, Kind::kEmpty);
  now_ += seconds(20);
  Take();
  Hear(kA, Kind::kEmpty);
  EXPECT_EQ(Take(), (std::vector<RecordType>{kAaaa}));
  Hear(kAaaa, Strings{"fd00::1"});
  now_ += seconds(1);
  EXPECT_EQ(Take(), (std::vector<RecordType>{kA}));
  Hear(kA, Kind::kEmpty);
  EXPECT_EQ(Found(), (Strings{"fd00::1"}));
}

}  // namespace
}  // namespace naru::discovery
