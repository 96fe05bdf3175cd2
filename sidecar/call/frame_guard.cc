#include "sidecar/call/frame_guard.h"

#include <utility>

namespace naru::call {

using http::Http2FrameHead;
using resilience::AbuseKind;

std::optional<AbuseKind> FrameGuard::KindOf(const Http2FrameHead& frame, IsOver is_over) {
  const bool end_or_ack = frame.flags & Http2FrameHead::kEndStreamOrAck;
  switch (frame.type) {
    case Http2FrameHead::kData:
      if (frame.length > 0 || end_or_ack) return std::nullopt;
      return AbuseKind::kEmptyFrames;
    case Http2FrameHead::kRstStream:
      if (frame.stream == std::exchange(last_reset_, frame.stream) || is_over(frame.stream))
        return AbuseKind::kStaleReset;
      return AbuseKind::kRapidReset;
    case Http2FrameHead::kSettings:
      return AbuseKind::kSettings;
    case Http2FrameHead::kPing:
      return AbuseKind::kPing;
    case Http2FrameHead::kContinuation:
      return AbuseKind::kContinuation;
    case Http2FrameHead::kWindowUpdate:
      if (frame.window_increment >= kTinyWindow) return std::nullopt;
      return AbuseKind::kWindow;
    case Http2FrameHead::kHeaders:
    case Http2FrameHead::kGoAway:
      return std::nullopt;
    default:
      return AbuseKind::kPriority;
  }
}

bool FrameGuard::Admit(AbuseKind kind, resilience::TimePoint now) {
  if (kind != AbuseKind::kContinuation) return guard_.Admit(kind, now);
  return ++continuations_ <= resilience::AbuseGuard::AllowanceOf(kind).burst;
}

std::optional<AbuseKind> FrameGuard::Inspect(std::string_view bytes, IsOver is_over,
                                             resilience::TimePoint now) {
  std::optional<AbuseKind> abused;
  scanner_.Scan(bytes, [&](const Http2FrameHead& frame, size_t) {
    const std::optional<AbuseKind> kind = KindOf(frame, is_over);
    if (kind != AbuseKind::kContinuation) continuations_ = 0;
    if (kind && !abused && !Admit(*kind, now)) abused = kind;
  });
  return abused;
}

}  // namespace naru::call
