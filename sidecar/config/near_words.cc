#include "sidecar/config/near_words.h"

#include <algorithm>
#include <array>
#include <utility>
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

constexpr size_t kLongestWord = 64;
constexpr size_t kShortestPrefix = 3;  // below it, too much begins with the same letters

// Optimal string alignment (Damerau-Levenshtein without overlapping swaps); three rows of the table at a
// time.
size_t EditDistance(std::string_view a, std::string_view b) {
  using Row = std::array<size_t, kLongestWord + 1>;
  Row before_last{}, last{}, current{};
  for (size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({last[j] + 1, current[j - 1] + 1, replaced});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) current[j] = std::min(current[j], before_last[j - 2] + 1);
    }
    before_last = last;
    last = current;
  }
  return last[b.size()];
}

size_t Difference(size_t a, size_t b) {
  return a > b ? a - b : b - a;
}

bool BeginsTheOther(std::string_view a, std::string_view b) {
  if (std::min(a.size(), b.size()) < kShortestPrefix) return false;
  return a.starts_with(b) || b.starts_with(a);
}

}  // namespace

std::vector<std::string> NearWords(std::string_view word, std::span<const std::string_view> known,
                                   size_t most) {
  word = word.substr(0, kLongestWord);
  const size_t near_enough = std::max<size_t>(1, word.size() / 3);
  std::vector<std::pair<size_t, std::string_view>> found;
  for (std::string_view candidate : known) {
    const std::string_view compared = candidate.substr(0, kLongestWord);
    const bool prefix = BeginsTheOther(word, compared);
    if (!prefix && Difference(word.size(), compared.size()) > near_enough) continue;
    const size_t distance = EditDistance(word, compared);
    if (distance <= near_enough && distance < word.size()) {
      found.emplace_back(distance, candidate);
    } else if (prefix) {
      found.emplace_back(near_enough + 1, candidate);
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> near;
  for (const auto& [distance, candidate] : found) {
    if (near.size() == most) break;
    near.emplace_back(candidate);
  }
  return near;
}

std::string DidYouMean(const std::vector<std::string>& near) {
  if (near.empty()) return "";
  std::string text = "did you mean ";
  for (size_t i = 0; i < near.size(); ++i) {
    if (i > 0) text += i + 1 == near.size() ? " or " : ", ";
    text += Cat("\"", near[i], "\"");
  }
  return text + "?";
}

}  // namespace naru::config
