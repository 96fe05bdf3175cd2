// Which endpoints a snapshot wants checked, and how.
#pragma once

#include <vector>

#include "sidecar/call/snapshot.h"
#include "sidecar/health/checked_endpoint.h"

namespace naru {

std::vector<health::CheckedEndpoint> CheckedEndpoints(const call::Snapshot& snapshot);

}  // namespace naru
