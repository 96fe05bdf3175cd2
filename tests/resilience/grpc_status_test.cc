#include "resilience/grpc_status.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;

struct CodeRow {
  GrpcCode code;
  const char* word;
  Outcome outcome;
  bool penalty;
};

// All of google.rpc.Code.
const std::vector<CodeRow> kCodes = {
    {GrpcCode::kOk, "OK", Outcome::kOk, false},
    {GrpcCode::kCancelled, "CANCELLED", Outcome::kClientError, false},
    {GrpcCode::kUnknown, "UNKNOWN", Outcome::kServerError, true},
    {GrpcCode::kInvalidArgument, "INVALID_ARGUMENT", Outcome::kClientError, false},
    {GrpcCode::kDeadlineExceeded, "DEADLINE_EXCEEDED", Outcome::kServerError, true},
    {GrpcCode::kNotFound, "NOT_FOUND", Outcome::kClientError, false},
    {GrpcCode::kAlreadyExists, "ALREADY_EXISTS", Outcome::kClientError, false},
    {GrpcCode::kPermissionDenied, "PERMISSION_DENIED", Outcome::kClientError, false},
    {GrpcCode::kResourceExhausted, "RESOURCE_EXHAUSTED", Outcome::kClientError, true},
    {GrpcCode::kFailedPrecondition, "FAILED_PRECONDITION", Outcome::kClientError, false},
    {GrpcCode::kAborted, "ABORTED", Outcome::kClientError, false},
    {GrpcCode::kOutOfRange, "OUT_OF_RANGE", Outcome::kClientError, false},
    {GrpcCode::kUnimplemented, "UNIMPLEMENTED", Outcome::kClientError, false},
    {GrpcCode::kInternal, "INTERNAL", Outcome::kServerError, true},
    {GrpcCode::kUnavailable, "UNAVAILABLE", Outcome::kServerError, true},
    {GrpcCode::kDataLoss, "DATA_LOSS", Outcome::kServerError, true},
    {GrpcCode::kUnauthenticated, "UNAUTHENTICATED", Outcome::kClientError, false},
};

TEST(GrpcCode, HasAWordAnOutcomeAndPerhapsAPenalty) {
  ASSERT_EQ(kCodes.size(), static_cast<size_t>(kGrpcCodes));
  for (size_t i = 0; i < kCodes.size(); ++i) {
    const CodeRow& row = kCodes[i];
    EXPECT_EQ(row.code, static_cast<GrpcCode>(i));
    EXPECT_EQ(WordOf(row.code), row.word);
    EXPECT_EQ(WordOf(OutcomeOfGrpc(row.code)), WordOf(row.outcome)) << row.word;
    EXPECT_EQ(DeservesPenalty(row.code), row.penalty) << row.word;
    EXPECT_EQ(ParseGrpcStatus(std::to_string(i)), row.code) << row.word;
  }
}

TEST(GrpcStatus, ThatNamesNoCodeIsUnknown) {
  struct Row {
    std::string_view field;
    std::optional<GrpcCode> code;
  };
  const std::vector<Row> table = {
      {"0", GrpcCode::kOk},
      {"00", GrpcCode::kOk},
      {"014", GrpcCode::kUnavailable},
      {"17", GrpcCode::kUnknown},
      {"2147483647", GrpcCode::kUnknown},
      {"2147483648", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"", std::nullopt},
      {" 1", std::nullopt},
      {"1 ", std::nullopt},
      {"1.0", std::nullopt},
      {"OK", std::nullopt},
      {"0x1", std::nullopt},
  };
  for (const Row& row : table) EXPECT_EQ(ParseGrpcStatus(row.field), row.code) << row.field;
}

// grpc/doc/http-grpc-status-mapping.md
TEST(GrpcStatus, FollowsFromTheHttpStatusWhereThereIsNone) {
  struct Row {
    int http_status;
    GrpcCode code;
  };
  for (const Row& row :
       {Row{400, GrpcCode::kInternal}, Row{401, GrpcCode::kUnauthenticated},
        Row{403, GrpcCode::kPermissionDenied}, Row{404, GrpcCode::kUnimplemented},
        Row{429, GrpcCode::kUnavailable}, Row{431, GrpcCode::kInternal}, Row{502, GrpcCode::kUnavailable},
        Row{503, GrpcCode::kUnavailable}, Row{504, GrpcCode::kUnavailable}, Row{200, GrpcCode::kUnknown},
        Row{301, GrpcCode::kUnknown}, Row{405, GrpcCode::kUnknown}, Row{418, GrpcCode::kUnknown},
        Row{500, GrpcCode::kUnknown}, Row{505, GrpcCode::kUnknown}, Row{0, GrpcCode::kUnknown}}) {
    EXPECT_EQ(WordOf(GrpcCodeOfHttpStatus(row.http_status)), WordOf(row.code)) << row.http_status;
  }
}

// gRPC proposal A6
TEST(RetryPushback, IsMillisecondsAndAnythingElseSaysNever) {
  struct Row {
    std::string_view field;
    std::optional<Duration> wait;
  };
  const std::vector<Row> table = {
      {"0", milliseconds(0)},       {"1", milliseconds(1)},
      {"1500", milliseconds(1500)}, {"2147483647", milliseconds(2147483647)},
      {"2147483648", std::nullopt}, {"-1", std::nullopt},
      {"+1", std::nullopt},         {"", std::nullopt},
      {"1s", std::nullopt},         {"1.5", std::nullopt},
      {"soon", std::nullopt},
  };
  for (const Row& row : table) EXPECT_EQ(ParseRetryPushback(row.field), row.wait) << row.field;
}

}  // namespace
}  // namespace naru::resilience
