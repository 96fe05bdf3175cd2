// How the last failed attempt at an endpoint failed, for people: written where an attempt fails, read by the
// admin port.
//
// One word, so that whoever reads it sees the time of the failure that it tells of. Of two workers' failures
// at once, either may stay.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "resilience/failure.h"
#include "resilience/grpc_status.h"
#include "resilience/time.h"

namespace naru::call {

class LastFailure {
 public:
  void Record(resilience::FailureKind kind, resilience::TimePoint now) {
    Store(kFirstKind + static_cast<uint64_t>(kind), now);
  }
  void Record(resilience::GrpcCode code, resilience::TimePoint now) {
    Store(kFirstGrpcCode + static_cast<uint64_t>(code), now);
  }
  void RecordStatus(int http_status, resilience::TimePoint now) {
    Store(static_cast<uint64_t>(http_status), now);
  }

  struct Reading {
    std::string reason;          // "connect_refused", "status 503", "grpc-status UNAVAILABLE"
    resilience::TimePoint at{};  // to the microsecond, rounded down
  };
  // Nothing before the first.
  std::optional<Reading> Read() const {
    const uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return std::nullopt;
    return Reading{ReasonOf(word & kReasonMask),
                   resilience::TimePoint(std::chrono::microseconds(word >> kReasonBits))};
  }

 private:
  static constexpr int kReasonBits = 16;  // 48 are left for microseconds: nine years since the host started
  static constexpr uint64_t kReasonMask = (uint64_t{1} << kReasonBits) - 1;
  // Below them, an HTTP status.
  static constexpr uint64_t kFirstKind = 1000;
  static constexpr uint64_t kFirstGrpcCode = 2000;

  void Store(uint64_t reason, resilience::TimePoint now) {
    const auto us = std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    word_.store(static_cast<uint64_t>(std::max<int64_t>(us, 0)) << kReasonBits | reason,
                std::memory_order_relaxed);
  }
  static std::string ReasonOf(uint64_t reason) {
    if (reason >= kFirstGrpcCode) {
      const auto code = static_cast<resilience::GrpcCode>(reason - kFirstGrpcCode);
      return "grpc-status " + std::string(resilience::WordOf(code));
    }
    if (reason < kFirstKind) return "status " + std::to_string(reason);
    return std::string(resilience::TraitsOf(static_cast<resilience::FailureKind>(reason - kFirstKind)).name);
  }

  std::atomic<uint64_t> word_{0};  // 0: none
};

}  // namespace naru::call
