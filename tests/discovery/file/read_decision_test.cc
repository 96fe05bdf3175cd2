#include "discovery/file/read_decision.h"

#include <gtest/gtest.h>

namespace naru::discovery {
namespace {

using Verdict = ReadDecision::Verdict;

FileLook Version(int64_t number) {
  return {1, 1, 100, number, number};
}

// A decision about a file that has been read as Version(1).
ReadDecision Read() {
  ReadDecision decision;
  EXPECT_EQ(decision.Look(Version(1), false), Verdict::kRead);
  return decision;
}

TEST(ReadDecision, ReadsAtOnceWhatItHasNeverRead) {
  EXPECT_EQ(ReadDecision().Look(Version(1), false), Verdict::kRead);
  EXPECT_EQ(ReadDecision().Look(std::nullopt, false), Verdict::kRead);
}

TEST(ReadDecision, LeavesAloneWhatLooksAsBefore) {
  ReadDecision decision = Read();
  EXPECT_EQ(decision.Look(Version(1), false), Verdict::kUnchanged);
}

TEST(ReadDecision, ReadsWhatIsFinishedWhateverItLooksLike) {
  ReadDecision decision = Read();
  EXPECT_EQ(decision.Look(Version(1), true), Verdict::kRead);
  EXPECT_EQ(decision.Look(Version(2), true), Verdict::kRead);
  EXPECT_EQ(decision.Look(Version(2), false), Verdict::kUnchanged);
}

TEST(ReadDecision, WaitsForWhatStillChanges) {
  ReadDecision decision = Read();
  EXPECT_EQ(decision.Look(Version(2), false), Verdict::kLookAgain);
  EXPECT_EQ(decision.Look(Version(3), false), Verdict::kLookAgain);
  EXPECT_EQ(decision.Look(Version(3), false), Verdict::kRead);
  EXPECT_EQ(decision.Look(Version(3), false), Verdict::kUnchanged);
}

TEST(ReadDecision, ForgetsAChangeThatWasTakenBack) {
  ReadDecision decision = Read();
  EXPECT_EQ(decision.Look(Version(2), false), Verdict::kLookAgain);
  EXPECT_EQ(decision.Look(Version(1), false), Verdict::kUnchanged);
  EXPECT_EQ(decision.Look(Version(2), false), Verdict::kLookAgain);
}

TEST(ReadDecision, BelievesThatAFileIsGoneWhenItStaysAway) {
  ReadDecision decision = Read();
  EXPECT_EQ(decision.Look(std::nullopt, false), Verdict::kLookAgain);
  EXPECT_EQ(decision.Look(std::nullopt, false), Verdict::kRead);
  EXPECT_EQ(decision.Look(std::nullopt, false), Verdict::kUnchanged);
}

}  // namespace
}  // namespace naru::discovery
