#include "discovery/aws/cloud_map_provider.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <deque>
#include <map>
#include <set>

#include "discovery/aws/sigv4.h"
#include "discovery/text.h"
#include "tests/discovery/scripted_http_server.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// A Cloud Map with one service, which a test changes and makes fail.
struct CloudMap {
  Reply Answer(const SeenRequest& request) {
    const std::string target = request.Field("x-amz-target");
    const bool revision = target.ends_with("Revision");
    ++(revision ? revision_requests : instances_requests);
    if (!failures.empty()) {
      Reply failure = failures.front();
      failures.pop_front();
      return failure;
    }
    if (!there) return Error("ServiceNotFound");
    if (revision) return {.body = Cat("{\"InstancesRevision\": ", version, "}")};
    return {.body =
                Cat(R"({"Instances": [)", Join(instances, ","), R"(], "InstancesRevision": )", version, "}")};
  }

  static Reply Error(const std::string& type, const std::string& message = "") {
    return {.status = 400, .body = Cat(R"({"__type": ")", type, R"(", "Message": ")", message, "\"}")};
  }
  static std::string Instance(const std::string& ip, const std::string& more = "") {
    return Cat(R"({"Attributes": {"AWS_INSTANCE_IPV4": ")", ip, R"(", "AWS_INSTANCE_PORT": "8080")", more,
               "}}");
  }

  std::vector<std::string> instances;
  int64_t version = 7;
  bool there = true;
  std::deque<Reply> failures;  // before everything else
  int revision_requests = 0, instances_requests = 0;
};

Endpoint At(const std::string& ip) {
  return {*Address::Parse(ip + ":8080"), 1, "", {}};
}

class CloudMapProviderTest : public testing::Test {
 protected:
  void Watch(const std::string& uri = "cloudmap://prod/courses", aws::Environment environment = Keys()) {
    const SourceContext context{io_, random_};
    if (settings_.endpoint.empty()) settings_.endpoint = server_.Url();
    provider_ = MakeCloudMapProvider(context, settings_, environment, agent_origin_);
    source_ = provider_->Open(*SourceUri::Parse(uri),
                              [this](Report report) { reports_.push_back(std::move(report)); });
    EXPECT_TRUE(reports_.empty());
  }
  static aws::Environment Keys() {
    return {.access_key_id = "AKID", .secret_access_key = "secret", .session_token = "token"};
  }
  // The next report that says something new.
  Report Next() {
    while (true) {
      while (reports_.empty()) io_.run_one();
      Report report = std::move(reports_.front());
      reports_.pop_front();
      if (!std::holds_alternative<Confirmed>(report)) return report;
    }
  }
  void AwaitConfirmations(int count) {
    for (int seen = 0; seen < count; ++seen) {
      while (reports_.empty()) io_.run_one();
      EXPECT_TRUE(std::holds_alternative<Confirmed>(reports_.front()));
      reports_.pop_front();
    }
  }

  asio::io_context io_{1};
  std::mt19937_64 random_{1};
  CloudMap cloud_map_;
  ScriptedHttpServer server_{io_, [this](const SeenRequest& request) { return cloud_map_.Answer(request); }};
  CloudMapSettings settings_{.region = "ap-northeast-2", .endpoint = "", .interval = 5ms};
  std::string agent_origin_ = "http://127.0.0.1:1";
  std::deque<Report> reports_;
  std::unique_ptr<SourceProvider> provider_;
  std::unique_ptr<Source> source_;
};

TEST_F(CloudMapProviderTest, ReportsTheInstancesAndThenThatNothingChanged) {
  cloud_map_.instances = {CloudMap::Instance("10.0.1.12"),
                          CloudMap::Instance("10.0.1.11", R"(, "squad": "learning")")};
  Watch();
  EXPECT_EQ(Next(), Report(Answer{{At("10.0.1.11"), At("10.0.1.12")}, true, "learning", "7"}));
  AwaitConfirmations(3);
  EXPECT_EQ(cloud_map_.instances_requests, 1);
  EXPECT_GE(cloud_map_.revision_requests, 3);
  EXPECT_EQ(server_.connections(), 1);
}

