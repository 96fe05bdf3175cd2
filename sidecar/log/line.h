// One line of the log: a JSON object with time, level, message, and what else is known, typed.
#pragma once

#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <variant>

namespace naru::log {

enum class Level : uint8_t { kDebug, kInfo, kWarn, kError };

std::string_view WordOf(Level level);

// RFC 3339 in UTC with milliseconds, such as "2026-03-04T05:06:07.089Z".
std::string FormatTime(std::chrono::system_clock::time_point time);

// A key and a view of its value: costs nothing to make, and nothing is formatted when the level is off. The
// view must outlive the call that it is given to.
struct Field {
  Field(std::string_view key, std::string_view text) : key(key), value(text) {}
  Field(std::string_view key, const char* text) : key(key), value(std::string_view(text)) {}
  Field(std::string_view key, const std::string& text) : key(key), value(std::string_view(text)) {}
  Field(std::string_view key, double number) : key(key), value(number) {}
  template <std::integral Integer>
  Field(std::string_view key, Integer number) : key(key), value(static_cast<int64_t>(number)) {}

  std::string_view key;
  std::variant<std::string_view, int64_t, double> value;
};

// Longer texts are cut, so that a line has a bound.
inline constexpr size_t kMaxTextBytes = 1024;

// The line with its line feed. Numbers that JSON cannot hold are written as null.
std::string FormatLine(std::chrono::system_clock::time_point time, Level level, std::string_view message,
                       std::initializer_list<Field> fields);

}  // namespace naru::log
