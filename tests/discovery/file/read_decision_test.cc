#include "discovery/file/read_decision.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Verdict = ReadDecision::Verdict;

FileLook Version(int64_t number) {
  return {1, 1, 100, number, number};
}

// A decision about a file that has been read as Version(1), and a clock the test moves.
class ReadDecisionTest : public testing::Test {
 protected:
  ReadDecisionTest() { EXPECT_EQ(Look(Version(1)), Verdict::kRead); }

  Verdict Look(const std::optional<FileLook>& look, Writer writer = Writer::kUnknown) {
    return decision_.Look(look, writer, now_);
  }
  void Advance(Duration by) { now_ += by; }

  TimePoint now_{seconds(1000)};
  ReadDecision decision_;
};

TEST(ReadDecision, ReadsAtOnceWhatItHasNeverRead) {
  EXPECT_EQ(ReadDecision().Look(Version(1), Writer::kUnknown, TimePoint()), Verdict::kRead);
  EXPECT_EQ(ReadDecision().Look(std::nullopt, Writer::kUnknown, TimePoint()), Verdict::kRead);
}

TEST_F(ReadDecisionTest, LeavesAloneWhatLooksAsBefore) {
  EXPECT_EQ(Look(Version(1)), Verdict::kUnchanged);
  EXPECT_EQ(Look(Version(1), Writer::kWriting), Verdict::kUnchanged);
}

TEST_F(ReadDecisionTest, ReadsWhatIsFinishedWhateverItLooksLike) {
  EXPECT_EQ(Look(Version(1), Writer::kFinished), Verdict::kRead);
  EXPECT_EQ(Look(Version(2), Writer::kFinished), Verdict::kRead);
  EXPECT_EQ(Look(Version(2)), Verdict::kUnchanged);
}

TEST_F(ReadDecisionTest, WaitsUntilWhatChangesHasSettled) {
  EXPECT_EQ(Look(Version(2)), Verdict::kLookAgain);
  Advance(milliseconds(200));
  EXPECT_EQ(Look(Version(3)), Verdict::kLookAgain);
  Advance(milliseconds(199));
  EXPECT_EQ(Look(Version(3)), Verdict::kLookAgain);
  Advance(milliseconds(1));
  EXPECT_EQ(Look(Version(3)), Verdict::kRead);
  EXPECT_EQ(Look(Version(3)), Verdict::kUnchanged);
}

TEST_F(ReadDecisionTest, WaitsLongerForAWriterThatRests) {
  EXPECT_EQ(Look(Version(2), Writer::kWriting), Verdict::kLookAgain);
  Advance(milliseconds(4999));
  EXPECT_EQ(Look(Version(2), Writer::kWriting), Verdict::kLookAgain);
  Advance(milliseconds(1));
  EXPECT_EQ(Look(Version(2), Writer::kWriting), Verdict::kRead);
}

TEST_F(ReadDecisionTest, ForgetsAChangeThatWasTakenBack) {
  EXPECT_EQ(Look(Version(2)), Verdict::kLookAgain);
  EXPECT_EQ(Look(Version(1)), Verdict::kUnchanged);
  Advance(seconds(1));
  EXPECT_EQ(Look(Version(2)), Verdict::kLookAgain);
}

TEST_F(ReadDecisionTest, BelievesThatAFileIsGoneWhenItStaysAway) {
  EXPECT_EQ(Look(std::nullopt), Verdict::kLookAgain);
  Advance(milliseconds(200));
  EXPECT_EQ(Look(std::nullopt), Verdict::kRead);
  EXPECT_EQ(Look(std::nullopt), Verdict::kUnchanged);
}

}  // namespace
}  // namespace naru::discovery
