// The catalogue as the page docs/reference/metrics.md.
#pragma once

#include <string>

namespace naru::metrics {

std::string MetricsReference();

}  // namespace naru::metrics
