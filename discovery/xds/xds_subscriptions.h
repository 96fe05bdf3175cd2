// The client's half of ADS, state of the world: what to send, given what arrived, and what the sources learn.
// Pure: no socket, no clock of its own.
//
// EDS by the names of the clusters, or, where `clusters` says so, CDS by those names first and EDS by what
// each Cluster calls its endpoints. What the xDS protocol leaves to the client is decided so:
//
// A response is used where it makes sense, even if other parts of it are refused (NACK): those keep their
// last state, and the version stays the previous one. A load assignment that is not in a response is
// unchanged, an empty one means no endpoints. A known cluster that is not in a CDS response is gone
// ("Deleting Resources"): its addresses may soon be another's. What has not come within 15 s is Trouble, for
// the server may be slow; only where CDS is answered without it, it does not exist. A stream that stands
// confirms what came of it.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "discovery/source.h"
#include "discovery/time.h"
#include "discovery/xds/ads_message.h"
#include "discovery/xds/resources.h"
#include "discovery/xds/type_stream.h"

namespace naru::discovery {

class XdsSubscriptions {
 public:
  static constexpr Duration kConfirmEvery = std::chrono::seconds(15);

  // What is to be reported to the sources of a cluster.
  struct News {
    std::string cluster;
    Report report;

    bool operator==(const News&) const = default;
  };

  // `server` as messages name it.
  XdsSubscriptions(std::string server, AdsNode node, bool clusters);

  // Each once for a cluster, however many sources it has.
  void Subscribe(const std::string& cluster);
  void Unsubscribe(const std::string& cluster);  // the last one forgets everything, the versions too
  bool empty() const { return watched_.empty(); }

  // What is known of a cluster that is subscribed to: the answer for one more source.
  std::optional<Answer> Known(const std::string& cluster) const;

  std::optional<AdsRequest> NextRequest();  // ask again once it was sent
  void RequestSent(TimePoint now);
  std::vector<News> Receive(const AdsResponse& response);
  std::vector<News> Tick(TimePoint now);
  std::optional<TimePoint> NextTick() const;
  bool NeedsNewStream() const { return clusters_.stale() || assignments_.stale(); }

  void StreamEnded();  // the next one begins anew

  // The stream could not be had, as this sentence says: Trouble for everyone.
  std::vector<News> Failed(const std::string& sentence) const;

 private:
  struct Watched {
    std::optional<ClusterResource> resource;  // without CDS: its name only
    bool gone = false;                        // CDS says that there is no such cluster
    bool refused = false;                     // the last that was said of it was malformed
  };
  struct Held {
    LoadAssignmentResource resource;
    std::string version;
  };

  template <typename Content>
  struct Read;  // one response

  void Forget();
  bool IsKnown(const Watched& watched) const;
  void UpdateAssignments();
  std::vector<News> ReceiveClusters(const AdsResponse& response);
  std::vector<News> ReceiveAssignments(const AdsResponse& response);
  void TakeCluster(const std::string& name, const absl::StatusOr<ClusterResource>& content,
                   std::vector<News>& news);
  void TakeGone(const Read<ClusterResource>& read, const std::string& version, std::vector<News>& news);
  void TakeAssignment(const std::string& name, const absl::StatusOr<LoadAssignmentResource>& content,
                      const std::string& version, std::vector<News>& news);
  void TellKnown(const std::string& cluster, std::vector<News>& news) const;
  void TellRefused(const std::string& cluster, const std::string& why, std::vector<News>& news);
  void TellMissing(TimePoint now, std::vector<News>& news);
  void Confirm(std::vector<News>& news) const;
  std::vector<std::string> UsersOf(const std::string& load_assignment) const;  // clusters

  const std::string server_;
  const AdsNode node_;
  const bool with_clusters_;
  std::map<std::string, Watched> watched_;
  std::map<std::string, Held> held_;  // by load assignment
  TypeStream clusters_{ResourceType::kCluster};
  TypeStream assignments_{ResourceType::kLoadAssignment};
  bool introduced_ = false;  // the node was sent on this stream
  std::optional<TimePoint> confirm_at_;
};

}  // namespace naru::discovery
