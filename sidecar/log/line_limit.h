// Decides which lines of a kind are written, so that an outage of one service does not flood the log.
//
// Of each key the first `per_second` lines of a second are written; how many more there were is known at its
// end. Reads no clock. Not thread-safe; its logger guards it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace naru::log {

class LineLimit {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Keys beyond these share one.
  static constexpr size_t kMaxKeys = 1024;
  static constexpr std::string_view kOtherKeys = "other";

  struct Suppressed {
    std::string key;
    uint64_t lines = 0;

    bool operator==(const Suppressed&) const = default;
  };

  explicit LineLimit(uint32_t per_second) : per_second_(per_second) {}

  // May this line be written?
  bool Admit(std::string_view key, TimePoint now);

  // Whether TakeEnded will have something to say once the second of some key is over.
  bool owes_lines() const { return suppressed_keys_ > 0; }

  // What was not written in seconds that are over at `now`, by key; forgets those keys.
  std::vector<Suppressed> TakeEnded(TimePoint now);

 private:
  struct Second {
    TimePoint start;
    uint32_t written = 0;
    uint64_t suppressed = 0;
  };
  std::map<std::string, Second, std::less<>>::iterator FindOrAdd(std::string_view key, TimePoint now);

  const uint32_t per_second_;
  size_t suppressed_keys_ = 0;
  std::map<std::string, Second, std::less<>> seconds_;
};

}  // namespace naru::log
