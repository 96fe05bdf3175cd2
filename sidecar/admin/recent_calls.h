// Remembers the last failed and slow calls with their attempts, for the person who asks why.
//
// Any thread may add and select. Adding waits for a pointer to be swapped, never for a reader: only calls
// that failed or were slow get here, but then many may come at once. Everything in it is bounded.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace naru::admin {

struct RecentAttempt {
  std::string endpoint;
  std::string outcome;
  double start_ms = 0;  // since the call began
  double ms = 0;
  std::string detail;
  bool free = false;  // retry.attempts does not count it
};

struct RecentCall {
  std::chrono::system_clock::time_point time_of_day;  // when it began
  std::string request_id;
  std::string caller;  // "SQUAD/SERVICE"
  std::string squad;
  std::string service;
  std::string route;
  std::string method;
  std::string path;
  std::string peer;  // whose connection it came on; empty: not asked for
  std::string outcome;
  int status = 0;  // 0: no answer was given
  double ms = 0;
  std::string detail;
  std::vector<RecentAttempt> attempts;
};

// Empty strings match everything.
struct RecentFilter {
  std::string outcome;
  std::string service;
  std::string squad;
};

class RecentCalls {
 public:
  static constexpr size_t kCalls = 256;
  static constexpr size_t kMaxTextBytes = 256;  // of every text that a peer may have written
  static constexpr size_t kMaxAttempts = 32;

  // Drops the query of the path, which may hold secrets, and cuts what is too long.
  void Add(RecentCall call);

  // Newest first.
  std::vector<std::shared_ptr<const RecentCall>> Select(const RecentFilter& filter) const;

 private:
  mutable std::mutex mutex_;  // guards what follows
  std::array<std::shared_ptr<const RecentCall>, kCalls> ring_;
  size_t next_ = 0;
};

}  // namespace naru::admin
