#include "sidecar/call/retry_attempts.h"

#include <gtest/gtest.h>

#include <ctime>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/support/fake_body.h"
#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

std::string Yaml(const std::string& retry) {
  return "caller: {squad: video, service: video-api}\n"
         "services:\n"
         "  courses: {squad: learning, endpoints: [10.0.0.1:80], timeout: 5s, retry: {" +
         retry + "}}\n";
}

class Retries : public LayeredCalls {
 public:
  explicit Retries(const std::string& retry = "attempts: 2") : LayeredCalls(Yaml(retry)) {
    layers = {&resolve_service, &enforce_deadline, &retry_attempts, &upstream};
  }

  // Carries a call to its end, however long that takes, and says what came of it.
  std::string Outcome(std::string request, BodySource* body = nullptr) {
    CarriedCall& call = Carry(std::move(request), body);
    scheduler.Advance(seconds(5));
    Finish(call);
    note = call.call.policy_note;
    return call.said();
  }
  // The same for a gRPC call.
  std::string GrpcOutcome(std::initializer_list<std::string_view> fields = {}) {
    CarriedCall& call = CarryGrpc(fields);
    scheduler.Advance(seconds(5));
    Finish(call);
    note = call.call.policy_note;
    return call.said();
  }
  size_t attempts() const { return upstream.attempts.size(); }

  std::string note;
};

// --- what may be tried again ---

struct FailureRow {
  FailureKind kind;
  size_t get;
  size_t post;
  size_t post_with_key;
  std::string counts;  // of the GET
};

class RetryOfFailure : public testing::TestWithParam<FailureRow> {
 protected:
  size_t Attempts(std::string request) {
    Retries calls;
    calls.upstream.Fails(GetParam().kind);
    calls.Outcome(std::move(request));
    counts_ = calls.world.Counts();
    return calls.attempts();
  }
  std::string counts_;
};

TEST_P(RetryOfFailure, FollowsItsClassAndTheMethod) {
  EXPECT_EQ(Attempts(RequestText("POST /")), GetParam().post);
  EXPECT_EQ(Attempts(RequestText("POST /", {"Idempotency-Key: 1"})), GetParam().post_with_key);
  EXPECT_EQ(Attempts(RequestText("POST /", {"X-Idempotency-Key: 1"})), GetParam().post_with_key);
  for (const char* line : {"HEAD /", "PUT /", "DELETE /", "OPTIONS /", "GET /"}) {
    EXPECT_EQ(Attempts(RequestText(line)), GetParam().get) << line;
  }
  EXPECT_EQ(counts_, GetParam().counts);
}

INSTANTIATE_TEST_SUITE_P(
    EveryKind, RetryOfFailure,
    testing::Values(FailureRow{FailureKind::kConnectRefused, 2, 2, 2, "retries courses unsent = 1\n"},
                    FailureRow{FailureKind::kConnectTimeout, 2, 2, 2, "retries courses unsent = 1\n"},
                    FailureRow{FailureKind::kUnsentReset, 2, 2, 2, "retries courses unsent = 1\n"},
                    FailureRow{FailureKind::kRefusedStream, 2, 2, 2, "retries courses refused = 1\n"},
                    FailureRow{FailureKind::kReusedReset, 2, 1, 2, "retries courses reset = 1\n"},
                    FailureRow{FailureKind::kReset, 2, 1, 2, "retries courses reset = 1\n"},
                    FailureRow{FailureKind::kTryTimeout, 2, 1, 2, "retries courses reset = 1\n"},
                    FailureRow{FailureKind::kBadResponse, 1, 1, 1, ""},
                    FailureRow{FailureKind::kWrongProtocol, 2, 2, 2, "retries courses unsent = 1\n"},
                    FailureRow{FailureKind::kTimeout, 1, 1, 1, ""},
                    FailureRow{FailureKind::kTruncated, 1, 1, 1, ""},
                    FailureRow{FailureKind::kCancelled, 1, 1, 1, ""},
                    FailureRow{FailureKind::kShuttingDown, 1, 1, 1, ""},
                    FailureRow{FailureKind::kNoEndpoint, 1, 1, 1, ""},
                    FailureRow{FailureKind::kRefusedPublic, 1, 1, 1, ""},
                    FailureRow{FailureKind::kBadRequest, 1, 1, 1, ""}),
    [](const auto& row) { return std::string(resilience::TraitsOf(row.param.kind).name); });

