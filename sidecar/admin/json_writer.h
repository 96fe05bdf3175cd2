// Writes JSON as text, front to back: the admin port only ever writes it, and in one pass.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace naru::admin {

class JsonWriter {
 public:
  void BeginObject() { Open('{'); }
  void EndObject() { out_ += '}'; }
  void BeginArray() { Open('['); }
  void EndArray() { out_ += ']'; }

  // Followed by one value, object or array.
  void Key(std::string_view key);

  void Value(std::string_view text);
  void Value(const char* text) { Value(std::string_view(text)); }
  void Value(const std::string& text) { Value(std::string_view(text)); }
  void Value(bool truth);
  void Value(double number);  // rounded to three digits behind the point
  template <std::integral Integer>
  void Value(Integer number) {
    Raw(std::to_string(number));
  }

  template <class T>
  void Member(std::string_view key, const T& value) {
    Key(key);
    Value(value);
  }

  // The text with a line feed behind it.
  std::string Take();

 private:
  void Raw(std::string_view json);
  void Open(char bracket);
  void Separate();

  std::string out_;
};

}  // namespace naru::admin
