#include "sidecar/call/enforce_deadline.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/call/error_answer.h"
#include "tests/support/fake_body.h"
#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses: {squad: learning, endpoints: [10.0.0.1:80], timeout: 5s}
)";

class EnforceDeadlineTest : public testing::Test {
 protected:
  EnforceDeadlineTest() {
    calls_.layers = {&calls_.resolve_service, &calls_.enforce_deadline, &calls_.retry_attempts,
                     &calls_.upstream};
  }

  CarriedCall& Carry(std::initializer_list<std::string_view> fields = {}) {
    return calls_.Carry(RequestText("GET /", fields));
  }
  void Advance(Duration by) { calls_.scheduler.Advance(by); }
  // The detail of the error body.
  std::string Described(const CarriedCall& call) const {
    return DescribeFailure(call.call, call.result().failure(), calls_.scheduler.now());
  }

  LayeredCalls calls_{kYaml};
};

TEST_F(EnforceDeadlineTest, EndsACallWhoseAnswerHasNotBegunWithinTimeout) {
  calls_.upstream.StaysSilent();
  CarriedCall& call = Carry();
  Advance(milliseconds(4999));
  EXPECT_EQ(call.said(), "waits");
  Advance(milliseconds(1));
  EXPECT_EQ(call.said(), "timeout");
  EXPECT_EQ(Described(call), "no answer had begun after 5000 ms");
  EXPECT_EQ(call.call.policy_note, "timeout");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, IsDoneOnceTheAnswerHasBegun) {
  CarriedCall& call = Carry();
  EXPECT_EQ(call.said(), "200");
  Advance(seconds(60));
  EXPECT_FALSE(call.call.cancellation.cancelled());
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, TheCallersDeadlineShortensTheTimeout) {
  calls_.upstream.StaysSilent();
  CarriedCall& call = Carry({"X-Naru-Deadline-Ms: 200"});
  Advance(milliseconds(199));
  EXPECT_EQ(call.said(), "waits");
  Advance(milliseconds(1));
  EXPECT_EQ(call.said(), "timeout");
  EXPECT_EQ(Described(call), "the caller's deadline passed after 200 ms");
  EXPECT_EQ(call.call.policy_note, "");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, TheCallersDeadlineNeverLengthensTheTimeoutAndIsNotBlamedForIt) {
  calls_.upstream.StaysSilent();
  CarriedCall& call = Carry({"x-naru-deadline-ms: 60000"});
  Advance(milliseconds(5000));
  EXPECT_EQ(call.said(), "timeout");
  EXPECT_EQ(Described(call), "no answer had begun after 5000 ms");
  EXPECT_EQ(call.call.policy_note, "timeout");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, TheCallersDeadlineCoversTheAnswerToItsEnd) {
  CarriedCall& call = Carry({"x-naru-deadline-ms: 60000"});
  EXPECT_EQ(call.said(), "200");
  Advance(milliseconds(59999));
  EXPECT_FALSE(call.call.cancellation.cancelled());
  Advance(milliseconds(1));
  ASSERT_TRUE(call.call.cancellation.cancelled());
  EXPECT_EQ(call.call.cancellation.failure().kind, FailureKind::kTimeout);
  EXPECT_EQ(call.call.policy_note, "");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, ADeadlineThatHasPassedSendsNothing) {
  CarriedCall& call = Carry({"x-naru-deadline-ms: 0"});
  EXPECT_EQ(call.said(), "timeout: the caller's deadline had already passed");
  EXPECT_EQ(Described(call), "the caller's deadline had already passed");
  EXPECT_TRUE(calls_.upstream.attempts.empty());
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, RefusesADeadlineThatIsNoNumber) {
  for (const char* field : {"x-naru-deadline-ms: soon", "x-naru-deadline-ms: -1", "x-naru-deadline-ms: 1.5",
                            "x-naru-deadline-ms:", "x-naru-deadline-ms: 9999999999"}) {
    CarriedCall& call = Carry({field});
    EXPECT_EQ(call.said(), "bad_request: x-naru-deadline-ms is not a number of milliseconds") << field;
    calls_.Finish(call);
  }
  EXPECT_TRUE(calls_.upstream.attempts.empty());
}

TEST_F(EnforceDeadlineTest, ARequestThatIsStillArrivingStartsTheTimeoutAnew) {
  calls_.upstream.StaysSilent();
  CarriedCall& call = Carry();
  Advance(seconds(4));
  UploadProgressed(call.call, calls_.scheduler);
  Advance(milliseconds(4999));
  EXPECT_EQ(call.said(), "waits");
  Advance(milliseconds(1));
  EXPECT_EQ(call.said(), "timeout");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, ARequestThatIsStillArrivingNeverOutlivesTheCallersDeadline) {
  calls_.upstream.StaysSilent();
  CarriedCall& call = Carry({"x-naru-deadline-ms: 6000"});
  Advance(seconds(4));
  UploadProgressed(call.call, calls_.scheduler);
  Advance(milliseconds(1999));
  EXPECT_EQ(call.said(), "waits");
  Advance(milliseconds(1));
  EXPECT_EQ(call.said(), "timeout");
  EXPECT_EQ(Described(call), "the caller's deadline passed after 6000 ms");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, ARequestThatArrivesBesideItsAnswerDoesNotBringTheTimeoutBack) {
  CarriedCall& call = Carry({"x-naru-deadline-ms: 60000"});
  EXPECT_EQ(call.said(), "200");
  UploadProgressed(call.call, calls_.scheduler);
  Advance(seconds(30));
  EXPECT_FALSE(call.call.cancellation.cancelled());
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, ACallThatWasCancelledBeforeItBeganSendsNothing) {
  CarriedCall call(calls_.world, calls_.scheduler, RequestText("GET /"));
  call.call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  call.Start(calls_.layers);
  EXPECT_EQ(call.said(), "cancelled: gone");
  EXPECT_TRUE(calls_.upstream.attempts.empty());
  calls_.Finish(call);
}

