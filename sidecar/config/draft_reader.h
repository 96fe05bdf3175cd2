// Reads files into a draft. Every key of the file is a row of a table in draft_reader.cc (the policy keys: in
// policy_fields.cc); what does not fit its row becomes a problem, and reading goes on.
#pragma once

#include "sidecar/config/draft.h"
#include "sidecar/config/environment.h"
#include "sidecar/config/problem_list.h"
#include "sidecar/config/yaml_document.h"

namespace naru::config {

inline constexpr size_t kMostServices = 10'000;
inline constexpr size_t kMostRoutes = 500;        // of one service
inline constexpr size_t kMostEndpoints = 10'000;  // of one service
inline constexpr size_t kLongestText = 4096;

// `file` is the index of the file in `problems`.
void ReadMainFile(const YamlNode& root, int file, const Environment& environment, ProblemList& problems,
                  Draft& draft);

// Adds the services of a file that `include` names; it may hold nothing else.
void ReadIncludedFile(const YamlNode& root, int file, const Environment& environment, ProblemList& problems,
                      Draft& draft);

}  // namespace naru::config