struct StatusRow {
  int status;
  size_t get;
  size_t post;
  size_t post_with_key;
};

class RetryOfStatus : public testing::TestWithParam<StatusRow> {};

TEST_P(RetryOfStatus, FollowsTheMethod) {
  auto attempts = [&](std::string request) {
    Retries calls;
    calls.upstream.Answers(GetParam().status);
    const std::string said = calls.Outcome(std::move(request));
    EXPECT_EQ(said, calls.attempts() == 1 ? std::to_string(GetParam().status) : "200");
    EXPECT_EQ(calls.upstream.open(), 0);
    return calls.attempts();
  };
  EXPECT_EQ(attempts(RequestText("GET /")), GetParam().get);
  EXPECT_EQ(attempts(RequestText("POST /")), GetParam().post);
  EXPECT_EQ(attempts(RequestText("POST /", {"Idempotency-Key: 1"})), GetParam().post_with_key);
}

INSTANTIATE_TEST_SUITE_P(Statuses, RetryOfStatus,
                         testing::Values(StatusRow{502, 2, 1, 2}, StatusRow{503, 2, 1, 2},
                                         StatusRow{504, 2, 1, 2}, StatusRow{200, 1, 1, 1},
                                         StatusRow{301, 1, 1, 1}, StatusRow{404, 1, 1, 1},
                                         StatusRow{429, 1, 1, 1}, StatusRow{500, 1, 1, 1},
                                         StatusRow{501, 1, 1, 1}),
                         [](const auto& row) { return std::to_string(row.param.status); });

TEST(RetryAttempts, RepeatsAPostThatTheOwnerVouchesFor) {
  Retries calls("idempotent: true");
  calls.upstream.Answers(503);
  EXPECT_EQ(calls.Outcome(RequestText("POST /")), "200");
  EXPECT_EQ(calls.world.Counts(), "retries courses 503 = 1\n");
}

// --- why it may not be ---

TEST(RetryAttempts, SaysWhyAPostWasNotRepeated) {
  Retries calls;
  calls.upstream.Fails(FailureKind::kReset, "closed without an answer");
  EXPECT_EQ(calls.Outcome(RequestText("POST /")), "reset: closed without an answer");
  EXPECT_EQ(calls.world.Counts(), "suppressed courses not_idempotent = 1\n");
  EXPECT_EQ(calls.note, "retry.idempotent");
}

TEST(RetryAttempts, TriesNoMoreThanAttempts) {
  Retries calls("attempts: 3");
  calls.upstream.AlwaysAnswers(503);
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "503");
  EXPECT_EQ(calls.attempts(), 3u);
  EXPECT_EQ(calls.world.Counts(), "retries courses 503 = 2\n");
  EXPECT_EQ(calls.note, "retry.attempts");
  EXPECT_EQ(calls.upstream.open(), 0);
}

TEST(RetryAttempts, NeverRetriesWithOneAttempt) {
  Retries calls("attempts: 1");
  calls.upstream.AlwaysFails(FailureKind::kConnectRefused);
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "connect_refused");
  EXPECT_EQ(calls.attempts(), 1u);
  EXPECT_EQ(calls.world.Counts(), "");
}

TEST(RetryAttempts, RetriesOnlyWhatThePolicyNames) {
  Retries calls("on: [502]");
  calls.upstream.Answers(503);
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "503");
  EXPECT_EQ(calls.note, "retry.on");
  calls.upstream.Answers(502);
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "200");
  EXPECT_EQ(calls.world.Counts(), "retries courses 502 = 1\n");
}

TEST(RetryAttempts, DoesNotMultiplyTheRetriesOfItsCaller) {
  Retries calls;
  calls.upstream.Answers(503);
  EXPECT_EQ(calls.Outcome(RequestText("GET /", {"x-naru-attempt: 2"})), "503");
  EXPECT_EQ(calls.world.Counts(), "suppressed courses upstream_retrying = 1\n");
  EXPECT_EQ(calls.note, "");
}

