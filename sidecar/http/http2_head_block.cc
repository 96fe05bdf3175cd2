#include "sidecar/http/http2_head_block.h"

#include <algorithm>

namespace naru::http {
namespace {

bool IsUpper(char c) {
  return c >= 'A' && c <= 'Z';
}

}  // namespace

std::string_view Http2Fields::Lower(std::string_view name) {
  if (std::none_of(name.begin(), name.end(), IsUpper)) return name;
  std::string& lower = copies_.emplace_front(name);
  for (char& c : lower) {
    if (IsUpper(c)) c = static_cast<char>(c + ('a' - 'A'));
  }
  return lower;
}

}  // namespace naru::http
