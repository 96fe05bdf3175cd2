// The two messages of grpc.health.v1 (github.com/grpc/grpc, src/proto/grpc/health/v1/health.proto), of one
// field each. Written here by hand, because generated ones would bring the whole of protobuf along.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace naru::health {

inline constexpr uint64_t kServing = 1;  // HealthCheckResponse.ServingStatus

// HealthCheckRequest {string service = 1;}
std::string EncodeHealthCheckRequest(std::string_view service);

// HealthCheckResponse {ServingStatus status = 1;}: the status, 0 (UNKNOWN) when it is not there. Nothing when
// the bytes are no protobuf message. Fields of later versions are skipped.
std::optional<uint64_t> DecodeHealthCheckResponse(std::string_view bytes);

// "NOT_SERVING".
std::string NameOfServingStatus(uint64_t status);

}  // namespace naru::health
