#include "discovery/aws/credentials.h"

#include <gtest/gtest.h>

#include <vector>

namespace naru::discovery::aws {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow = std::chrono::sys_days(2026y / 11 / 24) + 12h;
constexpr std::string_view kOrigin = "http://169.254.170.2";

Credentials Expiring(WallTime::duration after) {
  return {{"id", "secret", "token"}, kNow + after};
}

// --- where ---

TEST(WhereCredentialsAre, TheEnvironmentComesFirstAndTheInstanceOnlyWhereItNamesNothing) {
  Environment environment;
  EXPECT_EQ(WhereCredentialsAre(environment), CredentialsFrom::kInstance);
  environment.credentials_url = "http://localhost/";
  EXPECT_EQ(WhereCredentialsAre(environment), CredentialsFrom::kContainer);
  environment.credentials_path = "/v2/credentials/1";
  EXPECT_EQ(WhereCredentialsAre(environment), CredentialsFrom::kContainer);
  environment.access_key_id = "id";
  EXPECT_EQ(WhereCredentialsAre(environment), CredentialsFrom::kContainer);
  environment.secret_access_key = "secret";
  EXPECT_EQ(WhereCredentialsAre(environment), CredentialsFrom::kEnvironment);
}

TEST(WhereCredentialsAre, ATaskWithoutARoleDoesNotUseThatOfItsHost) {
  EXPECT_EQ(WhereCredentialsAre({.task_metadata = "http://169.254.170.2/v4/1"}), CredentialsFrom::kNowhere);
  EXPECT_EQ(WhereCredentialsAre({.instance_metadata_disabled = true}), CredentialsFrom::kNowhere);
}

TEST(ContainerCredentialsUrl, ARelativeOneIsOfTheAgent) {
  const absl::StatusOr<HttpUrl> url = ContainerCredentialsUrl(
      {.credentials_path = "/v2/credentials/1", .credentials_url = "https://x/"}, kOrigin);
  ASSERT_TRUE(url.ok()) << url.status();
  EXPECT_EQ(url->ToString(), "http://169.254.170.2/v2/credentials/1");
}

TEST(ContainerCredentialsUrl, AFullOneMayLeadToTrustedHostsOnly) {
  for (const std::string text :
       {"https://anywhere.example/x", "http://localhost:8080/x", "http://127.0.0.1/x", "http://127.1.2.3/x",
        "http://[::1]/x", "http://169.254.170.2/x", "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials"}) {
    const absl::StatusOr<HttpUrl> url = ContainerCredentialsUrl({.credentials_url = text}, kOrigin);
    ASSERT_TRUE(url.ok()) << url.status();
    EXPECT_EQ(url->ToString(), text);
  }
  for (const std::string host :
       {"10.0.0.1", "169.254.169.254", "anywhere.example", "127.0.0.1.example", "[::2]"}) {
    EXPECT_FALSE(ContainerCredentialsUrl({.credentials_url = "http://" + host + "/x"}, kOrigin).ok()) << host;
  }
}

TEST(ContainerCredentialsUrl, SaysWhatIsWrong) {
  EXPECT_EQ(
      ContainerCredentialsUrl({.credentials_url = "http://10.0.0.1/x"}, kOrigin).status().message(),
      "AWS_CONTAINER_CREDENTIALS_FULL_URI leads to 10.0.0.1, which may not be told a token in the clear: use "
      "https, loopback, 169.254.170.2, 169.254.170.23 or fd00:ec2::23");
  EXPECT_EQ(
      ContainerCredentialsUrl({.credentials_url = "x"}, kOrigin).status().message(),
      "AWS_CONTAINER_CREDENTIALS_FULL_URI: the URL \"x\" begins neither with http:// nor with https://");
}

// --- what ---

TEST(ParseCredentials, ReadsWhatAContainerIsAnswered) {
  const absl::StatusOr<Credentials> credentials = ParseCredentials(
      R"({"RoleArn": "arn:aws:iam::1:role/r", "AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t",
          "Expiration": "2026-11-24T18:00:00Z"})");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(*credentials, (Credentials{{"ASIA", "s", "t"}, kNow + 6h}));
}

TEST(ParseCredentials, ReadsWhatAnInstanceIsAnswered) {
  const absl::StatusOr<Credentials> credentials = ParseCredentials(
      R"({"Code": "Success", "LastUpdated": "2026-11-24T11:00:00Z", "Type": "AWS-HMAC", "AccessKeyId": "ASIA",
          "SecretAccessKey": "s", "Token": "t", "Expiration": "2026-11-24T18:00:00Z"})");
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_EQ(*credentials, (Credentials{{"ASIA", "s", "t"}, kNow + 6h}));
}

