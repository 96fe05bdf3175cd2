#include "discovery/dns/record_watch.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = DnsAnswer::Kind;
using Standing = RecordWatch::Standing;

// The vocabulary: what is heard, at a time that the test moves to when the question is due. Without jitter.
class RecordWatchTest : public testing::Test {
 protected:
  static constexpr double kNoJitter = 1;

  static DnsAnswer Records(seconds ttl) { return {Kind::kRecords, {*ParseIp("10.0.0.1")}, {}, ttl}; }

  // Each returns how long it is until the next question.
  Duration Hear(const DnsAnswer& answer, double uniform = kNoJitter) {
    watch_.Ask();
    watch_.Heard(answer, RecordWatch::kLongestNegative, now_, uniform);
    return watch_.due() - now_;
  }
  Duration Hear(Kind kind, seconds ttl = seconds(300)) { return Hear(DnsAnswer{kind, {}, {}, ttl}); }
  Duration Fail(double uniform = kNoJitter) {
    watch_.Ask();
    watch_.Failed(now_, uniform);
    return watch_.due() - now_;
  }

  TimePoint now_{seconds(1000)};
  RecordWatch watch_{DnsTiming{}, now_};
};

TEST_F(RecordWatchTest, AsksAtOnceAndThenWaitsForTheAnswer) {
  EXPECT_EQ(watch_.due(), now_);
  watch_.Ask();
  EXPECT_EQ(watch_.due(), TimePoint::max());
  EXPECT_FALSE(watch_.heard());
}

TEST_F(RecordWatchTest, BelievesRecordsForTheirTtl) {
  EXPECT_EQ(Hear(Records(seconds(20))), Duration(seconds(20)));
  EXPECT_EQ(watch_.standing(), Standing::kRecords);
  EXPECT_EQ(watch_.answer(), Records(seconds(20)));
}

TEST_F(RecordWatchTest, AsksAgainBeforeTheTtlEnds) {
  EXPECT_EQ(Hear(Records(seconds(20)), 0), Duration(seconds(16)));
  EXPECT_EQ(Hear(Records(seconds(20)), 0.5), Duration(seconds(18)));
}

TEST_F(RecordWatchTest, BringsTheTtlIntoItsBounds) {
  EXPECT_EQ(Hear(Records(seconds(0))), Duration(seconds(1)));
  EXPECT_EQ(Hear(Records(seconds(86400))), Duration(seconds(30)));
}

TEST_F(RecordWatchTest, NeverAsksInABusyLoopWhateverIsConfigured) {
  watch_ = RecordWatch(DnsTiming{Duration::zero(), Duration::zero()}, now_);
  EXPECT_EQ(Hear(Records(seconds(0))), Duration(milliseconds(100)));
  watch_ = RecordWatch(DnsTiming{Duration::zero(), Duration::zero()}, now_);
  EXPECT_EQ(Hear(Kind::kMissing, seconds(0)), Duration(seconds(1)));
  EXPECT_EQ(Hear(Kind::kMissing, seconds(0)), Duration(milliseconds(100)));
}

TEST_F(RecordWatchTest, KeepsRecordsUntilANegativeAnswerIsRepeated) {
  Hear(Records(seconds(20)));
  EXPECT_EQ(Hear(Kind::kEmpty), Duration(seconds(1)));
  EXPECT_TRUE(watch_.doubted());
  EXPECT_EQ(watch_.answer(), Records(seconds(20)));
  Hear(Kind::kEmpty);
  EXPECT_EQ(watch_.standing(), Standing::kEmpty);
  EXPECT_EQ(watch_.answer().addresses, std::vector<IpBytes>());
  EXPECT_FALSE(watch_.doubted());
}

TEST_F(RecordWatchTest, DoubtsTheFirstAnswerEverToo) {
  EXPECT_EQ(Hear(Kind::kMissing), Duration(seconds(1)));
  EXPECT_EQ(watch_.standing(), Standing::kUnknown);
  Hear(Kind::kMissing);
  EXPECT_EQ(watch_.standing(), Standing::kMissing);
}

TEST_F(RecordWatchTest, ForgetsADoubtWhenRecordsComeBack) {
  Hear(Records(seconds(20)));
  Hear(Kind::kMissing);
  Hear(Records(seconds(10)));
  Hear(Kind::kMissing);
  EXPECT_EQ(watch_.standing(), Standing::kRecords);
}

TEST_F(RecordWatchTest, ANegativeAnswerBesideAFailureIsNotTwoInARow) {
  Hear(Records(seconds(20)));
  Hear(Kind::kMissing);
  Fail();
  Hear(Kind::kMissing);
  EXPECT_EQ(watch_.standing(), Standing::kRecords);
}

// A name whose zone says 300 s is still seen within five once it exists.
TEST_F(RecordWatchTest, HoldsANegativeAnswerForFiveSecondsAtMost) {
  Hear(Kind::kMissing);
  EXPECT_EQ(Hear(Kind::kMissing, seconds(300)), Duration(seconds(5)));
  EXPECT_EQ(Hear(Kind::kMissing, seconds(3)), Duration(seconds(3)));
  EXPECT_EQ(Hear(Kind::kMissing, seconds(0)), Duration(seconds(1)));
}

TEST_F(RecordWatchTest, ChangesFromOneKindOfNothingToTheOtherAtOnce) {
  Hear(Kind::kMissing);
  Hear(Kind::kMissing);
  Hear(Kind::kEmpty);
  EXPECT_EQ(watch_.standing(), Standing::kEmpty);
}

TEST_F(RecordWatchTest, AFailureNeverTakesAnythingAway) {
  Hear(Records(seconds(20)));
  for (int i = 0; i < 1000; ++i) Fail();
  EXPECT_EQ(watch_.standing(), Standing::kRecords);
  EXPECT_EQ(watch_.answer(), Records(seconds(20)));
}

TEST_F(RecordWatchTest, AsksLessAndLessOftenWhileItFails) {
  std::vector<Duration> pauses;
  for (int i = 0; i < 7; ++i) pauses.push_back(Fail());
  EXPECT_EQ(pauses, (std::vector<Duration>{seconds(1), seconds(2), seconds(4), seconds(8), seconds(16),
                                           seconds(30), seconds(30)}));
  EXPECT_EQ(Fail(0), Duration(seconds(24)));
  Hear(Records(seconds(20)));
  EXPECT_EQ(Fail(), Duration(seconds(1)));
}

TEST_F(RecordWatchTest, CanBeAskedSoonerUnlessItIsUnderWay) {
  Hear(Records(seconds(20)));
  watch_.AskBy(now_ + seconds(3));
  EXPECT_EQ(watch_.due(), now_ + seconds(3));
  watch_.Ask();
  watch_.AskBy(now_);
  EXPECT_EQ(watch_.due(), TimePoint::max());
}

}  // namespace
}  // namespace naru::discovery
