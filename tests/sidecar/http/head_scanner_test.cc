#include <gtest/gtest.h>

#include <string>

#include "sidecar/http/http1_head.h"

namespace naru::http {
namespace {

using Verdict = HeadScanner::Verdict;

TEST(HeadScanner, FindsWhereAHeadBeginsAndEnds) {
  HeadScanner scanner;
  const std::string bytes = "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nbody";
  EXPECT_EQ(scanner.Scan(bytes), Verdict::kComplete);
  EXPECT_EQ(bytes.substr(scanner.begin(), scanner.end() - scanner.begin()),
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
}

TEST(HeadScanner, NeedsNothingMoreThanTheLastLineFeed) {
  HeadScanner scanner;
  const std::string bytes = "GET / HTTP/1.1\r\n\r\n";
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_EQ(scanner.Scan(bytes.substr(0, size)), Verdict::kIncomplete) << size;
  }
  EXPECT_EQ(scanner.Scan(bytes), Verdict::kComplete);
  EXPECT_EQ(scanner.end(), bytes.size());
}

TEST(HeadScanner, ReadsTheNextHeadAfterReset) {
  HeadScanner scanner;
  EXPECT_EQ(scanner.Scan("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), Verdict::kComplete);
  scanner.Reset();
  EXPECT_EQ(scanner.Scan("PUT / HTTP/1.1\r\n"), Verdict::kIncomplete);
  EXPECT_EQ(scanner.Scan("PUT / HTTP/1.1\r\n\r\n"), Verdict::kComplete);
  EXPECT_EQ(scanner.begin(), 0u);
  EXPECT_EQ(scanner.end(), 18u);
}

TEST(HeadScanner, LooksAtEveryByteOnce) {
  HeadScanner scanner;
  EXPECT_EQ(scanner.Scan("GET / HTTP/1.1\r\nHost: a\r\n"), Verdict::kIncomplete);
  // What was looked at is not looked at again, so that a slow sender cannot make it quadratic.
  EXPECT_EQ(scanner.Scan("\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\r\n"), Verdict::kComplete);
}

}  // namespace
}  // namespace naru::http