TEST(ParseCredentials, SaysWhatIsWrong) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"", "the answer is no JSON object"},
      {"[]", "the answer is no JSON object"},
      {R"({"Code": "AssumeRoleUnauthorizedAccess", "Message": "no trust"})",
       "the answer says AssumeRoleUnauthorizedAccess: no trust"},
      {R"({"AccessKeyId": "a"})", "the answer has no AccessKeyId and SecretAccessKey"},
      {R"({"AccessKeyId": 1, "SecretAccessKey": "s"})", "the answer has no AccessKeyId and SecretAccessKey"},
      {R"({"AccessKeyId": "a", "SecretAccessKey": "s", "Expiration": "soon"})",
       "the Expiration \"soon\" is no time"},
  };
  for (const auto& [json, error] : rows) EXPECT_EQ(ParseCredentials(json).status().message(), error) << json;
}

TEST(ParseTime, ReadsIso8601InUtc) {
  EXPECT_EQ(ParseTime("2026-11-24T12:00:00Z"), kNow);
  EXPECT_EQ(ParseTime("2026-11-24T12:00:00.123Z"), kNow);
  for (const std::string text :
       {"", "2026-11-24", "2026-11-24T12:00:00", "2026-11-24T12:00:00+09:00", "2026-13-24T12:00:00Z",
        "2026-11-31T12:00:00Z", "2026-11-24T25:00:00Z", "soon"}) {
    EXPECT_EQ(ParseTime(text), std::nullopt) << text;
  }
}

// --- when ---

TEST(CredentialsCache, IsDueAtFirst) {
  const CredentialsCache cache;
  EXPECT_TRUE(cache.IsDue(kNow));
  EXPECT_EQ(cache.Usable(kNow), nullptr);
}

TEST(CredentialsCache, IsDueFiveToFifteenMinutesBeforeTheyExpire) {
  CredentialsCache cache;
  cache.Succeeded(Expiring(6h), kNow, 0);
  EXPECT_FALSE(cache.IsDue(kNow + 6h - 5min - 1s));
  EXPECT_TRUE(cache.IsDue(kNow + 6h - 5min));
  cache.Succeeded(Expiring(6h), kNow, 1);
  EXPECT_FALSE(cache.IsDue(kNow + 6h - 15min - 1s));
  EXPECT_TRUE(cache.IsDue(kNow + 6h - 15min));
}

TEST(CredentialsCache, ShortLivedOnesAreDueHalfWay) {
  CredentialsCache cache;
  cache.Succeeded(Expiring(4min), kNow, 0.5);
  EXPECT_FALSE(cache.IsDue(kNow + 2min - 1s));
  EXPECT_TRUE(cache.IsDue(kNow + 2min));
}

TEST(CredentialsCache, ThoseWithoutAnExpiryAreNeverDue) {
  CredentialsCache cache;
  cache.Succeeded({{"id", "secret", ""}, std::nullopt}, kNow, 0);
  EXPECT_FALSE(cache.IsDue(kNow + 24h * 3650));
  EXPECT_EQ(*cache.Usable(kNow + 24h * 3650), (Keys{"id", "secret", ""}));
}

TEST(CredentialsCache, UsesTheOldOnesUntilTheyExpireWhereNewOnesCannotBeHad) {
  CredentialsCache cache;
  cache.Succeeded(Expiring(6h), kNow, 0);
  WallTime now = kNow + 6h - 5min;
  for (int failures = 0; now < kNow + 6h; ++failures) {
    ASSERT_TRUE(cache.IsDue(now));
    cache.Failed(now);
    EXPECT_EQ(*cache.Usable(now), (Keys{"id", "secret", "token"}));
    EXPECT_FALSE(cache.IsDue(now));
    now += std::min<std::chrono::seconds>(1s * (1 << std::min(failures, 6)), 1min);
  }
  EXPECT_EQ(cache.Usable(kNow + 6h), nullptr);
}

TEST(CredentialsCache, AsksAgainWhereTheyWereRejectedButNotAllTheTime) {
  CredentialsCache cache;
  cache.Succeeded(Expiring(6h), kNow, 0);
  cache.Rejected(kNow + 1s);
  EXPECT_FALSE(cache.IsDue(kNow + 59s));
  EXPECT_TRUE(cache.IsDue(kNow + 1min));
  cache.Succeeded(Expiring(6h), kNow + 1min, 0);
  cache.Rejected(kNow + 1h);
  EXPECT_TRUE(cache.IsDue(kNow + 1h));
}

}  // namespace
}  // namespace naru::discovery::aws
