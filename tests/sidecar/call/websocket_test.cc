#include "sidecar/call/websocket.h"

#include <gtest/gtest.h>

#include <string>

namespace naru::call {
namespace {

// RFC 6455 1.3
TEST(WebSocketAccept, AnswersTheKeyOfTheStandard) {
  EXPECT_EQ(WebSocketAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(WebSocketKey, IsSixteenBytesInBase64ThatFollowFromTheCallsId) {
  const std::string key = WebSocketKey("7");
  EXPECT_EQ(key, WebSocketKey("7"));
  EXPECT_NE(key, WebSocketKey("8"));
  for (const char* id : {"", "7", "0123456789abcdef0123456789abcdef"}) {
    const std::string of_id = WebSocketKey(id);
    EXPECT_EQ(of_id.size(), 24u);
    EXPECT_TRUE(of_id.ends_with("==")) << of_id;
    EXPECT_EQ(of_id.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"),
              22u)
        << of_id;
  }
}

}  // namespace
}  // namespace naru::call
