#include "sidecar/call/limit_concurrency.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Two places, a queue of two that waits 250 ms, and an upstream that never answers by itself.
constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.0.1:80]
    limits: {concurrent: 2, queue: 2, queue_timeout: 250ms}
)";

class LimitConcurrencyTest : public testing::Test {
 protected:
  LimitConcurrencyTest() {
    calls_.layers = {&calls_.resolve_service, &calls_.limit_concurrency, &calls_.upstream};
  }

  CarriedCall& Carry() { return calls_.Carry(RequestText("GET /")); }
  void Advance(Duration by) { calls_.scheduler.Advance(by); }
  // "2 in flight, 1 queued"
  std::string Load() const {
    const resilience::ConcurrencyLimit& limit = *calls_.world.plan().guards.limit;
    return std::to_string(limit.in_flight()) + " in flight, " + std::to_string(limit.queued()) + " queued";
  }

  LayeredCalls calls_{kYaml};
};

TEST_F(LimitConcurrencyTest, HoldsAPlaceUntilTheCallIsFinished) {
  CarriedCall& call = Carry();
  EXPECT_EQ(call.said(), "200");
  EXPECT_EQ(Load(), "1 in flight, 0 queued");
  calls_.Finish(call);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, AnAnswerThatTurnsOutToLastGivesItsPlaceUpOnce) {
  CarriedCall& stream = Carry();
  CarriedCall& other = Carry();
  CarriedCall& waiting = Carry();
  EXPECT_EQ(Load(), "2 in flight, 1 queued");
  calls_.limit_concurrency.AnswerLasts(stream.call);
  calls_.limit_concurrency.AnswerLasts(stream.call);
  Advance(Duration::zero());
  EXPECT_EQ(waiting.said(), "200");
  EXPECT_EQ(Load(), "2 in flight, 0 queued");
  calls_.Finish(stream);
  EXPECT_EQ(Load(), "2 in flight, 0 queued");
  calls_.Finish(other);
  calls_.Finish(waiting);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, GivesPlacesToThoseWhoWaitInTheirOrder) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& third = Carry();
  CarriedCall& fourth = Carry();
  EXPECT_EQ(third.said(), "waits");
  EXPECT_EQ(fourth.said(), "waits");
  EXPECT_EQ(Load(), "2 in flight, 2 queued");

  Advance(milliseconds(100));
  calls_.Finish(second);
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "200");
  EXPECT_EQ(fourth.said(), "waits");
  calls_.Finish(first);
  Advance(Duration::zero());
  EXPECT_EQ(fourth.said(), "200");
  EXPECT_EQ(Load(), "2 in flight, 0 queued");
  EXPECT_EQ(fourth.call.retry_after, Duration::zero());
  EXPECT_EQ(calls_.upstream.attempts, (std::vector<std::string>{"0 ms", "0 ms", "100 ms", "100 ms"}));

  calls_.Finish(third);
  calls_.Finish(fourth);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, RefusesAtOnceWhenTheQueueIsFull) {
  std::vector<CarriedCall*> calls;
  for (int i = 0; i < 5; ++i) calls.push_back(&Carry());
  EXPECT_EQ(calls[4]->said(), "limit: 2 calls are in flight and 2 wait: the queue is full");
  EXPECT_EQ(calls[4]->call.policy_note, "limits.queue");
  EXPECT_EQ(calls[4]->call.retry_after, seconds(1));
  EXPECT_EQ(Load(), "2 in flight, 2 queued");

  Advance(milliseconds(251));
  for (CarriedCall* call : calls) calls_.Finish(*call);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, RefusesWhatHasWaitedForQueueTimeout) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& third = Carry();
  Advance(milliseconds(249));
  EXPECT_EQ(third.said(), "waits");
  Advance(milliseconds(2));
  EXPECT_EQ(third.said(), "limit: waited queue_timeout for one of 2 places and none came free");
  EXPECT_EQ(third.call.policy_note, "limits.queue_timeout");
  EXPECT_EQ(third.call.retry_after, seconds(1));
  EXPECT_EQ(Load(), "2 in flight, 0 queued");
  EXPECT_EQ(calls_.upstream.attempts.size(), 2u);

  for (CarriedCall* call : {&first, &second, &third}) calls_.Finish(*call);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, LeavesTheQueueWhenCancelled) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& third = Carry();
  CarriedCall& fourth = Carry();
  third.call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "cancelled: gone");
  EXPECT_EQ(Load(), "2 in flight, 1 queued");

  calls_.Finish(first);
  Advance(Duration::zero());
  EXPECT_EQ(fourth.said(), "200");
  for (CarriedCall* call : {&second, &third, &fourth}) calls_.Finish(*call);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, ACallCancelledRightAfterItsGrantPassesThePlaceOn) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& third = Carry();
  CarriedCall& fourth = Carry();
  calls_.Finish(first);  // grants the third, which has not resumed yet
  third.call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "cancelled: gone");
  EXPECT_EQ(fourth.said(), "200");
  EXPECT_EQ(Load(), "2 in flight, 0 queued");
  for (CarriedCall* call : {&second, &third, &fourth}) calls_.Finish(*call);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, ACallThatArrivesBetweenAGrantAndItsResumptionGoesAtOnceIfAPlaceIsFree) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& third = Carry();
  calls_.Finish(first);
  calls_.Finish(second);
  CarriedCall& fourth = Carry();
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "200");
  EXPECT_EQ(fourth.said(), "200");
  Advance(milliseconds(500));
  EXPECT_EQ(calls_.upstream.attempts, (std::vector<std::string>(4, "0 ms")));
  calls_.Finish(third);
  calls_.Finish(fourth);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, AStreamGivesItsPlaceBackWhenItsAnswerBegins) {
  calls_.upstream.Answers(200, "content-type: Text/Event-Stream; charset=utf-8\r\n");
  CarriedCall& stream = Carry();
  EXPECT_EQ(stream.said(), "200");
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
  calls_.Finish(stream);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, AnUpgradeGivesItsPlaceBackWhenItsAnswerBegins) {
  calls_.upstream.Answers(101);
  CarriedCall& upgrade = Carry();
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
  calls_.Finish(upgrade);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

// Two workers: their queues are apart, their limit is one.
class LimitOfTwoWorkersTest : public LimitConcurrencyTest {
 protected:
  CarriedCall& CarryOnTheOther() {
    calls_.layers[1] = &other_worker_;
    CarriedCall& call = Carry();
    calls_.layers[1] = &calls_.limit_concurrency;
    return call;
  }

  std::vector<LimitConcurrency::LimitPtr> woken_by_other_;
  LimitConcurrency other_worker_{calls_.scheduler, [this](LimitConcurrency::LimitPtr limit) {
                                   woken_by_other_.push_back(std::move(limit));
                                 }};
};

TEST_F(LimitOfTwoWorkersTest, TellsTheOtherWorkersOfAPlaceThatNobodyHereWaitsFor) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& third = CarryOnTheOther();
  EXPECT_EQ(third.said(), "waits");

  calls_.Finish(first);
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "waits");
  const LimitConcurrency::LimitPtr limit = calls_.world.plan().guards.limit;
  ASSERT_EQ(calls_.woken_others, (std::vector<LimitConcurrency::LimitPtr>{limit}));
  EXPECT_TRUE(other_worker_.Wake(limit));
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "200");
  EXPECT_EQ(Load(), "2 in flight, 0 queued");

  EXPECT_FALSE(other_worker_.Wake(limit));
  calls_.Finish(second);
  calls_.layers[1] = &other_worker_;
  calls_.Finish(third);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
  EXPECT_EQ(calls_.woken_others.size(), 1u);
  EXPECT_TRUE(woken_by_other_.empty());
}