TEST_F(CloudMapProviderTest, SendsWhatTheSignatureCovers) {
  Watch();
  Next();
  const SeenRequest& seen = server_.requests().at(0);
  EXPECT_EQ(seen.method, "POST");
  EXPECT_EQ(seen.target, "/");
  EXPECT_EQ(seen.Field("x-amz-target"), "Route53AutoNaming_v20170314.DiscoverInstances");
  EXPECT_EQ(seen.Field("content-type"), "application/x-amz-json-1.1");
  EXPECT_EQ(
      seen.body,
      R"({"NamespaceName":"prod","ServiceName":"courses","MaxResults":1000,"HealthStatus":"HEALTHY_OR_ELSE_ALL"})");

  // As the service verifies it: signed again with what has arrived.
  const std::string date = seen.Field("x-amz-date");
  const std::string fields = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
  std::string names;
  aws::RequestToSign arrived{seen.method, seen.target, {}, seen.body};
  for (const std::string name : {"content-type", "host", "x-amz-target"}) {
    arrived.fields.emplace_back(name, seen.Field(name));
  }
  const auto number = [&date](size_t at, size_t digits) { return std::stoi(date.substr(at, digits)); };
  const aws::WallTime time =
      std::chrono::sys_days(std::chrono::year(number(0, 4)) / number(4, 2) / number(6, 2)) +
      std::chrono::hours(number(9, 2)) + std::chrono::minutes(number(11, 2)) +
      std::chrono::seconds(number(13, 2));
  const aws::Signed expected =
      aws::Sign(arrived, {"AKID", "secret", "token"}, {"ap-northeast-2", "servicediscovery"}, time);
  EXPECT_EQ(seen.Field("authorization"), expected.fields.back().second);
  EXPECT_TRUE(Contains(seen.Field("authorization"), "SignedHeaders=" + fields));
  EXPECT_EQ(seen.Field("x-amz-security-token"), "token");
}

TEST_F(CloudMapProviderTest, ReportsAChangeOfTheRevision) {
  cloud_map_.instances = {CloudMap::Instance("10.0.1.11")};
  Watch();
  Next();
  cloud_map_.instances.push_back(CloudMap::Instance("10.0.1.12"));
  cloud_map_.version = 9;
  EXPECT_EQ(Next(), Report(Answer{{At("10.0.1.11"), At("10.0.1.12")}, true, "", "9"}));
  cloud_map_.instances.pop_back();
  cloud_map_.version = 3;  // backwards
  EXPECT_EQ(Next(), Report(Answer{{At("10.0.1.11")}, true, "", "3"}));
}

TEST_F(CloudMapProviderTest, ReportsTroubleAndNotAnEmptyAnswerWhereAskingFails) {
  cloud_map_.instances = {CloudMap::Instance("10.0.1.11")};
  Watch();
  Next();
  cloud_map_.failures = {{.status = 500}};
  EXPECT_EQ(Next(),
            Report(Trouble{"cloudmap://prod/courses: DiscoverInstancesRevision is answered by status 500"}));
  AwaitConfirmations(1);
}

TEST_F(CloudMapProviderTest, SaysThatTheQuotaIsUsedUp) {
  cloud_map_.failures = {CloudMap::Error("RequestLimitExceeded", "too many")};
  Watch();
  EXPECT_EQ(Next(), Report(Trouble{
                        "cloudmap://prod/courses: DiscoverInstances is answered by RequestLimitExceeded: too "
                        "many; the quota of the account and region is used up: naru asks less often "
                        "meanwhile"}));
}

TEST_F(CloudMapProviderTest, SaysWhatToAllowWhereItIsDenied) {
  cloud_map_.failures = {CloudMap::Error("AccessDeniedException", "User is not authorized")};
  Watch();
  EXPECT_EQ(Next(),
            Report(Trouble{"cloudmap://prod/courses: DiscoverInstances is answered by AccessDeniedException: "
                           "User is not authorized; allow servicediscovery:DiscoverInstances and "
                           "servicediscovery:DiscoverInstancesRevision to the role"}));
}

TEST_F(CloudMapProviderTest, BelievesTheSecondTimeThatAServiceIsNotThere) {
  cloud_map_.there = false;
  Watch();
  EXPECT_EQ(Next(),
            Report(Trouble{"cloudmap://prod/courses: Cloud Map knows no such service (ServiceNotFound)"}));
  EXPECT_EQ(Next(), Report(Answer{.exists = false}));
  cloud_map_.there = true;
  cloud_map_.instances = {CloudMap::Instance("10.0.1.11")};
  EXPECT_EQ(Next(), Report(Answer{{At("10.0.1.11")}, true, "", "7"}));
}

TEST_F(CloudMapProviderTest, AServiceWithoutInstancesIsEmpty) {
  Watch();
  EXPECT_EQ(Next(), Report(Answer{{}, true, "", "7"}));
}

