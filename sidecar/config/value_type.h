// The type of a scalar key: how its value is written, which values it may have, and how they are said to
// people.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "absl/status/statusor.h"
#include "resilience/time.h"

namespace naru::config {

using resilience::Duration;

struct Off {
  auto operator<=>(const Off&) const = default;
};

// kCount, kSize, kWord (an index into the words) and kWords (bit N: word N) are uint64_t, kRatio and kRate
// double, kBoolean and kGroup (true: on) bool, kPath and kName std::string.
using Value = std::variant<Off, bool, uint64_t, double, Duration, std::string>;
// Of the kinds that have an order.
using Bound = std::variant<Off, bool, uint64_t, double, Duration>;

enum class ValueKind : uint8_t {
  kBoolean,
  kCount,
  kSize,
  kRatio,
  kRate,
  kDuration,
  kWord,
  kWords,
  kPath,  // of a URL
  kName,  // of a gRPC service; may be empty
  kGroup
};

struct ValueType {
  ValueKind kind = ValueKind::kBoolean;
  Bound least = Off{};  // inclusive; Off: no bound
  Bound most = Off{};
  std::span<const std::string_view> words = {};
  bool may_be_off = false;

  constexpr ValueType OrOff() const {
    ValueType type = *this;
    type.may_be_off = true;
    return type;
  }
};

// Fails with a clause that can follow "VALUE ". Of kWords it reads one word.
absl::StatusOr<Value> ParseValue(const ValueType& type, std::string_view text);
// Empty for Off where that cannot be written.
std::string FormatValue(const ValueType& type, const Value& value);

// "duration", "one of p2c, least-request": what may be written.
std::string DescribeType(const ValueType& type);
// "1ms to 24h"; empty when there is no bound.
std::string DescribeBounds(const ValueType& type);

}  // namespace naru::config
