// Decides whether an attempt that failed is followed by another, and why not if not.
//
// The classes are those of gRPC proposal A6 and RFC 9110 9.2.2: what never reached the service may be tried
// again whatever the method; what may have been processed only when repeating it is safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "resilience/failure.h"
#include "resilience/time.h"

namespace naru::resilience {

// The words of `retry.on`, as bits.
enum RetryOn : uint16_t {
  kOnUnsent = 1 << 0,
  kOnRefused = 1 << 1,
  kOnReset = 1 << 2,  // closed, reset or silent until try_timeout, after the request was sent
  kOn502 = 1 << 3,
  kOn503 = 1 << 4,
  kOn504 = 1 << 5,
  kOnUnavailable = 1 << 6,  // gRPC UNAVAILABLE
};
inline constexpr uint16_t kRetryOnDefault =
    kOnUnsent | kOnRefused | kOnReset | kOn502 | kOn503 | kOn504 | kOnUnavailable;

struct BackoffPolicy {
  Duration base = std::chrono::milliseconds(25);
  Duration max = std::chrono::milliseconds(250);

  bool operator==(const BackoffPolicy&) const = default;
};

struct RetryBudgetPolicy {
  double ratio = 0.2;           // retries per successful answer
  double floor_per_second = 1;  // granted without any success
  Duration window = std::chrono::seconds(10);

  bool operator==(const RetryBudgetPolicy&) const = default;
};

struct RetryPolicy {
  uint32_t attempts = 2;  // first try included; 1 never retries
  uint16_t on = kRetryOnDefault;
  BackoffPolicy backoff;
  RetryBudgetPolicy budget;
  uint64_t body_bytes = 64 * 1024;  // bodies up to this are kept for another attempt
  bool idempotent = false;          // the owner vouches that repeating is safe

  bool operator==(const RetryPolicy&) const = default;
};

// The count in an x-naru-attempt or grpc-previous-rpc-attempts field: the digits it begins with. The largest
// value when it is beyond that, 0 when there are none.
uint32_t ParseAttemptCount(std::string_view field);

// RFC 9110 9.2.2: GET, HEAD, OPTIONS, TRACE, PUT and DELETE.
bool IsIdempotent(std::string_view method);

// The RetryOn bit that names why an attempt failed; 0 if `retry.on` has no word for it.
uint16_t RetryReasonOf(FailureKind kind);
uint16_t RetryReasonOfStatus(int http_status);

// The word of one RetryOn bit, in `retry.on` and as `reason` of naru_retries_total; empty for anything else.
std::string_view WordOfRetryReason(uint16_t reason);

// What the decision needs to know about an attempt that has just failed.
struct FailedAttempt {
  RetryClass retry_class = RetryClass::kNever;
  uint16_t reason = 0;             // the RetryOn bit that names it; 0 if none does
  bool first_free_retry = false;   // failed on a reused connection, and this call has had no free retry yet
  uint32_t attempts_made = 1;      // this one included, free ones not
  bool safe_to_repeat = false;     // idempotent method, Idempotency-Key, or the policy says so
  bool body_replayable = true;     // the request body is still whole in memory
  bool upstream_retrying = false;  // the caller's own x-naru-attempt is above 1
  Duration backoff{};              // how long naru would wait before the next attempt
  std::optional<Duration> remaining;  // until the call's deadline, if it has one
};

enum class RetryVerdict : uint8_t {
  kRetry,      // wait `backoff`, then try again; needs a token of the budget
  kRetryFree,  // at once, without a token and without counting towards `attempts`, whatever those and `on`
               // are
  kGiveUp,     // not a failure that the policy retries, or out of attempts
  // Would have been retried, but (the values of naru_retries_suppressed_total's `reason`):
  kNotIdempotent,
  kDeadline,
  kBody,
  kUpstreamRetrying,
};

RetryVerdict DecideRetry(const RetryPolicy& policy, const FailedAttempt& attempt);

// How long to wait before retry number `retry` (1 is the first): full jitter over base * (2^retry - 1), then
// at most max. `uniform` is in [0, 1). Envoy's formula and numbers.
Duration FullJitter(const BackoffPolicy& policy, uint32_t retry, double uniform);

// The delay that a Retry-After field asks for: seconds or an HTTP-date (RFC 9110 10.2.3). Nothing when
// malformed, past, or above `limit`. `wall_clock_seconds` is the time of day as Unix seconds, for the date
// form.
std::optional<Duration> ParseRetryAfter(std::string_view field, int64_t wall_clock_seconds,
                                        Duration limit = std::chrono::seconds(300));

}  // namespace naru::resilience
