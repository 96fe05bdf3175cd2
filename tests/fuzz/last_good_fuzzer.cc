// Whatever stands in the file of a last good answer gives an answer that can be kept again, or a clause.
#include <cstdint>
#include <string_view>

#include "discovery/last_good.h"
#include "tests/fuzz/require.h"

using naru::Require;
using namespace naru::discovery;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const SourceUri kUri = *SourceUri::Parse("dns://courses.internal:80");
  const WallTime now{std::chrono::hours(500'000)};
  const absl::StatusOr<KeptAnswer> kept = DecodeKept({reinterpret_cast<const char*>(data), size}, kUri, now);
  if (!kept.ok()) {
    Require(!kept.status().message().empty());
    return 0;
  }
  Require(kept->age <= kLongestKept && kept->answer.endpoints.size() <= kMostEndpoints);
  const absl::StatusOr<KeptAnswer> again = DecodeKept(EncodeKept(kUri, kept->answer, now), kUri, now);
  Require(again.ok() && again->answer == kept->answer);
  return 0;
}
