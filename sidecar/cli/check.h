// naru check: everything that can be known of a configuration without traffic.
#pragma once

#include <ostream>
#include <string>

#include "sidecar/cli/public_names.h"
#include "sidecar/config/load_config.h"

namespace naru::cli {

// Exit codes of check and explain.
inline constexpr int kSound = 0;
inline constexpr int kProblems = 1;
inline constexpr int kUnreadable = 2;  // also: the command line itself is wrong

enum class Format { kText, kJson };

// Prints every problem, or the map of local ports to services. With a way to resolve names, also which of the
// services' hosts still lead to a public address. Returns the exit code.
int Check(const std::string& path, const config::Environment& environment, Format format, std::ostream& out,
          const ResolveName& resolve = {});

// What check prints of problems as JSON; explain prints the same.
std::string ProblemsJson(const std::string& path, const config::LoadResult& result);

}  // namespace naru::cli
