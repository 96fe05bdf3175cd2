#include "discovery/dns/record_watch.h"

#include <algorithm>

namespace naru::discovery {
namespace {

Duration Jittered(Duration hold, double uniform) {
  const double share = RecordWatch::kEarliestShare + (1 - RecordWatch::kEarliestShare) * uniform;
  return std::chrono::duration_cast<Duration>(hold * share);
}

Duration Clamped(Duration hold, Duration least, Duration most) {
  return std::max(std::min(hold, most), std::max(least, RecordWatch::kShortestHold));
}

Duration Backoff(int failures) {
  constexpr int kEnoughDoublings = 5;
  const int doublings = std::min(failures - 1, kEnoughDoublings);
  return std::min(RecordWatch::kFirstBackoff * (1 << doublings), RecordWatch::kLongestBackoff);
}

}  // namespace

void RecordWatch::AskBy(TimePoint when) {
  if (due_ != TimePoint::max()) due_ = std::min(due_, when);
}

void RecordWatch::Heard(const DnsAnswer& answer, Duration longest_negative, TimePoint now, double uniform) {
  heard_ = true;
  failures_ = 0;
  if (answer.kind == DnsAnswer::Kind::kRecords) return HearRecords(answer, now, uniform);
  HearNegative(answer, longest_negative, now, uniform);
}

void RecordWatch::HearRecords(const DnsAnswer& answer, TimePoint now, double uniform) {
  standing_ = Standing::kRecords;
  answer_ = answer;
  doubted_ = false;
  due_ = now + Jittered(Clamped(answer.ttl, timing_.min_ttl, timing_.max_ttl), uniform);
}

void RecordWatch::HearNegative(const DnsAnswer& answer, Duration longest, TimePoint now, double uniform) {
  const bool believed = standing_ == Standing::kEmpty || standing_ == Standing::kMissing;
  if (!believed && !doubted_) {
    doubted_ = true;
    due_ = now + kConfirmAfter;
    return;
  }
  standing_ = answer.kind == DnsAnswer::Kind::kMissing ? Standing::kMissing : Standing::kEmpty;
  answer_ = answer;
  doubted_ = false;
  due_ = now + Jittered(Clamped(answer.ttl, timing_.min_ttl, longest), uniform);
}

void RecordWatch::Failed(TimePoint now, double uniform) {
  heard_ = true;
  doubted_ = false;
  ++failures_;
  due_ = now + Jittered(Backoff(failures_), uniform);
}

}  // namespace naru::discovery
