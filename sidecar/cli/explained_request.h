// The request of a call that `naru explain` is asked about: put together as an application would send it, and
// read by the codec that reads those.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "resilience/failure.h"
#include "sidecar/call/service_directory.h"
#include "sidecar/config/config.h"
#include "sidecar/http/message.h"

namespace naru::cli {

struct ExplainedCall {
  // As HTTP has it, or `grpc` in any case: a POST whose content-type is application/grpc.
  std::string method;
  // http://HOST[:PORT]/path as the application writes it, or /path; of `grpc` also SERVICE/path, where a gRPC
  // client names SERVICE in :authority.
  std::string url;
  std::vector<std::string> headers;  // "name: value"

  bool says_grpc() const;
};

struct ExplainedRequest {
  std::unique_ptr<const std::string> bytes;  // what the views in `head` point into
  http::RequestHead head;                    // gRPC, by its content-type, is taken to come in HTTP/2
  uint16_t service_port = 0;                 // that it comes in on; 0: the shared port

  bool is_grpc() const;
  call::Naming naming() const;
};

// Why no service gets it. Without a kind it never reaches naru: `detail` says what to write instead.
struct NoRequest {
  std::optional<resilience::FailureKind> kind;
  std::string detail;
};

std::variant<ExplainedRequest, NoRequest> RequestOf(const ExplainedCall& call, const config::Config& config,
                                                    const call::ServiceDirectory& directory);

}  // namespace naru::cli
