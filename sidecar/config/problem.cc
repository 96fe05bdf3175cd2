#include "sidecar/config/problem.h"

#include <algorithm>
#include <string_view>
#include "sidecar/config/text.h"

namespace naru::config {
namespace {

constexpr size_t kWidestLine = 100;

// Spaces up to the column, with the line's own tabs, so that the caret stands right however wide a tab is.
std::string CaretUnder(std::string_view line, size_t column) {
  std::string caret;
  for (size_t i = 0; i < column && i < line.size(); ++i) {
    const bool inside_a_character =
        (static_cast<unsigned char>(line[i]) & 0xc0) == 0x80;  // UTF-8 continuation
    if (!inside_a_character) caret += line[i] == '\t' ? '\t' : ' ';
  }
  return caret + "^";
}

std::string Excerpt(const Problem& problem) {
  std::string_view line = problem.source_line;
  size_t column = problem.column > 0 ? problem.column - 1 : 0;
  column = std::min(column, line.size());
  if (line.size() > kWidestLine) {
    const size_t from = column > kWidestLine / 2 ? column - kWidestLine / 2 : 0;
    line = line.substr(from, kWidestLine);
    column -= from;
  }
  return Cat("  ", line, "\n  ", CaretUnder(line, column), "\n");
}

}  // namespace

std::string Render(const Problem& problem) {
  std::string text = problem.file;
  if (problem.line > 0) text += Cat(":", problem.line);
  if (problem.line > 0 && problem.column > 0) text += Cat(":", problem.column);
  text += Cat(": ", problem.message, "\n");
  if (problem.line > 0 && !problem.source_line.empty()) text += Excerpt(problem);
  if (!problem.hint.empty()) text += Cat("  ", problem.hint, "\n");
  return text;
}

std::string Render(const std::vector<Problem>& problems) {
  std::string text;
  for (const Problem& problem : problems) text += Render(problem);
  return text;
}

}  // namespace naru::config
