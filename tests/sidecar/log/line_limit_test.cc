#include "sidecar/log/line_limit.h"

#include <gtest/gtest.h>

namespace naru::log {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Suppressed = std::vector<LineLimit::Suppressed>;

class LineLimitTest : public testing::Test {
 protected:
  // How many of `lines` are admitted.
  int Admitted(std::string_view key, int lines) {
    int admitted = 0;
    for (int i = 0; i < lines; ++i) admitted += limit_.Admit(key, now_);
    return admitted;
  }

  LineLimit::TimePoint now_{seconds(100)};
  LineLimit limit_{10};
};

TEST_F(LineLimitTest, AdmitsSoManyLinesOfAKeyInASecond) {
  EXPECT_EQ(Admitted("courses timeout", 15), 10);
  EXPECT_EQ(Admitted("billing timeout", 3), 3);
  now_ += milliseconds(999);
  EXPECT_EQ(Admitted("courses timeout", 1), 0);
}

TEST_F(LineLimitTest, SaysAfterTheSecondHowManyWereNotWritten) {
  Admitted("courses timeout", 15);
  Admitted("billing timeout", 3);
  EXPECT_TRUE(limit_.owes_lines());
  now_ += milliseconds(999);
  EXPECT_EQ(limit_.TakeEnded(now_), Suppressed{});
  now_ += milliseconds(1);
  EXPECT_EQ(limit_.TakeEnded(now_), (Suppressed{{"courses timeout", 5}}));
  EXPECT_FALSE(limit_.owes_lines());
  EXPECT_EQ(limit_.TakeEnded(now_), Suppressed{});
  EXPECT_EQ(Admitted("courses timeout", 15), 10);
}

TEST_F(LineLimitTest, StartsAnewSecondWhereNothingWasSuppressed) {
  EXPECT_EQ(Admitted("courses timeout", 10), 10);
  now_ += seconds(1);
  EXPECT_EQ(Admitted("courses timeout", 10), 10);
  EXPECT_FALSE(limit_.owes_lines());
}

TEST_F(LineLimitTest, ForgetsNoSuppressedLineThatWasNotTaken) {
  Admitted("courses timeout", 11);
  now_ += seconds(5);
  EXPECT_EQ(Admitted("courses timeout", 1), 0);
  EXPECT_EQ(limit_.TakeEnded(now_), (Suppressed{{"courses timeout", 2}}));
}

TEST_F(LineLimitTest, LetsKeysBeyondItsTableShareOne) {
  for (size_t i = 0; i < LineLimit::kMaxKeys; ++i) Admitted(std::to_string(i), 1);
  EXPECT_EQ(Admitted("late", 8), 8);
  EXPECT_EQ(Admitted("later", 8), 2);
  now_ += seconds(1);
  EXPECT_EQ(limit_.TakeEnded(now_), (Suppressed{{"other", 6}}));
  EXPECT_EQ(Admitted("late", 11), 10);
}

}  // namespace
}  // namespace naru::log
