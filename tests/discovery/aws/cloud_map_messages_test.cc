#include "discovery/aws/cloud_map_messages.h"

#include <gtest/gtest.h>

#include <vector>

#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

Address At(const std::string& text) {
  return *Address::Parse(text);
}

// An answer with one instance of these attributes.
std::string WithAttributes(const std::string& attributes) {
  return Cat(R"({"Instances": [{"InstanceId": "i", "Attributes": {)", attributes, "}}]}");
}

TEST(CloudMapRequest, AsksForEverythingThatIsHealthyOrElseForAll) {
  EXPECT_EQ(
      EncodeCloudMapRequest(CloudMapRequest::kInstances, "prod", "courses"),
      R"({"NamespaceName":"prod","ServiceName":"courses","MaxResults":1000,"HealthStatus":"HEALTHY_OR_ELSE_ALL"})");
}

TEST(CloudMapRequest, AsksForTheRevisionByNames) {
  EXPECT_EQ(EncodeCloudMapRequest(CloudMapRequest::kRevision, "prod", "a\"b"),
            R"({"NamespaceName":"prod","ServiceName":"a\"b"})");
}

TEST(CloudMapAnswer, ReadsWhatEcsRegisters) {
  const absl::StatusOr<CloudMapInstances> instances = DecodeInstances(R"({
    "Instances": [
      {"InstanceId": "b", "NamespaceName": "prod", "ServiceName": "courses", "HealthStatus": "HEALTHY",
       "Attributes": {"AWS_INSTANCE_IPV4": "10.0.1.12", "AWS_INSTANCE_PORT": "8080",
                      "AVAILABILITY_ZONE": "ap-northeast-2c", "REGION": "ap-northeast-2",
                      "ECS_SERVICE_NAME": "courses", "ECS_CLUSTER_NAME": "prod", "EC2_INSTANCE_ID": "i-1",
                      "ECS_TASK_DEFINITION_FAMILY": "learning-courses", "AWS_INIT_HEALTH_STATUS": "HEALTHY",
                      "version": "2", "squad": "learning", "colour": "blue"}},
      {"InstanceId": "a", "HealthStatus": "UNKNOWN",
       "Attributes": {"AWS_INSTANCE_IPV4": "10.0.1.11", "AWS_INSTANCE_PORT": "8080",
                      "AVAILABILITY_ZONE": "ap-northeast-2a"}}],
    "InstancesRevision": 1234567890123456789})");
  ASSERT_TRUE(instances.ok()) << instances.status();
  EXPECT_EQ(
      instances->answer,
      (Answer{
          .endpoints = {{At("10.0.1.11:8080"), 1, "ap-northeast-2a", {}},
                        {At("10.0.1.12:8080"), 1, "ap-northeast-2c", {{"colour", "blue"}, {"version", "2"}}}},
          .exists = true,
          .squad = "learning",
          .revision = "1234567890123456789"}));
  EXPECT_EQ(instances->revision, 1234567890123456789);
  EXPECT_EQ(instances->without_address, 0u);
}

TEST(CloudMapAnswer, TakesIpv6WhereThereIsNoIpv4) {
  const auto first = [](const std::string& attributes) {
    return DecodeInstances(WithAttributes(attributes))->answer.endpoints.at(0).address;
  };
  EXPECT_EQ(first(R"("AWS_INSTANCE_IPV6": "fd00::1", "AWS_INSTANCE_PORT": "80")"), At("[fd00::1]:80"));
  EXPECT_EQ(
      first(R"("AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_IPV6": "fd00::1", "AWS_INSTANCE_PORT": "80")"),
      At("10.0.0.1:80"));
  EXPECT_EQ(first(R"("AWS_INSTANCE_IPV4": "odd", "AWS_INSTANCE_IPV6": "fd00::1", "AWS_INSTANCE_PORT": "80")"),
            At("[fd00::1]:80"));
}

TEST(CloudMapAnswer, LeavesOutWhatHasNoAddressOrPort) {
  for (const std::string attributes :
       {R"("AWS_INSTANCE_IPV4": "10.0.0.1")", R"("AWS_INSTANCE_PORT": "80")",
        R"("AWS_INSTANCE_CNAME": "a.b")", R"("AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "0")",
        R"("AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "70000")",
        R"("AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80x")",
        R"("AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": 80)", ""}) {
    const absl::StatusOr<CloudMapInstances> instances = DecodeInstances(WithAttributes(attributes));
    ASSERT_TRUE(instances.ok()) << instances.status();
    EXPECT_EQ(instances->answer, Answer()) << attributes;
    EXPECT_EQ(instances->without_address, 1u) << attributes;
  }
}