TEST_F(LimitOfTwoWorkersTest, LetsItsOwnGoFirst) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  CarriedCall& elsewhere = CarryOnTheOther();
  CarriedCall& here = Carry();
  calls_.Finish(first);
  Advance(Duration::zero());
  EXPECT_EQ(here.said(), "200");
  EXPECT_EQ(elsewhere.said(), "waits");
  EXPECT_TRUE(calls_.woken_others.empty());
  Advance(milliseconds(251));
  for (CarriedCall* call : {&second, &elsewhere, &here}) calls_.Finish(*call);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

TEST_F(LimitConcurrencyTest, TakesALowerLimitFromAReloadAndLetsThoseInFlightEnd) {
  CarriedCall& first = Carry();
  CarriedCall& second = Carry();
  calls_.world.Reload(R"(
caller: {squad: video, service: video-api}
services:
  courses: {squad: learning, endpoints: [10.0.0.1:80], limits: {concurrent: 1, queue: 1, queue_timeout: 1s}}
)");
  CarriedCall& third = Carry();
  calls_.Finish(first);
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "waits");
  calls_.Finish(second);
  Advance(Duration::zero());
  EXPECT_EQ(third.said(), "200");
  calls_.Finish(third);
  EXPECT_EQ(Load(), "0 in flight, 0 queued");
}

}  // namespace
}  // namespace naru::call
