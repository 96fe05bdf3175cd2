// naru explain: what would happen to a call, without sending anything.
#pragma once

#include <ostream>
#include <string>

#include "sidecar/cli/check.h"
#include "sidecar/cli/explained_request.h"
#include "sidecar/config/environment.h"

namespace naru::cli {

// Prints the service, route, squad and every policy value with where it came from. Returns kSound if a
// service would get the call, kProblems if not, or if the configuration has problems.
int Explain(const std::string& path, const ExplainedCall& call, const config::Environment& environment,
            Format format, std::ostream& out);

}  // namespace naru::cli
