// Reads Prometheus' file_sd format: [{"targets": ["10.0.1.11:8080"], "labels": {"zone": "a"}}], in JSON or
// YAML.
//
// Pure: text in, answer or sentence out. Labels hold for every target of their entry: `zone` (or
// `availability_zone`) and `weight` become those of the endpoint, `squad` that of the service, and of the
// others the first Endpoint::kMostMetadata by name become metadata. `[]` says that there is nothing; an empty
// file says nothing and is an error.
#pragma once

#include <string_view>

#include "absl/status/statusor.h"
#include "discovery/source.h"

namespace naru::discovery {

enum class FileFormat { kJson, kYaml };

// By how the path ends: .json, or .yaml and .yml.
FileFormat FormatOf(std::string_view path);

inline constexpr size_t kLargestFileSd = 16 * 1024 * 1024;
inline constexpr size_t kLargestYaml = 2 * 1024 * 1024;  // it takes twenty times as long to read
inline constexpr size_t kLongestLabelName = 128;
inline constexpr size_t kLongestLabel = 512;

// Fails with a sentence that begins with `path`, and names the place or the entry and what to write there.
absl::StatusOr<Answer> ParseFileSd(std::string_view text, FileFormat format, std::string_view path);

}  // namespace naru::discovery
