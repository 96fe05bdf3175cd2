// Makes the configuration out of a draft: lays the layers over each other, and finds what contradicts what.
#pragma once

#include "sidecar/config/config.h"
#include "sidecar/config/draft.h"
#include "sidecar/config/problem_list.h"

namespace naru::config {

// Every contradiction goes into `problems`; with one, the result is of no use.
Config BuildConfig(const Draft& draft, ProblemList& problems);

}  // namespace naru::config
