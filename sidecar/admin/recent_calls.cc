#include "sidecar/admin/recent_calls.h"

#include <utility>

namespace naru::admin {
namespace {

void Cut(std::string& text) {
  if (text.size() > RecentCalls::kMaxTextBytes) text.resize(RecentCalls::kMaxTextBytes);
}

bool Matches(const RecentCall& call, const RecentFilter& filter) {
  return (filter.outcome.empty() || call.outcome == filter.outcome) &&
         (filter.service.empty() || call.service == filter.service) &&
         (filter.squad.empty() || call.squad == filter.squad);
}

}  // namespace

void RecentCalls::Add(RecentCall call) {
  call.path.resize(std::min(call.path.find('?'), call.path.size()));
  for (std::string* text : {&call.request_id, &call.method, &call.path, &call.detail}) Cut(*text);
  if (call.attempts.size() > kMaxAttempts) call.attempts.resize(kMaxAttempts);
  for (RecentAttempt& attempt : call.attempts) Cut(attempt.detail);

  auto entry = std::make_shared<const RecentCall>(std::move(call));
  const std::lock_guard lock(mutex_);
  ring_[next_].swap(entry);  // the one that leaves is freed after the lock: `entry` is older than it
  next_ = (next_ + 1) % kCalls;
}

std::vector<std::shared_ptr<const RecentCall>> RecentCalls::Select(const RecentFilter& filter) const {
  std::vector<std::shared_ptr<const RecentCall>> calls;
  calls.reserve(kCalls);
  {
    const std::lock_guard lock(mutex_);
    for (size_t age = 1; age <= kCalls; ++age) calls.push_back(ring_[(next_ + kCalls - age) % kCalls]);
  }
  std::erase_if(calls, [&filter](const auto& call) { return call == nullptr || !Matches(*call, filter); });
  return calls;
}

}  // namespace naru::admin
