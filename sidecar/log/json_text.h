// Text as JSON: what comes from the network may hold any byte, what naru writes is always valid UTF-8.
#pragma once

#include <string>
#include <string_view>

namespace naru::log {

// The text with every byte that belongs to no UTF-8 sequence replaced by U+FFFD.
std::string ValidUtf8(std::string_view text);

// Appends the text as a JSON string, quotes included.
void AppendJsonString(std::string& out, std::string_view text);

}  // namespace naru::log
