#include "sidecar/call/error_answer.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.0.1:80, 10.0.0.2:80]
    retry: {attempts: 2}
)";

// A call with a request id of its own, as the layers leave it when it fails.
class ErrorAnswerTest : public testing::Test {
 protected:
  CarriedCall& Resolved(std::string_view line = "GET /v1/x", std::string_view field = "a: b") {
    calls_.layers = {&calls_.resolve_service, &calls_.upstream};
    return calls_.Carry(RequestText(line, {"x-request-id: r-1", field}));
  }
  void Attempted(CarriedCall& carried, size_t index, Outcome outcome, Duration took, std::string detail) {
    carried.call.attempts.push_back(
        {carried.call.callee->endpoints[index].get(), index, {}, took, outcome, 0, std::move(detail)});
  }
  std::string Answer(CarriedCall& carried, const Failure& failure, bool close = false,
                     Duration after = milliseconds(512)) {
    std::string out;
    AppendErrorAnswer(out, carried.call, failure, close, carried.call.started + after);
    if (!carried.finished) calls_.Finish(carried, {Outcome::kCancelled, 0, nullptr});
    return out;
  }
  static std::string Message(const std::string& status, const std::string& proxy_status,
                             const std::string& outcome, const std::string& more, const std::string& body) {
    return "HTTP/1.1 " + status +
           "\r\ncontent-type: application/json\r\ncontent-length: " + std::to_string(body.size()) +
           "\r\nproxy-status: naru; error=" + proxy_status + "\r\nx-naru-outcome: " + outcome + "\r\n" +
           more + "\r\n" + body;
  }

  LayeredCalls calls_{kYaml};
};

TEST_F(ErrorAnswerTest, TellsEveryAttemptThePolicyAndWhoseItIs) {
  CarriedCall& call = Resolved();
  Attempted(call, 0, Outcome::kConnectError, microseconds(1240), "connection refused");
  Attempted(call, 1, Outcome::kConnectError, microseconds(500300), "no answer in connect_timeout");
  call.call.policy_note = "retry.attempts";
  EXPECT_EQ(
      Answer(call, {FailureKind::kConnectTimeout, "no answer in connect_timeout"}),
      Message("502 Bad Gateway", "connection_timeout; next-hop=\"10.0.0.2:80\"", "connect_error", "",
              "{\"outcome\": \"connect_error\", \"status\": 502, \"service\": \"courses\", \"squad\": "
              "\"learning\", \"request_id\": \"r-1\", \"detail\": \"2 attempts failed within 512 ms\", "
              "\"policy\": \"naru.yaml:7 retry.attempts = 2\", \"attempts\": [{\"endpoint\": "
              "\"10.0.0.1:80\", \"outcome\": \"connect_error\", \"ms\": 1.2, \"detail\": \"connection "
              "refused\"}, {\"endpoint\": \"10.0.0.2:80\", \"outcome\": \"connect_error\", \"ms\": 500.3, "
              "\"detail\": \"no answer in connect_timeout\"}]}\n"));
}

struct Row {
  FailureKind kind;
  const char* status;
  const char* proxy_status;
  const char* outcome;
  const char* detail;  // where the failure's own is "why"
  const char* more = "";
};

class EveryErrorAnswer : public ErrorAnswerTest, public testing::WithParamInterface<Row> {};

TEST_P(EveryErrorAnswer, FollowsTheTable) {
  const Row& row = GetParam();
  CarriedCall& call = Resolved();
  const std::string status(row.status);
  EXPECT_EQ(Answer(call, {row.kind, "why"}),
            Message(status, row.proxy_status, row.outcome, row.more,
                    "{\"outcome\": \"" + std::string(row.outcome) + "\", \"status\": " + status.substr(0, 3) +
                        ", \"service\": \"courses\", \"squad\": \"learning\", \"request_id\": \"r-1\", "
                        "\"detail\": \"" +
                        row.detail + "\", \"attempts\": []}\n"));
}

constexpr const char* kAttempts = "0 attempts failed within 512 ms";

