// JSON on many lines, for people.
#pragma once

#include <string>
#include <string_view>

namespace naru::admin {

// `json` is well-formed and without white space between its parts, as naru writes it.
std::string IndentedJson(std::string_view json);

}  // namespace naru::admin
