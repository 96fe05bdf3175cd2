// What is known of one source: its last good answer, guarded, and how asking it goes.
//
//   nothing known --Answer | what was kept on disk--> known --Answer--> known (a new version where it
//   differs) Confirmed and Trouble never change the endpoints.
//
// Pure: the Discoverer passes reports and the time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "discovery/endpoint_set.h"
#include "discovery/private_ranges.h"
#include "discovery/report.h"
#include "discovery/source_uri.h"
#include "discovery/time.h"

namespace naru::discovery {

// What the rest of the process sees of a source.
struct Finding {
  std::shared_ptr<const EndpointSet> set;  // null: nothing is known yet
  bool exists = true;                      // false: the source is sure that it knows no such service
  bool kept = false;                       // from an earlier run: the source has not answered yet
  std::string squad;                       // as the source says; may be empty
  std::string revision;                    // likewise
  TimePoint confirmed{};                   // when the source last said or confirmed the set
  uint64_t answers = 0;
  uint64_t troubles = 0;
  std::string error;  // of the last attempt to ask; empty when that went well
  TimePoint error_at{};
};

// An answer as it is kept over a restart.
struct KeptAnswer {
  Answer answer;
  Duration age{0};  // since it was confirmed
};

class SourceRecord {
 public:
  // What changed for those who look.
  struct Change {
    bool endpoints = false;  // the set, or whether the service exists
    bool trouble_began = false;
    bool trouble_ended = false;
    bool refused = false;  // the guard removed others than before
  };

  SourceRecord(SourceUri uri, const PrivateRanges& ranges) : uri_(std::move(uri)), ranges_(ranges) {}

  // Takes over what an earlier run left, unless the source has answered already.
  Change Restore(KeptAnswer kept, TimePoint now);
  Change Take(Report report, TimePoint now);
  // The guard has other ranges from now on.
  Change UseRanges(const PrivateRanges& ranges);

  const SourceUri& uri() const { return uri_; }
  const Finding& finding() const { return finding_; }
  // The last answer, unguarded.
  Answer answer() const;

 private:
  Change TakeAnswer(Answer answer);
  Change TakeTrouble(Trouble trouble, TimePoint now);
  bool EndTrouble();

  const SourceUri uri_;
  PrivateRanges ranges_;
  Answer told_;                    // the last answer; its endpoints are in finding_.set and here:
  std::vector<Endpoint> refused_;  // those that the guard removed
  Finding finding_;
};

}  // namespace naru::discovery