TEST(RetryAttempts, BelievesTheLargestAttemptThatItsCallerNames) {
  for (const auto& fields :
       {std::initializer_list<std::string_view>{"x-naru-attempt: 99999999999999999999"},
        std::initializer_list<std::string_view>{"x-naru-attempt: 1, 2"},
        std::initializer_list<std::string_view>{"x-naru-attempt: 1", "x-naru-attempt: 2"},
        std::initializer_list<std::string_view>{"x-naru-attempt: 2", "x-naru-attempt: 1"}}) {
    Retries calls;
    calls.upstream.Answers(503);
    EXPECT_EQ(calls.Outcome(RequestText("GET /", fields)), "503") << *fields.begin();
    EXPECT_EQ(calls.world.Counts(), "suppressed courses upstream_retrying = 1\n");
  }
}

TEST(RetryAttempts, StillRetriesWhatWasNeverSentForACallerThatRetries) {
  Retries calls;
  calls.upstream.Fails(FailureKind::kConnectRefused);
  EXPECT_EQ(calls.Outcome(RequestText("GET /", {"x-naru-attempt: 2"})), "200");
  EXPECT_EQ(calls.attempts(), 2u);
}

TEST(RetryAttempts, TakesAnAttemptNumberThatIsNoneForTheFirst) {
  for (const char* field :
       {"x-naru-attempt: x", "x-naru-attempt:", "x-naru-attempt: 0", "x-naru-attempt: 1"}) {
    Retries calls;
    calls.upstream.Answers(503);
    EXPECT_EQ(calls.Outcome(RequestText("GET /", {field})), "200") << field;
  }
}

TEST(RetryAttempts, SpendsABudgetThatSuccessesEarn) {
  Retries calls("budget: {ratio: 50%, floor: 0/s, window: 10s}");
  calls.upstream.Answers(503);
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "503");
  EXPECT_EQ(calls.world.Counts(), "suppressed courses budget = 1\n");
  EXPECT_EQ(calls.note, "retry.budget.ratio");

  // Within the window: two successes earn one retry.
  auto now = [&](int status) {
    calls.upstream.Answers(status);
    CarriedCall& call = calls.Carry(RequestText("GET /"));
    calls.scheduler.Advance(milliseconds(25));
    calls.Finish(call);
    return call.said();
  };
  EXPECT_EQ(now(200), "200");
  EXPECT_EQ(now(404), "404");
  EXPECT_EQ(now(503), "200");
  EXPECT_EQ(now(503), "503");
  EXPECT_EQ(calls.world.Counts(), "retries courses 503 = 1\nsuppressed courses budget = 2\n");
}

TEST(RetryAttempts, AnOutageEarnsNoRetries) {
  Retries calls("budget: {ratio: 100%, floor: 0/s, window: 10s}");
  for (int status : {500, 501, 503}) calls.upstream.Answers(status);
  for (int i = 0; i < 3; ++i) calls.CarryAndFinish(RequestText("GET /"));
  EXPECT_EQ(calls.attempts(), 3u);
  EXPECT_EQ(calls.world.Counts(), "suppressed courses budget = 1\n");
}

// --- waiting between attempts ---

TEST(RetryAttempts, WaitsWithFullJitterThatGrows) {
  std::vector<int64_t> longest(2, 0);
  for (int seed = 0; seed < 200; ++seed) {
    Retries calls("attempts: 3, backoff: {base: 100ms, max: 1s}");
    calls.random.seed(static_cast<uint64_t>(seed));
    calls.upstream.AlwaysAnswers(503);
    calls.Outcome(RequestText("GET /"));
    ASSERT_EQ(calls.attempts(), 3u);
    const int64_t second = std::stoi(calls.upstream.attempts[1]);
    const int64_t third = std::stoi(calls.upstream.attempts[2]) - second;
    longest[0] = std::max(longest[0], second);
    longest[1] = std::max(longest[1], third);
  }
  // Full jitter below 100 ms, then below 300 ms; a tick of the wheel may be added.
  EXPECT_LE(longest[0], 101);
  EXPECT_GT(longest[0], 90);
  EXPECT_LE(longest[1], 302);
  EXPECT_GT(longest[1], 270);
}

TEST(RetryAttempts, CountsTheWaitAsNotItsOwn) {
  Retries calls("attempts: 2");
  calls.upstream.Answers(503, "retry-after: 2\r\n");
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  calls.scheduler.Advance(seconds(3));
  EXPECT_EQ(call.call.upstream_wait, seconds(2));
  calls.Finish(call);
}

TEST(RetryAttempts, WaitsAsLongAsRetryAfterAsks) {
  Retries calls;
  calls.upstream.Answers(503, "Retry-After: 2\r\n");
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "200");
  EXPECT_EQ(calls.upstream.attempts, (std::vector<std::string>{"0 ms", "2000 ms"}));
}

