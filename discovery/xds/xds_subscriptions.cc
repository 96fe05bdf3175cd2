#include "discovery/xds/xds_subscriptions.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

constexpr size_t kMostProblems = 10;        // told of one response
constexpr size_t kLongestError = 4 * 1024;  // bytes of a NACK's error_detail

void Tell(const std::string& cluster, Report report, std::vector<XdsSubscriptions::News>& news) {
  news.push_back({cluster, std::move(report)});
}

}  // namespace

// What a response says of the resources that are wanted, each once, and what is wrong with it.
template <typename Content>
struct XdsSubscriptions::Read {
  std::map<std::string, absl::StatusOr<Content>> by_name;
  std::vector<std::string> nameless;  // problems of nobody knows which resource

  Read(const AdsResponse& response, const TypeStream& stream, Decoded<Content> (*decode)(std::string_view)) {
    for (const AdsResource& resource : response.resources) {
      if (resource.type_url != response.type_url) {
        nameless.push_back(Cat("a resource is of type \"", resource.type_url, "\""));
        continue;
      }
      Take(decode(resource.bytes), stream);
    }
  }

  // Silent about what was not asked for (xDS protocol, "How the client specifies what resources to return").
  void Take(Decoded<Content> decoded, const TypeStream& stream) {
    if (decoded.name.empty()) {
      nameless.push_back(Cat("a resource cannot be used: ", decoded.content.status().message()));
    } else if (stream.Wants(decoded.name)) {
      const auto [at, first] = by_name.try_emplace(std::move(decoded.name), std::move(decoded.content));
      // xDS protocol, "Duplicate Resource Names".
      if (!first) at->second = absl::InvalidArgumentError("it is in the response twice");
    }
  }

  // For the server's people; empty where nothing is wrong.
  std::string Error() const {
    std::vector<std::string> problems = nameless;
    for (const auto& [name, content] : by_name) {
      if (!content.ok()) problems.push_back(Cat("\"", name, "\": ", content.status().message()));
    }
    const size_t all = problems.size();
    problems.resize(std::min(all, kMostProblems));
    std::string error = Join(problems, "; ");
    error.resize(std::min(error.size(), kLongestError));
    if (all > kMostProblems) error += Cat("; and ", all - kMostProblems, " more");
    return error;
  }

  void Conclude(const AdsResponse& response, TypeStream& stream) const {
    for (const auto& [name, content] : by_name) stream.Arrived(name);
    std::string error = Error();
    if (error.empty()) {
      stream.Accept(response.version, response.nonce);
    } else {
      stream.Reject(response.nonce, std::move(error));
    }
  }
};

XdsSubscriptions::XdsSubscriptions(std::string server, AdsNode node, bool clusters)
    : server_(std::move(server)), node_(std::move(node)), with_clusters_(clusters) {}

// --- what is wanted ---

void XdsSubscriptions::Subscribe(const std::string& cluster) {
  Watched& watched = watched_[cluster];
  if (with_clusters_) return clusters_.Want(cluster);
  watched.resource = ClusterResource{.load_assignment = cluster, .squad = ""};
  assignments_.Want(cluster);
}

void XdsSubscriptions::Unsubscribe(const std::string& cluster) {
  watched_.erase(cluster);
  if (watched_.empty()) return Forget();
  if (with_clusters_) {
    clusters_.GiveUp(cluster);
    UpdateAssignments();
  } else {
    assignments_.GiveUp(cluster);
    held_.erase(cluster);
  }
}

void XdsSubscriptions::Forget() {
  held_.clear();
  clusters_ = TypeStream(ResourceType::kCluster);
  assignments_ = TypeStream(ResourceType::kLoadAssignment);
  introduced_ = false;
  confirm_at_.reset();
}

// With CDS: what the known clusters refer to.
void XdsSubscriptions::UpdateAssignments() {
  std::set<std::string> names;
  for (const auto& [cluster, watched] : watched_) {
    if (watched.resource) names.insert(watched.resource->load_assignment);
  }
  std::erase_if(held_, [&names](const auto& held) { return !names.contains(held.first); });
  assignments_.WantOnly(names);
}

