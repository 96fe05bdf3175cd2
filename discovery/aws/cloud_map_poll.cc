#include "discovery/aws/cloud_map_poll.h"

#include <algorithm>

namespace naru::discovery::aws {
namespace {

using std::chrono::seconds;

constexpr Duration kRefresh = seconds(30);
constexpr Duration kFirstBackoff = seconds(1);  // while nothing is known yet
constexpr Duration kLongestBackoff = seconds(60);
constexpr Duration kAskAgain = seconds(1);  // before a service is believed not to be there
constexpr Duration kLongestMissing = seconds(30);
constexpr int kBelieved = 2;  // times not found
constexpr int kMostDoublings = 10;

Duration Times(Duration duration, double factor) {
  return std::chrono::duration_cast<Duration>(duration * factor);
}

// +-20 %, so that sidecars that started together do not stay together.
Duration Jittered(Duration duration, double uniform) {
  return Times(duration, 0.8 + 0.4 * uniform);
}

Duration Doubled(Duration duration, int times, Duration longest) {
  return std::min(duration * (int64_t{1} << std::clamp(times, 0, kMostDoublings)), longest);
}

}  // namespace

CloudMapPoll::CloudMapPoll(Duration interval, TimePoint now)
    : interval_(interval), refresh_(std::max(kRefresh, interval)), revision_at_(now), instances_at_(now) {}

CloudMapPoll::Next CloudMapPoll::next() const {
  if (missing_) return {CloudMapRequest::kRevision, revision_at_};
  if (!answered_ || instances_at_ <= revision_at_) return {CloudMapRequest::kInstances, instances_at_};
  return {CloudMapRequest::kRevision, revision_at_};
}

bool CloudMapPoll::RevisionCame(int64_t revision, TimePoint now, double uniform) {
  throttled_ = not_found_ = revision_failures_ = 0;
  missing_ = false;
  revision_at_ = now + Jittered(interval_, uniform);
  // Also where it has gone backwards: it is a name for a state, not a count.
  const bool known = answered_ && revision == revision_;
  if (!known) instances_at_ = now;
  return known;
}

void CloudMapPoll::InstancesCame(std::optional<int64_t> revision, TimePoint now, double uniform) {
  throttled_ = not_found_ = instances_failures_ = 0;
  revision_ = revision;
  revision_at_ = now + Jittered(interval_, uniform);
  // The first refresh is anywhere: after a start of all at once, they are spread from the second round on.
  instances_at_ = now + (answered_ ? Jittered(refresh_, uniform) : Times(refresh_, uniform));
  answered_ = true;
}

bool CloudMapPoll::Failed(CloudMapFailure failure, TimePoint now, double uniform) {
  const bool instances = next().request == CloudMapRequest::kInstances;
  if (failure == CloudMapFailure::kNotFound) return NotFound(now, uniform);
  if (not_found_ < kBelieved) not_found_ = 0;
  if (failure == CloudMapFailure::kThrottled) {
    const TimePoint later = now + Backoff(++throttled_, uniform);
    instances_at_ = instances ? later : std::max(instances_at_, later);
    revision_at_ = instances ? std::max(revision_at_, later) : later;
    return false;
  }
  int& failures = instances ? instances_failures_ : revision_failures_;
  (instances ? instances_at_ : revision_at_) = now + Backoff(failures++, uniform);
  return false;
}

bool CloudMapPoll::NotFound(TimePoint now, double uniform) {
  ++not_found_;
  missing_ = true;
  const bool believed = not_found_ >= kBelieved;
  if (believed) answered_ = false;
  const Duration wait =
      believed ? Doubled(interval_, not_found_ - kBelieved, std::max(kLongestMissing, interval_)) : kAskAgain;
  revision_at_ = now + Jittered(wait, uniform);
  return believed;
}

// Of the upper half of the wait: the sidecars that were turned away together come back apart.
Duration CloudMapPoll::Backoff(int failures, double uniform) const {
  const Duration first = answered_ ? interval_ : kFirstBackoff;
  return Times(Doubled(first, failures, std::max(kLongestBackoff, interval_)), 0.5 + 0.5 * uniform);
}

}  // namespace naru::discovery::aws