TEST(RetryAttempts, DoesNotRetryWhenRetryAfterLiesBeyondTheDeadline) {
  Retries calls;
  calls.upstream.Answers(503, "retry-after: 5\r\n");
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "503");
  EXPECT_EQ(calls.world.Counts(), "suppressed courses deadline = 1\n");
  EXPECT_EQ(calls.note, "timeout");
}

TEST(RetryAttempts, IgnoresARetryAfterThatIsNone) {
  Retries calls;
  calls.upstream.Answers(503, "retry-after: tomorrow\r\n");
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "200");
}

TEST(RetryAttempts, TheDeadlineEndsAWait) {
  Retries calls;
  calls.upstream.Answers(503, "retry-after: 1\r\n", milliseconds(100));
  CarriedCall& call = calls.Carry(RequestText("GET /", {"x-naru-deadline-ms: 1101"}));
  calls.scheduler.Advance(milliseconds(500));
  call.call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  calls.scheduler.Advance(Duration::zero());
  EXPECT_EQ(call.said(), "cancelled: gone");
  EXPECT_EQ(calls.attempts(), 1u);
  EXPECT_EQ(calls.upstream.open(), 0);
  calls.Finish(call);
}

TEST(RetryAttempts, DoesNotRetryWhatACancellationEnded) {
  Retries calls;
  calls.upstream.StaysSilent();
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  call.call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  calls.scheduler.Advance(seconds(5));
  EXPECT_EQ(call.said(), "cancelled: gone");
  EXPECT_EQ(calls.attempts(), 1u);
  EXPECT_EQ(calls.world.Counts(), "");
  calls.Finish(call);
}

// --- the free retry ---

TEST(RetryAttempts, ADeadPooledConnectionCostsNeitherAnAttemptNorBudgetNorTime) {
  Retries calls("attempts: 1, budget: {ratio: 0%, floor: 0/s, window: 10s}");
  calls.upstream.Fails(FailureKind::kUnsentReset);
  EXPECT_EQ(calls.Outcome(RequestText("POST /")), "200");
  EXPECT_EQ(calls.upstream.attempts, (std::vector<std::string>{"0 ms", "0 ms"}));
}

TEST(RetryAttempts, OnlyTheFirstRetryIsFree) {
  Retries calls("attempts: 1");
  calls.upstream.AlwaysFails(FailureKind::kUnsentReset);
  EXPECT_EQ(calls.Outcome(RequestText("POST /")), "unsent_reset");
  EXPECT_EQ(calls.attempts(), 2u);
  EXPECT_EQ(calls.world.Counts(), "retries courses unsent = 1\n");
}

TEST(RetryAttempts, TheFreeRetryComesOnTopOfAttempts) {
  Retries calls("attempts: 2");
  calls.upstream.Fails(FailureKind::kUnsentReset);
  calls.upstream.Answers(503);
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "200");
  EXPECT_EQ(calls.attempts(), 3u);
}

TEST(RetryAttempts, WhatThePeerRefusedUnseenIsTriedAgainOnceForFree) {
  Retries calls("attempts: 1, budget: {ratio: 0%, floor: 0/s, window: 10s}");
  calls.upstream.Fails(FailureKind::kRefusedStream);
  EXPECT_EQ(calls.Outcome(RequestText("POST /")), "200");
  EXPECT_EQ(calls.upstream.attempts, (std::vector<std::string>{"0 ms", "0 ms"}));
  calls.upstream.AlwaysFails(FailureKind::kRefusedStream);
  EXPECT_EQ(calls.Outcome(RequestText("POST /")), "refused_stream");
  EXPECT_EQ(calls.attempts(), 4u);
}

// --- gRPC ---

TEST(RetryAttempts, RetriesAGrpcCallThatIsUnavailableAndNoOther) {
  for (int code = 0; code < resilience::kGrpcCodes; ++code) {
    Retries calls("idempotent: true");
    const std::string status = "grpc-status: " + std::to_string(code) + "\r\n";
    calls.upstream.Answers(200, status);
    EXPECT_EQ(calls.GrpcOutcome(), "200");
    const bool unavailable = static_cast<resilience::GrpcCode>(code) == resilience::GrpcCode::kUnavailable;
    EXPECT_EQ(calls.attempts(), unavailable ? 2u : 1u) << status;
    EXPECT_EQ(calls.world.Counts(), unavailable ? "retries courses unavailable = 1\n" : "") << status;
    EXPECT_EQ(calls.upstream.open(), 0);
  }
}

