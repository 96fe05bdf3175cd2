#include "sidecar/call/record_call.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.0.1:80]
    routes: [{match: "GET /v1/courses/{id}", name: course}]
)";

class RecordCallTest : public testing::Test {
 protected:
  RecordCallTest() { calls_.layers = {&calls_.record_call, &calls_.resolve_service, &calls_.upstream}; }

  LayeredCalls calls_{kYaml};
};

TEST_F(RecordCallTest, CountsByServiceRouteOutcomeAndStatus) {
  calls_.CarryAndFinish(RequestText("GET /v1/courses/7"));
  calls_.CarryAndFinish(RequestText("GET /v1/courses/8"));
  calls_.CarryAndFinish(RequestText("POST /v1/courses/7"));
  calls_.upstream.Answers(404);
  calls_.CarryAndFinish(RequestText("GET /v1/courses/9"));
  EXPECT_EQ(calls_.world.Counts(),
            "calls courses/course ok 200 = 2\n"
            "calls courses/course client_error 404 = 1\n"
            "calls courses/other ok 200 = 1\n");
}

TEST_F(RecordCallTest, CountsCallsForWhichNoServiceWasFoundApart) {
  const std::string said = calls_.CarryAndFinish("GET / HTTP/1.1\r\nhost: coarses\r\n\r\n");
  EXPECT_EQ(said.substr(0, 16), "unknown_service:");
  EXPECT_EQ(calls_.world.Counts(), "calls unknown/other unknown_service 502 = 1\n");
  EXPECT_EQ(calls_.observer.told, (std::vector<std::string>{"unknown_service 502 after 0 ms"}));
}

TEST_F(RecordCallTest, CountsGrpcCallsByTheirCodeWhoeverSaidIt) {
  using resilience::GrpcCode;
  static const Failure kTimedOut{FailureKind::kTimeout, ""};
  struct Row {
    std::optional<GrpcCode> status;
    int http_status;
    Ending ending;
    const char* counted;
  };
  for (const Row& row :
       {Row{GrpcCode::kOk, 200, {Outcome::kOk, 200, nullptr}, "ok 1000"},
        Row{GrpcCode::kNotFound, 200, {Outcome::kClientError, 200, nullptr}, "client_error 1005"},
        Row{std::nullopt, 503, {Outcome::kServerError, 503, nullptr}, "server_error 1014"},
        Row{std::nullopt, 200, {Outcome::kServerError, 200, nullptr}, "server_error 1002"},
        // naru itself: whatever the head had said.
        Row{GrpcCode::kOk, 200, {Outcome::kTimeout, 504, &kTimedOut}, "timeout 1004"},
        Row{std::nullopt, 200, {Outcome::kCancelled, 200, nullptr}, "cancelled 1001"}}) {
    LayeredCalls calls(kYaml);
    calls.layers = {&calls.record_call, &calls.resolve_service, &calls.upstream};
    CarriedCall& call = calls.CarryGrpc();
    call.call.grpc_status = row.status;
    call.call.answer.status = row.http_status;
    calls.Finish(call, row.ending);
    EXPECT_EQ(calls.world.Counts(), "calls courses/other " + std::string(row.counted) + " = 1\n");
  }
}

TEST_F(RecordCallTest, TellsOfFailedAndSlowCallsOnly) {
  calls_.CarryAndFinish(RequestText("GET /"));
  calls_.upstream.Answers(404);
  calls_.CarryAndFinish(RequestText("GET /"));
  EXPECT_TRUE(calls_.observer.told.empty());

  calls_.upstream.Answers(200, "", milliseconds(1001));
  CarriedCall& slow = calls_.Carry(RequestText("GET /"));
  calls_.scheduler.Advance(milliseconds(1001));
  calls_.Finish(slow);
  calls_.upstream.Answers(503);
  calls_.CarryAndFinish(RequestText("GET /"));
  EXPECT_EQ(calls_.observer.told,
            (std::vector<std::string>{"ok 200 after 1001 ms", "server_error 503 after 0 ms"}));
}

TEST_F(RecordCallTest, MeasuresFromTheHeadToTheLastByte) {
  CarriedCall& call = calls_.Carry(RequestText("GET /"));
  calls_.scheduler.Advance(seconds(3));
  calls_.Finish(call);
  EXPECT_EQ(calls_.observer.told, (std::vector<std::string>{"ok 200 after 3000 ms"}));
}

TEST_F(RecordCallTest, GivesARequestIdToCallsThatHaveNone) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) {
    CarriedCall& call = calls_.Carry(RequestText("GET /"));
    const std::string id(call.call.RequestId());
    EXPECT_EQ(id.size(), 32u);
    EXPECT_EQ(id.find_first_not_of("0123456789abcdef"), std::string::npos) << id;
    ids.insert(id);
    calls_.Finish(call);
  }
  EXPECT_EQ(ids.size(), 100u);
}

TEST_F(RecordCallTest, KeepsTheRequestIdThatTheApplicationSent) {
  CarriedCall& call = calls_.Carry(RequestText("GET /", {"X-Request-Id: abc-1"}));
  EXPECT_EQ(call.call.RequestId(), "abc-1");
  EXPECT_EQ(call.call.request_id, "");
  calls_.Finish(call);
}

}  // namespace
}  // namespace naru::call
