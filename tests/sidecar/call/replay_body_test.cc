#include "sidecar/call/replay_body.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/fake_body.h"
#include "tests/support/manual_scheduler.h"

namespace naru::call {
namespace {

// Reads as an attempt does: what is there, then what comes, a '|' between pieces and a '.' at the end.
net::Task<void> ReadAll(ReplayBody& body, std::string& into) {
  while (true) {
    std::optional<Result<Chunk>> chunk = body.Buffered();
    if (!chunk) {
      Result<Chunk> read = co_await body.Read();
      chunk.emplace(std::move(read));
    }
    if (!chunk->ok()) {
      into += "!" + std::string(resilience::TraitsOf(chunk->failure().kind).name);
      co_return;
    }
    into.append((*chunk)->bytes).append((*chunk)->last ? "." : "|");
    if ((*chunk)->last) co_return;
  }
}

class ReplayBodyTest : public testing::Test {
 protected:
  void Start(uint64_t limit) { body_.Start(&source_, limit); }
  // What the attempt that begins now has read, as far as it comes.
  std::string& Read() {
    read_.clear();
    net::Spawn(ReadAll(body_, read_));
    return read_;
  }

  ManualScheduler scheduler_;
  FakeBody source_{scheduler_};
  ReplayBody body_;
  std::string read_;
};

TEST_F(ReplayBodyTest, ReadsTheSameAgainAsOnePiece) {
  Start(100);
  source_.Arrive("hel");
  source_.Arrive("lo", true);
  EXPECT_EQ(Read(), "hel|lo.");
  EXPECT_TRUE(body_.replayable());
  EXPECT_TRUE(body_.complete());
  for (int again = 0; again < 3; ++again) {
    body_.Rewind();
    EXPECT_EQ(Read(), "hello.");
  }
  EXPECT_EQ(source_.reads, 0);
}

TEST_F(ReplayBodyTest, AnAttemptGoesOnWhereTheSourceStands) {
  Start(100);
  source_.Arrive("hel");
  EXPECT_EQ(Read(), "hel|");
  EXPECT_FALSE(body_.complete());
  body_.CancelRead();
  scheduler_.Settle();
  EXPECT_EQ(read_, "hel|!cancelled");

  body_.Rewind();
  EXPECT_EQ(Read(), "hel|");
  source_.Arrive("lo", true);
  scheduler_.Settle();
  EXPECT_EQ(read_, "hel|lo.");
  body_.Rewind();
  EXPECT_EQ(Read(), "hello.");
}

TEST_F(ReplayBodyTest, KnowsAnEndThatCameAlone) {
  Start(100);
  source_.Arrive("hello");
  source_.Arrive("", true);
  EXPECT_EQ(Read(), "hello|.");
  body_.Rewind();
  EXPECT_EQ(Read(), "hello.");
}

TEST_F(ReplayBodyTest, ReplaysAnEmptyBody) {
  Start(100);
  source_.Arrive("", true);
  EXPECT_EQ(Read(), ".");
  body_.Rewind();
  EXPECT_EQ(Read(), ".");
}

TEST_F(ReplayBodyTest, KeepsExactlyTheLimit) {
  Start(5);
  source_.Arrive("hello", true);
  EXPECT_EQ(Read(), "hello.");
  EXPECT_TRUE(body_.replayable());
}

TEST_F(ReplayBodyTest, StreamsOnOverTheLimitButCannotBeReplayed) {
  Start(5);
  source_.Arrive("hello");
  source_.Arrive("!");
  source_.Arrive("more", true);
  EXPECT_EQ(Read(), "hello|!|more.");
  EXPECT_FALSE(body_.replayable());
  EXPECT_TRUE(body_.complete());
}

TEST_F(ReplayBodyTest, EndsOnceWhenTheLastPieceIsOverTheLimit) {
  Start(5);
  source_.Arrive("hello!", true);
  EXPECT_EQ(Read(), "hello!.");
  EXPECT_FALSE(body_.replayable());
  EXPECT_EQ(body_.Buffered(), std::nullopt);
}

TEST_F(ReplayBodyTest, KeepsNothingWithALimitOfZero) {
  Start(0);
  source_.Arrive("a", true);
  EXPECT_EQ(Read(), "a.");
  EXPECT_FALSE(body_.replayable());
}

TEST_F(ReplayBodyTest, KeepsWhatComesWhileAnotherAttemptIsSureToFollow) {
  Start(5);
  source_.Arrive("hell");
  EXPECT_EQ(Read(), "hell|");
  body_.KeepForAnother();
  source_.Arrive("o, world");
  body_.CancelRead();  // comes too late: the read has ended already
  scheduler_.Settle();
  EXPECT_TRUE(body_.replayable());
  body_.CancelRead();
  scheduler_.Settle();

  body_.Rewind();
  EXPECT_EQ(Read(), "hello, world|");
  source_.Arrive("!", true);
  scheduler_.Settle();
  EXPECT_EQ(read_, "hello, world|!.");
  EXPECT_FALSE(body_.replayable());
}

TEST_F(ReplayBodyTest, PassesOnHowTheSourceBroke) {
  Start(100);
  source_.Arrive("hel");
  source_.Break({FailureKind::kBadRequest, "malformed"});
  EXPECT_EQ(Read(), "hel|!bad_request");
}

TEST_F(ReplayBodyTest, HasNoTrailersWithoutABody) {
  body_.Start(nullptr, 100);
  EXPECT_TRUE(body_.trailers().empty());
  EXPECT_TRUE(body_.complete());
  EXPECT_TRUE(body_.replayable());
}

TEST_F(ReplayBodyTest, GivesTheTrailersOfItsSource) {
  Start(100);
  source_.mutable_trailers().Add("checksum", "7");
  EXPECT_EQ(&body_.trailers(), &source_.trailers());
}

TEST_F(ReplayBodyTest, ForgetsEverythingWhenCleared) {
  Start(100);
  source_.Arrive("hello", true);
  Read();
  body_.Clear(4096);
  EXPECT_TRUE(body_.complete());
  Start(100);
  EXPECT_FALSE(body_.complete());
  source_.Arrive("new", true);
  EXPECT_EQ(Read(), "new.");
}

}  // namespace
}  // namespace naru::call