std::vector<std::string> XdsSubscriptions::UsersOf(const std::string& load_assignment) const {
  if (!with_clusters_) return {load_assignment};
  std::vector<std::string> users;
  for (const auto& [name, watched] : watched_) {
    if (watched.resource && watched.resource->load_assignment == load_assignment) users.push_back(name);
  }
  return users;
}

// --- what is known ---

bool XdsSubscriptions::IsKnown(const Watched& watched) const {
  return watched.gone || (watched.resource && held_.contains(watched.resource->load_assignment));
}

std::optional<Answer> XdsSubscriptions::Known(const std::string& cluster) const {
  const auto at = watched_.find(cluster);
  if (at == watched_.end() || !IsKnown(at->second)) return std::nullopt;
  if (at->second.gone) return Answer{.endpoints = {}, .exists = false, .squad = "", .revision = ""};
  const ClusterResource& resource = *at->second.resource;
  const Held& held = held_.at(resource.load_assignment);
  return Answer{.endpoints = held.resource.endpoints,
                .exists = true,
                .squad = resource.squad,
                .revision = held.version};
}

void XdsSubscriptions::TellKnown(const std::string& cluster, std::vector<News>& news) const {
  std::optional<Answer> known = Known(cluster);
  if (!known) return;
  const bool exists = known->exists;
  Tell(cluster, *std::move(known), news);
  if (!exists) return;
  const Held& held = held_.at(watched_.at(cluster).resource->load_assignment);
  if (held.resource.unsupported.empty()) return;
  Tell(cluster,
       Trouble{Cat("the xDS server ", server_, " sets ", held.resource.unsupported, " for \"", cluster,
                   "\", which naru does not do; the endpoints are used as if it were not there")},
       news);
}

void XdsSubscriptions::TellRefused(const std::string& cluster, const std::string& why,
                                   std::vector<News>& news) {
  watched_.at(cluster).refused = true;
  Tell(cluster,
       Trouble{Cat("the xDS server ", server_, " says of \"", cluster, "\" what cannot be used: ", why,
                   "; what it said before stays in use until it is corrected there")},
       news);
}

// --- the stream ---

std::optional<AdsRequest> XdsSubscriptions::NextRequest() {
  std::optional<AdsRequest> request = clusters_.Take();
  if (!request) request = assignments_.Take();
  if (request && !std::exchange(introduced_, true)) request->node = node_;
  return request;
}

void XdsSubscriptions::RequestSent(TimePoint now) {
  clusters_.Sent(now);
  assignments_.Sent(now);
  if (!confirm_at_) confirm_at_ = now + kConfirmEvery;
}

void XdsSubscriptions::StreamEnded() {
  clusters_.Ended();
  assignments_.Ended();
  introduced_ = false;
  confirm_at_.reset();
}

std::vector<XdsSubscriptions::News> XdsSubscriptions::Failed(const std::string& sentence) const {
  std::vector<News> news;
  for (const auto& [cluster, watched] : watched_) Tell(cluster, Trouble{sentence}, news);
  return news;
}

// --- responses ---

std::vector<XdsSubscriptions::News> XdsSubscriptions::Receive(const AdsResponse& response) {
  const std::optional<ResourceType> type = TypeOfUrl(response.type_url);
  if (type == ResourceType::kLoadAssignment) return ReceiveAssignments(response);
  if (type == ResourceType::kCluster && with_clusters_) return ReceiveClusters(response);
  return {};  // never asked for, and nothing can be asked for to acknowledge it
}

std::vector<XdsSubscriptions::News> XdsSubscriptions::ReceiveAssignments(const AdsResponse& response) {
  const Read<LoadAssignmentResource> read(response, assignments_, &DecodeLoadAssignment);
  std::vector<News> news;
  for (const auto& [name, content] : read.by_name) TakeAssignment(name, content, response.version, news);
  read.Conclude(response, assignments_);
  if (read.nameless.empty()) return news;
  for (const auto& [cluster, watched] : watched_) {
    const bool told = watched.resource && read.by_name.contains(watched.resource->load_assignment);
    if (!told) TellRefused(cluster, read.nameless.front(), news);
  }
  return news;
}

