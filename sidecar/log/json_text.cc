#include "sidecar/log/json_text.h"

#include <cstdint>
#include <cstdio>

namespace naru::log {
namespace {

struct Range {
  uint8_t first;
  uint8_t last;
};

bool IsIn(Range range, char byte) {
  const uint8_t value = static_cast<uint8_t>(byte);
  return value >= range.first && value <= range.last;
}

// The sequences of RFC 3629 4 by their first byte, and what the second may be: neither overlong nor a
// surrogate.
struct Sequence {
  Range lead;
  Range second;
  size_t length;
};
constexpr Sequence kSequences[] = {
    {{0xc2, 0xdf}, {0x80, 0xbf}, 2}, {{0xe0, 0xe0}, {0xa0, 0xbf}, 3}, {{0xe1, 0xec}, {0x80, 0xbf}, 3},
    {{0xed, 0xed}, {0x80, 0x9f}, 3}, {{0xee, 0xef}, {0x80, 0xbf}, 3}, {{0xf0, 0xf0}, {0x90, 0xbf}, 4},
    {{0xf1, 0xf3}, {0x80, 0xbf}, 4}, {{0xf4, 0xf4}, {0x80, 0x8f}, 4},
};

// The length of the UTF-8 sequence that `text` begins with; zero when it begins with none.
size_t SequenceLength(std::string_view text) {
  if (IsIn({0x00, 0x7f}, text[0])) return 1;
  for (const Sequence& sequence : kSequences) {
    if (!IsIn(sequence.lead, text[0])) continue;
    if (text.size() < sequence.length || !IsIn(sequence.second, text[1])) return 0;
    for (size_t i = 2; i < sequence.length; ++i) {
      if (!IsIn({0x80, 0xbf}, text[i])) return 0;
    }
    return sequence.length;
  }
  return 0;
}

void AppendEscaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
  }
  if (!IsIn({0x00, 0x1f}, c)) {
    out += c;
    return;
  }
  char code[8];
  snprintf(code, sizeof(code), "\\u%04x", static_cast<unsigned>(c));
  out += code;
}

}  // namespace

std::string ValidUtf8(std::string_view text) {
  std::string valid;
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0)
      valid += "\xef\xbf\xbd";  // U+FFFD
    else
      valid += text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return valid;
}

void AppendJsonString(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : ValidUtf8(text)) AppendEscaped(out, c);
  out += '"';
}

}  // namespace naru::log
