#include "sidecar/health/health_message.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::health {
namespace {

using namespace std::string_literals;

TEST(HealthMessage, TheRequestNamesTheService) {
  EXPECT_EQ(EncodeHealthCheckRequest("a.B"), "\x0a\x03"s + "a.B");
  EXPECT_EQ(EncodeHealthCheckRequest(""), "");
  EXPECT_EQ(EncodeHealthCheckRequest(std::string(300, 'x')), "\x0a\xac\x02"s + std::string(300, 'x'));
}

TEST(HealthMessage, TheResponseSaysTheStatus) {
  struct Row {
    std::string bytes;
    std::optional<uint64_t> status;
  };
  const std::vector<Row> rows = {
      {"", 0},
      {"\x08\x01", 1},
      {"\x08\x02", 2},
      {"\x08\x01\x08\x02", 2},
      {"\x08\xac\x02", 300},
      {"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", ~uint64_t{0}},
      // Fields of later versions.
      {"\x12\x02hi\x08\x01", 1},
      {"\x10\x07\x08\x01", 1},
      {"\x08\x01\x19" + "12345678"s, 1},
      {"\x15" + "1234"s + "\x08\x01", 1},
      // What is no message.
      {"\x08", std::nullopt},
      {"\x08\x80", std::nullopt},
      {"\x08\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", std::nullopt},
      {"\x12\x03hi", std::nullopt},
      {"\x12", std::nullopt},
      {"\x15" + "123"s, std::nullopt},
      {"\x0b", std::nullopt},
      {"\xff", std::nullopt},
  };
  for (const auto& [bytes, status] : rows) {
    EXPECT_EQ(DecodeHealthCheckResponse(bytes), status) << testing::PrintToString(bytes);
  }
}

TEST(HealthMessage, StatusesHaveNames) {
  EXPECT_EQ(NameOfServingStatus(kServing), "SERVING");
  EXPECT_EQ(NameOfServingStatus(2), "NOT_SERVING");
  EXPECT_EQ(NameOfServingStatus(3), "SERVICE_UNKNOWN");
  EXPECT_EQ(NameOfServingStatus(99), "status 99");
}

}  // namespace
}  // namespace naru::health