void XdsSubscriptions::TakeAssignment(const std::string& name,
                                      const absl::StatusOr<LoadAssignmentResource>& content,
                                      const std::string& version, std::vector<News>& news) {
  if (content.ok()) held_[name] = {*content, version};
  for (const std::string& cluster : UsersOf(name)) {
    if (!content.ok()) {
      TellRefused(cluster, std::string(content.status().message()), news);
      continue;
    }
    watched_.at(cluster).refused = false;
    TellKnown(cluster, news);
  }
}

std::vector<XdsSubscriptions::News> XdsSubscriptions::ReceiveClusters(const AdsResponse& response) {
  const Read<ClusterResource> read(response, clusters_, &DecodeCluster);
  std::vector<News> news;
  for (const auto& [name, content] : read.by_name) TakeCluster(name, content, news);
  TakeGone(read, response.version, news);
  read.Conclude(response, clusters_);
  UpdateAssignments();
  return news;
}

// Endpoints under a new name are awaited while those under the old one stay in use.
void XdsSubscriptions::TakeCluster(const std::string& name, const absl::StatusOr<ClusterResource>& content,
                                   std::vector<News>& news) {
  if (!content.ok()) return TellRefused(name, std::string(content.status().message()), news);
  Watched& watched = watched_.at(name);
  const bool changed = watched.resource != *content;
  watched.resource = *content;
  watched.gone = watched.refused = false;
  if (changed) TellKnown(name, news);
}

// A cluster that was never known may only be late. Of a response that cannot be read whole, nobody knows what
// it does not contain.
void XdsSubscriptions::TakeGone(const Read<ClusterResource>& read, const std::string& version,
                                std::vector<News>& news) {
  for (auto& [name, watched] : watched_) {
    if (read.by_name.contains(name)) continue;
    if (!read.nameless.empty()) {
      TellRefused(name, read.nameless.front(), news);
    } else if (watched.resource) {
      watched = {.resource = std::nullopt, .gone = true, .refused = false};
      Tell(name, Answer{.endpoints = {}, .exists = false, .squad = "", .revision = version}, news);
    }
  }
}

// --- time ---

std::vector<XdsSubscriptions::News> XdsSubscriptions::Tick(TimePoint now) {
  std::vector<News> news;
  TellMissing(now, news);
  if (confirm_at_ && *confirm_at_ <= now) {
    confirm_at_ = now + kConfirmEvery;
    Confirm(news);
  }
  return news;
}

std::optional<TimePoint> XdsSubscriptions::NextTick() const {
  std::optional<TimePoint> next = confirm_at_;
  for (const std::optional<TimePoint>& due : {clusters_.NextDue(), assignments_.NextDue()}) {
    if (due) next = std::min(next.value_or(*due), *due);
  }
  return next;
}

void XdsSubscriptions::Confirm(std::vector<News>& news) const {
  for (const auto& [cluster, watched] : watched_) {
    if (IsKnown(watched) && !watched.refused) Tell(cluster, Confirmed{}, news);
  }
}

void XdsSubscriptions::TellMissing(TimePoint now, std::vector<News>& news) {
  for (const std::string& cluster : clusters_.TakeOverdue(now)) {
    watched_.at(cluster).gone = clusters_.answered();
    TellKnown(cluster, news);
    if (clusters_.answered()) continue;
    Tell(cluster, Trouble{Cat("the xDS server ", server_, " has not answered for 15 s: is it ready?")}, news);
  }
  for (const std::string& load_assignment : assignments_.TakeOverdue(now)) {
    const std::string_view why = with_clusters_
                                     ? "its cluster refers to endpoints that it does not know"
                                     : "it knows no such cluster, or tells only who asks for clusters first "
                                       "(discovery.xds.clusters: true)";
    for (const std::string& cluster : UsersOf(load_assignment)) {
      Tell(cluster,
           Trouble{Cat("the xDS server ", server_, " has sent no \"", load_assignment, "\" for 15 s: ", why)},
           news);
    }
  }
}

}  // namespace naru::discovery
