// Which build this is.
#pragma once

namespace naru {

extern const char* const kVersion;    // "0.1.0"
extern const char* const kCommit;     // as git names it, or "unknown"
extern const char* const kBuildType;  // "Release"

}  // namespace naru
