#include "resilience/retry_policy.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace naru::resilience {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// An attempt that the default policy tries again: a GET that was reset, with time and body left.
FailedAttempt ResetGet() {
  FailedAttempt attempt;
  attempt.retry_class = RetryClass::kUnknown;
  attempt.reason = kOnReset;
  attempt.safe_to_repeat = true;
  attempt.backoff = milliseconds(10);
  attempt.remaining = seconds(1);
  return attempt;
}

// A POST whose connection could not be opened: nothing of it left.
FailedAttempt UnsentPost() {
  FailedAttempt attempt = ResetGet();
  attempt.retry_class = RetryClass::kUnsent;
  attempt.reason = kOnUnsent;
  attempt.safe_to_repeat = false;
  return attempt;
}

FailedAttempt StalePost() {
  FailedAttempt attempt = UnsentPost();
  attempt.first_free_retry = true;
  return attempt;
}

TEST(ParseAttemptCount, SaturatesAndTakesNothingForNone) {
  EXPECT_EQ(ParseAttemptCount("1"), 1u);
  EXPECT_EQ(ParseAttemptCount("4294967295"), 4294967295u);
  for (const char* many : {"4294967296", "99999999999999999999"})
    EXPECT_EQ(ParseAttemptCount(many), 4294967295u) << many;
  for (const char* none : {"", "x", "-1", " 2"}) EXPECT_EQ(ParseAttemptCount(none), 0u) << none;
}

RetryVerdict Decide(const FailedAttempt& attempt) {
  return DecideRetry(RetryPolicy{}, attempt);
}

TEST(RetryPolicy, RetriesWhatIsSafeToRepeat) {
  EXPECT_EQ(Decide(ResetGet()), RetryVerdict::kRetry);
}

TEST(RetryPolicy, RetriesWhateverNeverLeft) {
  EXPECT_EQ(Decide(UnsentPost()), RetryVerdict::kRetry);
}

TEST(RetryPolicy, GivesUpWhereTryingAgainCannotHelp) {
  FailedAttempt attempt = ResetGet();
  attempt.retry_class = RetryClass::kNever;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kGiveUp);
}

TEST(RetryPolicy, CountsTheFirstTryAsAnAttempt) {
  FailedAttempt attempt = ResetGet();
  attempt.attempts_made = 2;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kGiveUp);
  EXPECT_EQ(DecideRetry(RetryPolicy{.attempts = 3}, attempt), RetryVerdict::kRetry);
}

TEST(RetryPolicy, NeverRetriesWithOneAttempt) {
  EXPECT_EQ(DecideRetry(RetryPolicy{.attempts = 1}, UnsentPost()), RetryVerdict::kGiveUp);
}

TEST(RetryPolicy, RetriesOnlyForTheReasonsThatThePolicyNames) {
  RetryPolicy policy;
  policy.on = kOn503;
  EXPECT_EQ(DecideRetry(policy, ResetGet()), RetryVerdict::kGiveUp);
  FailedAttempt unavailable = ResetGet();
  unavailable.retry_class = RetryClass::kAnswered;
  unavailable.reason = kOn503;
  EXPECT_EQ(DecideRetry(policy, unavailable), RetryVerdict::kRetry);
}

TEST(RetryPolicy, NeverRetriesAFailureThatNoWordNames) {
  FailedAttempt attempt = ResetGet();
  attempt.reason = 0;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kGiveUp);
}

TEST(RetryPolicy, CountsASilentAttemptAsReset) {
  FailedAttempt attempt = ResetGet();
  attempt.reason = RetryReasonOf(FailureKind::kTryTimeout);
  EXPECT_EQ(attempt.reason, kOnReset);
  EXPECT_EQ(Decide(attempt), RetryVerdict::kRetry);
}

TEST(RetryPolicy, SaysWhyARetryWasSuppressed) {
  FailedAttempt attempt = ResetGet();
  attempt.safe_to_repeat = false;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kNotIdempotent);

  attempt = ResetGet();
  attempt.upstream_retrying = true;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kUpstreamRetrying);

  attempt = ResetGet();
  attempt.body_replayable = false;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kBody);

  attempt = ResetGet();
  attempt.remaining = attempt.backoff;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kDeadline);
}

TEST(RetryPolicy, HasAllTheTimeWithoutADeadline) {
  FailedAttempt attempt = ResetGet();
  attempt.remaining = std::nullopt;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kRetry);
}

TEST(RetryPolicy, RetriesTheUnsentEvenWhenTheCallerRetriesToo) {
  FailedAttempt attempt = UnsentPost();
  attempt.upstream_retrying = true;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kRetry);
}

TEST(RetryPolicy, RepeatsForFreeWhatDiedInThePoolWhateverThePolicySays) {
  EXPECT_EQ(Decide(StalePost()), RetryVerdict::kRetryFree);
  EXPECT_EQ(DecideRetry(RetryPolicy{.attempts = 1, .on = 0}, StalePost()), RetryVerdict::kRetryFree);
}

TEST(RetryPolicy, RepeatsForFreeWhatAPooledConnectionLostIfThatIsSafe) {
  FailedAttempt attempt = ResetGet();
  attempt.first_free_retry = true;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kRetryFree);
  attempt.safe_to_repeat = false;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kNotIdempotent);
}

TEST(RetryPolicy, RepeatsNothingThatWasSentWhereThePolicyNeverRetries) {
  FailedAttempt attempt = ResetGet();
  attempt.first_free_retry = true;
  RetryPolicy never;
  never.attempts = 1;
  EXPECT_EQ(DecideRetry(never, attempt), RetryVerdict::kGiveUp);
}

