#include "resilience/grpc_status.h"

#include <array>
#include <charconv>

namespace naru::resilience {
namespace {

constexpr std::array<std::string_view, kGrpcCodes> kWords = {
    "OK",        "CANCELLED",       "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS",  "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",    "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED",
};

std::optional<int32_t> ParseInt32(std::string_view text) {
  int32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string_view WordOf(GrpcCode code) {
  return kWords[static_cast<size_t>(code)];
}

std::optional<GrpcCode> ParseGrpcStatus(std::string_view field) {
  const std::optional<int32_t> number = ParseInt32(field);
  if (!number || *number < 0) return std::nullopt;
  return *number < kGrpcCodes ? static_cast<GrpcCode>(*number) : GrpcCode::kUnknown;
}

GrpcCode GrpcCodeOfHttpStatus(int http_status) {
  switch (http_status) {
    case 400:
    case 431:
      return GrpcCode::kInternal;
    case 401:
      return GrpcCode::kUnauthenticated;
    case 403:
      return GrpcCode::kPermissionDenied;
    case 404:
      return GrpcCode::kUnimplemented;
    case 429:
    case 502:
    case 503:
    case 504:
      return GrpcCode::kUnavailable;
    default:
      return GrpcCode::kUnknown;
  }
}

Outcome OutcomeOfGrpc(GrpcCode code) {
  switch (code) {
    case GrpcCode::kOk:
      return Outcome::kOk;
    case GrpcCode::kUnknown:
    case GrpcCode::kDeadlineExceeded:
    case GrpcCode::kInternal:
    case GrpcCode::kUnavailable:
    case GrpcCode::kDataLoss:
      return Outcome::kServerError;
    default:
      return Outcome::kClientError;
  }
}

bool DeservesPenalty(GrpcCode code) {
  return OutcomeOfGrpc(code) == Outcome::kServerError || code == GrpcCode::kResourceExhausted;
}

std::optional<Duration> ParseRetryPushback(std::string_view field) {
  const std::optional<int32_t> milliseconds = ParseInt32(field);
  if (!milliseconds || *milliseconds < 0) return std::nullopt;
  return std::chrono::milliseconds(*milliseconds);
}

}  // namespace naru::resilience
