#include "sidecar/call/break_circuit.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using State = resilience::CircuitBreaker::State;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.0.1:80]
    breaker: {min_calls: 4, open_for: 5s}
  orders: {squad: shop, endpoints: [10.0.0.2:80], breaker: off}
)";

class BreakCircuitTest : public testing::Test {
 protected:
  BreakCircuitTest() { calls_.layers = {&calls_.resolve_service, &calls_.break_circuit, &calls_.upstream}; }

  std::string Call() { return calls_.CarryAndFinish(RequestText("GET /")); }
  // A call that ends in this way, whatever was answered.
  void CallEndingIn(Outcome outcome) {
    calls_.Finish(calls_.Carry(RequestText("GET /")), {outcome, 0, nullptr});
  }
  void Open() {
    for (int i = 0; i < 4; ++i) CallEndingIn(Outcome::kReset);
    ASSERT_EQ(state(), State::kOpen);
  }
  State state() const { return calls_.world.plan().guards.breaker->state(); }

  LayeredCalls calls_{kYaml};
};

TEST_F(BreakCircuitTest, RefusesCallsWhileOpenAndSaysForHowLong) {
  Open();
  calls_.scheduler.Advance(milliseconds(1500));
  CarriedCall& call = calls_.Carry(RequestText("GET /"));
  EXPECT_EQ(call.said(),
            "breaker_open: too many of the last calls to it failed; the next try goes through in 3500 ms");
  EXPECT_EQ(call.call.policy_note, "breaker.failure_rate");
  EXPECT_EQ(call.call.retry_after, milliseconds(3500));
  EXPECT_EQ(calls_.upstream.attempts.size(), 4u);
  calls_.Finish(call);
}

TEST_F(BreakCircuitTest, ARefusedCallDoesNotCount) {
  Open();
  Call();
  calls_.scheduler.Advance(seconds(5));
  EXPECT_EQ(Call(), "200");
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakCircuitTest, ProbesOneCallAfterOpenForAndFailsTheRest) {
  Open();
  calls_.scheduler.Advance(seconds(5));
  CarriedCall& probe = calls_.Carry(RequestText("GET /"));
  EXPECT_EQ(probe.said(), "200");
  EXPECT_EQ(Call(),
            "breaker_open: too many of the last calls to it failed; the next try goes through in 0 ms");
  calls_.Finish(probe);
  EXPECT_EQ(state(), State::kClosed);
  EXPECT_EQ(Call(), "200");
}

TEST_F(BreakCircuitTest, TellsOfEveryChangeAndOfNothingElse) {
  Open();
  Call();
  calls_.scheduler.Advance(seconds(5));
  CallEndingIn(Outcome::kReset);
  Call();
  calls_.scheduler.Advance(seconds(5));
  CallEndingIn(Outcome::kOk);
  CallEndingIn(Outcome::kOk);
  EXPECT_EQ(calls_.observer.changes,
            (std::vector<std::string>{"courses opened after 4 of 4", "courses reopened after 4 of 4",
                                      "courses closed after 0 of 0"}));
}

TEST_F(BreakCircuitTest, CountsOutcomesAsTheyEnd) {
  struct Row {
    Outcome outcome;
    State after_four;
  };
  for (const Row& row : {Row{Outcome::kOk, State::kClosed}, Row{Outcome::kClientError, State::kClosed},
                         Row{Outcome::kServerError, State::kOpen}, Row{Outcome::kTruncated, State::kOpen},
                         Row{Outcome::kConnectError, State::kOpen}, Row{Outcome::kReset, State::kOpen},
                         Row{Outcome::kBadResponse, State::kOpen}, Row{Outcome::kTimeout, State::kOpen},
                         Row{Outcome::kCancelled, State::kClosed}, Row{Outcome::kBadRequest, State::kClosed},
                         Row{Outcome::kNoEndpoint, State::kClosed}, Row{Outcome::kLimit, State::kClosed},
                         Row{Outcome::kRefusedPublic, State::kClosed}}) {
    LayeredCalls calls(kYaml);
    calls.layers = {&calls.resolve_service, &calls.break_circuit, &calls.upstream};
    for (int i = 0; i < 4; ++i) calls.Finish(calls.Carry(RequestText("GET /")), {row.outcome, 0, nullptr});
    EXPECT_EQ(calls.world.plan().guards.breaker->state(), row.after_four) << resilience::WordOf(row.outcome);
  }
}

TEST_F(BreakCircuitTest, ACancelledProbeLetsTheNextOneTry) {
  Open();
  calls_.scheduler.Advance(seconds(5));
  CallEndingIn(Outcome::kCancelled);
  EXPECT_EQ(Call(), "200");
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakCircuitTest, AStreamThatBeganIsASuccessHoweverItEnds) {
  Open();
  calls_.scheduler.Advance(seconds(5));
  calls_.upstream.Answers(200, "content-type: text/event-stream\r\n");
  CarriedCall& stream = calls_.Carry(RequestText("GET /"));
  EXPECT_EQ(state(), State::kClosed);
  for (int i = 0; i < 3; ++i) CallEndingIn(Outcome::kReset);
  calls_.Finish(stream, {Outcome::kTruncated, 200, nullptr});
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakCircuitTest, AnAnswerThatTurnsOutToLastIsASuccessHoweverItEnds) {
  Open();
  calls_.scheduler.Advance(seconds(5));
  CarriedCall& stream = calls_.CarryGrpc();
  EXPECT_EQ(state(), State::kProbing);
  calls_.break_circuit.AnswerLasts(stream.call);
  EXPECT_EQ(state(), State::kClosed);
  calls_.break_circuit.AnswerLasts(stream.call);  // said at each message
  for (int i = 0; i < 3; ++i) CallEndingIn(Outcome::kReset);
  calls_.Finish(stream, {Outcome::kServerError, 200, nullptr});
  EXPECT_EQ(state(), State::kClosed);
}

TEST_F(BreakCircuitTest, AnAnswerThatLastsIsNothingWhereItIsOff) {
  const std::string request = "GET / HTTP/1.1\r\nhost: orders\r\n\r\n";
  CarriedCall& stream = calls_.Carry(request);
  calls_.break_circuit.AnswerLasts(stream.call);
  calls_.Finish(stream);
}

TEST_F(BreakCircuitTest, NeverRefusesWhereItIsOff) {
  const std::string request = "GET / HTTP/1.1\r\nhost: orders\r\n\r\n";
  for (int i = 0; i < 30; ++i) calls_.Finish(calls_.Carry(request), {Outcome::kReset, 0, nullptr});
  EXPECT_EQ(calls_.CarryAndFinish(request), "200");
}

}  // namespace
}  // namespace naru::call