// --- gRPC ---

TEST_F(EnforceDeadlineTest, TheCallersGrpcTimeoutShortensTheTimeout) {
  calls_.upstream.StaysSilent();
  CarriedCall& call = calls_.CarryGrpc({"grpc-timeout: 200m"});
  Advance(milliseconds(199));
  EXPECT_EQ(call.said(), "waits");
  Advance(milliseconds(1));
  EXPECT_EQ(call.said(), "timeout");
  EXPECT_EQ(Described(call), "the caller's deadline passed after 200 ms");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, TheEarlierOfTwoDeadlinesCounts) {
  for (const auto& fields :
       {std::initializer_list<std::string_view>{"grpc-timeout: 2S", "x-naru-deadline-ms: 300"},
        std::initializer_list<std::string_view>{"grpc-timeout: 300m", "x-naru-deadline-ms: 2000"}}) {
    CarriedCall& call = calls_.CarryGrpc(fields);
    EXPECT_EQ(*call.call.caller_deadline - call.call.started, milliseconds(300));
    calls_.Finish(call);
  }
}

TEST_F(EnforceDeadlineTest, TheShortestOfRepeatedDeadlinesCounts) {
  for (const auto& fields :
       {std::initializer_list<std::string_view>{"x-naru-deadline-ms: 2500", "x-naru-deadline-ms: 200"},
        std::initializer_list<std::string_view>{"grpc-timeout: 200m", "grpc-timeout: 2S"}}) {
    CarriedCall& call = calls_.CarryGrpc(fields);
    EXPECT_EQ(*call.call.caller_deadline - call.call.started, milliseconds(200)) << *fields.begin();
    calls_.Finish(call);
  }
}

TEST_F(EnforceDeadlineTest, RefusesARepeatedDeadlineOfWhichOneIsNoNumber) {
  CarriedCall& call = Carry({"x-naru-deadline-ms: 200", "x-naru-deadline-ms: soon"});
  EXPECT_EQ(call.said(), "bad_request: x-naru-deadline-ms is not a number of milliseconds");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, RefusesAGrpcTimeoutThatIsNone) {
  for (const char* field : {"grpc-timeout: 1", "grpc-timeout: S", "grpc-timeout:", "grpc-timeout: 100000000n",
                            "grpc-timeout: 1X", "grpc-timeout: -1S"}) {
    CarriedCall& call = calls_.CarryGrpc({field});
    EXPECT_EQ(call.said(), "bad_request: grpc-timeout is not one to eight digits and one of H M S m u n")
        << field;
    calls_.Finish(call);
  }
  EXPECT_TRUE(calls_.upstream.attempts.empty());
}

TEST_F(EnforceDeadlineTest, AGrpcTimeoutOfZeroSendsNothing) {
  CarriedCall& call = calls_.CarryGrpc({"grpc-timeout: 0n"});
  EXPECT_EQ(call.said(), "timeout: the caller's deadline had already passed");
  EXPECT_TRUE(calls_.upstream.attempts.empty());
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, AGrpcTimeoutIsNothingToOtherCalls) {
  CarriedCall& call = Carry({"grpc-timeout: nonsense"});
  EXPECT_EQ(call.said(), "200");
  EXPECT_FALSE(call.call.caller_deadline.has_value());
  calls_.Finish(call);
}

// A request that is still coming is a stream: idle_timeout, five minutes, is in force.
TEST_F(EnforceDeadlineTest, AGrpcRequestThatStreamsMayBeSilentForLong) {
  calls_.upstream.StaysSilent();
  FakeBody body(calls_.scheduler);
  CarriedCall& call = calls_.CarryGrpc({}, &body);
  Advance(std::chrono::minutes(5) - milliseconds(1));
  EXPECT_EQ(call.said(), "waits");
  Advance(milliseconds(1));
  EXPECT_EQ(call.said(), "timeout");
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, TheCallersGrpcTimeoutCoversAStreamToItsEnd) {
  FakeBody body(calls_.scheduler);
  CarriedCall& call = calls_.CarryGrpc({"grpc-timeout: 1M"}, &body);
  EXPECT_EQ(call.said(), "200");
  Advance(seconds(60) - milliseconds(1));
  EXPECT_FALSE(call.call.cancellation.cancelled());
  Advance(milliseconds(1));
  EXPECT_TRUE(call.call.cancellation.cancelled());
  calls_.Finish(call);
}

TEST_F(EnforceDeadlineTest, NothingIsLeftBehindAFinishedCall) {
  CarriedCall& call = Carry({"x-naru-deadline-ms: 60000"});
  EXPECT_TRUE(call.call.deadline_timer.armed());
  calls_.Finish(call);
  EXPECT_FALSE(call.call.deadline_timer.armed());
}

}  // namespace
}  // namespace naru::call
