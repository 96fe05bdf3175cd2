#include "resilience/abuse_guard.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// The vocabulary: a new connection and a clock the test moves.
class AbuseGuardTest : public testing::Test {
 protected:
  void Advance(Duration by) { now_ += by; }
  bool Admit(AbuseKind kind) { return guard_.Admit(kind, now_); }
  // How many of `times` are admitted.
  int Admitted(AbuseKind kind, int times) {
    int admitted = 0;
    for (int i = 0; i < times; ++i) admitted += Admit(kind);
    return admitted;
  }

  TimePoint now_{seconds(1000)};
  AbuseGuard guard_{now_};
};

TEST(AbuseKind, HasAWordEach) {
  std::vector<std::string> words;
  for (int i = 0; i < kAbuseKinds; ++i) words.emplace_back(WordOf(static_cast<AbuseKind>(i)));
  EXPECT_EQ(words, (std::vector<std::string>{"rapid_reset", "stale_reset", "continuation", "empty_frames",
                                             "ping", "settings", "priority", "window", "header_list"}));
}

TEST(AbuseKind, HasAnAllowanceEach) {
  struct Row {
    AbuseKind kind;
    int burst;
    int per_second;
  };
  for (const Row& row : {Row{AbuseKind::kRapidReset, 1000, 200}, Row{AbuseKind::kStaleReset, 10'000, 2'000},
                         Row{AbuseKind::kContinuation, 32, 0}, Row{AbuseKind::kEmptyFrames, 200, 20},
                         Row{AbuseKind::kPing, 10'000, 2'000}, Row{AbuseKind::kSettings, 100, 10},
                         Row{AbuseKind::kPriority, 1000, 200}, Row{AbuseKind::kWindow, 4000, 200},
                         Row{AbuseKind::kHeaderList, 0, 0}}) {
    TimePoint now{seconds(1)};
    AbuseGuard guard(now);
    for (int i = 0; i < row.burst; ++i) EXPECT_TRUE(guard.Admit(row.kind, now)) << WordOf(row.kind) << i;
    EXPECT_FALSE(guard.Admit(row.kind, now)) << WordOf(row.kind);
    // The one too many was counted as well.
    now += seconds(1);
    for (int i = 1; i < row.per_second; ++i) EXPECT_TRUE(guard.Admit(row.kind, now)) << WordOf(row.kind) << i;
    EXPECT_FALSE(guard.Admit(row.kind, now)) << WordOf(row.kind);
  }
}

TEST_F(AbuseGuardTest, CountsEachKindForItself) {
  EXPECT_EQ(Admitted(AbuseKind::kSettings, 1000), 100);
  EXPECT_EQ(Admitted(AbuseKind::kRapidReset, 1000), 1000);
  EXPECT_EQ(Admitted(AbuseKind::kSettings, 1000), 0);
}

TEST_F(AbuseGuardTest, NeverEndsAConnectionThatStaysBelowTheRate) {
  EXPECT_EQ(Admitted(AbuseKind::kRapidReset, 900), 900);
  for (int i = 0; i < 3600; ++i) {
    Advance(seconds(1));
    EXPECT_EQ(Admitted(AbuseKind::kRapidReset, 200), 200) << i;
  }
}

TEST_F(AbuseGuardTest, EndsAConnectionThatStaysAboveTheRate) {
  int seconds_passed = 0;
  while (Admitted(AbuseKind::kRapidReset, 300) == 300) {
    Advance(seconds(1));
    ++seconds_passed;
  }
  // 1000 at once and 100 a second more than come back.
  EXPECT_EQ(seconds_passed, 8);
}

TEST_F(AbuseGuardTest, SavesNoMoreThanABurst) {
  Advance(std::chrono::hours(24));
  EXPECT_EQ(Admitted(AbuseKind::kSettings, 1000), 100);
}

TEST_F(AbuseGuardTest, GivesBackInParts) {
  EXPECT_EQ(Admitted(AbuseKind::kSettings, 100), 100);
  Advance(milliseconds(99));
  EXPECT_FALSE(Admit(AbuseKind::kSettings));
  Advance(milliseconds(101));
  EXPECT_TRUE(Admit(AbuseKind::kSettings));
}

}  // namespace
}  // namespace naru::resilience
