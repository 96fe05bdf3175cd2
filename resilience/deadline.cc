#include "resilience/deadline.h"

#include <algorithm>
#include <charconv>

namespace naru::resilience {
namespace {

constexpr size_t kMaxDigits = 9;  // eleven days; more is a mistake or an attack

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

std::optional<Duration> ParseDeadlineMs(std::string_view field) {
  if (field.empty() || field.size() > kMaxDigits || !std::all_of(field.begin(), field.end(), IsDigit)) {
    return std::nullopt;
  }
  int64_t milliseconds = 0;
  std::from_chars(field.data(), field.data() + field.size(), milliseconds);
  return std::chrono::milliseconds(milliseconds);
}

std::string FormatDeadlineMs(Duration remaining) {
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(remaining).count();
  return std::to_string(std::max<int64_t>(milliseconds, 1));
}

Duration EffectiveTimeout(Duration configured, std::optional<Duration> from_caller) {
  return from_caller ? std::min(configured, *from_caller) : configured;
}

std::optional<Duration> AttemptTimeout(std::optional<Duration> try_timeout, bool last_attempt) {
  return last_attempt ? std::nullopt : try_timeout;
}

}  // namespace naru::resilience