TEST(RetryAttempts, RepeatsAGrpcCallOnlyWhereThatIsSafe) {
  Retries calls;
  calls.upstream.Answers(200, "grpc-status: 14\r\n");
  calls.GrpcOutcome();
  EXPECT_EQ(calls.attempts(), 1u);
  EXPECT_EQ(calls.world.Counts(), "suppressed courses not_idempotent = 1\n");
  calls.upstream.Answers(200, "grpc-status: 14\r\n");
  calls.GrpcOutcome({"idempotency-key: 1"});
  EXPECT_EQ(calls.attempts(), 3u);
}

TEST(RetryAttempts, NamesTheGrpcStatusByAWordOfItsOwn) {
  Retries without("idempotent: true, on: [503]");
  without.upstream.Answers(503, "grpc-status: 14\r\n");
  without.GrpcOutcome();
  EXPECT_EQ(without.attempts(), 1u);
  EXPECT_EQ(without.note, "retry.on");

  Retries with("idempotent: true, on: [unavailable]");
  with.upstream.Answers(200, "grpc-status: 14\r\n");
  with.GrpcOutcome();
  EXPECT_EQ(with.attempts(), 2u);
}

TEST(RetryAttempts, GoesByTheHttpStatusOfAGrpcCallThatHasNoOther) {
  Retries calls("idempotent: true");
  calls.upstream.Answers(503);
  EXPECT_EQ(calls.GrpcOutcome(), "200");
  EXPECT_EQ(calls.world.Counts(), "retries courses 503 = 1\n");
}

TEST(RetryAttempts, DoesNotReadTheGrpcStatusOfOtherCalls) {
  Retries calls;
  calls.upstream.Answers(200, "grpc-status: 14\r\n");
  EXPECT_EQ(calls.Outcome(RequestText("GET /")), "200");
  EXPECT_EQ(calls.attempts(), 1u);
}

// gRPC proposal A6
TEST(RetryAttempts, WaitsAsLongAsThePushbackAsks) {
  Retries calls("idempotent: true");
  calls.upstream.Answers(200, "grpc-status: 14\r\ngrpc-retry-pushback-ms: 2000\r\n");
  calls.GrpcOutcome();
  EXPECT_EQ(calls.upstream.attempts, (std::vector<std::string>{"0 ms", "2000 ms"}));

  Retries at_once("idempotent: true, backoff: {base: 1s, max: 1s}");
  at_once.upstream.Answers(200, "grpc-status: 14\r\ngrpc-retry-pushback-ms: 0\r\n");
  at_once.GrpcOutcome();
  EXPECT_EQ(at_once.upstream.attempts, (std::vector<std::string>{"0 ms", "0 ms"}));
}

TEST(RetryAttempts, TriesNotAgainWhereThePushbackSaysSo) {
  for (const char* pushback : {"-1", "soon", ""}) {
    Retries calls("idempotent: true");
    calls.upstream.Answers(200,
                           std::string("grpc-status: 14\r\ngrpc-retry-pushback-ms: ") + pushback + "\r\n");
    calls.GrpcOutcome();
    EXPECT_EQ(calls.attempts(), 1u) << pushback;
    EXPECT_EQ(calls.note, "retry.on") << pushback;
  }
}

TEST(RetryAttempts, ForgetsThePushbackOfAnEarlierAttempt) {
  Retries calls("idempotent: true, attempts: 3, backoff: {base: 1ms, max: 1ms}");
  calls.upstream.Answers(200, "grpc-status: 14\r\ngrpc-retry-pushback-ms: 1000\r\n");
  calls.upstream.Answers(200, "grpc-status: 14\r\n");
  calls.GrpcOutcome();
  ASSERT_EQ(calls.attempts(), 3u);
  EXPECT_EQ(calls.upstream.attempts[1], "1000 ms");
  EXPECT_LE(std::stoi(calls.upstream.attempts[2]), 1003);
}

