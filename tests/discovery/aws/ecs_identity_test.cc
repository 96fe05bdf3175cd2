#include "discovery/aws/ecs_identity.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <thread>

#include "discovery/text.h"
#include "tests/discovery/scripted_http_server.h"

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

// As the Developer Guide shows /taskWithTags on Fargate.
constexpr std::string_view kTask = R"({
  "Cluster": "arn:aws:ecs:ap-northeast-2:111122223333:cluster/prod",
  "TaskARN": "arn:aws:ecs:ap-northeast-2:111122223333:task/prod/158d1c8083dd49d6b527399fd6414f5c",
  "Family": "video-api", "Revision": "26", "ServiceName": "video-api-service", "DesiredStatus": "RUNNING",
  "KnownStatus": "RUNNING", "Limits": {"CPU": 0.25, "Memory": 512}, "AvailabilityZone": "ap-northeast-2a",
  "LaunchType": "FARGATE", "VPCID": "vpc-1", "TaskTags": {"squad": "video", "tag-use": "task-metadata-endpoint-test"},
  "Containers": [
    {"DockerId": "1", "Name": "naru", "Labels": {"com.amazonaws.ecs.cluster": "prod"}},
    {"DockerId": "2", "Name": "app", "Labels": {"com.amazonaws.ecs.cluster": "prod", "squad": "labelled"},
     "Networks": [{"NetworkMode": "awsvpc", "IPv4Addresses": ["10.0.2.106"]}]}]})";

TaskMetadata Task() {
  return {.cluster = "prod",
          .task_arn = "arn:aws:ecs:ap-northeast-2:111122223333:task/prod/158d1c8083dd49d6b527399fd6414f5c",
          .family = "video-api",
          .service = "video-api-service",
          .zone = "ap-northeast-2a",
          .squad_tag = "video",
          .squad_label = "labelled"};
}

TEST(TaskMetadata, IsReadFromTheAnswerOfTheAgent) {
  const absl::StatusOr<TaskMetadata> metadata = ParseTaskMetadata(kTask);
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  EXPECT_EQ(*metadata, Task());
  EXPECT_EQ(metadata->task_id(), "158d1c8083dd49d6b527399fd6414f5c");
  EXPECT_EQ(metadata->region(), "ap-northeast-2");
}

TEST(TaskMetadata, ReadsWhatOlderAgentsLeaveOut) {
  const absl::StatusOr<TaskMetadata> metadata =
      ParseTaskMetadata(R"({"Cluster": "prod", "TaskARN": "arn:aws:ecs:r:1:task/t", "Family": "f"})");
  ASSERT_TRUE(metadata.ok()) << metadata.status();
  EXPECT_EQ(*metadata,
            (TaskMetadata{.cluster = "prod", .task_arn = "arn:aws:ecs:r:1:task/t", .family = "f"}));
}

TEST(TaskMetadata, SaysWhatIsWrong) {
  EXPECT_EQ(ParseTaskMetadata("<html>").status().message(), "the answer is no JSON object");
  EXPECT_EQ(ParseTaskMetadata("{}").status().message(), "the answer has no TaskARN");
  EXPECT_EQ(TaskMetadata{.task_arn = "odd"}.region(), "");
}

TEST(EcsIdentity, TheSquadIsTheFirstThatIsSaid) {
  TaskMetadata task = Task();
  EXPECT_EQ(IdentityOf({.squad = "mine"}, task).squad, "mine");
  EXPECT_EQ(IdentityOf({}, task).squad, "video");
  task.squad_tag = "";
  EXPECT_EQ(IdentityOf({}, task).squad, "labelled");
  task.squad_label = "";
  EXPECT_EQ(IdentityOf({}, task).squad, "video");
  task.family = "courses";
  EXPECT_EQ(IdentityOf({}, task).squad, "unknown");
}

TEST(EcsIdentity, TheServiceIsTheFirstThatIsSaid) {
  TaskMetadata task = Task();
  EXPECT_EQ(IdentityOf({.service = "mine"}, task).service, "mine");
  EXPECT_EQ(IdentityOf({}, task).service, "video-api-service");
  task.service = "";
  EXPECT_EQ(IdentityOf({}, task).service, "video-api");
}

// --- over HTTP ---

// For what is answered: a machine that stands still for a moment is no slow agent.
constexpr Duration kPatience = 5s;

// ReadEcsIdentity blocks, so the agent needs a thread.
class Agent {
 public:
  explicit Agent(ScriptedHttpServer::Handler handler)
      : server_(io_, std::move(handler)), thread_([this] { io_.run(); }) {}
  ~Agent() {
    io_.stop();
    thread_.join();
  }
  Environment environment() const { return {.task_metadata = server_.Url("/v4/1")}; }
  std::string Url(std::string_view target) const { return server_.Url(target); }

 private:
  asio::io_context io_{1};
  ScriptedHttpServer server_;
  std::thread thread_;
};

TEST(ReadEcsIdentity, AsksForTheTaskWithItsTags) {
  const Agent agent([](const SeenRequest& request) {
    return request.target == "/v4/1/taskWithTags" ? Reply{.body = std::string(kTask)} : Reply{.status = 404};
  });
  const absl::StatusOr<EcsIdentity> identity = ReadEcsIdentity(agent.environment(), kPatience);
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(*identity, (EcsIdentity{"video", "video-api-service", "ap-northeast-2a", "prod",
                                    "158d1c8083dd49d6b527399fd6414f5c"}));
}

TEST(ReadEcsIdentity, AsksWithoutTagsWhereTheAgentDoesNotGiveThem) {
  const Agent agent([](const SeenRequest& request) {
    return request.target == "/v4/1/task" ? Reply{.body = std::string(kTask)} : Reply{.status = 404};
  });
  EXPECT_TRUE(ReadEcsIdentity(agent.environment(), kPatience).ok());
}

TEST(ReadEcsIdentity, AsksWithoutTagsWhereTheyTakeTooLong) {
  const Agent agent([](const SeenRequest& request) {
    return request.target == "/v4/1/task" ? Reply{.body = std::string(kTask)} : Reply{.silent = true};
  });
  EXPECT_TRUE(ReadEcsIdentity(agent.environment(), kPatience).ok());
}

TEST(ReadEcsIdentity, GivesUpAtItsLimit) {
  const Agent agent([](const SeenRequest&) { return Reply{.silent = true}; });
  std::chrono::steady_clock::duration quickest = 1h;  // the machine may stand still for one of them
  for (int i = 0; i < 3; ++i) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(ReadEcsIdentity(agent.environment(), 50ms).ok());
    quickest = std::min(quickest, std::chrono::steady_clock::now() - began);
  }
  EXPECT_LT(quickest, 1s);
}

TEST(ReadEcsIdentity, SaysWhatTheAgentAnswers) {
  const Agent agent([](const SeenRequest&) { return Reply{.status = 500}; });
  EXPECT_EQ(ReadEcsIdentity(agent.environment(), kPatience).status().message(),
            Cat(agent.Url("/v4/1/task"), ": status 500"));
}

TEST(ReadEcsIdentity, KnowsThatThisIsNoTask) {
  const absl::StatusOr<EcsIdentity> identity = ReadEcsIdentity({});
  EXPECT_EQ(identity.status(),
            absl::NotFoundError("ECS_CONTAINER_METADATA_URI_V4 is not set: this is no ECS task"));
}

}  // namespace
}  // namespace naru::discovery::aws
