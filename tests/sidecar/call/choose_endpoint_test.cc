#include "sidecar/call/choose_endpoint.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Yaml(const std::string& endpoints, const std::string& policy) {
  return "caller: {squad: video, service: video-api}\n"
         "services:\n"
         "  courses:\n    squad: learning\n    endpoints: [" +
         endpoints + "]\n    breaker: off\n" + policy;
}

const std::string kThree = "10.0.0.1:80, 10.0.0.2:80, 10.0.0.3:80";

class Choices : public LayeredCalls {
 public:
  explicit Choices(const std::string& endpoints, const std::string& policy = "")
      : Choices(ConfigOf(Yaml(endpoints, policy))) {}
  explicit Choices(std::shared_ptr<const config::Config> config) : LayeredCalls(std::move(config)) {
    layers = {&resolve_service, &enforce_deadline, &retry_attempts, &choose_endpoint, &upstream};
  }

  // The last byte of the address that the n-th attempt went to.
  std::vector<char> tried() const {
    std::vector<char> tried;
    for (const std::string& attempt : upstream.attempts) tried.push_back(attempt[attempt.rfind(':') - 1]);
    return tried;
  }
  const EndpointState& endpoint(int number) const { return *world.callee().endpoints[number - 1]; }
  // Tries one endpoint alone, as if nothing else were chosen.
  void Record(int number, resilience::Grade grade, int times) {
    for (int i = 0; i < times; ++i)
      world.plan().guards.health->endpoints[number - 1]->Record(grade, 3, scheduler.now(), 0);
  }
  void Check(int number, bool good, int times) {
    for (int i = 0; i < times; ++i) world.callee().endpoints[number - 1]->checked.Record(good, {});
  }
  uint32_t in_flight() const {
    uint32_t sum = 0;
    for (const auto& endpoint : world.callee().endpoints) sum += endpoint->estimate.in_flight();
    return sum;
  }
  // Calls one after the other; returns where the attempts since then went.
  std::set<char> CallTimes(int times) {
    upstream.attempts.clear();
    for (int i = 0; i < times; ++i) CarryAndFinish(RequestText("GET /"));
    const std::vector<char> all = tried();
    return {all.begin(), all.end()};
  }
};

TEST(ChooseEndpoint, EveryAttemptGoesToAnotherEndpoint) {
  for (const char* balance : {"p2c", "least-request", "round-robin"}) {
    Choices calls(kThree, std::string("    retry: {attempts: 3}\n    balance: ") + balance + "\n");
    calls.upstream.AlwaysFails(FailureKind::kConnectRefused);
    CarriedCall& call = calls.Carry(RequestText("GET /"));
    calls.scheduler.Advance(seconds(2));
    EXPECT_EQ(call.said(), "connect_refused");
    std::vector<char> tried = calls.tried();
    std::sort(tried.begin(), tried.end());
    EXPECT_EQ(tried, (std::vector<char>{'1', '2', '3'})) << balance;
    calls.Finish(call);
  }
}

TEST(ChooseEndpoint, TriesTheOnlyEndpointAgain) {
  Choices calls("10.0.0.1:80");
  calls.upstream.Fails(FailureKind::kConnectRefused);
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  calls.scheduler.Advance(seconds(1));
  EXPECT_EQ(call.said(), "200");
  EXPECT_EQ(calls.tried(), (std::vector<char>{'1', '1'}));
  calls.Finish(call);
}

TEST(ChooseEndpoint, SaysWhenThereIsNone) {
  config::Config config = *ConfigOf(Yaml(kThree, ""));
  config.services[0].endpoints.clear();
  Choices calls(std::make_shared<const config::Config>(std::move(config)));
  EXPECT_EQ(calls.CarryAndFinish(RequestText("GET /")),
            "no_endpoint: the configuration lists no endpoint for it");
  EXPECT_EQ(calls.world.Counts(), "");
}

