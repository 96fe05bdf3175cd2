// Holds the frames of an application's HTTP/2 connection against what an honest application could send.
#pragma once

#include <optional>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "resilience/abuse_guard.h"
#include "sidecar/http/http2_frame_scanner.h"
#include "sidecar/http/http2_session.h"

namespace naru::call {

class FrameGuard {
 public:
  explicit FrameGuard(resilience::TimePoint now) : scanner_(http::kHttp2Preface.size()), guard_(now) {}

  // True for a stream that was over before the bytes at hand came.
  using IsOver = absl::FunctionRef<bool(int32_t stream)>;

  // What in `bytes`, which were received at `now`, went too far, if anything did.
  std::optional<resilience::AbuseKind> Inspect(std::string_view bytes, IsOver is_over,
                                               resilience::TimePoint now);
  // Something that costs as much as a frame of this kind. False: it went too far.
  bool Count(resilience::AbuseKind kind, resilience::TimePoint now) { return guard_.Admit(kind, now); }

 private:
  static constexpr uint32_t kTinyWindow = 32;  // bytes; nobody opens a window by less in earnest
  // What a frame counts as, or nothing.
  std::optional<resilience::AbuseKind> KindOf(const http::Http2FrameHead& frame, IsOver is_over);
  bool Admit(resilience::AbuseKind kind, resilience::TimePoint now);

  http::Http2FrameScanner scanner_;
  resilience::AbuseGuard guard_;
  int continuations_ = 0;   // of the header block in progress
  int32_t last_reset_ = 0;  // the stream that was reset last
};

}  // namespace naru::call
