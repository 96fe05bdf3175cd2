// Decides what is believed of one DNS question, such as the A records of a name, and when it is asked again.
//
// Pure: time and chance are arguments. Its owner asks when `due` has come, and gives back what it heard.
//
//   Unknown, Records, Empty, Missing --records--> Records
//   Unknown, Records --negative--> (doubt: asked again soon) --negative--> Empty (NODATA) or Missing
//   (NXDOMAIN) Empty, Missing --negative--> Empty or Missing any --failure--> the same: asked again after 1
//   s, 2 s, 4 s ... 30 s
#pragma once

#include <cstdint>
#include <vector>

#include "discovery/dns/dns_answer.h"
#include "discovery/time.h"

namespace naru::discovery {

// A TTL that an answer gives is brought into these bounds.
struct DnsTiming {
  Duration min_ttl = std::chrono::seconds(1);
  Duration max_ttl = std::chrono::seconds(30);
};

class RecordWatch {
 public:
  enum class Standing : uint8_t { kUnknown, kRecords, kEmpty, kMissing };

  // Nothing is held for less, whatever is configured: a TTL of 0 must not become a busy loop.
  static constexpr Duration kShortestHold = std::chrono::milliseconds(100);
  static constexpr Duration kConfirmAfter = std::chrono::seconds(1);
  // A service created after it was first asked for is to be seen soon, and a Cloud Map zone's SOA says 300 s.
  static constexpr Duration kLongestNegative = std::chrono::seconds(5);
  static constexpr Duration kFirstBackoff = std::chrono::seconds(1);
  // RFC 8767 5: not more often than every 30 s while refreshing fails.
  static constexpr Duration kLongestBackoff = std::chrono::seconds(30);
  // Before the TTL ends, and not at one moment for all sidecars: after this share of it at the earliest.
  static constexpr double kEarliestShare = 0.8;

  // Due at once.
  RecordWatch(const DnsTiming& timing, TimePoint now) : timing_(timing), due_(now) {}

  // When to ask; TimePoint::max() while the question is under way.
  TimePoint due() const { return due_; }
  void Ask() { due_ = TimePoint::max(); }

  // The owner wants it asked by then, unless it is under way.
  void AskBy(TimePoint when);

  // An answer came. A negative one is held for `longest_negative` at most. `uniform` is from [0, 1).
  void Heard(const DnsAnswer& answer, Duration longest_negative, TimePoint now, double uniform);
  // No usable answer came.
  void Failed(TimePoint now, double uniform);

  Standing standing() const { return standing_; }
  bool doubted() const { return doubted_; }   // a first negative answer, not believed yet
  bool heard() const { return heard_; }       // an answer or a failure, ever
  int failures() const { return failures_; }  // in a row
  bool sure() const { return standing_ != Standing::kUnknown; }
  const DnsAnswer& answer() const { return answer_; }  // the last one believed

 private:
  void HearRecords(const DnsAnswer& answer, TimePoint now, double uniform);
  void HearNegative(const DnsAnswer& answer, Duration longest, TimePoint now, double uniform);

  DnsTiming timing_;
  TimePoint due_;
  Standing standing_ = Standing::kUnknown;
  DnsAnswer answer_;
  bool doubted_ = false;
  bool heard_ = false;
  int failures_ = 0;  // in a row
};

}  // namespace naru::discovery
