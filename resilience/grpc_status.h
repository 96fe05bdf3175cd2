// The status codes of gRPC, and what each means to everybody else: outcome, retry, penalty.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "resilience/failure.h"
#include "resilience/time.h"

namespace naru::resilience {

// google.rpc.Code
enum class GrpcCode : uint8_t {
  kOk = 0,
  kCancelled = 1,
  kUnknown = 2,
  kInvalidArgument = 3,
  kDeadlineExceeded = 4,
  kNotFound = 5,
  kAlreadyExists = 6,
  kPermissionDenied = 7,
  kResourceExhausted = 8,
  kFailedPrecondition = 9,
  kAborted = 10,
  kOutOfRange = 11,
  kUnimplemented = 12,
  kInternal = 13,
  kUnavailable = 14,
  kDataLoss = 15,
  kUnauthenticated = 16,
};
inline constexpr int kGrpcCodes = 17;

// "UNAVAILABLE", as the `code` label says it.
std::string_view WordOf(GrpcCode code);

// The value of a grpc-status field. Nothing when it is no number; a number that names no code is UNKNOWN.
std::optional<GrpcCode> ParseGrpcStatus(std::string_view field);

// What an answer without grpc-status means by its HTTP status (grpc/doc/http-grpc-status-mapping.md).
GrpcCode GrpcCodeOfHttpStatus(int http_status);

// The outcome of a call that was answered with this code. What the callee did wrong is a server error:
// UNKNOWN, DEADLINE_EXCEEDED, INTERNAL, UNAVAILABLE and DATA_LOSS. UNIMPLEMENTED is the caller's, as 404 is:
// a caller that misspells a method must not open the breaker for all.
Outcome OutcomeOfGrpc(GrpcCode code);

// The endpoint would rather not be asked again soon (as 429 and 5xx).
bool DeservesPenalty(GrpcCode code);

// The value of a grpc-retry-pushback-ms field (gRPC proposal A6): how long to wait before the next attempt,
// or nothing: do not try again. Malformed counts as that.
std::optional<Duration> ParseRetryPushback(std::string_view field);

}  // namespace naru::resilience