INSTANTIATE_TEST_SUITE_P(
    Rows, EveryErrorAnswer,
    testing::Values(
        Row{FailureKind::kUnknownService, "502 Bad Gateway", "destination_not_found", "unknown_service",
            "why"},
        Row{FailureKind::kBadRequest, "400 Bad Request", "http_request_error", "bad_request", "why"},
        Row{FailureKind::kHeadTooLarge, "431 Request Header Fields Too Large", "http_request_error",
            "bad_request", "why"},
        Row{FailureKind::kHttpsOverConnect, "405 Method Not Allowed", "http_request_error; details=\"why\"",
            "bad_request", "why", "allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n"},
        Row{FailureKind::kRefusedPublic, "502 Bad Gateway", "destination_ip_prohibited", "refused_public",
            "why"},
        Row{FailureKind::kNoEndpoint, "503 Service Unavailable", "destination_unavailable", "no_endpoint",
            "why"},
        Row{FailureKind::kLimit, "503 Service Unavailable", "connection_limit_reached", "limit", "why"},
        Row{FailureKind::kBreakerOpen, "503 Service Unavailable", "destination_unavailable", "breaker_open",
            "why"},
        Row{FailureKind::kConnectRefused, "502 Bad Gateway", "connection_refused", "connect_error",
            kAttempts},
        Row{FailureKind::kConnectTimeout, "502 Bad Gateway", "connection_timeout", "connect_error",
            kAttempts},
        Row{FailureKind::kUnsentReset, "502 Bad Gateway", "connection_terminated", "reset", kAttempts},
        Row{FailureKind::kReset, "502 Bad Gateway", "connection_terminated", "reset", kAttempts},
        Row{FailureKind::kBadResponse, "502 Bad Gateway", "http_protocol_error", "bad_response", kAttempts},
        Row{FailureKind::kWrongProtocol, "502 Bad Gateway", "http_protocol_error", "bad_response", kAttempts},
        Row{FailureKind::kTryTimeout, "504 Gateway Timeout", "http_response_timeout", "timeout", kAttempts},
        Row{FailureKind::kTimeout, "504 Gateway Timeout", "http_response_timeout", "timeout",
            "no answer had begun after 512 ms"}),
    [](const auto& row) { return std::string(resilience::TraitsOf(row.param.kind).name); });

TEST_F(ErrorAnswerTest, SaysWhenToComeBackInWholeSecondsRoundedUp) {
  struct Rounded {
    Duration after;
    const char* field;
  };
  for (const Rounded& row :
       {Rounded{milliseconds(1), "retry-after: 1\r\n"}, Rounded{milliseconds(1000), "retry-after: 1\r\n"},
        Rounded{milliseconds(3500), "retry-after: 4\r\n"}, Rounded{{}, ""}}) {
    CarriedCall& call = Resolved();
    call.call.retry_after = row.after;
    const std::string answer = Answer(call, {FailureKind::kBreakerOpen, "why"});
    EXPECT_EQ(answer,
              Message("503 Service Unavailable", "destination_unavailable", "breaker_open", row.field,
                      "{\"outcome\": \"breaker_open\", \"status\": 503, \"service\": \"courses\", \"squad\": "
                      "\"learning\", \"request_id\": \"r-1\", \"detail\": \"why\", \"attempts\": []}\n"));
  }
}

TEST_F(ErrorAnswerTest, AnswersHeadWithoutABodyButWithItsLength) {
  CarriedCall& get = Resolved("GET /");
  CarriedCall& head = Resolved("HEAD /");
  const std::string whole = Answer(get, {FailureKind::kReset, ""});
  EXPECT_EQ(Answer(head, {FailureKind::kReset, ""}), whole.substr(0, whole.find("\r\n\r\n") + 4));
}

TEST_F(ErrorAnswerTest, SaysWhetherTheConnectionStaysOpen) {
  EXPECT_NE(Answer(Resolved(), {FailureKind::kReset, ""}, true).find("\r\nconnection: close\r\n"),
            std::string::npos);
  EXPECT_EQ(Answer(Resolved(), {FailureKind::kReset, ""}, false).find("\r\nconnection:"), std::string::npos);
  CarriedCall& old = calls_.Carry("GET /courses/ HTTP/1.0\r\nconnection: keep-alive\r\n\r\n");
  EXPECT_NE(Answer(old, {FailureKind::kReset, ""}, false).find("\r\nconnection: keep-alive\r\n"),
            std::string::npos);
}

TEST_F(ErrorAnswerTest, NamesAServiceThatIsNone) {
  calls_.layers = {&calls_.resolve_service, &calls_.upstream};
  CarriedCall& call = calls_.Carry("GET / HTTP/1.1\r\nhost: coarses\r\nx-request-id: r-1\r\n\r\n");
  ASSERT_FALSE(call.result().ok());
  const std::string answer = Answer(call, {FailureKind::kUnknownService, "why"});
  EXPECT_EQ(answer, Message("502 Bad Gateway", "destination_not_found", "unknown_service", "",
                            "{\"outcome\": \"unknown_service\", \"status\": 502, \"service\": \"coarses\", "
                            "\"request_id\": \"r-1\", \"detail\": \"why\"}\n"));
}

