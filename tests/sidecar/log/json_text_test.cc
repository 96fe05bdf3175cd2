#include "sidecar/log/json_text.h"

#include <gtest/gtest.h>

namespace naru::log {
namespace {

TEST(AppendJsonString, EscapesWhatJsonForbids) {
  struct Case {
    std::string_view text;
    std::string_view json;
  };
  const Case cases[] = {
      {"", R"("")"},
      {"plain /path?x=1", R"("plain /path?x=1")"},
      {"say \"no\" to c:\\", R"("say \"no\" to c:\\")"},
      {"a\nb\rc\td", R"("a\nb\rc\td")"},
      {std::string_view("\0\x1f\x7f", 3), "\"\\u0000\\u001f\x7f\""},
      {"나루", R"("나루")"},
      {"😀", R"("😀")"},
  };
  for (const Case& c : cases) {
    std::string json;
    AppendJsonString(json, c.text);
    EXPECT_EQ(json, c.json);
  }
}

TEST(ValidUtf8, ReplacesBytesThatBelongToNoSequence) {
  struct Case {
    std::string_view text;
    std::string_view valid;
  };
  const Case cases[] = {
      {"\x80", "�"},                 // a continuation alone
      {"a\xffz", "a�z"},             // never occurs
      {"\xc3", "�"},                 // cut short
      {"\xe2\x82", "��"},            // cut short
      {"\xc0\xaf", "��"},            // overlong
      {"\xe0\x80\xaf", "���"},       // overlong
      {"\xed\xa0\x80", "���"},       // a surrogate
      {"\xf4\x90\x80\x80", "����"},  // beyond U+10FFFF
      {"\xc3(", "�("},
      {"\xed\x9f\xbf\xee\x80\x80", "\xed\x9f\xbf\xee\x80\x80"},
      {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
  };
  for (const Case& c : cases) EXPECT_EQ(ValidUtf8(c.text), c.valid);
}

}  // namespace
}  // namespace naru::log
