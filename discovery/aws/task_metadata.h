// What ECS tells a task about itself: the task metadata endpoint, version 4.
//
// Source: "Amazon ECS task metadata endpoint version 4", Amazon ECS Developer Guide. It answers 40 requests a
// second per task, and what is read here never changes: ask once.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/http_client.h"
#include "discovery/time.h"

namespace naru::discovery::aws {

struct TaskMetadata {
  std::string cluster;  // its name
  std::string task_arn;
  std::string family;
  std::string service;  // empty: the task belongs to none
  std::string zone;
  std::string squad_tag;    // of the task
  std::string squad_label;  // of the first of its containers that has one

  std::string task_id() const;  // the last part of the ARN
  std::string region() const;   // of the ARN

  bool operator==(const TaskMetadata&) const = default;
};

// The answer of /task or /taskWithTags.
absl::StatusOr<TaskMetadata> ParseTaskMetadata(std::string_view json);

// `origin` is ECS_CONTAINER_METADATA_URI_V4. Asks with tags first, and without where that gives nothing: tags
// need a permission and a newer agent. `limit` is for both.
boost::asio::awaitable<absl::StatusOr<TaskMetadata>> AskTaskMetadata(std::shared_ptr<HttpClient> client,
                                                                     std::string origin, Duration limit);

}  // namespace naru::discovery::aws
