// Putting text together. Abseil's StrCat and StrJoin do not take a std::string_view where Abseil was built
// with its own type of that name, as in Debian 12; these do.
#pragma once

#include <charconv>
#include <concepts>
#include <string>
#include <string_view>

namespace naru::discovery {

inline void AppendPiece(std::string& text, std::string_view piece) {
  text += piece;
}
inline void AppendPiece(std::string& text, std::integral auto number) {
  char digits[24];
  text.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

// An absl::string_view that is not the standard's, such as a status message.
template <typename View>
requires(!std::convertible_to<View, std::string_view> &&
         requires(const View& view) { view.data(); }) void AppendPiece(std::string& text, const View& view) {
  text.append(view.data(), view.size());
}

// Cat("line ", 12) is "line 12".
template <typename... Pieces>
std::string Cat(const Pieces&... pieces) {
  std::string text;
  (AppendPiece(text, pieces), ...);
  return text;
}

// Join({"a", "b"}, ", ") is "a, b".
template <typename Words>
std::string Join(const Words& words, std::string_view between) {
  std::string text;
  for (const auto& word : words) {
    if (!text.empty()) text += between;
    text += word;
  }
  return text;
}

inline bool Contains(std::string_view text, std::string_view part) {
  return text.find(part) != text.npos;
}

}  // namespace naru::discovery
