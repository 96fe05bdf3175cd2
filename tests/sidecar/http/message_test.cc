#include "sidecar/http/message.h"

#include <gtest/gtest.h>

#include <cctype>
#include <string>
#include <string_view>
#include <vector>

namespace naru::http {
namespace {

TEST(FieldId, IsFoundWhateverTheCase) {
  const struct {
    const char* name;
    FieldId id;
  } rows[] = {
      {"te", FieldId::kTe},
      {"VIA", FieldId::kVia},
      {"Host", FieldId::kHost},
      {"expect", FieldId::kExpect},
      {"Upgrade", FieldId::kUpgrade},
      {"Trailer", FieldId::kTrailer},
      {"cOnNeCtIoN", FieldId::kConnection},
      {"Keep-Alive", FieldId::kKeepAlive},
      {"Retry-After", FieldId::kRetryAfter},
      {"Content-Type", FieldId::kContentType},
      {"Proxy-Status", FieldId::kProxyStatus},
      {"X-Request-Id", FieldId::kXRequestId},
      {"X-Naru-Caller", FieldId::kXNaruCaller},
      {"Content-Length", FieldId::kContentLength},
      {"X-Naru-Outcome", FieldId::kXNaruOutcome},
      {"X-Naru-Attempt", FieldId::kXNaruAttempt},
      {"Idempotency-Key", FieldId::kIdempotencyKey},
      {"X-Idempotency-Key", FieldId::kIdempotencyKey},
      {"Proxy-Connection", FieldId::kProxyConnection},
      {"Transfer-Encoding", FieldId::kTransferEncoding},
      {"X-Naru-Deadline-Ms", FieldId::kXNaruDeadlineMs},
      {"", FieldId::kOther},
      {"t", FieldId::kOther},
      {"hos", FieldId::kOther},
      {"hosts", FieldId::kOther},
      {"Transfer_Encoding", FieldId::kOther},
      {"Content-Lengt\x68", FieldId::kContentLength},
      {"Content-Lengt\x48", FieldId::kContentLength},
      {"Content-Lengt\x28", FieldId::kOther},
      {"x-naru-deadline-msx", FieldId::kOther},
  };
  for (const auto& row : rows) EXPECT_EQ(IdOf(row.name), row.id) << row.name;
}

// Only the case of letters may differ: not '-' from CR, nor a digit from a control character.
TEST(FieldId, IsThatOfNoOtherName) {
  const std::string_view names[] = {
      "te", "host", "expect", "trailer", "http2-settings", "Proxy-Connection", "grpc-previous-rpc-attempts"};
  for (const std::string_view name : names) {
    ASSERT_NE(IdOf(name), FieldId::kOther) << name;
    for (size_t at = 0; at < name.size(); ++at) {
      for (int bit = 0; bit < 8; ++bit) {
        std::string other(name);
        other[at] = static_cast<char>(other[at] ^ (1 << bit));
        const bool same = bit == 5 && std::isalpha(static_cast<unsigned char>(name[at])) != 0;
        EXPECT_EQ(IdOf(other) == IdOf(name), same) << other;
      }
    }
  }
}

TEST(ContentLength, IsDigitsOnlyAndBelow2To63) {
  const struct {
    const char* text;
    std::optional<uint64_t> length;
  } rows[] = {
      {"0", 0},
      {"5", 5},
      {"000000000000000005", 5},
      {"999999999999999999", 999999999999999999},
      {"", std::nullopt},
      {"+5", std::nullopt},
      {"-5", std::nullopt},
      {" 5", std::nullopt},
      {"5 ", std::nullopt},
      {"5a", std::nullopt},
      {"0x5", std::nullopt},
      {"1000000000000000000", std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(ParseContentLength(row.text), row.length) << row.text;
}

TEST(Tokens, AreTheMembersOfAListThatAreNotEmpty) {
  std::vector<std::string> tokens;
  ForEachToken(" a,, b\t,c d , \t,", [&](std::string_view token) { tokens.emplace_back(token); });
  EXPECT_EQ(tokens, (std::vector<std::string>{"a", "b", "c d"}));
}

TEST(FieldList, FindsTokensOverAllFieldsOfOneName) {
  FieldList fields;
  fields.Add("Connection", "keep-alive");
  fields.Add("Upgrade", "h2c");
  fields.Add("connection", "x , UPGRADE");
  EXPECT_TRUE(fields.HasToken(FieldId::kConnection, "upgrade"));
  EXPECT_FALSE(fields.HasToken(FieldId::kConnection, "up"));
  EXPECT_FALSE(fields.HasToken(FieldId::kTe, "upgrade"));
  EXPECT_EQ(fields.Count(FieldId::kConnection), 2);
  EXPECT_EQ(fields.Find(FieldId::kConnection)->value, "keep-alive");
  EXPECT_EQ(fields.Find(FieldId::kHost), nullptr);
}

TEST(AnswerHasNoBody, DependsOnTheRequestAndTheStatus) {
  EXPECT_TRUE(AnswerHasNoBody("HEAD", 200));
  EXPECT_TRUE(AnswerHasNoBody("GET", 100));
  EXPECT_TRUE(AnswerHasNoBody("GET", 103));
  EXPECT_TRUE(AnswerHasNoBody("GET", 204));
  EXPECT_TRUE(AnswerHasNoBody("GET", 304));
  EXPECT_FALSE(AnswerHasNoBody("GET", 200));
  EXPECT_FALSE(AnswerHasNoBody("GET", 205));
  EXPECT_FALSE(AnswerHasNoBody("head", 200));
}

}  // namespace
}  // namespace naru::http
