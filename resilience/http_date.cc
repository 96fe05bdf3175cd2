#include "resilience/http_date.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace naru::resilience {
namespace {

// The pieces of a date between spaces, commas and hyphens: six in the first two forms, five in asctime's.
constexpr size_t kMaxPieces = 6;

struct Pieces {
  std::array<std::string_view, kMaxPieces> at;
  size_t count = 0;
};

std::optional<Pieces> Split(std::string_view text) {
  Pieces pieces;
  while (true) {
    const size_t begin = text.find_first_not_of(" ,-");
    if (begin == std::string_view::npos) return pieces;
    if (pieces.count == kMaxPieces) return std::nullopt;
    text.remove_prefix(begin);
    const size_t length = std::min(text.find_first_of(" ,-"), text.size());
    pieces.at[pieces.count++] = text.substr(0, length);
    text.remove_prefix(length);
  }
}

// -1 unless `text` is a number of `min_digits` to `max_digits` digits.
int Number(std::string_view text, size_t min_digits, size_t max_digits) {
  if (text.size() < min_digits || text.size() > max_digits) return -1;
  if (text.find_first_not_of("0123456789") != std::string_view::npos) return -1;
  int number = -1;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

// 1 to 12, or 0.
unsigned Month(std::string_view text) {
  constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto found = std::find(kMonths.begin(), kMonths.end(), text);
  return found == kMonths.end() ? 0 : static_cast<unsigned>(found - kMonths.begin() + 1);
}

// RFC 9110 5.6.7: a two-digit year that seems more than 50 years ahead is the last one with those digits.
int Year(std::string_view text, int64_t now_seconds) {
  if (text.size() == 4) return Number(text, 4, 4);
  const int digits = Number(text, 2, 2);
  if (digits < 0) return -1;
  const std::chrono::sys_seconds now{std::chrono::seconds(now_seconds)};
  const int this_year = int(std::chrono::year_month_day(std::chrono::floor<std::chrono::days>(now)).year());
  const int year = this_year - this_year % 100 + digits;
  return year > this_year + 50 ? year - 100 : year;
}

// The seconds of "08:49:37" since midnight, or -1. A leap second counts as the second after it.
int TimeOfDay(std::string_view text) {
  if (text.size() != 8 || text[2] != ':' || text[5] != ':') return -1;
  const int hour = Number(text.substr(0, 2), 2, 2);
  const int minute = Number(text.substr(3, 2), 2, 2);
  const int second = Number(text.substr(6, 2), 2, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) return -1;
  return hour * 3600 + minute * 60 + second;
}

std::optional<int64_t> UnixSeconds(int year, unsigned month, int day, int time_of_day) {
  if (year < 0 || month == 0 || day < 1 || time_of_day < 0) return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return std::nullopt;
  return std::chrono::seconds(std::chrono::sys_days(date).time_since_epoch()).count() + time_of_day;
}

}  // namespace

std::optional<int64_t> ParseHttpDate(std::string_view text, int64_t now_seconds) {
  const std::optional<Pieces> pieces = Split(text);
  if (!pieces) return std::nullopt;
  const auto& at = pieces->at;
  if (pieces->count == 6 && at[5] == "GMT") {
    return UnixSeconds(Year(at[3], now_seconds), Month(at[2]), Number(at[1], 2, 2), TimeOfDay(at[4]));
  }
  if (pieces->count == 5) {
    return UnixSeconds(Number(at[4], 4, 4), Month(at[1]), Number(at[2], 1, 2), TimeOfDay(at[3]));
  }
  return std::nullopt;
}

}  // namespace naru::resilience
