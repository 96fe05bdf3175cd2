// Whatever Cloud Map, the endpoints of credentials and those of task metadata answer gives values within
// bounds or a sentence.
#include <cstdint>
#include <string_view>

#include "discovery/aws/cloud_map_messages.h"
#include "discovery/aws/credentials.h"
#include "discovery/aws/task_containers.h"
#include "discovery/aws/task_metadata.h"
#include "tests/fuzz/answer_fuzzing.h"

namespace {

using naru::Require;
using naru::RequireSentence;
using namespace naru::discovery::aws;

constexpr size_t kMostInstances = 1000;  // of a service: a quota of AWS

void ReadInstances(std::string_view json) {
  const absl::StatusOr<CloudMapInstances> instances = DecodeInstances(json);
  RequireSentence(instances);
  if (instances.ok()) naru::RequireWithinBounds(instances->answer.endpoints, kMostInstances);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view json(reinterpret_cast<const char*>(data), size);
  RequireSentence(DecodeRevision(json));
  ReadInstances(json);
  Require(!DecodeError(400, json, "").type.empty());
  const absl::StatusOr<Credentials> credentials = ParseCredentials(json);
  RequireSentence(credentials);
  if (credentials.ok())
    Require(!credentials->keys.access_key_id.empty() && !credentials->keys.secret_access_key.empty());
  ParseTime(json);
  const absl::StatusOr<TaskMetadata> task = ParseTaskMetadata(json);
  RequireSentence(task);
  if (task.ok())
    Require(task->region().size() <= task->task_arn.size() &&
            task->task_id().size() <= task->task_arn.size());
  RequireSentence(ParseOtherContainers(json, "naru"));
  return 0;
}