TEST_F(CloudMapProviderTest, SaysThatNoInstanceHasAnAddress) {
  cloud_map_.instances = {R"({"Attributes": {"AWS_INSTANCE_CNAME": "a.example"}})"};
  Watch();
  EXPECT_EQ(
      Next(),
      Report(Trouble{"cloudmap://prod/courses: no instance of it has an address and a port (1 registered): "
                     "register them with AWS_INSTANCE_IPV4 (or AWS_INSTANCE_IPV6) and AWS_INSTANCE_PORT; "
                     "in ECS, give the service registry a port"}));
  // An unchanged revision confirms nothing then.
  const int seen = cloud_map_.revision_requests;
  while (cloud_map_.revision_requests < seen + 3) io_.run_one();
  EXPECT_TRUE(reports_.empty());
}

TEST_F(CloudMapProviderTest, AsksTheMetadataOfTheTaskForTheRegionAndTheAgentForTheKeys) {
  ScriptedHttpServer agent(io_, [](const SeenRequest& request) -> Reply {
    if (request.target == "/v4/1/taskWithTags")
      return {.body = R"({"TaskARN": "arn:aws:ecs:eu-west-1:1:task/t"})"};
    if (request.target != "/v2/credentials/1") return {.status = 404};
    return {.body = R"({"AccessKeyId": "ASIA", "SecretAccessKey": "s", "Token": "t",
                        "Expiration": "2099-01-01T00:00:00Z"})"};
  });
  settings_.region = "";
  agent_origin_ = agent.Url("");
  Watch("cloudmap://prod/courses",
        {.credentials_path = "/v2/credentials/1", .task_metadata = agent.Url("/v4/1")});
  Next();
  EXPECT_TRUE(Contains(server_.requests().at(0).Field("authorization"), "Credential=ASIA/"));
  EXPECT_TRUE(
      Contains(server_.requests().at(0).Field("authorization"), "/eu-west-1/servicediscovery/aws4_request"));
}

TEST_F(CloudMapProviderTest, SaysWhatIsMissing) {
  settings_.region = "";
  Watch("cloudmap://prod/courses",
        {.access_key_id = "a", .secret_access_key = "b", .instance_metadata_disabled = true});
  EXPECT_EQ(
      Next(),
      Report(Trouble{"cloudmap://prod/courses: the AWS region is unknown: set discovery.cloudmap.region or "
                     "AWS_REGION (AWS_EC2_METADATA_DISABLED is set)"}));
}

TEST_F(CloudMapProviderTest, FindsTheEndpointInTheEnvironment) {
  settings_.endpoint = "";
  const SourceContext context{io_, random_};
  aws::Environment environment = Keys();
  environment.endpoint = server_.Url("/cloud-map");
  provider_ = MakeCloudMapProvider(context, settings_, environment);
  source_ = provider_->Open(*SourceUri::Parse("cloudmap://prod/courses"),
                            [this](Report report) { reports_.push_back(std::move(report)); });
  Next();
  EXPECT_EQ(server_.requests().at(0).target, "/cloud-map");
}

TEST_F(CloudMapProviderTest, ReportsNothingOnceItIsClosed) {
  Watch();
  while (server_.requests().empty()) io_.run_one();  // the answer is under way
  source_.reset();
  provider_.reset();
  ScriptedHttpServer other(io_, [](const SeenRequest&) { return Reply{}; });
  HttpClient client(io_.get_executor());
  for (int i = 0; i < 3; ++i)
    EXPECT_TRUE(Await(io_, client.Send({.url = *HttpUrl::Parse(other.Url())})).ok());
  EXPECT_TRUE(reports_.empty());
  EXPECT_EQ(server_.requests().size(), 1u);
}

TEST_F(CloudMapProviderTest, AReportMayCloseTheSource) {
  const SourceContext context{io_, random_};
  settings_.endpoint = server_.Url();
  provider_ = MakeCloudMapProvider(context, settings_, Keys());
  bool reported = false;
  source_ = provider_->Open(*SourceUri::Parse("cloudmap://prod/courses"), [this, &reported](const Report&) {
    reported = true;
    source_.reset();
  });
  while (!reported) io_.run_one();
}

TEST_F(CloudMapProviderTest, WatchesManyServicesOverFewConnections) {
  const SourceContext context{io_, random_};
  settings_.endpoint = server_.Url();
  provider_ = MakeCloudMapProvider(context, settings_, Keys());
  std::vector<std::unique_ptr<Source>> sources;
  int answers = 0;
  for (int i = 0; i < 50; ++i) {
    sources.push_back(provider_->Open(*SourceUri::Parse(Cat("cloudmap://prod/service-", i)),
                                      [&answers](const Report& report) {
                                        if (std::holds_alternative<Answer>(report)) ++answers;
                                      }));
  }
  while (answers < 50) io_.run_one();
  EXPECT_LE(server_.connections(), 4);
}

}  // namespace
}  // namespace naru::discovery
