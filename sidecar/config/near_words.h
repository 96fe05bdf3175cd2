// "Did you mean": which known words are close to one that is not known.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace naru::config {

// The nearest of `known`, nearest first, at most `most`. Near is one edit in three letters (insert, delete,
// replace, swap neighbours), or one being the beginning of the other. Only the first 64 bytes of `word` are
// looked at.
std::vector<std::string> NearWords(std::string_view word, std::span<const std::string_view> known,
                                   size_t most = 3);

// `did you mean "a"?`, `did you mean "a" or "b"?`; empty when nothing is near.
std::string DidYouMean(const std::vector<std::string>& near);

}  // namespace naru::config
