#include "resilience/failure.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string_view>
#include <utility>
#include <vector>

namespace naru::resilience {
namespace {

struct Row {
  FailureKind kind;
  std::string_view name;
  std::string_view outcome;
  int http_status;
  int grpc_status;
  std::string_view proxy_status;
  RetryClass retry_class;

  bool operator==(const Row&) const = default;
};

void PrintTo(const Row& row, std::ostream* out) {
  *out << row.name;
}

// The table of errors that naru itself answers, as users read it, and every kind behind its rows.
const std::vector<Row> kRows = {
    {FailureKind::kUnknownService, "unknown_service", "unknown_service", 502, 14, "destination_not_found",
     RetryClass::kNever},
    {FailureKind::kBadRequest, "bad_request", "bad_request", 400, 13, "http_request_error",
     RetryClass::kNever},
    {FailureKind::kHeadTooLarge, "head_too_large", "bad_request", 431, 13, "http_request_error",
     RetryClass::kNever},
    {FailureKind::kHeadTimeout, "head_timeout", "bad_request", 408, 13, "http_request_error",
     RetryClass::kNever},
    {FailureKind::kHttpsOverConnect, "https_over_connect", "bad_request", 405, 13, "http_request_error",
     RetryClass::kNever},
    {FailureKind::kRefusedPublic, "refused_public", "refused_public", 502, 7, "destination_ip_prohibited",
     RetryClass::kNever},
    {FailureKind::kNoEndpoint, "no_endpoint", "no_endpoint", 503, 14, "destination_unavailable",
     RetryClass::kNever},
    {FailureKind::kLimit, "limit", "limit", 503, 8, "connection_limit_reached", RetryClass::kNever},
    {FailureKind::kBreakerOpen, "breaker_open", "breaker_open", 503, 14, "destination_unavailable",
     RetryClass::kNever},
    {FailureKind::kConnectRefused, "connect_refused", "connect_error", 502, 14, "connection_refused",
     RetryClass::kUnsent},
    {FailureKind::kConnectTimeout, "connect_timeout", "connect_error", 502, 14, "connection_timeout",
     RetryClass::kUnsent},
    {FailureKind::kUnsentReset, "unsent_reset", "reset", 502, 14, "connection_terminated",
     RetryClass::kUnsent},
    {FailureKind::kRefusedStream, "refused_stream", "reset", 502, 14, "connection_terminated",
     RetryClass::kUnsent},
    {FailureKind::kReusedReset, "reused_reset", "reset", 502, 14, "connection_terminated",
     RetryClass::kUnknown},
    {FailureKind::kReset, "reset", "reset", 502, 14, "connection_terminated", RetryClass::kUnknown},
    {FailureKind::kBadResponse, "bad_response", "bad_response", 502, 13, "http_protocol_error",
     RetryClass::kUnknown},
    {FailureKind::kWrongProtocol, "wrong_protocol", "bad_response", 502, 13, "http_protocol_error",
     RetryClass::kUnsent},
    {FailureKind::kTryTimeout, "try_timeout", "timeout", 504, 4, "http_response_timeout",
     RetryClass::kUnknown},
    {FailureKind::kTimeout, "timeout", "timeout", 504, 4, "http_response_timeout", RetryClass::kNever},
    {FailureKind::kTruncated, "truncated", "truncated", 502, 14, "http_response_incomplete",
     RetryClass::kNever},
    {FailureKind::kCancelled, "cancelled", "cancelled", 499, 1, "http_request_error", RetryClass::kNever},
    {FailureKind::kShuttingDown, "shutting_down", "cancelled", 503, 14, "proxy_internal_error",
     RetryClass::kNever},
};

TEST(Failure, MeansTheSameToEverybody) {
  std::vector<Row> actual;
  for (int i = 0; i < kFailureKinds; ++i) {
    const FailureKind kind = static_cast<FailureKind>(i);
    const FailureTraits& traits = TraitsOf(kind);
    actual.push_back({kind, traits.name, WordOf(traits.outcome), traits.http_status, traits.grpc_status,
                      traits.proxy_status, traits.retry_class});
  }
  EXPECT_EQ(actual, kRows);
}

TEST(Failure, NamesEveryOutcomeByItsWord) {
  std::vector<std::string_view> words;
  for (int i = 0; i < kOutcomes; ++i) words.push_back(WordOf(static_cast<Outcome>(i)));
  EXPECT_EQ(words, (std::vector<std::string_view>{"ok", "client_error", "server_error", "cancelled",
                                                  "truncated", "unknown_service", "bad_request",
                                                  "refused_public", "no_endpoint", "limit", "breaker_open",
                                                  "connect_error", "reset", "bad_response", "timeout"}));
}

TEST(Failure, GradesAnAnswerByItsStatus) {
  const std::vector<std::pair<int, Outcome>> table = {
      {101, Outcome::kOk},          {200, Outcome::kOk},          {204, Outcome::kOk},
      {304, Outcome::kOk},          {399, Outcome::kOk},          {400, Outcome::kClientError},
      {404, Outcome::kClientError}, {429, Outcome::kClientError}, {499, Outcome::kClientError},
      {500, Outcome::kServerError}, {503, Outcome::kServerError}, {599, Outcome::kServerError},
  };
  for (const auto& [status, outcome] : table) {
    EXPECT_EQ(WordOf(OutcomeOfStatus(status)), WordOf(outcome)) << status;
  }
}

}  // namespace
}  // namespace naru::resilience
