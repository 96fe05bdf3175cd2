// Signs requests to AWS: Signature Version 4, in header fields.
//
// Pure: the time is an argument. Source: "Signature Version 4 signing process", AWS General Reference.
#pragma once

#include <chrono>
#include <string>

#include "discovery/http_client.h"

namespace naru::discovery::aws {

using WallTime = std::chrono::sys_seconds;

struct Keys {
  std::string access_key_id;
  std::string secret_access_key;
  std::string session_token;  // empty: the keys are of a user and not temporary

  bool operator==(const Keys&) const = default;
};

struct SigningScope {
  std::string region;
  std::string service;
};

struct RequestToSign {
  std::string method;
  std::string target;  // path and query, as it is sent
  HttpFields fields;   // all of them are signed; Host is among them
  std::string body;
};

// What differs between services; these are the rules of all but S3.
struct SigningRules {
  bool normalizes_path = true;
  bool sends_body_hash = false;  // in x-amz-content-sha256
  bool signs_token = true;       // false: the session token is added unsigned
};

struct Signed {
  HttpFields fields;  // to be added to the request: the time, the token, Authorization
  // On the way there, for tests and for comparing with what a service says that it expected.
  std::string canonical_request;
  std::string string_to_sign;
  std::string signature;
};

Signed Sign(const RequestToSign& request, const Keys& keys, const SigningScope& scope, WallTime now,
            const SigningRules& rules = {});

}  // namespace naru::discovery::aws