TEST(ChooseEndpoint, WritesDownWhatEveryAttemptWas) {
  Choices calls("10.0.0.1:80");
  calls.upstream.Fails(FailureKind::kConnectTimeout, "no answer in connect_timeout", milliseconds(500));
  calls.upstream.Answers(503, "", milliseconds(20));
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  calls.scheduler.Advance(seconds(2));
  const std::vector<AttemptRecord>& attempts = call.call.attempts;
  ASSERT_EQ(attempts.size(), 2u);
  EXPECT_EQ(attempts[0].endpoint->text, "10.0.0.1:80");
  EXPECT_EQ(attempts[0].outcome, Outcome::kConnectError);
  EXPECT_EQ(attempts[0].took, milliseconds(500));
  EXPECT_EQ(attempts[0].status, 0);
  EXPECT_EQ(attempts[0].detail, "no answer in connect_timeout");
  EXPECT_EQ(attempts[1].outcome, Outcome::kServerError);
  EXPECT_EQ(attempts[1].took, milliseconds(20));
  EXPECT_EQ(attempts[1].status, 503);
  EXPECT_EQ(attempts[1].detail, "status 503");
  calls.Finish(call);
  EXPECT_EQ(
      calls.world.Counts(),
      "attempts courses server_error = 1\nattempts courses connect_error = 1\nretries courses unsent = 1\n");
}

TEST(ChooseEndpoint, DoesNotCountTheWaitInTheQueueAsTheEndpointsTime) {
  Choices calls("10.0.0.1:80", "    limits: {concurrent: 1}\n");
  calls.layers.insert(calls.layers.begin() + 2, &calls.limit_concurrency);
  CarriedCall& first = calls.Carry(RequestText("GET /"));
  CarriedCall& second = calls.Carry(RequestText("GET /"));
  calls.scheduler.Advance(milliseconds(200));
  calls.Finish(first);
  calls.scheduler.Advance(Duration::zero());
  EXPECT_EQ(second.said(), "200");
  EXPECT_EQ(second.call.attempts[0].took, Duration::zero());
  calls.Finish(second);
}

TEST(ChooseEndpoint, CountsAnAttemptAsInFlightUntilItsCallIsFinished) {
  Choices calls(kThree);
  calls.upstream.Fails(FailureKind::kReset);
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  EXPECT_EQ(calls.in_flight(), 1u);
  calls.scheduler.Advance(seconds(1));
  EXPECT_EQ(call.said(), "200");
  EXPECT_EQ(calls.in_flight(), 1u);
  calls.Finish(call);
  EXPECT_EQ(calls.in_flight(), 0u);
}

TEST(ChooseEndpoint, ACallThatFailedLeavesNothingInFlight) {
  Choices calls(kThree);
  calls.upstream.AlwaysFails(FailureKind::kReset);
  CarriedCall& call = calls.Carry(RequestText("POST /"));
  calls.Finish(call);
  EXPECT_EQ(calls.in_flight(), 0u);
}

TEST(ChooseEndpoint, PenalisesAnEndpointThatFailsOrTurnsCallsAway) {
  for (const int status : {500, 503, 429}) {
    Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
    calls.CarryAndFinish(RequestText("GET /"));
    const double before = calls.endpoint(1).estimate.Load(calls.scheduler.now());
    calls.upstream.Answers(status);
    calls.CarryAndFinish(RequestText("GET /"));
    EXPECT_GT(calls.endpoint(1).estimate.Load(calls.scheduler.now()), before + 1e9) << status;
  }
}

TEST(ChooseEndpoint, PenalisesForAsLongAsRetryAfterAsks) {
  Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
  calls.upstream.Answers(503, "retry-after: 60\r\n");
  calls.CarryAndFinish(RequestText("GET /"));
  calls.scheduler.Advance(seconds(20));
  EXPECT_GT(calls.endpoint(1).estimate.Load(calls.scheduler.now()), 1e9);
}

TEST(ChooseEndpoint, DoesNotPenaliseForTheCallersFaultsNorForCancelledCalls) {
  Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
  calls.CarryAndFinish(RequestText("GET /"));
  calls.upstream.Answers(404);
  calls.CarryAndFinish(RequestText("GET /"));
  calls.upstream.Fails(FailureKind::kCancelled);
  calls.CarryAndFinish(RequestText("GET /"));
  EXPECT_LT(calls.endpoint(1).estimate.Load(calls.scheduler.now()), 1e9);
}

TEST(ChooseEndpoint, EjectsAnEndpointAfterFiveFailuresInARowAndReadmitsIt) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80", "    balance: round-robin\n    retry: {attempts: 1}\n");
  // Round robin: every second call meets the endpoint that fails.
  for (int i = 0; i < 5; ++i) {
    calls.upstream.Answers(200);
    calls.upstream.Fails(FailureKind::kConnectRefused);
    calls.CarryAndFinish(RequestText("GET /"));
    calls.CarryAndFinish(RequestText("GET /"));
  }
  const char failing = calls.tried()[1];
  const std::set<char> serving = calls.CallTimes(10);
  EXPECT_EQ(serving.size(), 1u);
  EXPECT_EQ(serving.count(failing), 0u);
  calls.scheduler.Advance(seconds(1));
  EXPECT_EQ(calls.CallTimes(10).size(), 2u);
}

