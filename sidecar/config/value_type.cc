#include "sidecar/config/value_type.h"

#include <vector>

#include "absl/status/status.h"
#include "sidecar/config/near_words.h"
#include "sidecar/config/text.h"
#include "sidecar/config/values.h"

namespace naru::config {
namespace {

template <typename T>
absl::StatusOr<Value> AsValue(absl::StatusOr<T> parsed) {
  if (!parsed.ok()) return parsed.status();
  return Value(*parsed);
}

absl::StatusOr<Value> ParseWord(const ValueType& type, std::string_view text) {
  for (size_t i = 0; i < type.words.size(); ++i) {
    if (type.words[i] == text) return Value(uint64_t{i});
  }
  const std::string hint = DidYouMean(NearWords(text, type.words, 1));
  return absl::InvalidArgumentError(
      Cat("is none of ", Join(type.words, ", "), hint.empty() ? "" : "; ", hint));
}

absl::StatusOr<Value> ParseUnbounded(const ValueType& type, std::string_view text) {
  switch (type.kind) {
    case ValueKind::kBoolean:
      return AsValue(ParseBoolean(text));
    case ValueKind::kCount:
      return AsValue(ParseCount(text));
    case ValueKind::kSize:
      return AsValue(ParseSize(text));
    case ValueKind::kRatio:
      return AsValue(ParseRatio(text));
    case ValueKind::kRate:
      return AsValue(ParseRate(text));
    case ValueKind::kDuration:
      return AsValue(ParseDuration(text));
    case ValueKind::kWord:
      return ParseWord(type, text);
    case ValueKind::kWords: {
      // One word; a reader adds the words of a list together.
      absl::StatusOr<Value> index = ParseWord(type, text);
      return index.ok() ? Value(uint64_t{1} << std::get<uint64_t>(*index)) : index;
    }
    case ValueKind::kPath:
      return AsValue(ParsePath(text));
    case ValueKind::kName:
      return AsValue(ParseGrpcName(text));
    case ValueKind::kGroup:
      break;
  }
  return absl::InvalidArgumentError(type.may_be_off ? "is neither off nor keys with values"
                                                    : "is not keys with values");
}

bool IsSet(const Bound& bound) {
  return !std::holds_alternative<Off>(bound);
}

Value ValueOf(const Bound& bound) {
  return std::visit([](auto value) { return Value(value); }, bound);
}

std::string FormatWords(const ValueType& type, uint64_t mask) {
  std::vector<std::string_view> words;
  for (size_t i = 0; i < type.words.size(); ++i) {
    if ((mask >> i & 1) != 0) words.push_back(type.words[i]);
  }
  return Cat("[", Join(words, ", "), "]");
}

}  // namespace

absl::StatusOr<Value> ParseValue(const ValueType& type, std::string_view text) {
  if (type.may_be_off && text == "off") return Value(Off{});
  absl::StatusOr<Value> value = ParseUnbounded(type, text);
  if (!value.ok()) return value;
  // Alternatives are the same, so that comparing the variants compares the values.
  if (IsSet(type.least) && *value < ValueOf(type.least)) {
    return absl::OutOfRangeError(Cat("is below the least, ", FormatValue(type, ValueOf(type.least))));
  }
  if (IsSet(type.most) && *value > ValueOf(type.most)) {
    return absl::OutOfRangeError(Cat("is above the most, ", FormatValue(type, ValueOf(type.most))));
  }
  return value;
}

std::string FormatValue(const ValueType& type, const Value& value) {
  if (std::holds_alternative<Off>(value)) return type.may_be_off ? "off" : "";
  switch (type.kind) {
    case ValueKind::kBoolean:
      return std::get<bool>(value) ? "true" : "false";
    case ValueKind::kCount:
      return Cat(std::get<uint64_t>(value));
    case ValueKind::kSize:
      return FormatSize(std::get<uint64_t>(value));
    case ValueKind::kRatio:
      return FormatRatio(std::get<double>(value));
    case ValueKind::kRate:
      return FormatRate(std::get<double>(value));
    case ValueKind::kDuration:
      return FormatDuration(std::get<Duration>(value));
    case ValueKind::kWord:
      return std::string(type.words[std::get<uint64_t>(value)]);
    case ValueKind::kWords:
      return FormatWords(type, std::get<uint64_t>(value));
    case ValueKind::kPath:
      return std::get<std::string>(value);
    case ValueKind::kName:
      return std::get<std::string>(value).empty() ? R"("")" : std::get<std::string>(value);
    case ValueKind::kGroup:
      return "on";
  }
  return "";
}

std::string DescribeType(const ValueType& type) {
  const std::string_view off = type.may_be_off ? " or off" : "";
  switch (type.kind) {
    case ValueKind::kBoolean:
      return "true or false";
    case ValueKind::kCount:
      return Cat("number", off);
    case ValueKind::kSize:
      return Cat("size", off);
    case ValueKind::kRatio:
      return Cat("ratio", off);
    case ValueKind::kRate:
      return Cat("rate", off);
    case ValueKind::kDuration:
      return Cat("duration", off);
    case ValueKind::kWord:
      return Cat("one of ", Join(type.words, ", "));
    case ValueKind::kWords:
      return Cat("list of ", Join(type.words, ", "));
    case ValueKind::kPath:
      return "path";
    case ValueKind::kName:
      return "name";
    case ValueKind::kGroup:
      return Cat("keys", off);
  }
  return "";
}

std::string DescribeBounds(const ValueType& type) {
  if (IsSet(type.least) && IsSet(type.most)) {
    return Cat(FormatValue(type, ValueOf(type.least)), " to ", FormatValue(type, ValueOf(type.most)));
  }
  if (IsSet(type.least)) return Cat("at least ", FormatValue(type, ValueOf(type.least)));
  if (IsSet(type.most)) return Cat("at most ", FormatValue(type, ValueOf(type.most)));
  return "";
}

}  // namespace naru::config
