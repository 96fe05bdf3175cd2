// Any file at all gives an answer within bounds or a sentence, in both formats, and whatever JSON says, YAML
// does not crash over.
#include <cstdint>
#include <string_view>

#include "discovery/endpoint_set.h"
#include "discovery/file/file_sd.h"
#include "tests/fuzz/answer_fuzzing.h"

namespace {

using naru::Require;
using naru::discovery::Answer;
using naru::discovery::FileFormat;

void Read(std::string_view text, FileFormat format) {
  const absl::StatusOr<Answer> answer = naru::discovery::ParseFileSd(text, format, "/f");
  if (!answer.ok()) return Require(std::string_view(answer.status().message().data(), 3) == "/f:");
  naru::RequireWithinBounds(answer->endpoints, naru::discovery::kMostEndpoints);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  Read(text, FileFormat::kJson);
  Read(text, FileFormat::kYaml);
  return 0;
}