TEST(RetryPolicy, RepeatsForFreeAtOnceWhileAnyTimeIsLeft) {
  FailedAttempt attempt = StalePost();
  attempt.remaining = attempt.backoff;
  EXPECT_EQ(Decide(attempt), RetryVerdict::kRetryFree);
  attempt.remaining = Duration::zero();
  EXPECT_EQ(Decide(attempt), RetryVerdict::kDeadline);
}

TEST(RetryPolicy, KnowsTheIdempotentMethods) {
  for (const char* method : {"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}) {
    EXPECT_TRUE(IsIdempotent(method)) << method;
  }
  for (const char* method : {"POST", "PATCH", "CONNECT", "get", "GETS", "PROPFIND", ""}) {
    EXPECT_FALSE(IsIdempotent(method)) << method;
  }
}

TEST(RetryPolicy, NamesTheReasonOfAFailure) {
  std::vector<std::string> words;
  for (int i = 0; i < kFailureKinds; ++i) {
    const FailureKind kind = static_cast<FailureKind>(i);
    const std::string_view word = WordOfRetryReason(RetryReasonOf(kind));
    if (!word.empty()) words.push_back(std::string(TraitsOf(kind).name) + ": " + std::string(word));
  }
  EXPECT_EQ(words, (std::vector<std::string>{"connect_refused: unsent", "connect_timeout: unsent",
                                             "unsent_reset: unsent", "refused_stream: refused",
                                             "reused_reset: reset", "reset: reset", "wrong_protocol: unsent",
                                             "try_timeout: reset"}));
}

TEST(RetryPolicy, NamesTheReasonOfAStatus) {
  EXPECT_EQ(WordOfRetryReason(RetryReasonOfStatus(502)), "502");
  EXPECT_EQ(WordOfRetryReason(RetryReasonOfStatus(503)), "503");
  EXPECT_EQ(WordOfRetryReason(RetryReasonOfStatus(504)), "504");
  EXPECT_EQ(WordOfRetryReason(kOnUnavailable), "unavailable");
  for (const int status : {200, 429, 500, 501, 505}) EXPECT_EQ(RetryReasonOfStatus(status), 0) << status;
}

// Envoy's documentation: 0-24 ms, 0-74 ms and 0-174 ms for the first three retries, never above 250 ms.
TEST(FullJitter, HasEnvoysRanges) {
  struct Row {
    uint32_t retry;
    milliseconds most;
  };
  for (const Row& row : {Row{1, milliseconds(25)}, Row{2, milliseconds(75)}, Row{3, milliseconds(175)},
                         Row{4, milliseconds(250)}, Row{5, milliseconds(250)}, Row{1000, milliseconds(250)},
                         Row{4'000'000'000, milliseconds(250)}}) {
    EXPECT_EQ(FullJitter({}, row.retry, 0), Duration::zero()) << row.retry;
    EXPECT_LE(FullJitter({}, row.retry, 0.9999999), row.most) << row.retry;
    EXPECT_GT(FullJitter({}, row.retry, 0.9999999), row.most - milliseconds(1)) << row.retry;
  }
}

TEST(FullJitter, WaitsHalfTheRangeOnAverage) {
  EXPECT_EQ(FullJitter({}, 1, 0.5), Duration(std::chrono::microseconds(12'500)));
  EXPECT_EQ(FullJitter({}, 2, 0.5), Duration(std::chrono::microseconds(37'500)));
  EXPECT_EQ(FullJitter({}, 3, 0.5), Duration(std::chrono::microseconds(87'500)));
}

TEST(FullJitter, WaitsNotAtAllWithoutABase) {
  EXPECT_EQ(FullJitter({.base = Duration::zero()}, 5, 0.9), Duration::zero());
}

TEST(RetryAfter, IsReadInBothFormsUpToTheLimit) {
  constexpr int64_t kNow = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
  struct Row {
    std::string_view field;
    std::optional<Duration> expected;
  };
  const std::vector<Row> table = {
      {"0", seconds(0)},
      {"1", seconds(1)},
      {"120", seconds(120)},
      {"300", seconds(300)},
      {"301", std::nullopt},
      {"-1", std::nullopt},
      {"+1", std::nullopt},
      {"1.5", std::nullopt},
      {"", std::nullopt},
      {" 1", std::nullopt},
      {"1s", std::nullopt},
      {"soon", std::nullopt},
      {"99999999999999999999", std::nullopt},
      {"Sun, 06 Nov 1994 08:49:37 GMT", seconds(0)},
      {"Sun, 06 Nov 1994 08:50:37 GMT", seconds(60)},
      {"Sunday, 06-Nov-94 08:50:37 GMT", seconds(60)},
      {"Sun Nov  6 08:50:37 1994", seconds(60)},
      {"Sun, 06 Nov 1994 08:49:36 GMT", std::nullopt},
      {"Sun, 06 Nov 1994 08:54:37 GMT", seconds(300)},
      {"Sun, 06 Nov 1994 08:54:38 GMT", std::nullopt},
  };
  for (const Row& row : table) EXPECT_EQ(ParseRetryAfter(row.field, kNow), row.expected) << row.field;
}

TEST(RetryAfter, HasALimitOfTheCallersChoice) {
  EXPECT_EQ(ParseRetryAfter("5", 0, seconds(4)), std::nullopt);
  EXPECT_EQ(ParseRetryAfter("4", 0, seconds(4)), Duration(seconds(4)));
}

}  // namespace
}  // namespace naru::resilience
