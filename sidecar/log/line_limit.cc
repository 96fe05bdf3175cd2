#include "sidecar/log/line_limit.h"

namespace naru::log {

bool LineLimit::Admit(std::string_view key, TimePoint now) {
  Second& second = FindOrAdd(key, now)->second;
  // A second that owes lines stays open until they are taken, so that none is forgotten.
  if (now - second.start >= std::chrono::seconds(1) && second.suppressed == 0) second = Second{now};
  if (second.written < per_second_) {
    ++second.written;
    return true;
  }
  if (++second.suppressed == 1) ++suppressed_keys_;
  return false;
}

std::vector<LineLimit::Suppressed> LineLimit::TakeEnded(TimePoint now) {
  std::vector<Suppressed> ended;
  std::erase_if(seconds_, [&](const auto& entry) {
    const auto& [key, second] = entry;
    if (now - second.start < std::chrono::seconds(1)) return false;
    if (second.suppressed > 0) ended.push_back({key, second.suppressed});
    return true;
  });
  suppressed_keys_ -= ended.size();
  return ended;
}

std::map<std::string, LineLimit::Second, std::less<>>::iterator LineLimit::FindOrAdd(std::string_view key,
                                                                                     TimePoint now) {
  auto found = seconds_.find(key);
  if (found != seconds_.end()) return found;
  if (seconds_.size() >= kMaxKeys) key = kOtherKeys;
  return seconds_.try_emplace(std::string(key), Second{now}).first;
}

}  // namespace naru::log