TEST(CloudMapAnswer, AnEmptyListIsAnAnswer) {
  const absl::StatusOr<CloudMapInstances> instances =
      DecodeInstances(R"({"Instances": [], "InstancesRevision": 3})");
  ASSERT_TRUE(instances.ok()) << instances.status();
  EXPECT_EQ(instances->answer, (Answer{.revision = "3"}));
  EXPECT_EQ(instances->without_address, 0u);
}

TEST(CloudMapAnswer, KeepsNoMoreMetadataThanAnEndpointHas) {
  std::string attributes = R"("AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": "80")";
  for (char c = 'a'; c <= 'z'; ++c) attributes += Cat(", \"", std::string(1, c), "\": \"x\"");
  const Endpoint endpoint = DecodeInstances(WithAttributes(attributes))->answer.endpoints.at(0);
  ASSERT_EQ(endpoint.metadata.size(), Endpoint::kMostMetadata);
  EXPECT_EQ(endpoint.metadata.front().first, "a");
  EXPECT_EQ(endpoint.metadata.back().first, "p");
}

TEST(CloudMapAnswer, KeepsNoMoreInstancesThanAServiceHas) {
  std::string json = R"({"Instances": [)";
  for (int i = 0; i < 1200; ++i) {
    json += Cat(i == 0 ? "" : ",",
                R"({"Attributes": {"AWS_INSTANCE_IPV4": "10.0.0.1", "AWS_INSTANCE_PORT": ")", 1 + i, "\"}}");
  }
  EXPECT_EQ(DecodeInstances(json + "]}")->answer.endpoints.size(), 1000u);
}

TEST(CloudMapAnswer, SaysWhatIsNoAnswer) {
  for (const std::string json : {"", "x", "[]", "{}", R"({"Instances": {}})", R"({"Instances": [)"}) {
    EXPECT_EQ(DecodeInstances(json).status().message(), "the answer of Cloud Map has no Instances") << json;
  }
  EXPECT_FALSE(DecodeInstances(std::string(100'000, '[')).ok());
  EXPECT_EQ(DecodeInstances(R"({"Instances": [1, null, {}, {"Attributes": []}]})")->without_address, 4u);
}

TEST(CloudMapAnswer, ReadsTheRevision) {
  EXPECT_EQ(*DecodeRevision(R"({"InstancesRevision": 7})"), 7);
  EXPECT_EQ(*DecodeRevision(R"({"InstancesRevision": -1})"), -1);
  for (const std::string json :
       {"", "{}", R"({"InstancesRevision": "7"})", R"({"InstancesRevision": 1.5})"}) {
    EXPECT_EQ(DecodeRevision(json).status().message(), "the answer of Cloud Map has no InstancesRevision")
        << json;
  }
}

TEST(CloudMapError, IsNamedByTheBodyOrTheField) {
  const std::vector<std::pair<CloudMapError, CloudMapError>> rows = {
      {DecodeError(400, R"({"__type": "ServiceNotFound", "Message": "courses"})", ""),
       {CloudMapFailure::kNotFound, "ServiceNotFound", "courses"}},
      {DecodeError(400, R"({"__type": "com.amazonaws.servicediscovery#NamespaceNotFound"})", ""),
       {CloudMapFailure::kNotFound, "NamespaceNotFound", ""}},
      {DecodeError(400, R"({"__type": "RequestLimitExceeded", "message": "slow down"})", ""),
       {CloudMapFailure::kThrottled, "RequestLimitExceeded", "slow down"}},
      {DecodeError(400, "{}", "ThrottlingException:http://internal.amazon.com/"),
       {CloudMapFailure::kThrottled, "ThrottlingException", ""}},
      {DecodeError(429, "", ""), {CloudMapFailure::kThrottled, "status 429", ""}},
      {DecodeError(400, R"({"__type": "AccessDeniedException", "Message": "no"})", ""),
       {CloudMapFailure::kOther, "AccessDeniedException", "no"}},
      {DecodeError(503, "<html>", ""), {CloudMapFailure::kOther, "status 503", ""}},
  };
  for (const auto& [decoded, expected] : rows) {
    EXPECT_EQ(decoded.failure, expected.failure) << expected.type;
    EXPECT_EQ(decoded.type, expected.type);
    EXPECT_EQ(decoded.message, expected.message);
  }
}

TEST(CloudMapError, MayBeAboutTheKeys) {
  EXPECT_TRUE(IsAboutKeys({CloudMapFailure::kOther, "ExpiredTokenException", ""}));
  EXPECT_FALSE(IsAboutKeys({CloudMapFailure::kOther, "AccessDeniedException", ""}));
}

}  // namespace
}  // namespace naru::discovery::aws