TEST(ChooseEndpoint, NeverEjectsMoreThanKeepAllows) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80", "    balance: round-robin\n    retry: {attempts: 1}\n");
  calls.upstream.AlwaysFails(FailureKind::kConnectRefused);
  calls.CallTimes(40);
  EXPECT_EQ(calls.CallTimes(10).size(), 1u);
}

TEST(ChooseEndpoint, TellsWhomItEjectsAndWhoReturns) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80",
                "    balance: round-robin\n    retry: {attempts: 1}\n"
                "    ejection: {consecutive: 2, success_rate: 0, base: 1s}\n");
  calls.upstream.AlwaysFails(FailureKind::kConnectRefused);
  calls.CallTimes(4);
  ASSERT_EQ(calls.observer.changes.size(), 1u);
  const std::string ejected = calls.observer.changes[0];
  const std::string who = ejected.substr(0, std::string("courses 10.0.0.1:80").size());
  EXPECT_TRUE(ejected.starts_with(who + " ejected for ")) << ejected;
  EXPECT_TRUE(ejected.ends_with(" ms: in a row")) << ejected;
  calls.scheduler.Advance(seconds(1));
  calls.CallTimes(2);
  ASSERT_GE(calls.observer.changes.size(), 2u);
  EXPECT_EQ(calls.observer.changes[1], who + " returned");  // and now the other one is ejected
}

TEST(ChooseEndpoint, NeverEjectsTheOnlyEndpoint) {
  Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
  calls.upstream.AlwaysFails(FailureKind::kConnectRefused);
  EXPECT_EQ(calls.CallTimes(20), (std::set<char>{'1'}));
  EXPECT_TRUE(calls.world.plan().guards.health->endpoints[0]->Serving(calls.scheduler.now()));
}

TEST(ChooseEndpoint, LeavesOutWhatItsChecksFoundUnhealthy) {
  for (const char* balance : {"p2c", "least-request", "round-robin"}) {
    Choices calls(kThree, std::string("    balance: ") + balance + "\n");
    calls.Check(2, false, 3);
    EXPECT_EQ(calls.CallTimes(30), (std::set<char>{'1', '3'})) << balance;
    calls.Check(2, true, 2);
    EXPECT_EQ(calls.CallTimes(30), (std::set<char>{'1', '2', '3'})) << balance;
  }
}

TEST(ChooseEndpoint, TriesAllWhenAllAreUnhealthy) {
  Choices calls(kThree);
  for (int number = 1; number <= 3; ++number) calls.Check(number, false, 3);
  EXPECT_EQ(calls.CallTimes(30), (std::set<char>{'1', '2', '3'}));
}

TEST(ChooseEndpoint, TriesTheOnlyEndpointThoughItIsUnhealthy) {
  Choices calls("10.0.0.1:80");
  calls.Check(1, false, 3);
  EXPECT_EQ(calls.CallTimes(3), (std::set<char>{'1'}));
}

TEST(ChooseEndpoint, AnUnhealthyEndpointIsReadmittedFromItsEjectionInTime) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80", "    balance: round-robin\n");
  calls.Record(1, resilience::Grade::kFailure, 5);
  calls.Check(1, false, 3);
  calls.scheduler.Advance(seconds(1));
  EXPECT_EQ(calls.CallTimes(10), (std::set<char>{'2'}));
  calls.Check(1, true, 2);
  EXPECT_EQ(calls.CallTimes(10), (std::set<char>{'1', '2'}));
}

TEST(ChooseEndpoint, AnAnswerThatBrokeOffCountsAsAFailure) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80",
                "    balance: round-robin\n    retry: {attempts: 1}\n"
                "    ejection: {consecutive: 100, success_rate: 80%, min_calls: 5}\n");
  // Every answer of the second endpoint breaks off after its head.
  for (int i = 0; i < 10; ++i) {
    CarriedCall& call = calls.Carry(RequestText("GET /"));
    const bool second = call.call.attempts[0].endpoint_index == 1;
    calls.Finish(call, {second ? Outcome::kTruncated : Outcome::kOk, 200, nullptr});
  }
  EXPECT_EQ(calls.CallTimes(10), (std::set<char>{'1'}));
}

