#include "discovery/aws/environment.h"

#include <cstdlib>

#include "absl/strings/match.h"

namespace naru::discovery::aws {
namespace {

std::string Variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string Either(const char* first, const char* second) {
  const std::string value = Variable(first);
  return value.empty() ? Variable(second) : value;
}

}  // namespace

Environment Environment::OfProcess() {
  Environment found;
  found.access_key_id = Variable("AWS_ACCESS_KEY_ID");
  found.secret_access_key = Variable("AWS_SECRET_ACCESS_KEY");
  found.session_token = Variable("AWS_SESSION_TOKEN");
  found.credentials_path = Variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  found.credentials_url = Variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  found.credentials_token = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
  found.credentials_token_file = Variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  found.region = Either("AWS_REGION", "AWS_DEFAULT_REGION");
  found.endpoint = Either("AWS_ENDPOINT_URL_SERVICEDISCOVERY", "AWS_ENDPOINT_URL");
  found.task_metadata = Variable("ECS_CONTAINER_METADATA_URI_V4");
  found.instance_metadata = Variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  found.instance_metadata_disabled = absl::EqualsIgnoreCase(Variable("AWS_EC2_METADATA_DISABLED"), "true");
  found.squad = Variable("NARU_SQUAD");
  found.service = Variable("NARU_SERVICE");
  return found;
}

}  // namespace naru::discovery::aws
