// Reads a YAML document into the shape of a JSON one, so that both formats have one reader.
//
// Every scalar becomes a string, whatever YAML would make of it, and an empty one null. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace naru::discovery {

// Where the text is not what it should be, counted from 1, and what is wrong there.
struct SyntaxError {
  size_t line = 1;
  size_t column = 1;
  std::string what;

  bool operator==(const SyntaxError&) const = default;
};

// Aliases, merge keys among them, and tags of one's own are errors, and so is a second document.
std::variant<boost::json::value, SyntaxError> ReadYaml(std::string_view text);

}  // namespace naru::discovery
