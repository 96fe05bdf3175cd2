#include "resilience/abuse_guard.h"

#include <algorithm>

namespace naru::resilience {
namespace {

struct Row {
  AbuseKind kind;
  std::string_view word;
  AbuseGuard::Allowance allowance;
};

// In the order of AbuseKind. gRPC's libraries send a PING a round trip while they measure bandwidth, and a
// busy application resets every call whose deadline passes, hence their room. Some libraries reset a stream
// again for every frame of it that was still on its way, which costs nobody anything. CONTINUATION is counted
// anew for each header block: 64 KiB need three or, sent with little skill, some more.
constexpr std::array<Row, kAbuseKinds> kRows = {{
    {AbuseKind::kRapidReset, "rapid_reset", {1000, 200}},
    {AbuseKind::kStaleReset, "stale_reset", {10'000, 2'000}},
    {AbuseKind::kContinuation, "continuation", {32, 0}},
    {AbuseKind::kEmptyFrames, "empty_frames", {200, 20}},
    {AbuseKind::kPing, "ping", {10'000, 2'000}},
    {AbuseKind::kSettings, "settings", {100, 10}},
    {AbuseKind::kPriority, "priority", {1000, 200}},
    {AbuseKind::kWindow, "window", {4000, 200}},
    {AbuseKind::kHeaderList, "header_list", {0, 0}},
}};

}  // namespace

std::string_view WordOf(AbuseKind kind) {
  return kRows[static_cast<size_t>(kind)].word;
}

AbuseGuard::Allowance AbuseGuard::AllowanceOf(AbuseKind kind) {
  return kRows[static_cast<size_t>(kind)].allowance;
}

AbuseGuard::AbuseGuard(TimePoint now) {
  for (size_t i = 0; i < buckets_.size(); ++i) buckets_[i] = {kRows[i].allowance.burst, now};
}

bool AbuseGuard::Admit(AbuseKind kind, TimePoint now) {
  Bucket& bucket = buckets_[static_cast<size_t>(kind)];
  const Allowance allowance = AllowanceOf(kind);
  const double seconds = std::chrono::duration<double>(now - bucket.filled_at).count();
  bucket.filled_at = now;
  bucket.tokens = std::min(allowance.burst, bucket.tokens + seconds * allowance.per_second) - 1;
  return bucket.tokens >= 0;
}

}  // namespace naru::resilience
