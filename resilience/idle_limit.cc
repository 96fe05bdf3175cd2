#include "resilience/idle_limit.h"

#include <algorithm>
#include <charconv>

namespace naru::resilience {
namespace {

char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return Lower(x) == Lower(y); });
}

std::string_view Trim(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Digits only, and few enough that they cannot overflow as nanoseconds.
std::optional<Duration> Seconds(std::string_view digits) {
  constexpr size_t kMaxDigits = 9;
  if (digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
  if (digits.find_first_not_of("0123456789") != std::string_view::npos) return std::nullopt;
  int64_t seconds = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  return std::chrono::seconds(seconds);
}

}  // namespace

void IdleLimit::ObserveAnnounced(Duration timeout) {
  const Duration safe = std::max(timeout - kAnnouncedMargin, timeout / 2);
  announced_ns_.store(std::clamp(safe, kShortest, kLongest).count(), std::memory_order_relaxed);
}

void IdleLimit::ObserveClose(Duration idle, TimePoint now) {
  if (idle < kShortest) return;
  if (HasFreshClose(now) && idle.count() > closed_after_ns_.load(std::memory_order_relaxed)) return;
  closed_after_ns_.store(idle.count(), std::memory_order_relaxed);
  closed_at_ns_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
}

Duration IdleLimit::Current(TimePoint now) const {
  const Duration announced(announced_ns_.load(std::memory_order_relaxed));
  const bool has_announced = announced > Duration::zero();
  if (!HasFreshClose(now)) return has_announced ? announced : kWithoutEvidence;
  const double closed_after = static_cast<double>(closed_after_ns_.load(std::memory_order_relaxed));
  const Duration seen(static_cast<int64_t>(closed_after * kSafeShareOfClose));
  return std::clamp(has_announced ? std::min(seen, announced) : seen, kShortest, kLongest);
}

bool IdleLimit::HasFreshClose(TimePoint now) const {
  if (closed_after_ns_.load(std::memory_order_relaxed) == 0) return false;
  const TimePoint closed_at(Duration(closed_at_ns_.load(std::memory_order_relaxed)));
  return now - closed_at < kEvidenceLasts;
}

std::optional<Duration> ParseKeepAliveTimeout(std::string_view field) {
  while (!field.empty()) {
    const size_t comma = std::min(field.find(','), field.size());
    const std::string_view parameter = field.substr(0, comma);
    const size_t equals = parameter.find('=');
    if (equals != std::string_view::npos &&
        EqualsIgnoringCase(Trim(parameter.substr(0, equals)), "timeout")) {
      return Seconds(Trim(parameter.substr(equals + 1)));
    }
    field.remove_prefix(std::min(comma + 1, field.size()));
  }
  return std::nullopt;
}

}  // namespace naru::resilience
