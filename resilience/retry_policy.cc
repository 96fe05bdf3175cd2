#include "resilience/retry_policy.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include "resilience/http_date.h"

namespace naru::resilience {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

bool DeadlineForbids(const FailedAttempt& attempt, Duration wait) {
  return attempt.remaining && wait >= *attempt.remaining;
}

// The seconds that a Retry-After field asks to wait, from either of its two forms.
std::optional<int64_t> SecondsToWait(std::string_view field, int64_t wall_clock_seconds) {
  if (field.empty()) return std::nullopt;
  if (!std::all_of(field.begin(), field.end(), IsDigit)) {
    const std::optional<int64_t> date = ParseHttpDate(field, wall_clock_seconds);
    return date ? std::optional(*date - wall_clock_seconds) : std::nullopt;
  }
  int64_t seconds = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), seconds);
  return error == std::errc() ? std::optional(seconds) : std::nullopt;
}

}  // namespace

uint32_t ParseAttemptCount(std::string_view field) {
  uint32_t count = 0;
  const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), count);
  return error == std::errc::result_out_of_range ? std::numeric_limits<uint32_t>::max() : count;
}

bool IsIdempotent(std::string_view method) {
  constexpr std::array<std::string_view, 6> kIdempotent = {"GET",   "HEAD", "OPTIONS",
                                                           "TRACE", "PUT",  "DELETE"};
  return std::find(kIdempotent.begin(), kIdempotent.end(), method) != kIdempotent.end();
}

uint16_t RetryReasonOf(FailureKind kind) {
  switch (kind) {
    case FailureKind::kConnectRefused:
    case FailureKind::kConnectTimeout:
    case FailureKind::kUnsentReset:
    case FailureKind::kWrongProtocol:
      return kOnUnsent;
    case FailureKind::kRefusedStream:
      return kOnRefused;
    case FailureKind::kReusedReset:
    case FailureKind::kReset:
    case FailureKind::kTryTimeout:
      return kOnReset;
    default:
      return 0;
  }
}

uint16_t RetryReasonOfStatus(int http_status) {
  if (http_status == 502) return kOn502;
  if (http_status == 503) return kOn503;
  if (http_status == 504) return kOn504;
  return 0;
}

std::string_view WordOfRetryReason(uint16_t reason) {
  switch (reason) {
    case kOnUnsent:
      return "unsent";
    case kOnRefused:
      return "refused";
    case kOnReset:
      return "reset";
    case kOn502:
      return "502";
    case kOn503:
      return "503";
    case kOn504:
      return "504";
    case kOnUnavailable:
      return "unavailable";
    default:
      return "";
  }
}

RetryVerdict DecideRetry(const RetryPolicy& policy, const FailedAttempt& attempt) {
  if (attempt.retry_class == RetryClass::kNever) return RetryVerdict::kGiveUp;
  const bool unsent = attempt.retry_class == RetryClass::kUnsent;
  // A connection that died in our pool is our affair: the service hardly saw a first try, so this is not a
  // second one. What may have been processed all the same needs a policy that retries.
  const bool policy_retries = policy.attempts > 1 && (attempt.reason & policy.on) != 0;
  const bool free = attempt.first_free_retry && (unsent || policy_retries);
  if (!free) {
    if ((attempt.reason & policy.on) == 0) return RetryVerdict::kGiveUp;
    if (attempt.attempts_made >= policy.attempts) return RetryVerdict::kGiveUp;
  }
  if (!unsent && !attempt.safe_to_repeat) return RetryVerdict::kNotIdempotent;
  if (!unsent && attempt.upstream_retrying) return RetryVerdict::kUpstreamRetrying;
  if (!attempt.body_replayable) return RetryVerdict::kBody;
  if (DeadlineForbids(attempt, free ? Duration::zero() : attempt.backoff)) return RetryVerdict::kDeadline;
  return free ? RetryVerdict::kRetryFree : RetryVerdict::kRetry;
}

Duration FullJitter(const BackoffPolicy& policy, uint32_t retry, double uniform) {
  // In floating point, because base * 2^retry leaves 64 bits soon; ldexp saturates at infinity and min cuts
  // that.
  const double steps = std::ldexp(1.0, static_cast<int>(std::min(retry, 1000u))) - 1;
  const double wait_ns = uniform * steps * static_cast<double>(policy.base.count());
  return Duration(static_cast<int64_t>(std::min(wait_ns, static_cast<double>(policy.max.count()))));
}

std::optional<Duration> ParseRetryAfter(std::string_view field, int64_t wall_clock_seconds, Duration limit) {
  const std::optional<int64_t> seconds = SecondsToWait(field, wall_clock_seconds);
  if (!seconds || *seconds < 0) return std::nullopt;
  if (*seconds > std::chrono::duration_cast<std::chrono::seconds>(limit).count()) return std::nullopt;
  return std::chrono::seconds(*seconds);
}

}  // namespace naru::resilience
