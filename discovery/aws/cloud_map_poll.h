// When to ask Cloud Map for what, about one service.
//
// Pure: time and chance are arguments. The quotas are of the account and region, shared by every sidecar:
// 1,000 DiscoverInstances a second (bucket 2,000) and 3,000 DiscoverInstancesRevision. So the cheap revision
// is asked for every interval, and the instances when it has changed, and every half minute besides, as a
// change of health does not change the revision. Source: "AWS Cloud Map quotas", AWS Cloud Map Developer
// Guide.
//
//   no answer yet --instances--> watching --revision differs--> instances --> watching
//        ^                          |  '--half a minute--> instances --> watching
//        |                          '--not found, and again--> not there --revision--> instances
#pragma once

#include <cstdint>
#include <optional>

#include "discovery/time.h"

namespace naru::discovery::aws {

enum class CloudMapRequest { kRevision, kInstances };

enum class CloudMapFailure {
  kThrottled,  // the quota is used up
  kNotFound,   // no such service or namespace
  kOther,
};

class CloudMapPoll {
 public:
  struct Next {
    CloudMapRequest request;
    TimePoint at;

    bool operator==(const Next&) const = default;
  };

  CloudMapPoll(Duration interval, TimePoint now);

  Next next() const;

  // What came of the request that `next` said. `uniform` is of [0, 1).
  //
  // True where the revision is the known one: what was answered last is confirmed.
  bool RevisionCame(int64_t revision, TimePoint now, double uniform);
  void InstancesCame(std::optional<int64_t> revision, TimePoint now, double uniform);
  // True where a service that was not found is believed not to be there.
  bool Failed(CloudMapFailure failure, TimePoint now, double uniform);

 private:
  Duration Backoff(int failures, double uniform) const;
  bool NotFound(TimePoint now, double uniform);

  const Duration interval_;
  const Duration refresh_;  // of the instances
  bool answered_ = false;   // and since then not lost
  bool missing_ = false;
  std::optional<int64_t> revision_;
  TimePoint revision_at_;
  TimePoint instances_at_;
  int throttled_ = 0;  // in succession, of either request
  int not_found_ = 0;
  int revision_failures_ = 0;
  int instances_failures_ = 0;
};

}  // namespace naru::discovery::aws
