#include "discovery/xds/xds_client.h"

#include <boost/asio/post.hpp>
#include <random>
#include <utility>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

}  // namespace

XdsClient::XdsClient(const SourceContext& context, const XdsSettings& settings)
    : context_(context),
      server_(settings.server),
      subscriptions_(settings.server, {.id = settings.node_id, .cluster = settings.node_cluster},
                     settings.clusters),
      open_timer_(context.io),
      tick_timer_(context.io) {}

// --- who watches ---

XdsClient::WatchId XdsClient::Watch(const std::string& cluster, OnReport report) {
  const WatchId id = ++last_id_;
  std::map<WatchId, OnReport>& watchers = watchers_[cluster];
  watchers.emplace(id, std::move(report));
  if (watchers.size() == 1) subscriptions_.Subscribe(cluster);
  Later(&XdsClient::Proceed);  // so that those who begin to watch together are sent together
  asio::post(context_.io, [weak = weak_from_this(), cluster, id] {
    const std::shared_ptr<XdsClient> client = weak.lock();
    std::optional<Answer> known = client ? client->subscriptions_.Known(cluster) : std::nullopt;
    if (known) client->TellOne(cluster, id, *std::move(known));
  });
  return id;
}

void XdsClient::Forget(const std::string& cluster, WatchId id) {
  std::map<WatchId, OnReport>& watchers = watchers_.at(cluster);
  watchers.erase(id);
  if (!watchers.empty()) return;
  watchers_.erase(cluster);
  subscriptions_.Unsubscribe(cluster);
  if (subscriptions_.empty()) return Close();
  Later(&XdsClient::Proceed);
}

// --- the stream ---

void XdsClient::Later(void (XdsClient::*step)()) {
  asio::post(context_.io, [weak = weak_from_this(), step] {
    if (const std::shared_ptr<XdsClient> client = weak.lock()) ((*client).*step)();
  });
}

// Whatever has changed: what is to be done now?
void XdsClient::Proceed() {
  if (subscriptions_.empty()) return;
  if (call_ && subscriptions_.NeedsNewStream()) {
    const TimePoint next = reconnect_.Next(began_, Now(), true, 0);
    Close();
    OpenAt(next);
  }
  if (!call_ && !open_timer_set_) Open();
  SendNext();
  ArmTick();
}

void XdsClient::Open() {
  if (server_.empty()) {
    return Tell(
        subscriptions_.Failed("there is no xDS server to ask: set discovery.xds.server to its HOST:PORT"));
  }
  began_ = Now();
  sending_ = answered_ = false;
  // The call is ours and tells nothing once it is destroyed.
  call_ = std::make_unique<AdsCall>(
      context_.io, server_,
      AdsCall::Events{.sent = [this] { HandleSent(); },
                      .received = [this](const std::string& bytes) { HandleReceived(bytes); },
                      .ended = [this](const std::string& why) { HandleEnded(why); }});
}

void XdsClient::Close() {
  call_.reset();
  subscriptions_.StreamEnded();
  open_timer_.cancel();
  open_timer_set_ = false;
  tick_timer_.cancel();
}

void XdsClient::OpenAt(TimePoint when) {
  open_timer_set_ = true;
  open_timer_.expires_at(when);
  open_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const std::shared_ptr<XdsClient> client = cancelled ? nullptr : weak.lock();
    if (!client || !client->open_timer_set_) return;
    client->open_timer_set_ = false;
    client->Proceed();
  });
}

void XdsClient::SendNext() {
  if (!call_ || sending_) return;
  const std::optional<AdsRequest> request = subscriptions_.NextRequest();
  if (!request) return;
  sending_ = true;
  call_->Send(Encode(*request));
}

void XdsClient::HandleSent() {
  sending_ = false;
  subscriptions_.RequestSent(Now());
  Proceed();
}

void XdsClient::HandleReceived(const std::string& bytes) {
  const std::optional<AdsResponse> response = DecodeAdsResponse(bytes);
  if (!response) {
    answered_ = false;  // whoever answers so is not asked again at once
    return HandleEnded("it sent what is no DiscoveryResponse");
  }
  answered_ = true;
  const std::vector<News> news = subscriptions_.Receive(*response);
  Proceed();
  Tell(news);
}

void XdsClient::HandleEnded(const std::string& why) {
  const TimePoint next = reconnect_.Next(began_, Now(), answered_,
                                         std::uniform_real_distribution<double>(0, 1)(context_.random));
  Close();
  OpenAt(next);
  if (answered_) return;
  Tell(subscriptions_.Failed(Cat("the xDS server ", server_, " (discovery.xds.server) does not answer: ", why,
                                 "; what it last said stays in use while naru keeps trying")));
}

// --- time ---

void XdsClient::ArmTick() {
  const std::optional<TimePoint> next = subscriptions_.NextTick();
  if (!next) return;
  tick_timer_.expires_at(*next);
  tick_timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& cancelled) {
    const std::shared_ptr<XdsClient> client = cancelled ? nullptr : weak.lock();
    if (client) client->HandleTick();
  });
}

void XdsClient::HandleTick() {
  const std::vector<News> news = subscriptions_.Tick(Now());
  ArmTick();
  Tell(news);
}

// --- who is told ---

// The report may end the watch, others, and with them the stream.
void XdsClient::TellOne(const std::string& cluster, WatchId id, Report report) {
  const auto watchers = watchers_.find(cluster);
  if (watchers == watchers_.end()) return;
  const auto watcher = watchers->second.find(id);
  if (watcher == watchers->second.end()) return;
  const OnReport tell = watcher->second;
  tell(std::move(report));
}

void XdsClient::Tell(const std::vector<News>& news) {
  const std::shared_ptr<XdsClient> alive = shared_from_this();
  for (const News& one : news) {
    const auto watchers = watchers_.find(one.cluster);
    if (watchers == watchers_.end()) continue;
    std::vector<WatchId> ids;
    for (const auto& [id, report] : watchers->second) ids.push_back(id);
    for (const WatchId id : ids) TellOne(one.cluster, id, one.report);
  }
}

}  // namespace naru::discovery
