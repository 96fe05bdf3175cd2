#include "sidecar/admin/indented_json.h"

namespace naru::admin {
namespace {

// Behind the string that begins here.
size_t EndOfString(std::string_view json, size_t begin) {
  size_t at = begin + 1;
  while (at < json.size() && json[at] != '"') at += json[at] == '\\' ? 2 : 1;
  return at + 1;
}

}  // namespace

std::string IndentedJson(std::string_view json) {
  std::string text;
  size_t depth = 0;
  const auto new_line = [&] { text.append("\n").append(2 * depth, ' '); };
  for (size_t at = 0; at < json.size(); ++at) {
    const char c = json[at];
    const bool empty = at + 1 < json.size() && (json[at + 1] == '}' || json[at + 1] == ']');
    if (c == '"') {
      const size_t end = EndOfString(json, at);
      text += json.substr(at, end - at);
      at = end - 1;
    } else if ((c == '{' || c == '[') && empty) {
      text.append({c, json[++at]});
    } else if (c == '{' || c == '[') {
      text += c;
      ++depth;
      new_line();
    } else if (c == '}' || c == ']') {
      --depth;
      new_line();
      text += c;
    } else if (c == ',') {
      text += c;
      new_line();
    } else {
      text += c;
      if (c == ':') text += ' ';
    }
  }
  return text;
}

}  // namespace naru::admin
