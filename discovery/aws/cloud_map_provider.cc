#include "discovery/aws/cloud_map_provider.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <optional>
#include <random>
#include <utility>
#include <variant>

#include "discovery/aws/cloud_map_messages.h"
#include "discovery/aws/cloud_map_poll.h"
#include "discovery/aws/instance_metadata.h"
#include "discovery/aws/task_metadata.h"
#include "discovery/aws/turns.h"
#include "discovery/http_client.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using aws::CloudMapError;
using aws::CloudMapFailure;
using aws::CloudMapInstances;
using aws::CloudMapPoll;
using aws::CloudMapRequest;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr Duration kLimit = std::chrono::seconds(5);  // of one request
constexpr Duration kMetadataLimit = std::chrono::seconds(1);
// A few, so that one request that hangs does not hold up everybody, and as many as the client keeps
// connections.
constexpr int kMostAtOnce = 4;
constexpr size_t kMostBytes = 8 * 1024 * 1024;  // 1,000 instances with 30 short attributes each
constexpr std::string_view kSigningName = "servicediscovery";

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

aws::WallTime WallNow() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

// Where to ask, and for which region to sign.
struct Place {
  std::string region;
  HttpUrl url;
};

// What came of one request: what it asked for, an error that Cloud Map named, or one on the way.
using Outcome = std::variant<int64_t, CloudMapInstances, CloudMapError, absl::Status>;

// --- one request ---

// What all sources of a provider share. Their coroutines keep it alive.
class Asker {
 public:
  Asker(asio::any_io_executor executor, CloudMapSettings settings, aws::Environment environment,
        const std::string& container_origin)
      : settings_(std::move(settings)),
        environment_(std::move(environment)),
        client_(std::make_shared<HttpClient>(executor)),
        chain_(std::make_shared<aws::CredentialChain>(executor, client_, environment_, container_origin)),
        turns_(std::make_shared<aws::Turns>(executor, kMostAtOnce)) {}

  static asio::awaitable<Outcome> Ask(std::shared_ptr<Asker> self, CloudMapRequest request, SourceUri uri);

  const std::shared_ptr<aws::Turns>& turns() const { return turns_; }
  const CloudMapSettings& settings() const { return settings_; }

 private:
  asio::awaitable<absl::StatusOr<Place>> WhereToAsk();
  asio::awaitable<absl::StatusOr<std::string>> Region();
  asio::awaitable<absl::StatusOr<std::string>> RegionFromMetadata();
  HttpRequest Signed(CloudMapRequest request, const SourceUri& uri, const Place& place,
                     const aws::Keys& keys);
  Outcome OutcomeOf(CloudMapRequest request, const HttpResponse& response);

  const CloudMapSettings settings_;
  const aws::Environment environment_;
  const std::shared_ptr<HttpClient> client_;
  const std::shared_ptr<aws::CredentialChain> chain_;
  const std::shared_ptr<aws::Turns> turns_;
  std::string region_;  // once it is known
};

asio::awaitable<Outcome> Asker::Ask(std::shared_ptr<Asker> self, CloudMapRequest request, SourceUri uri) {
  const absl::StatusOr<Place> place = co_await self->WhereToAsk();
  if (!place.ok()) co_return place.status();
  const absl::StatusOr<aws::Keys> keys = co_await aws::CredentialChain::Get(self->chain_);
  if (!keys.ok()) co_return keys.status();
  HttpRequest message = self->Signed(request, uri, *place, *keys);
  const absl::StatusOr<HttpResponse> response = co_await self->client_->Send(std::move(message));
  if (!response.ok()) co_return response.status();
  co_return self->OutcomeOf(request, *response);
}

// "https://data-servicediscovery.REGION.amazonaws.com", or what was configured.
asio::awaitable<absl::StatusOr<Place>> Asker::WhereToAsk() {
  Place place;
  absl::StatusOr<std::string> region = co_await Region();
  if (!region.ok()) co_return region.status();
  place.region = *std::move(region);
  std::string endpoint = settings_.endpoint.empty() ? environment_.endpoint : settings_.endpoint;
  if (endpoint.empty()) {
    const std::string_view china = place.region.starts_with("cn-") ? ".cn" : "";
    endpoint = Cat("https://data-servicediscovery.", place.region, ".amazonaws.com", china);
  }
  absl::StatusOr<HttpUrl> url = HttpUrl::Parse(endpoint);
  if (!url.ok()) {
    co_return absl::InvalidArgumentError(Cat("the endpoint of Cloud Map: the URL ", url.status().message()));
  }
  place.url = *std::move(url);
  co_return place;
}

