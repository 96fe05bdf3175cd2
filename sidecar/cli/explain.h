// naru explain: what would happen to a call, without sending anything.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "sidecar/cli/check.h"
#include "sidecar/config/environment.h"

namespace naru::cli {

struct ExplainedCall {
  // As HTTP has it, or `grpc` in any case: a POST whose content-type is application/grpc.
  std::string method;
  // http://HOST[:PORT]/path as the application writes it, or /path; of `grpc` also SERVICE/path, where a gRPC
  // client names SERVICE in :authority.
  std::string url;
  std::vector<std::string> headers;  // "name: value"
};

// Prints the service, route, squad and every policy value with where it came from. Returns kSound if a
// service would get the call, kProblems if not, or if the configuration has problems.
int Explain(const std::string& path, const ExplainedCall& call, const config::Environment& environment,
            Format format, std::ostream& out);

}  // namespace naru::cli
