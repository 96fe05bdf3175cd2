#include "resilience/keep_alive.h"

#include <algorithm>

namespace naru::resilience {

KeepAlive::Verdict KeepAlive::Check(bool has_streams, TimePoint now) const {
  if (asked_at_) return now >= *asked_at_ + policy_.answer_within ? Verdict::kSilent : Verdict::kFine;
  if (!has_streams && now >= std::max(used_at_, heard_at_) + policy_.idle_limit) return Verdict::kIdle;
  if (has_streams && now >= heard_at_ + policy_.ask_after) return Verdict::kAsk;
  return Verdict::kFine;
}

bool KeepAlive::Trusted(bool has_streams, TimePoint now) const {
  if (asked_at_) return false;
  return has_streams || now < heard_at_ + policy_.trusted_for;
}

TimePoint KeepAlive::NextCheck(bool has_streams) const {
  if (asked_at_) return *asked_at_ + policy_.answer_within;
  return has_streams ? heard_at_ + policy_.ask_after : std::max(used_at_, heard_at_) + policy_.idle_limit;
}

}  // namespace naru::resilience
