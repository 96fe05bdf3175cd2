#include "sidecar/config/values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

absl::Status Wrong(const std::string& clause) {
  return absl::InvalidArgumentError(clause);
}

template <typename Number>
bool ReadsWhole(std::string_view text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

// Six significant digits, without trailing zeros.
std::string FormatNumber(double number) {
  char digits[32];
  const auto end = std::to_chars(digits, digits + sizeof digits, number, std::chars_format::general, 6).ptr;
  return std::string(digits, end);
}

// RFC 5234 VCHAR: neither spaces nor control characters, nor anything beyond ASCII.
bool IsVisible(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

struct Unit {
  std::string_view name;
  int64_t factor;
};
// Largest first, as the formatters want them.
constexpr std::array<Unit, 6> kTimeUnits = {{{"h", 3'600'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"s", 1'000'000'000},
                                             {"ms", 1'000'000},
                                             {"us", 1'000},
                                             {"ns", 1}}};
constexpr std::array<Unit, 4> kSizeUnits = {{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}, {"B", 1}}};

struct NumberAndUnit {
  double number;
  std::string_view unit;
};

// Digits with at most one point, then the unit. No sign, exponent, hexadecimal or infinity, which SimpleAtod
// would read.
std::optional<NumberAndUnit> Split(std::string_view text) {
  size_t end = 0;
  bool point = false;
  while (end < text.size() &&
         (absl::ascii_isdigit(static_cast<unsigned char>(text[end])) || (text[end] == '.' && !point))) {
    point = point || text[end] == '.';
    ++end;
  }
  double number = 0;
  if (end == 0 || end > 18 || text[0] == '.' || text[end - 1] == '.') return std::nullopt;
  if (!ReadsWhole(text.substr(0, end), number)) return std::nullopt;
  std::string_view unit = text.substr(end);
  if (!unit.empty() && unit[0] == ' ') unit.remove_prefix(1);
  return NumberAndUnit{number, unit};
}

template <size_t N>
std::optional<int64_t> FactorOf(const std::array<Unit, N>& units, std::string_view name) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

// The largest unit in which the value is a whole number.
template <size_t N>
std::string FormatWhole(const std::array<Unit, N>& units, int64_t value) {
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) return Cat(value / unit.factor, unit.name);
  }
  return Cat(value, units[N - 1].name);
}

}  // namespace

absl::StatusOr<Duration> ParseDuration(std::string_view text) {
  if (text == "0") return Duration::zero();
  const std::optional<NumberAndUnit> split = Split(text);
  if (!split.has_value()) return Wrong("is not a duration: write it as 250ms, 5s, 2m or 1h");
  if (split->unit.empty()) return Wrong(Cat("has no unit: write ", text, "s or ", text, "ms"));
  const std::optional<int64_t> factor = FactorOf(kTimeUnits, split->unit);
  if (!factor.has_value()) return Wrong("is not a duration: the units are ms, s, m and h");
  const double nanoseconds = std::round(split->number * static_cast<double>(*factor));
  if (nanoseconds > 9e18) return Wrong("is longer than any duration here may be");
  return Duration(static_cast<int64_t>(nanoseconds));
}

absl::StatusOr<uint64_t> ParseSize(std::string_view text) {
  if (text == "0") return 0;
  const std::optional<NumberAndUnit> split = Split(text);
  if (!split.has_value()) return Wrong("is not a size: write it as 512B, 64KiB or 1MiB");
  if (split->unit.empty()) return Wrong(Cat("has no unit: write ", text, "B or ", text, "KiB"));
  const std::optional<int64_t> factor = FactorOf(kSizeUnits, split->unit);
  if (!factor.has_value()) return Wrong("is not a size: the units are B, KiB, MiB and GiB");
  const double bytes = split->number * static_cast<double>(*factor);
  if (bytes > 9e15) return Wrong("is larger than any size here may be");
  if (bytes != std::floor(bytes)) return Wrong("is not a whole number of bytes");
  return static_cast<uint64_t>(bytes);
}

absl::StatusOr<double> ParseRatio(std::string_view text) {
  const std::optional<NumberAndUnit> split = Split(text);
  if (!split.has_value() || (split->unit != "%" && !split->unit.empty())) {
    return Wrong("is not a ratio: write it as 20% or 0.2");
  }
  if (split->unit == "%") return split->number / 100;
  if (split->number > 1) return Wrong(Cat("is above 1: a ratio is a share; write ", text, "% for percent"));
  return split->number;
}

absl::StatusOr<double> ParseRate(std::string_view text) {
  const std::optional<NumberAndUnit> split = Split(text);
  if (!split.has_value()) return Wrong("is not a rate: write it as 10/s");
  if (split->unit != "/s") return Wrong("is not a rate: rates are per second, such as 10/s");
  return split->number;
}

absl::StatusOr<uint64_t> ParseCount(std::string_view text) {
  uint64_t count = 0;
  for (char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return Wrong("is not a whole number");
  }
  if (text.empty()) return Wrong("is not a whole number");
  if (!ReadsWhole(text, count)) return Wrong("is larger than any number here may be");
  return count;
}

// YAML 1.1's yes, on and their like are refused: `off` means something else elsewhere in the file.
absl::StatusOr<bool> ParseBoolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Wrong("is neither true nor false");
}

absl::StatusOr<std::string> ParsePath(std::string_view text) {
  if (!text.starts_with("/")) return Wrong("is no path: write one that begins with /, such as /healthz");
  if (!IsVisible(text) || text.find('#') != text.npos) {
    return Wrong("holds a character that stands in no path: write it percent-encoded, such as %20");
  }
  return std::string(text);
}

absl::StatusOr<std::string> ParseGrpcName(std::string_view text) {
  if (!IsVisible(text)) return Wrong(R"(is no name: write one such as courses.v1.Courses, or "")");
  return std::string(text);
}

std::string FormatDuration(Duration duration) {
  return duration == Duration::zero() ? "0s" : FormatWhole(kTimeUnits, duration.count());
}

std::string FormatSize(uint64_t bytes) {
  return FormatWhole(kSizeUnits, static_cast<int64_t>(bytes));
}

std::string FormatRatio(double ratio) {
  return FormatNumber(ratio * 100) + "%";
}

std::string FormatRate(double per_second) {
  return FormatNumber(per_second) + "/s";
}

}  // namespace naru::config
