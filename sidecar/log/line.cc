#include "sidecar/log/line.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>

#include "sidecar/log/json_text.h"

namespace naru::log {
namespace {

void AppendValue(std::string& out, std::string_view text) {
  if (text.size() <= kMaxTextBytes) return AppendJsonString(out, text);
  AppendJsonString(out, std::string(text.substr(0, kMaxTextBytes)) + "...");
}

void AppendValue(std::string& out, int64_t number) {
  out += std::to_string(number);
}

void AppendValue(std::string& out, double number) {
  char text[32];
  if (!std::isfinite(number))
    out += "null";
  else
    out.append(text, std::to_chars(text, text + sizeof(text), number).ptr);
}

template <class Value>
void AppendMember(std::string& out, std::string_view key, Value value) {
  out += out.empty() ? "{" : ",";
  AppendJsonString(out, key);
  out += ':';
  AppendValue(out, value);
}

}  // namespace

std::string_view WordOf(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarn:
      return "warn";
    case Level::kError:
      return "error";
  }
  return "unknown";
}

std::string FormatTime(std::chrono::system_clock::time_point time) {
  const auto milliseconds = std::chrono::floor<std::chrono::milliseconds>(time.time_since_epoch()).count();
  const std::time_t seconds = milliseconds / 1000;
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  const size_t length = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &utc);
  snprintf(text + length, sizeof(text) - length, ".%03dZ", static_cast<int>(milliseconds % 1000));
  return text;
}

std::string FormatLine(std::chrono::system_clock::time_point time, Level level, std::string_view message,
                       std::initializer_list<Field> fields) {
  std::string line;
  AppendMember(line, "time", std::string_view(FormatTime(time)));
  AppendMember(line, "level", WordOf(level));
  AppendMember(line, "message", message);
  for (const Field& field : fields) {
    std::visit([&](auto value) { AppendMember(line, field.key, value); }, field.value);
  }
  line += "}\n";
  return line;
}

}  // namespace naru::log