// --- gRPC: a trailers-only response (grpc/doc/PROTOCOL-HTTP2.md) ---

class GrpcErrorAnswerTest : public ErrorAnswerTest {
 protected:
  CarriedCall& Resolved() {
    calls_.layers = {&calls_.resolve_service, &calls_.upstream};
    return calls_.CarryGrpc({"x-request-id: r-1"});
  }
  // Status, fields and body, a line each.
  std::string Answer(CarriedCall& carried, const Failure& failure) {
    const ErrorAnswer answer =
        MakeErrorAnswer(carried.call, failure, carried.call.started + milliseconds(512));
    if (!carried.finished) calls_.Finish(carried, {Outcome::kCancelled, 0, nullptr});
    std::string text = std::to_string(answer.status) + "\n";
    for (const auto& [name, value] : answer.fields) text += name + ": " + value + "\n";
    return text + answer.body;
  }
};

TEST_F(GrpcErrorAnswerTest, SaysEverythingInItsHead) {
  CarriedCall& call = Resolved();
  EXPECT_EQ(
      Answer(call, {FailureKind::kNoEndpoint, "100% \xc3\xa9"}),
      "200\ncontent-type: application/grpc\ngrpc-status: 14\n"
      "grpc-message: {\"outcome\": \"no_endpoint\", \"status\": 503, \"service\": \"courses\", \"squad\": "
      "\"learning\", \"request_id\": \"r-1\", \"detail\": \"100%25 %C3%A9\", \"attempts\": []}\n"
      "proxy-status: naru; error=destination_unavailable\nx-naru-outcome: no_endpoint\n");
}

TEST_F(GrpcErrorAnswerTest, FollowsTheTableOfFailures) {
  for (int kind = 0; kind < resilience::kFailureKinds; ++kind) {
    const Failure failure{static_cast<FailureKind>(kind), "why"};
    const std::string answer = Answer(Resolved(), failure);
    const std::string status = std::to_string(resilience::TraitsOf(failure.kind).grpc_status);
    EXPECT_TRUE(answer.starts_with("200\ncontent-type: application/grpc\ngrpc-status: " + status + "\n"))
        << answer;
  }
}

TEST_F(GrpcErrorAnswerTest, SaysWhenToComeBackInMilliseconds) {
  struct Rounded {
    Duration after;
    const char* field;
  };
  for (const Rounded& row : {Rounded{milliseconds(3500), "grpc-retry-pushback-ms: 3500\n"},
                             Rounded{microseconds(1), "grpc-retry-pushback-ms: 1\n"}, Rounded{{}, ""}}) {
    CarriedCall& call = Resolved();
    call.call.retry_after = row.after;
    const std::string answer = Answer(call, {FailureKind::kBreakerOpen, "why"});
    EXPECT_TRUE(answer.ends_with(std::string("x-naru-outcome: breaker_open\n") + row.field)) << answer;
    EXPECT_EQ(answer.find("retry-after"), std::string::npos);
  }
}

TEST_F(ErrorAnswerTest, EscapesWhatOthersHaveWritten) {
  CarriedCall& call = Resolved();
  const std::string answer = Answer(call, {FailureKind::kBadRequest, "a \"quote\"\n\\ \x01"});
  EXPECT_NE(answer.find("\"detail\": \"a \\\"quote\\\"\\n\\\\ \\u0001\""), std::string::npos) << answer;
}

TEST_F(ErrorAnswerTest, LeavesAPolicyOutThatDecidedNothing) {
  CarriedCall& call = Resolved();
  call.call.policy_note = "no.such.key";
  EXPECT_EQ(Answer(call, {FailureKind::kReset, ""}).find("\"policy\""), std::string::npos);
}

TEST_F(ErrorAnswerTest, NamesADefaultAsSuch) {
  CarriedCall& call = Resolved();
  call.call.policy_note = "timeout";
  EXPECT_NE(Answer(call, {FailureKind::kTimeout, ""}).find("\"policy\": \"default timeout = 5s\""),
            std::string::npos);
}