TEST(ChooseEndpoint, AnAttemptWhoseAnswerBrokeOffSaysSo) {
  Choices calls("10.0.0.1:80");
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  call.call.broke_off =
      std::make_unique<const Failure>(FailureKind::kTruncated, "closed inside the body of its answer");
  calls.Finish(call, {Outcome::kTruncated, 200, call.call.broke_off.get()});
  EXPECT_EQ(resilience::WordOf(call.call.attempts.at(0).outcome), "truncated");
  EXPECT_EQ(call.call.attempts.at(0).detail, "closed inside the body of its answer");
}

TEST(ChooseEndpoint, AnAttemptThatTheTimeoutEndedSaysWhatEndedIt) {
  struct Row {
    const char* field;
    const char* detail;
  };
  for (const Row& row : {Row{"a: b", "the call's timeout of 800 ms ended it"},
                         Row{"x-naru-deadline-ms: 500", "the caller's deadline ended it"}}) {
    Choices calls("10.0.0.1:80", "    timeout: 800ms\n");
    calls.layers.insert(calls.layers.begin() + 1, &calls.enforce_deadline);
    calls.upstream.StaysSilent();
    CarriedCall& call = calls.Carry(RequestText("GET /", {row.field}));
    calls.scheduler.Advance(milliseconds(800));
    calls.Finish(call);
    EXPECT_EQ(call.call.attempts.at(0).detail, row.detail);
  }
}

// --- gRPC ---

constexpr double kPenalised = 1e9;

TEST(ChooseEndpoint, GoesByTheStatusOfGrpcAndNotOfHttp) {
  struct Row {
    const char* fields;
    int status;
    Outcome outcome;
    const char* detail;
    bool penalised;
  };
  for (const Row& row :
       {Row{"grpc-status: 0\r\n", 200, Outcome::kOk, "", false},
        Row{"grpc-status: 5\r\n", 200, Outcome::kClientError, "", false},
        Row{"grpc-status: 12\r\n", 404, Outcome::kClientError, "", false},
        Row{"grpc-status: 0\r\n", 503, Outcome::kOk, "", false},
        Row{"grpc-status: 8\r\n", 200, Outcome::kClientError, "grpc-status RESOURCE_EXHAUSTED", true},
        Row{"grpc-status: 14\r\n", 200, Outcome::kServerError, "grpc-status UNAVAILABLE", true},
        Row{"grpc-status: nonsense\r\n", 200, Outcome::kServerError, "grpc-status UNKNOWN", true},
        Row{"", 503, Outcome::kServerError, "status 503", true}}) {
    Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
    calls.upstream.Answers(row.status, row.fields);
    CarriedCall& call = calls.CarryGrpc();
    const AttemptRecord attempt = call.call.attempts.at(0);
    EXPECT_EQ(resilience::WordOf(attempt.outcome), resilience::WordOf(row.outcome)) << row.fields;
    EXPECT_EQ(attempt.detail, row.detail) << row.fields;
    EXPECT_EQ(calls.endpoint(1).estimate.Load(calls.scheduler.now()) > kPenalised, row.penalised)
        << row.fields;
    calls.Finish(call);
    EXPECT_EQ(calls.world.Counts(),
              "attempts courses " + std::string(resilience::WordOf(row.outcome)) + " = 1\n");
  }
}

TEST(ChooseEndpoint, PenalisesForAsLongAsThePushbackAsks) {
  Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
  calls.upstream.Answers(200, "grpc-status: 14\r\ngrpc-retry-pushback-ms: 60000\r\n");
  calls.Finish(calls.CarryGrpc());
  calls.scheduler.Advance(seconds(20));
  EXPECT_GT(calls.endpoint(1).estimate.Load(calls.scheduler.now()), kPenalised);
}

// An attempt whose status is in its trailers is counted once they are there.
struct LateRow {
  std::optional<resilience::GrpcCode> code;
  Outcome outcome;
  const char* detail;
  bool penalised;
};