asio::awaitable<absl::StatusOr<std::string>> Asker::Region() {
  if (!settings_.region.empty()) co_return settings_.region;
  if (!environment_.region.empty()) co_return environment_.region;
  if (!region_.empty()) co_return region_;
  absl::StatusOr<std::string> region = co_await RegionFromMetadata();
  if (region.ok() && !region->empty()) {
    region_ = *region;
    co_return region;
  }
  const std::string why = region.ok() ? "the metadata name none" : Cat(region.status().message());
  co_return absl::UnavailableError(
      Cat("the AWS region is unknown: set discovery.cloudmap.region or AWS_REGION (", why, ")"));
}

asio::awaitable<absl::StatusOr<std::string>> Asker::RegionFromMetadata() {
  if (!environment_.task_metadata.empty()) {
    const absl::StatusOr<aws::TaskMetadata> task =
        co_await aws::AskTaskMetadata(client_, environment_.task_metadata, kMetadataLimit);
    if (!task.ok()) co_return task.status();
    co_return task->region();
  }
  if (environment_.instance_metadata_disabled)
    co_return absl::UnavailableError("AWS_EC2_METADATA_DISABLED is set");
  absl::StatusOr<std::string> region =
      co_await aws::AskInstanceForRegion(client_, environment_.instance_metadata);
  co_return region;
}

HttpRequest Asker::Signed(CloudMapRequest request, const SourceUri& uri, const Place& place,
                          const aws::Keys& keys) {
  HttpRequest message;
  message.method = "POST";
  message.url = place.url;
  message.body = aws::EncodeCloudMapRequest(request, uri.cloud_map_namespace, uri.name);
  message.timeout = kLimit;
  message.most_bytes = kMostBytes;
  message.fields = {{"Host", place.url.Authority()},
                    {"Content-Type", "application/x-amz-json-1.1"},
                    {"X-Amz-Target", Cat("Route53AutoNaming_v20170314.", aws::NameOf(request))}};
  const aws::Signed signature = aws::Sign({message.method, message.url.target, message.fields, message.body},
                                          keys, {place.region, std::string(kSigningName)}, WallNow());
  message.fields.insert(message.fields.end(), signature.fields.begin(), signature.fields.end());
  return message;
}

Outcome Asker::OutcomeOf(CloudMapRequest request, const HttpResponse& response) {
  if (response.status != 200) {
    CloudMapError error =
        aws::DecodeError(response.status, response.body, response.Field("x-amzn-errortype"));
    if (aws::IsAboutKeys(error)) chain_->Rejected();
    return error;
  }
  if (request == CloudMapRequest::kRevision) {
    absl::StatusOr<int64_t> revision = aws::DecodeRevision(response.body);
    return revision.ok() ? Outcome(*revision) : Outcome(revision.status());
  }
  absl::StatusOr<CloudMapInstances> instances = aws::DecodeInstances(response.body);
  return instances.ok() ? Outcome(*std::move(instances)) : Outcome(instances.status());
}

// --- what is reported ---

std::string WhatToDo(const CloudMapError& error) {
  if (error.type == "AccessDeniedException") {
    return "; allow servicediscovery:DiscoverInstances and servicediscovery:DiscoverInstancesRevision to the "
           "role";
  }
  if (error.failure == CloudMapFailure::kThrottled) {
    return "; the quota of the account and region is used up: naru asks less often meanwhile";
  }
  return "";
}

std::string Describe(const CloudMapError& error, CloudMapRequest request, const SourceUri& uri) {
  if (error.failure == CloudMapFailure::kNotFound) {
    return Cat(uri.text, ": Cloud Map knows no such ",
               error.type == "NamespaceNotFound" ? "namespace" : "service", " (", error.type, ")");
  }
  return Cat(uri.text, ": ", aws::NameOf(request), " is answered by ", error.type,
             error.message.empty() ? "" : ": ", error.message, WhatToDo(error));
}

std::string DescribeUnusable(const CloudMapInstances& instances, const SourceUri& uri) {
  return Cat(
      uri.text, ": no instance of it has an address and a port (", instances.without_address,
      " registered): register them with AWS_INSTANCE_IPV4 (or AWS_INSTANCE_IPV6) and AWS_INSTANCE_PORT; in "
      "ECS, give the service registry a port");
}

// One watched service: shared with the coroutine that asks about it.
struct Watch {
  Watch(asio::any_io_executor executor, SourceUri watched, OnReport on_report, Duration interval)
      : uri(std::move(watched)),
        report(std::move(on_report)),
        timer(std::move(executor)),
        poll(interval, Now()) {}

  void Retire() {
    retired = true;
    timer.cancel();
  }
  // Nothing where there is nothing to say yet.
  std::optional<Report> Take(CloudMapRequest request, Outcome outcome, double uniform);

