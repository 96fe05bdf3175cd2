// What is said to Cloud Map and what it says: DiscoverInstances and DiscoverInstancesRevision, JSON 1.1.
//
// Pure. Source: "AWS Cloud Map API Reference". Decoding never throws, and keeps at most 1,000 instances,
// which is the most of a service.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/aws/cloud_map_poll.h"
#include "discovery/source.h"

namespace naru::discovery::aws {

// "DiscoverInstances", as the field X-Amz-Target and policies of IAM say it.
std::string_view NameOf(CloudMapRequest request);

std::string EncodeCloudMapRequest(CloudMapRequest request, std::string_view cloud_map_namespace,
                                  std::string_view service);

absl::StatusOr<int64_t> DecodeRevision(std::string_view json);

struct CloudMapInstances {
  Answer answer;                    // endpoints in ascending order
  std::optional<int64_t> revision;  // older emulations say none
  size_t without_address = 0;       // instances left out: no address, or no port
};

absl::StatusOr<CloudMapInstances> DecodeInstances(std::string_view json);

// An answer that is none: the status is not 200.
struct CloudMapError {
  CloudMapFailure failure = CloudMapFailure::kOther;
  std::string type;     // "ServiceNotFound"; the status where it says none
  std::string message;  // may be empty

  bool operator==(const CloudMapError&) const = default;
};

// `type_field` is what the field x-amzn-errortype says, if anything.
CloudMapError DecodeError(int status, std::string_view json, std::string_view type_field);

// True where the keys, not the request, are at fault.
bool IsAboutKeys(const CloudMapError& error);

}  // namespace naru::discovery::aws
