// When the frames of one HTTP/2 connection stop being use and become abuse: each kind may come as often as
// any honest peer could need, and no oftener (CVE-2023-44487, CVE-2019-9511 to 9518, CVE-2024-28182).
//
// Pure: told what was received and when, it says which kind went too far. One per connection.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "resilience/time.h"

namespace naru::resilience {

enum class AbuseKind : uint8_t {
  kRapidReset,    // streams opened to be reset
  kStaleReset,    // resets of streams that are over
  kContinuation,  // a header block without end
  kEmptyFrames,   // DATA without a byte
  kPing,
  kSettings,
  kPriority,    // PRIORITY and frames of unknown types
  kWindow,      // the window opened by a few bytes at a time
  kHeaderList,  // a header list far over the limit, or one that unpacks to it
};
inline constexpr int kAbuseKinds = static_cast<int>(AbuseKind::kHeaderList) + 1;

// "rapid_reset", the `kind` label of naru_http2_abuse_total.
std::string_view WordOf(AbuseKind kind);

class AbuseGuard {
 public:
  explicit AbuseGuard(TimePoint now);

  // One more of this kind. False: it is one too many.
  bool Admit(AbuseKind kind, TimePoint now);

  // How many may come at once, and how many a second in the long run.
  struct Allowance {
    double burst;
    double per_second;
  };
  static Allowance AllowanceOf(AbuseKind kind);

 private:
  struct Bucket {
    double tokens;
    TimePoint filled_at;
  };
  std::array<Bucket, kAbuseKinds> buckets_;
};

}  // namespace naru::resilience
