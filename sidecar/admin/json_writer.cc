#include "sidecar/admin/json_writer.h"

#include <charconv>
#include <cmath>
#include <utility>

#include "sidecar/log/json_text.h"

namespace naru::admin {

void JsonWriter::Key(std::string_view key) {
  Separate();
  log::AppendJsonString(out_, key);
  out_ += ':';
}

void JsonWriter::Value(std::string_view text) {
  Separate();
  log::AppendJsonString(out_, text);
}

void JsonWriter::Value(bool truth) {
  Raw(truth ? "true" : "false");
}

void JsonWriter::Value(double number) {
  if (!std::isfinite(number)) return Raw("null");
  char text[32];
  const double rounded = std::round(number * 1000) / 1000;
  Raw(std::string_view(text, std::to_chars(text, text + sizeof(text), rounded).ptr - text));
}

std::string JsonWriter::Take() {
  out_ += '\n';
  return std::exchange(out_, {});
}

void JsonWriter::Raw(std::string_view json) {
  Separate();
  out_ += json;
}

void JsonWriter::Open(char bracket) {
  Separate();
  out_ += bracket;
}

// A comma, unless this is the first thing in its object or array, or the value of a key.
void JsonWriter::Separate() {
  if (!out_.empty() && out_.back() != '{' && out_.back() != '[' && out_.back() != ':') out_ += ',';
}

}  // namespace naru::admin
