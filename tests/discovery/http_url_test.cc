#include "discovery/http_url.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::discovery {
namespace {

TEST(HttpUrl, IsTakenApart) {
  const std::vector<std::pair<std::string, HttpUrl>> rows = {
      {"http://127.0.0.1:8500/v1/x?wait=5m", {false, "127.0.0.1", 8500, "/v1/x?wait=5m"}},
      {"http://agent", {false, "agent", 80, "/"}},
      {"https://host.example/", {true, "host.example", 443, "/"}},
      {"https://host:8443?a=b", {true, "host", 8443, "/?a=b"}},
      {"http://[fd00:ec2::23]/v1/credentials", {false, "fd00:ec2::23", 80, "/v1/credentials"}},
      {"http://[::1]:81/", {false, "::1", 81, "/"}},
  };
  for (const auto& [text, url] : rows) {
    const absl::StatusOr<HttpUrl> parsed = HttpUrl::Parse(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, url) << text;
  }
}

TEST(HttpUrl, IsWrittenAsItIsRead) {
  for (const std::string text : {"http://127.0.0.1:8500/v1/x?wait=5m", "https://host.example/",
                                 "http://agent/", "https://host:8443/?a=b", "http://[fd00::1]:81/x"}) {
    EXPECT_EQ(HttpUrl::Parse(text)->ToString(), text);
  }
}

TEST(HttpUrl, AuthorityLeavesThePortOfTheSchemeOut) {
  EXPECT_EQ(HttpUrl::Parse("http://a:80/")->Authority(), "a");
  EXPECT_EQ(HttpUrl::Parse("http://a:443/")->Authority(), "a:443");
  EXPECT_EQ(HttpUrl::Parse("https://[fd00::1]:443/")->Authority(), "[fd00::1]");
}

TEST(HttpUrl, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "\"\" begins neither with http:// nor with https://"},
      {"ftp://a/", "\"ftp://a/\" begins neither with http:// nor with https://"},
      {"http://", "\"http://\" has no well-formed host"},
      {"http://:80/", "\"http://:80/\" has no well-formed host"},
      {"http://a%20b/", "\"http://a%20b/\" has no well-formed host"},
      {"http://[10.0.0.1]/", "\"http://[10.0.0.1]/\" has no well-formed host"},
      {"http://[::1/", "\"http://[::1/\" has no well-formed host"},
      {"http://[", "\"http://[\" has no well-formed host"},
      {"http://a:0/", "\"http://a:0/\" has no port between 1 and 65535"},
      {"http://a:/", "\"http://a:/\" has no port between 1 and 65535"},
      {"http://a:70000/", "\"http://a:70000/\" has no port between 1 and 65535"},
      {"http://a:80x/", "\"http://a:80x/\" has no port between 1 and 65535"},
      {"http://[::1]80/", "\"http://[::1]80/\" has no port between 1 and 65535"},
      {"http://me:secret@a/", "\"http://me:secret@a/\" has a user name, which is not supported"},
      {"http://a/#b", "\"http://a/#b\" has a fragment, which no server is told"},
      {"http://a/b c", "\"http://a/b c\" has a character that no URL has"},
      {"http://a/\r\nx: y", "\"http://a/\r\nx: y\" has a character that no URL has"},
  };
  for (const auto& [text, error] : rows) {
    const absl::StatusOr<HttpUrl> parsed = HttpUrl::Parse(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.status().message(), error);
  }
}

}  // namespace
}  // namespace naru::discovery
