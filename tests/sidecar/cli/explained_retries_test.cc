#include "sidecar/cli/explained_retries.h"

#include <gtest/gtest.h>

#include <vector>

#include "sidecar/http/http1_head.h"

namespace naru::cli {
namespace {

using namespace resilience;

// Of a request with these fields, lines included.
std::string Explained(const std::string& method, const std::string& fields, const RetryPolicy& policy,
                      bool http2 = false) {
  const std::string bytes = method + " /x HTTP/1.1\r\nHost: courses\r\n" + fields + "\r\n";
  http::RequestHead head;
  EXPECT_EQ(http::ParseRequestHead(bytes, head), "");
  if (http2) head.major_version = 2;
  return ExplainRetries(head, policy);
}

TEST(ExplainedRetries, SayWhatRunDoes) {
  const RetryPolicy usual;
  RetryPolicy once;
  once.attempts = 1;
  RetryPolicy vouched;
  vouched.idempotent = true;
  RetryPolicy on503;
  on503.on = kOn503;
  RetryPolicy on_unsent;
  on_unsent.on = kOnUnsent;
  RetryPolicy on_unavailable;
  on_unavailable.on = kOnUnavailable;
  const std::string all =
      "retried on unsent, refused, reset, 502, 503, 504, even if it may have been processed: ";
  const std::string unseen = "retried on unsent, refused only: ";
  const std::string allow = " (retry.idempotent or an Idempotency-Key would allow ";
  const std::string more = "reset, 502, 503, 504)";
  struct Row {
    std::string method;
    std::string fields;
    const RetryPolicy& policy;
    std::string said;
  };
  const std::vector<Row> rows = {
      {"GET", "", usual, all + "GET is idempotent"},
      {"DELETE", "", usual, all + "DELETE is idempotent"},
      {"GET", "", once, "never retried: retry.attempts is 1"},
      {"POST", "", usual, unseen + "POST is not idempotent" + allow + more},
      {"PATCH", "", usual, unseen + "PATCH is not idempotent" + allow + more},
      {"POST", "", vouched, all + "retry.idempotent vouches for it"},
      {"POST", "Idempotency-Key: 7\r\n", usual, all + "it has an Idempotency-Key"},
      {"POST", "X-Idempotency-Key: 7\r\n", usual, all + "it has an Idempotency-Key"},
      // What `on` does not name is not retried, and not said to be.
      {"GET", "", on503, "retried on 503, even if it may have been processed: GET is idempotent"},
      {"POST", "", on503, "not retried: POST is not idempotent" + allow + "503)"},
      {"GET", "", on_unsent, "retried on unsent, as retry.on says"},
      {"POST", "", on_unsent, "retried on unsent, as retry.on says"},
      {"GET", "", on_unavailable, "not retried: nothing that retry.on names can happen to it"},
      // Only a number above 1 says that the caller retries itself.
      {"GET", "x-naru-attempt: x\r\n", usual, all + "GET is idempotent"},
      {"GET", "x-naru-attempt: 0\r\n", usual, all + "GET is idempotent"},
      {"GET", "x-naru-attempt: 1\r\n", usual, all + "GET is idempotent"},
      {"GET", "x-naru-attempt: 2\r\n", usual, unseen + "x-naru-attempt: 2 says that its caller is retrying"},
      {"GET", "x-naru-attempt: 3\r\n", on503,
       "not retried: x-naru-attempt: 3 says that its caller is retrying"},
      {"GET", "x-naru-attempt: 2\r\n", on_unsent, "retried on unsent, as retry.on says"},
      {"POST", "x-naru-attempt: 2\r\n", usual,
       unseen + "POST is not idempotent, and x-naru-attempt: 2 says that its caller is retrying"},
  };
  for (const Row& row : rows) {
    EXPECT_EQ(Explained(row.method, row.fields, row.policy), row.said) << row.method << " " << row.fields;
  }
}

TEST(ExplainedRetries, SayWhatRunDoesWithGrpc) {
  const std::string type = "content-type: application/grpc\r\n";
  RetryPolicy on_unavailable;
  on_unavailable.on = kOnUnavailable;
  EXPECT_EQ(
      Explained("POST", type, RetryPolicy(), true),
      "retried on unsent, refused only: a gRPC call is a POST, which is not idempotent (retry.idempotent "
      "or an Idempotency-Key would allow reset, 502, 503, 504, unavailable)");
  EXPECT_EQ(Explained("POST", type + "Idempotency-Key: 7\r\n", on_unavailable, true),
            "retried on unavailable, even if it may have been processed: it has an Idempotency-Key");
  // By HTTP/1 it is no gRPC.
  EXPECT_EQ(Explained("POST", type, on_unavailable),
            "not retried: nothing that retry.on names can happen to it");
}

}  // namespace
}  // namespace naru::cli
