#include "discovery/aws/credential_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include "discovery/aws/instance_metadata.h"
#include "discovery/text.h"
#include "tests/discovery/scripted_http_server.h"
#include "tests/support/temporary_directory.h"
#include "tests/support/undisturbed.h"

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;

std::string Json(const std::string& id, const std::string& expiration = "2099-01-01T00:00:00Z") {
  return Cat(R"({"AccessKeyId": ")", id,
             R"(", "SecretAccessKey": "secret", "Token": "token", "Expiration": ")", expiration, "\"}");
}

class CredentialChainTest : public testing::Test {
 protected:
  std::shared_ptr<CredentialChain> Chain(const Environment& environment,
                                         const std::string& origin = "http://x") {
    return std::make_shared<CredentialChain>(io_.get_executor(), client_, environment, origin);
  }
  absl::StatusOr<Keys> Get(const std::shared_ptr<CredentialChain>& chain) {
    return Await(io_, CredentialChain::Get(chain));
  }
  std::string ErrorOf(const Environment& environment, const std::string& origin = "http://x") {
    return Cat(Get(Chain(environment, origin)).status().message());
  }

  asio::io_context io_{1};
  std::shared_ptr<HttpClient> client_ = std::make_shared<HttpClient>(io_.get_executor());
};

TEST_F(CredentialChainTest, TakesTheKeysOfTheEnvironment) {
  const absl::StatusOr<Keys> keys =
      Get(Chain({.access_key_id = "id", .secret_access_key = "s", .session_token = "t"}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(*keys, (Keys{"id", "s", "t"}));
}

TEST_F(CredentialChainTest, AsksTheAgentOnceAndKeepsTheAnswer) {
  ScriptedHttpServer agent(io_, [](const SeenRequest&) { return Reply{.body = Json("ASIA")}; });
  const auto chain = Chain({.credentials_path = "/v2/credentials/1"}, agent.Url(""));
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<Keys> keys = Get(chain);
    ASSERT_TRUE(keys.ok()) << keys.status();
    EXPECT_EQ(*keys, (Keys{"ASIA", "secret", "token"}));
  }
  ASSERT_EQ(agent.requests().size(), 1u);
  EXPECT_EQ(agent.requests()[0].method, "GET");
  EXPECT_EQ(agent.requests()[0].target, "/v2/credentials/1");
  EXPECT_EQ(agent.requests()[0].Field("authorization"), "");
}

TEST_F(CredentialChainTest, WhoeverComesMeanwhileWaitsForTheOneWhoAsks) {
  ScriptedHttpServer agent(io_, [](const SeenRequest&) { return Reply{.body = Json("ASIA")}; });
  const auto chain = Chain({.credentials_path = "/1"}, agent.Url(""));
  int done = 0;
  for (int i = 0; i < 5; ++i) {
    asio::co_spawn(io_, CredentialChain::Get(chain),
                   [&done](const std::exception_ptr&, const absl::StatusOr<Keys>& keys) {
                     EXPECT_TRUE(keys.ok());
                     ++done;
                   });
  }
  while (done < 5) io_.run_one();
  EXPECT_EQ(agent.requests().size(), 1u);
}

TEST_F(CredentialChainTest, ReadsTheTokenFileEveryTime) {
  const TemporaryDirectory directory;
  // What is expired at once is asked for every time.
  ScriptedHttpServer agent(io_, [](const SeenRequest&) { return Reply{.status = 500}; });
  const Environment environment = {.credentials_url = agent.Url("/x"),
                                   .credentials_token = "not this",
                                   .credentials_token_file = directory.File("token")};
  directory.Write("token", "first\n");
  ErrorOf(environment);
  directory.Write("token", "second\n");
  ErrorOf(environment);
  ASSERT_EQ(agent.requests().size(), 2u);
  EXPECT_EQ(agent.requests()[0].Field("authorization"), "first");
  EXPECT_EQ(agent.requests()[1].Field("authorization"), "second");
}

TEST_F(CredentialChainTest, SendsTheTokenOfTheEnvironment) {
  ScriptedHttpServer agent(io_, [](const SeenRequest&) { return Reply{.body = Json("ASIA")}; });
  ASSERT_TRUE(Get(Chain({.credentials_url = agent.Url("/x"), .credentials_token = "token"})).ok());
  EXPECT_EQ(agent.requests()[0].Field("authorization"), "token");
}

TEST_F(CredentialChainTest, DoesNotAskAgainBeforeItIsTimeWhereThereAreNone) {
  Undisturbed([&] {
    ScriptedHttpServer agent(io_, [](const SeenRequest&) { return Reply{.status = 404}; });
    const auto chain = Chain({.credentials_path = "/1"}, agent.Url(""));
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(Get(chain).ok());
    EXPECT_FALSE(Get(chain).ok());
    if (std::chrono::steady_clock::now() - began >= std::chrono::seconds(1)) return false;  // it was time
    EXPECT_EQ(agent.requests().size(), 1u);
    return true;
  });
}

// --- the instance ---

// IMDSv2 of a role: what is asked without a token is refused.
Reply AnswerAsInstance(const SeenRequest& request) {
  const std::string token = "the token";
  if (request.method == "PUT" && request.target == "/latest/api/token") {
    return request.Field("x-aws-ec2-metadata-token-ttl-seconds").empty() ? Reply{.status = 400}
                                                                         : Reply{.body = token};
  }
  if (request.Field("x-aws-ec2-metadata-token") != token) return {.status = 401};
  if (request.target == "/latest/meta-data/iam/security-credentials/") return {.body = "my-role\n"};
  if (request.target == "/latest/meta-data/iam/security-credentials/my-role") return {.body = Json("ASIA")};
  if (request.target == "/latest/meta-data/placement/region") return {.body = "ap-northeast-2"};
  return {.status = 404};
}

TEST_F(CredentialChainTest, AsksTheInstanceForTheCredentialsOfItsRole) {
  ScriptedHttpServer instance(io_, AnswerAsInstance);
  const absl::StatusOr<Keys> keys = Get(Chain({.instance_metadata = instance.Url()}));
  ASSERT_TRUE(keys.ok()) << keys.status();
  EXPECT_EQ(*keys, (Keys{"ASIA", "secret", "token"}));
  EXPECT_EQ(instance.requests().size(), 3u);
}

TEST_F(CredentialChainTest, AsksTheInstanceForItsRegion) {
  ScriptedHttpServer instance(io_, AnswerAsInstance);
  const absl::StatusOr<std::string> region = Await(io_, AskInstanceForRegion(client_, instance.Url()));
  ASSERT_TRUE(region.ok()) << region.status();
  EXPECT_EQ(*region, "ap-northeast-2");
}

TEST_F(CredentialChainTest, AnInstanceIsNotWaitedForLong) {
  ScriptedHttpServer instance(io_, [](const SeenRequest&) { return Reply{.silent = true}; });
  const auto began = std::chrono::steady_clock::now();
  EXPECT_THAT(
      ErrorOf({.instance_metadata = instance.Url()}),
      testing::MatchesRegex("AWS credentials from instance metadata: .*/latest/api/token: given up after .* "
                            "while waiting for the answer; give the instance a profile and a metadata hop "
                            "limit of 2, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"));
  // All else that is asked over HTTP has 5 s.
  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::milliseconds(4500));
}