TEST_F(ErrorAnswerTest, ARefusedTunnelSaysWhyInItsHead) {
  const std::string answer = Answer(Resolved(), {FailureKind::kHttpsOverConnect, "no \"tunnels\""});
  EXPECT_NE(
      answer.find("\r\nproxy-status: naru; error=http_request_error; details=\"no \\\"tunnels\\\"\"\r\n"),
      std::string::npos)
      << answer;
}

TEST_F(ErrorAnswerTest, TellsTheFreeAttemptsFromThoseThatCount) {
  CarriedCall& call = Resolved();
  Attempted(call, 0, Outcome::kReset, milliseconds(1), "closed a reused connection without an answer");
  call.call.attempts[0].free = true;
  Attempted(call, 1, Outcome::kReset, milliseconds(2), "closed without an answer");
  Attempted(call, 0, Outcome::kReset, milliseconds(3), "closed without an answer");
  call.call.policy_note = "retry.attempts";
  const std::string answer = Answer(call, {FailureKind::kReset, ""});
  EXPECT_NE(answer.find("\"detail\": \"2 attempts failed within 512 ms, and 1 more that retry.attempts does "
                        "not count\", \"policy\": \"naru.yaml:7 retry.attempts = 2\""),
            std::string::npos)
      << answer;
  EXPECT_NE(answer.find("\"ms\": 1.0, \"detail\": \"closed a reused connection without an answer\", "
                        "\"free\": true}, {"),
            std::string::npos)
      << answer;
  EXPECT_EQ(answer.find("\"free\": true", answer.find("\"free\": true") + 1), std::string::npos);
}

TEST_F(ErrorAnswerTest, SaysWhyNoOtherAttemptFollowed) {
  struct Row {
    FailureKind kind;
    const char* note;
    const char* why;
  };
  for (const Row& row :
       {Row{FailureKind::kBadResponse, "retry.on", "; not retried: bad_response is not in retry.on"},
        Row{FailureKind::kReset, "retry.on", "; not retried: reset is not in retry.on"},
        Row{FailureKind::kReset, "retry.idempotent",
            "; not retried: the service may have acted on it, and repeating a POST is not known to be safe"},
        Row{FailureKind::kReset, "retry.body",
            "; not retried: the request's body is not kept for another attempt beyond retry.body"},
        Row{FailureKind::kReset, "retry.budget.ratio", "; not retried: the retry budget is spent"},
        Row{FailureKind::kReset, "timeout", "; not retried: too little of its time was left"},
        Row{FailureKind::kReset, "retry.attempts", ""}}) {
    CarriedCall& call = Resolved("POST /");
    call.call.policy_note = row.note;
    Attempted(call, 0, Outcome::kReset, milliseconds(3), "why");
    EXPECT_EQ(DescribeFailure(call.call, {row.kind, ""}, call.call.started + milliseconds(3)),
              "1 attempt failed within 3 ms" + std::string(row.why));
    Answer(call, {row.kind, ""});
  }
}

TEST_F(ErrorAnswerTest, SaysThatItsCallerRetries) {
  CarriedCall& call = Resolved();
  call.call.inbound_attempt = 2;
  Attempted(call, 0, Outcome::kReset, milliseconds(3), "why");
  EXPECT_EQ(DescribeFailure(call.call, {FailureKind::kReset, ""}, call.call.started),
            "1 attempt failed within 0 ms; not retried: the caller is retrying itself (x-naru-attempt: 2)");
  Answer(call, {FailureKind::kReset, ""});
}

TEST_F(ErrorAnswerTest, DescribesTheLastAttempt) {
  CarriedCall& call = Resolved();
  EXPECT_EQ(DescribeLastAttempt(call.call), "");
  Attempted(call, 0, Outcome::kReset, milliseconds(3), "closed without an answer");
  Attempted(call, 1, Outcome::kConnectError, milliseconds(3), "connection refused");
  EXPECT_EQ(DescribeLastAttempt(call.call), "10.0.0.2:80: connection refused");
  Answer(call, {FailureKind::kConnectRefused, ""});
}

TEST_F(ErrorAnswerTest, SaysOneAttemptInTheSingular) {
  CarriedCall& call = Resolved();
  Attempted(call, 0, Outcome::kReset, milliseconds(3), "closed without an answer");
  EXPECT_EQ(DescribeFailure(call.call, {FailureKind::kReset, ""}, call.call.started + milliseconds(3)),
            "1 attempt failed within 3 ms");
  Answer(call, {FailureKind::kReset, ""});
}

}  // namespace
}  // namespace naru::call
