// What the environment of the process says about AWS: read once, and passed on as a value.
#pragma once

#include <string>

namespace naru::discovery::aws {

struct Environment {
  std::string access_key_id;                // AWS_ACCESS_KEY_ID
  std::string secret_access_key;            // AWS_SECRET_ACCESS_KEY
  std::string session_token;                // AWS_SESSION_TOKEN
  std::string credentials_path;             // AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
  std::string credentials_url;              // AWS_CONTAINER_CREDENTIALS_FULL_URI
  std::string credentials_token;            // AWS_CONTAINER_AUTHORIZATION_TOKEN
  std::string credentials_token_file;       // AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
  std::string region;                       // AWS_REGION, else AWS_DEFAULT_REGION
  std::string endpoint;                     // AWS_ENDPOINT_URL_SERVICEDISCOVERY, else AWS_ENDPOINT_URL
  std::string task_metadata;                // ECS_CONTAINER_METADATA_URI_V4; empty: this is no ECS task
  std::string instance_metadata;            // AWS_EC2_METADATA_SERVICE_ENDPOINT
  bool instance_metadata_disabled = false;  // AWS_EC2_METADATA_DISABLED
  std::string squad;                        // NARU_SQUAD
  std::string service;                      // NARU_SERVICE

  static Environment OfProcess();

  bool operator==(const Environment&) const = default;
};

}  // namespace naru::discovery::aws