  const SourceUri uri;
  const OnReport report;
  asio::steady_timer timer;
  CloudMapPoll poll;
  std::optional<Answer> last;
  bool retired = false;

 private:
  bool unusable_ = false;  // the instances that came last have no addresses

  std::optional<Report> Take(int64_t revision, double uniform);
  Report Take(CloudMapInstances instances, double uniform);
  Report Take(const CloudMapError& error, CloudMapRequest request, double uniform);
  Report AnswerWith(Answer answer);
};

std::optional<Report> Watch::Take(CloudMapRequest request, Outcome outcome, double uniform) {
  if (const auto* revision = std::get_if<int64_t>(&outcome)) return Take(*revision, uniform);
  if (auto* instances = std::get_if<CloudMapInstances>(&outcome)) return Take(std::move(*instances), uniform);
  if (const auto* error = std::get_if<CloudMapError>(&outcome)) return Take(*error, request, uniform);
  poll.Failed(CloudMapFailure::kOther, Now(), uniform);
  return Trouble{Cat(uri.text, ": ", std::get<absl::Status>(outcome).message())};
}

std::optional<Report> Watch::Take(int64_t revision, double uniform) {
  const bool known = poll.RevisionCame(revision, Now(), uniform);
  return known && !unusable_ ? std::optional<Report>(Confirmed()) : std::nullopt;
}

Report Watch::Take(CloudMapInstances instances, double uniform) {
  poll.InstancesCame(instances.revision, Now(), uniform);
  unusable_ = instances.answer.endpoints.empty() && instances.without_address > 0;
  if (unusable_) return Trouble{DescribeUnusable(instances, uri)};
  return AnswerWith(std::move(instances.answer));
}

Report Watch::Take(const CloudMapError& error, CloudMapRequest request, double uniform) {
  const bool believed = poll.Failed(error.failure, Now(), uniform);
  if (believed) return AnswerWith({.exists = false});
  return Trouble{Describe(error, request, uri)};
}

Report Watch::AnswerWith(Answer answer) {
  if (answer == last) return Confirmed();
  last = answer;
  return answer;
}

asio::awaitable<void> KeepAsking(std::shared_ptr<Asker> asker, std::shared_ptr<Watch> watch,
                                 std::mt19937_64* random) {
  while (true) {
    const CloudMapPoll::Next next = watch->poll.next();
    watch->timer.expires_at(next.at);
    co_await watch->timer.async_wait(kAsTuple);
    if (watch->retired) co_return;
    std::unique_ptr<aws::Turns::Turn> turn = co_await aws::Turns::Take(asker->turns());
    if (watch->retired) co_return;
    Outcome outcome = co_await Asker::Ask(asker, next.request, watch->uri);
    turn.reset();
    if (watch->retired) co_return;
    const double uniform = std::uniform_real_distribution<double>(0, 1)(*random);
    std::optional<Report> report = watch->Take(next.request, std::move(outcome), uniform);
    if (report.has_value()) watch->report(*std::move(report));  // may retire the watch
    if (watch->retired) co_return;
  }
}

class CloudMapSource final : public Source {
 public:
  explicit CloudMapSource(std::shared_ptr<Watch> watch) : watch_(std::move(watch)) {}
  ~CloudMapSource() override { watch_->Retire(); }

 private:
  const std::shared_ptr<Watch> watch_;
};

class CloudMapProvider final : public SourceProvider {
 public:
  CloudMapProvider(const SourceContext& context, std::shared_ptr<Asker> asker)
      : context_(context), asker_(std::move(asker)) {}

  std::unique_ptr<Source> Open(const SourceUri& uri, OnReport report) override {
    const asio::any_io_executor executor = context_.io.get_executor();
    auto watch = std::make_shared<Watch>(executor, uri, std::move(report), asker_->settings().interval);
    asio::co_spawn(executor, KeepAsking(asker_, watch, &context_.random), asio::detached);
    return std::make_unique<CloudMapSource>(std::move(watch));
  }

 private:
  const SourceContext context_;
  const std::shared_ptr<Asker> asker_;
};

}  // namespace

std::unique_ptr<SourceProvider> MakeCloudMapProvider(const SourceContext& context,
                                                     const CloudMapSettings& settings) {
  return MakeCloudMapProvider(context, settings, aws::Environment::OfProcess());
}

std::unique_ptr<SourceProvider> MakeCloudMapProvider(const SourceContext& context,
                                                     const CloudMapSettings& settings,
                                                     const aws::Environment& environment,
                                                     const std::string& container_origin) {
  auto asker = std::make_shared<Asker>(context.io.get_executor(), settings, environment, container_origin);
  return std::make_unique<CloudMapProvider>(context, std::move(asker));
}

}  // namespace naru::discovery