TEST(RetryAttempts, KnowsHowOftenAGrpcCallWasTriedBefore) {
  Retries calls;
  CarriedCall& call = calls.CarryGrpc({"grpc-previous-rpc-attempts: 3"});
  EXPECT_EQ(call.call.previous_rpc_attempts, 3u);
  calls.Finish(call);
  CarriedCall& other = calls.Carry(RequestText("GET /", {"grpc-previous-rpc-attempts: 3"}));
  EXPECT_EQ(other.call.previous_rpc_attempts, 0u);
  calls.Finish(other);
}

// What its trailers say decides, not its head.
TEST(RetryAttempts, AGrpcCallEarnsARetryWhenItHasEndedWell) {
  struct Row {
    Outcome outcome;
    size_t attempts;  // of the next call, which fails
  };
  for (const Row& row : {Row{Outcome::kOk, 2}, Row{Outcome::kClientError, 2}, Row{Outcome::kServerError, 1},
                         Row{Outcome::kTruncated, 1}, Row{Outcome::kCancelled, 1}}) {
    Retries calls("idempotent: true, budget: {ratio: 100%, floor: 0/s, window: 10s}");
    calls.upstream.BeginsToAnswer(200);
    CarriedCall& first = calls.CarryGrpc();
    calls.Finish(first, {row.outcome, 200, nullptr});
    calls.upstream.Answers(200, "grpc-status: 14\r\n");
    calls.GrpcOutcome();
    EXPECT_EQ(calls.attempts(), 1 + row.attempts) << resilience::WordOf(row.outcome);
  }
}

// --- the last attempt, and bodies ---

struct LastRow {
  const char* line;
  const char* field;
  const char* retry;
  bool first_is_last;
};

TEST(RetryAttempts, KnowsWhichAttemptNoOtherMayFollow) {
  for (const LastRow& row :
       {LastRow{"GET /", "a: b", "attempts: 2", false}, LastRow{"GET /", "a: b", "attempts: 1", true},
        LastRow{"POST /", "a: b", "attempts: 2", true},
        LastRow{"POST /", "idempotency-key: 1", "attempts: 2", false},
        LastRow{"GET /", "x-naru-attempt: 2", "attempts: 2", true},
        LastRow{"GET /", "a: b", "on: [503]", true}}) {
    Retries calls(row.retry);
    calls.upstream.StaysSilent();
    CarriedCall& call = calls.Carry(RequestText(row.line, {row.field}));
    EXPECT_EQ(call.call.last_attempt, row.first_is_last) << row.line << " " << row.field << " " << row.retry;
    calls.scheduler.Advance(seconds(5));
    calls.Finish(call);
  }
}

TEST(RetryAttempts, SendsTheSameBodyAgain) {
  Retries calls;
  calls.upstream.ReadsBodies();
  calls.upstream.Answers(503, "retry-after: 1\r\n");
  FakeBody body(calls.scheduler);
  body.Arrive("hel");
  body.Arrive("lo", true);
  EXPECT_EQ(calls.Outcome(RequestText("PUT /", {"content-length: 5"}), &body), "200");
  EXPECT_EQ(calls.upstream.attempts, (std::vector<std::string>{"0 ms with hello", "1000 ms with hello"}));
}

TEST(RetryAttempts, DoesNotRetryWithABodyTooLargeToKeep) {
  Retries calls("body: 4B");
  calls.upstream.ReadsBodies();
  calls.upstream.Answers(503);
  FakeBody body(calls.scheduler);
  body.Arrive("hello", true);
  EXPECT_EQ(calls.Outcome(RequestText("PUT /", {"content-length: 5"}), &body), "503");
  EXPECT_EQ(calls.world.Counts(), "suppressed courses body = 1\n");
  EXPECT_EQ(calls.note, "retry.body");
}

TEST(RetryAttempts, MarksAnAttemptThatDoesNotCount) {
  Retries calls;
  calls.layers.insert(calls.layers.end() - 1, &calls.choose_endpoint);
  calls.upstream.Fails(FailureKind::kUnsentReset);
  calls.upstream.Fails(FailureKind::kReset);
  calls.upstream.Fails(FailureKind::kReset);
  CarriedCall& call = calls.Carry(RequestText("GET /"));
  calls.scheduler.Advance(seconds(1));
  ASSERT_TRUE(call.answered());
  std::vector<bool> free;
  for (const AttemptRecord& attempt : call.call.attempts) free.push_back(attempt.free);
  EXPECT_EQ(free, (std::vector<bool>{true, false, false}));
  calls.Finish(call);
}

}  // namespace
}  // namespace naru::call
