#include "resilience/deadline.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace naru::resilience {
namespace {

constexpr size_t kMaxDigits = 9;  // eleven days; more is a mistake or an attack

constexpr size_t kMaxGrpcDigits = 8;
constexpr int64_t kMostGrpcDigits = 99'999'999;
// So that a deadline made of it can be added to a time.
constexpr Duration kLongest = std::chrono::hours(24 * 365);

struct GrpcUnit {
  char letter;
  Duration length;
};
constexpr std::array<GrpcUnit, 6> kGrpcUnits = {{
    {'n', std::chrono::nanoseconds(1)},
    {'u', std::chrono::microseconds(1)},
    {'m', std::chrono::milliseconds(1)},
    {'S', std::chrono::seconds(1)},
    {'M', std::chrono::minutes(1)},
    {'H', std::chrono::hours(1)},
}};

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

std::optional<Duration> ParseGrpcTimeout(std::string_view field) {
  if (field.size() < 2 || field.size() > kMaxGrpcDigits + 1) return std::nullopt;
  const std::string_view digits = field.substr(0, field.size() - 1);
  if (!std::all_of(digits.begin(), digits.end(), IsDigit)) return std::nullopt;
  const auto unit = std::find_if(kGrpcUnits.begin(), kGrpcUnits.end(),
                                 [&](const GrpcUnit& row) { return row.letter == field.back(); });
  if (unit == kGrpcUnits.end()) return std::nullopt;
  int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  return count > Duration::max() / unit->length ? kLongest : std::min(unit->length * count, kLongest);
}

std::string FormatGrpcTimeout(Duration remaining) {
  for (const GrpcUnit& unit : kGrpcUnits) {
    const int64_t count = std::max<int64_t>(remaining / unit.length, 1);
    if (count <= kMostGrpcDigits) return std::to_string(count) + unit.letter;
  }
  return std::to_string(kMostGrpcDigits) + kGrpcUnits.back().letter;
}

Duration EffectiveTimeout(Duration configured, std::optional<Duration> from_caller) {
  return from_caller ? std::min(configured, *from_caller) : configured;
}

std::optional<Duration> AttemptTimeout(std::optional<Duration> try_timeout, bool last_attempt) {
  return last_attempt ? std::nullopt : try_timeout;
}

}  // namespace naru::resilience