TEST(ChooseEndpoint, WaitsForTheTrailersOfAGrpcCall) {
  using resilience::GrpcCode;
  for (const LateRow& row :
       {LateRow{GrpcCode::kOk, Outcome::kOk, "", false},
        LateRow{GrpcCode::kNotFound, Outcome::kClientError, "", false},
        LateRow{GrpcCode::kResourceExhausted, Outcome::kClientError, "grpc-status RESOURCE_EXHAUSTED", true},
        LateRow{GrpcCode::kInternal, Outcome::kServerError, "grpc-status INTERNAL", true},
        LateRow{std::nullopt, Outcome::kTruncated, "", true},
        LateRow{std::nullopt, Outcome::kCancelled, "", false}}) {
    Choices calls("10.0.0.1:80", "    retry: {attempts: 1}\n");
    calls.upstream.BeginsToAnswer(200);
    CarriedCall& call = calls.CarryGrpc();
    EXPECT_TRUE(call.call.attempt_undecided);
    EXPECT_EQ(calls.world.Counts(), "");
    call.call.grpc_status = row.code;
    calls.Finish(call, {row.outcome, 200, nullptr});
    const std::string word(resilience::WordOf(row.outcome));
    EXPECT_EQ(calls.world.Counts(), "attempts courses " + word + " = 1\n");
    EXPECT_EQ(resilience::WordOf(call.call.attempts[0].outcome), word);
    EXPECT_EQ(call.call.attempts[0].detail, row.detail) << word;
    EXPECT_EQ(calls.endpoint(1).estimate.Load(calls.scheduler.now()) > kPenalised, row.penalised) << word;
  }
}

TEST(ChooseEndpoint, DoesNotWaitForTheTrailersOfOtherCalls) {
  Choices calls("10.0.0.1:80");
  calls.upstream.BeginsToAnswer(200);
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  EXPECT_FALSE(call.call.attempt_undecided);
  EXPECT_EQ(calls.world.Counts(), "attempts courses ok = 1\n");
  calls.Finish(call);
}

TEST(ChooseEndpoint, AGrpcCallThatFailedInItsTrailersCountsAsAFailure) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80",
                "    balance: round-robin\n    retry: {attempts: 1}\n"
                "    ejection: {consecutive: 100, success_rate: 80%, min_calls: 5}\n");
  for (int i = 0; i < 10; ++i) {
    calls.upstream.BeginsToAnswer(200);
    CarriedCall& call = calls.CarryGrpc();
    const bool second = call.call.attempts[0].endpoint_index == 1;
    call.call.grpc_status = second ? resilience::GrpcCode::kInternal : resilience::GrpcCode::kOk;
    calls.Finish(call, {second ? Outcome::kServerError : Outcome::kOk, 200, nullptr});
  }
  EXPECT_EQ(calls.CallTimes(10), (std::set<char>{'1'}));
}

TEST(ChooseEndpoint, EjectsAnEndpointWhoseGrpcCallsAllFailInTheirTrailers) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80", "    balance: round-robin\n    retry: {attempts: 1}\n");
  for (int i = 0; i < 20; ++i) {
    calls.upstream.BeginsToAnswer(200);
    CarriedCall& call = calls.CarryGrpc();
    const bool second = call.call.attempts[0].endpoint_index == 1;
    call.call.grpc_status = second ? resilience::GrpcCode::kInternal : resilience::GrpcCode::kOk;
    calls.Finish(call, {second ? Outcome::kServerError : Outcome::kOk, 200, nullptr});
  }
  EXPECT_EQ(calls.CallTimes(10), (std::set<char>{'1'}));
}

TEST(ChooseEndpoint, PrefersTheFasterEndpoint) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80");
  auto call_taking = [&](Duration slow) {
    calls.upstream.attempts.clear();
    CarriedCall& call = calls.Carry(RequestText("GET /"));
    if (call.said() == "waits") calls.scheduler.Advance(slow);
    calls.Finish(call);
  };
  // The first call of each endpoint measures it: 100 ms and 1 ms.
  calls.upstream.Answers(200, "", milliseconds(100));
  call_taking(milliseconds(100));
  const char slow = calls.tried()[0];
  calls.upstream.Answers(200, "", milliseconds(1));
  call_taking(milliseconds(1));
  const char fast = calls.tried()[0];
  ASSERT_NE(slow, fast);
  EXPECT_EQ(calls.CallTimes(20), (std::set<char>{fast}));
}

TEST(ChooseEndpoint, WorksWhereEjectionIsOff) {
  Choices calls("10.0.0.1:80, 10.0.0.2:80",
                "    ejection: off\n    balance: round-robin\n    retry: {attempts: 1}\n");
  calls.upstream.AlwaysFails(FailureKind::kConnectRefused);
  EXPECT_EQ(calls.CallTimes(40).size(), 2u);
}

}  // namespace
}  // namespace naru::call
