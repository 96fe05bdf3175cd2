#include "resilience/failure.h"

#include <array>
#include <utility>

namespace naru::resilience {
namespace {

// google.rpc.Code
constexpr int kGrpcCancelled = 1;
constexpr int kGrpcDeadlineExceeded = 4;
constexpr int kGrpcPermissionDenied = 7;
constexpr int kGrpcResourceExhausted = 8;
constexpr int kGrpcInternal = 13;
constexpr int kGrpcUnavailable = 14;

// 499 is nginx's word for it: nobody is left to read a status, only logs and counters show it.
constexpr int kStatusCancelled = 499;

struct Row {
  FailureKind kind;
  FailureTraits traits;
};

// In the order of FailureKind; the static_assert below keeps it so.
constexpr std::array<Row, kFailureKinds> kTable = {{
    {FailureKind::kUnknownService,
     {"unknown_service", Outcome::kUnknownService, 502, kGrpcUnavailable, "destination_not_found",
      RetryClass::kNever}},
    {FailureKind::kBadRequest,
     {"bad_request", Outcome::kBadRequest, 400, kGrpcInternal, "http_request_error", RetryClass::kNever}},
    {FailureKind::kHeadTooLarge,
     {"head_too_large", Outcome::kBadRequest, 431, kGrpcInternal, "http_request_error", RetryClass::kNever}},
    {FailureKind::kHeadTimeout,
     {"head_timeout", Outcome::kBadRequest, 408, kGrpcInternal, "http_request_error", RetryClass::kNever}},
    {FailureKind::kHttpsOverConnect,
     {"https_over_connect", Outcome::kBadRequest, 405, kGrpcInternal, "http_request_error",
      RetryClass::kNever}},
    {FailureKind::kRefusedPublic,
     {"refused_public", Outcome::kRefusedPublic, 502, kGrpcPermissionDenied, "destination_ip_prohibited",
      RetryClass::kNever}},
    {FailureKind::kNoEndpoint,
     {"no_endpoint", Outcome::kNoEndpoint, 503, kGrpcUnavailable, "destination_unavailable",
      RetryClass::kNever}},
    {FailureKind::kLimit,
     {"limit", Outcome::kLimit, 503, kGrpcResourceExhausted, "connection_limit_reached", RetryClass::kNever}},
    {FailureKind::kBreakerOpen,
     {"breaker_open", Outcome::kBreakerOpen, 503, kGrpcUnavailable, "destination_unavailable",
      RetryClass::kNever}},
    {FailureKind::kConnectRefused,
     {"connect_refused", Outcome::kConnectError, 502, kGrpcUnavailable, "connection_refused",
      RetryClass::kUnsent}},
    {FailureKind::kConnectTimeout,
     {"connect_timeout", Outcome::kConnectError, 502, kGrpcUnavailable, "connection_timeout",
      RetryClass::kUnsent}},
    {FailureKind::kUnsentReset,
     {"unsent_reset", Outcome::kReset, 502, kGrpcUnavailable, "connection_terminated", RetryClass::kUnsent}},
    {FailureKind::kRefusedStream,
     {"refused_stream", Outcome::kReset, 502, kGrpcUnavailable, "connection_terminated",
      RetryClass::kUnsent}},
    {FailureKind::kReusedReset,
     {"reused_reset", Outcome::kReset, 502, kGrpcUnavailable, "connection_terminated", RetryClass::kUnknown}},
    {FailureKind::kReset,
     {"reset", Outcome::kReset, 502, kGrpcUnavailable, "connection_terminated", RetryClass::kUnknown}},
    {FailureKind::kBadResponse,
     {"bad_response", Outcome::kBadResponse, 502, kGrpcInternal, "http_protocol_error",
      RetryClass::kUnknown}},
    {FailureKind::kWrongProtocol,
     {"wrong_protocol", Outcome::kBadResponse, 502, kGrpcInternal, "http_protocol_error",
      RetryClass::kUnsent}},
    {FailureKind::kTryTimeout,
     {"try_timeout", Outcome::kTimeout, 504, kGrpcDeadlineExceeded, "http_response_timeout",
      RetryClass::kUnknown}},
    {FailureKind::kTimeout,
     {"timeout", Outcome::kTimeout, 504, kGrpcDeadlineExceeded, "http_response_timeout", RetryClass::kNever}},
    // The head of the answer is on its way already, so status and retry are past; logs still show the row.
    {FailureKind::kTruncated,
     {"truncated", Outcome::kTruncated, 502, kGrpcUnavailable, "http_response_incomplete",
      RetryClass::kNever}},
    {FailureKind::kCancelled,
     {"cancelled", Outcome::kCancelled, kStatusCancelled, kGrpcCancelled, "http_request_error",
      RetryClass::kNever}},
    // The outcome blames neither squad: the callee did nothing wrong, and the application is about to end
    // too.
    {FailureKind::kShuttingDown,
     {"shutting_down", Outcome::kCancelled, 503, kGrpcUnavailable, "proxy_internal_error",
      RetryClass::kNever}},
}};

constexpr bool InOrderOfKind() {
  for (int i = 0; i < kFailureKinds; ++i) {
    if (kTable[i].kind != static_cast<FailureKind>(i)) return false;
  }
  return true;
}
static_assert(InOrderOfKind(), "a row of the table is missing or out of order");

constexpr std::array<std::string_view, kOutcomes> kOutcomeWords = {
    "ok",          "client_error",   "server_error", "cancelled", "truncated",    "unknown_service",
    "bad_request", "refused_public", "no_endpoint",  "limit",     "breaker_open", "connect_error",
    "reset",       "bad_response",   "timeout",
};

}  // namespace

Failure::Failure(FailureKind kind, std::string detail) : kind(kind), detail(std::move(detail)) {}

const FailureTraits& TraitsOf(FailureKind kind) {
  return kTable[static_cast<size_t>(kind)].traits;
}

std::string_view WordOf(Outcome outcome) {
  return kOutcomeWords[static_cast<size_t>(outcome)];
}

Outcome OutcomeOfStatus(int http_status) {
  if (http_status >= 500) return Outcome::kServerError;
  if (http_status >= 400) return Outcome::kClientError;
  return Outcome::kOk;
}

}  // namespace naru::resilience