// --- what is said ---

TEST_F(CredentialChainTest, SaysWhereThereAreNone) {
  EXPECT_EQ(ErrorOf({.task_metadata = "http://169.254.170.2/v4/1"}),
            "there are no AWS credentials: give the task a task role (or set AWS_ACCESS_KEY_ID and "
            "AWS_SECRET_ACCESS_KEY)");
}

TEST_F(CredentialChainTest, SaysWhatTheAgentAnswersAndNotWhichCredentialsWereMeant) {
  ScriptedHttpServer agent(io_, [](const SeenRequest&) { return Reply{.status = 400}; });
  const std::string authority = Cat("127.0.0.1:", agent.port());
  EXPECT_EQ(ErrorOf({.credentials_path = "/v2/credentials/SECRET"}, agent.Url("")),
            Cat("AWS credentials from ", authority, ": status 400"));
  ScriptedHttpServer dropping(io_, [](const SeenRequest&) { return Reply{.drops = true}; });
  EXPECT_EQ(ErrorOf({.credentials_path = "/v2/credentials/SECRET"}, dropping.Url("")),
            Cat("AWS credentials: ", dropping.Url("/..."),
                ": waiting for the answer: the peer closed the connection"));
}

TEST_F(CredentialChainTest, SaysWhichTokenFileHasNone) {
  EXPECT_EQ(ErrorOf({.credentials_url = "http://127.0.0.1:1/", .credentials_token_file = "/nonexistent"}),
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: there is no token in /nonexistent");
}

}  // namespace
}  // namespace naru::discovery::aws
