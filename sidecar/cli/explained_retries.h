// What of a call is tried again, as a sentence: asked of the decision that run makes, for every word of
// `retry.on`.
#pragma once

#include <string>

#include "resilience/retry_policy.h"
#include "sidecar/http/message.h"

namespace naru::cli {

std::string ExplainRetries(const http::RequestHead& head, const resilience::RetryPolicy& policy);

}  // namespace naru::cli
