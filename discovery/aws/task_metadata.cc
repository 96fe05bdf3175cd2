#include "discovery/aws/task_metadata.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "discovery/aws/json.h"
#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;

constexpr size_t kMostBytes = 1024 * 1024;
constexpr std::string_view kSquad = "squad";

std::string_view LastPart(std::string_view text) {
  return text.substr(text.rfind('/') + 1);  // npos + 1 is 0
}

std::string SquadLabelOf(const boost::json::object& task) {
  const boost::json::array* containers = ArrayOf(task, "Containers");
  if (containers == nullptr) return "";
  for (const boost::json::value& value : *containers) {
    const boost::json::object* container = value.if_object();
    const boost::json::object* labels = container == nullptr ? nullptr : ObjectOf(*container, "Labels");
    std::string squad = labels == nullptr ? "" : TextOf(*labels, kSquad);
    if (!squad.empty()) return squad;
  }
  return "";
}

asio::awaitable<absl::StatusOr<TaskMetadata>> Ask(std::shared_ptr<HttpClient> client, HttpUrl url,
                                                  Duration limit) {
  HttpRequest request;
  request.url = std::move(url);
  request.timeout = std::max<Duration>(limit, std::chrono::milliseconds(1));
  request.most_bytes = kMostBytes;
  const std::string where = request.url.ToString();
  absl::StatusOr<HttpResponse> response = co_await client->Send(std::move(request));
  if (!response.ok()) co_return response.status();
  if (response->status != 200) co_return absl::UnavailableError(Cat(where, ": status ", response->status));
  absl::StatusOr<TaskMetadata> metadata = ParseTaskMetadata(response->body);
  if (!metadata.ok()) co_return absl::UnavailableError(Cat(where, ": ", metadata.status().message()));
  co_return metadata;
}

}  // namespace

std::string TaskMetadata::task_id() const {
  return std::string(LastPart(task_arn));
}

// arn:aws:ecs:REGION:ACCOUNT:task/...
std::string TaskMetadata::region() const {
  std::string_view rest = task_arn;
  for (int i = 0; i < 3; ++i) {
    const size_t colon = rest.find(':');
    if (colon == rest.npos) return "";
    rest.remove_prefix(colon + 1);
  }
  return std::string(rest.substr(0, rest.find(':')));
}

absl::StatusOr<TaskMetadata> ParseTaskMetadata(std::string_view json) {
  const std::optional<boost::json::object> task = ParseObject(json);
  if (!task.has_value()) return absl::UnavailableError("the answer is no JSON object");
  TaskMetadata metadata;
  metadata.cluster = std::string(LastPart(TextOf(*task, "Cluster")));
  metadata.task_arn = TextOf(*task, "TaskARN");
  metadata.family = TextOf(*task, "Family");
  metadata.service = TextOf(*task, "ServiceName");
  metadata.zone = TextOf(*task, "AvailabilityZone");
  if (const boost::json::object* tags = ObjectOf(*task, "TaskTags"))
    metadata.squad_tag = TextOf(*tags, kSquad);
  metadata.squad_label = SquadLabelOf(*task);
  if (metadata.task_arn.empty()) return absl::UnavailableError("the answer has no TaskARN");
  return metadata;
}

asio::awaitable<absl::StatusOr<TaskMetadata>> AskTaskMetadata(std::shared_ptr<HttpClient> client,
                                                              std::string origin, Duration limit) {
  if (origin.ends_with('/')) origin.pop_back();
  const auto began = std::chrono::steady_clock::now();
  absl::StatusOr<HttpUrl> url = HttpUrl::Parse(origin + "/taskWithTags");
  if (!url.ok()) {
    co_return absl::InvalidArgumentError(
        Cat("ECS_CONTAINER_METADATA_URI_V4: the URL ", url.status().message()));
  }
  // The agent asks the API of ECS for the tags, which takes its time.
  absl::StatusOr<TaskMetadata> metadata = co_await Ask(client, *url, limit * 6 / 10);
  if (metadata.ok()) co_return metadata;
  url = HttpUrl::Parse(origin + "/task");
  const Duration left = limit - (std::chrono::steady_clock::now() - began);
  metadata = co_await Ask(client, *url, left);
  co_return metadata;
}

}  // namespace naru::discovery::aws
