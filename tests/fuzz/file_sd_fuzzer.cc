// Any file at all gives an answer within bounds or a sentence, in both formats, and whatever JSON says, YAML
// does not crash over.
#include <cstdint>
#include <string_view>

#include "discovery/endpoint_set.h"
#include "discovery/file/file_sd.h"
#include "tests/fuzz/require.h"

namespace {

using naru::Require;
using naru::discovery::Answer;
using naru::discovery::Endpoint;
using naru::discovery::FileFormat;

void Read(std::string_view text, FileFormat format) {
  const absl::StatusOr<Answer> answer = naru::discovery::ParseFileSd(text, format, "/f");
  if (!answer.ok()) return Require(std::string_view(answer.status().message().data(), 3) == "/f:");
  Require(answer->endpoints.size() <= naru::discovery::kMostEndpoints);
  for (const Endpoint& endpoint : answer->endpoints) {
    Require(endpoint.weight >= 1 && endpoint.weight <= Endpoint::kMostWeight && endpoint.address.port != 0);
    Require(endpoint.metadata.size() <= Endpoint::kMostMetadata);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Read(text, FileFormat::kJson);
  Read(text, FileFormat::kYaml);
  return 0;
}
