#include "sidecar/admin/quantity.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <iterator>

namespace naru::admin {
namespace {

std::string Fixed(double number, int decimals) {
  char text[64];
  snprintf(text, sizeof(text), "%.*f", decimals, number);
  return text;
}

}  // namespace

std::string NumberText(double number) {
  constexpr int kDigits = 3;
  constexpr int kMostDecimals = 6;
  if (number <= 0 || !std::isfinite(number)) return "0";
  const int before_point = static_cast<int>(std::floor(std::log10(number))) + 1;
  std::string text = Fixed(number, std::clamp(kDigits - before_point, 0, kMostDecimals));
  if (text.find('.') == std::string::npos) return text;
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

std::string PercentText(double share) {
  return NumberText(share * 100) + " %";
}

std::string SpanText(std::chrono::nanoseconds span) {
  const double ms = static_cast<double>(span.count()) / 1e6;
  // 999.5 would be written as 1000 already.
  return ms < 999.5 ? NumberText(ms) + " ms" : NumberText(ms / 1000) + " s";
}

std::string BytesText(uint64_t bytes) {
  constexpr const char* kUnits[] = {" bytes", " KiB", " MiB", " GiB", " TiB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  for (; amount >= 1024 && unit + 1 < std::size(kUnits); ++unit) amount /= 1024;
  return Fixed(amount, unit == 0 ? 0 : 1) + kUnits[unit];
}

}  // namespace naru::admin
