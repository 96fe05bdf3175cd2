#include "discovery/aws/ecs_identity.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <utility>

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kUnknown = "unknown";

// "video" of "video-api"; a family without '-' says nothing of a squad.
std::string PrefixOf(const std::string& family) {
  const size_t dash = family.find('-');
  return dash == family.npos ? "" : family.substr(0, dash);
}

std::string FirstOf(std::initializer_list<std::string> texts) {
  for (const std::string& text : texts) {
    if (!text.empty()) return text;
  }
  return "";
}

}  // namespace

EcsIdentity IdentityOf(const Environment& environment, const TaskMetadata& metadata) {
  EcsIdentity identity;
  identity.squad = FirstOf({environment.squad, metadata.squad_tag, metadata.squad_label,
                            PrefixOf(metadata.family), std::string(kUnknown)});
  identity.service = FirstOf({environment.service, metadata.service, metadata.family});
  identity.zone = metadata.zone;
  identity.cluster = metadata.cluster;
  identity.task = metadata.task_id();
  return identity;
}

absl::StatusOr<EcsIdentity> ReadEcsIdentity(const Environment& environment, Duration limit) {
  if (environment.task_metadata.empty()) {
    return absl::NotFoundError("ECS_CONTAINER_METADATA_URI_V4 is not set: this is no ECS task");
  }
  asio::io_context io(1);
  auto client = std::make_shared<HttpClient>(io.get_executor());
  absl::StatusOr<TaskMetadata> metadata =
      absl::DeadlineExceededError("the task metadata did not come in time");
  asio::co_spawn(io, AskTaskMetadata(client, environment.task_metadata, limit),
                 [&](const std::exception_ptr& thrown, absl::StatusOr<TaskMetadata> came) {
                   if (!thrown) metadata = std::move(came);
                   io.stop();
                 });
  io.run_for(limit + limit / 10);  // beyond what the requests themselves are given
  if (!metadata.ok()) return metadata.status();
  return IdentityOf(environment, *metadata);
}

}  // namespace naru::discovery::aws
