// Keeps one ADS stream open for as long as somebody watches a cluster, and tells them what comes of it.
//
// All on the thread of SourceContext::io. Held by shared_ptr: its timers may outlive it by a moment.
#pragma once

#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/settings.h"
#include "discovery/source.h"
#include "discovery/time.h"
#include "discovery/xds/ads_call.h"
#include "discovery/xds/reconnect.h"
#include "discovery/xds/xds_subscriptions.h"

namespace naru::discovery {

class XdsClient : public std::enable_shared_from_this<XdsClient> {
 public:
  using WatchId = uint64_t;

  XdsClient(const SourceContext& context, const XdsSettings& settings);

  // Reports only after it has returned.
  WatchId Watch(const std::string& cluster, OnReport report);
  void Forget(const std::string& cluster, WatchId id);

 private:
  using News = XdsSubscriptions::News;

  void Later(void (XdsClient::*step)());
  void Proceed();
  void Open();
  void Close();
  void OpenAt(TimePoint when);
  void SendNext();
  void ArmTick();

  void HandleSent();
  void HandleReceived(const std::string& bytes);
  void HandleEnded(const std::string& why);
  void HandleTick();

  void TellOne(const std::string& cluster, WatchId id, Report report);
  void Tell(const std::vector<News>& news);

  const SourceContext context_;
  const std::string server_;
  XdsSubscriptions subscriptions_;
  std::map<std::string, std::map<WatchId, OnReport>> watchers_;  // by cluster, none empty
  WatchId last_id_ = 0;

  std::unique_ptr<AdsCall> call_;
  TimePoint began_;  // when call_, or the one before, was opened
  bool sending_ = false;
  bool answered_ = false;
  Reconnect reconnect_;
  boost::asio::steady_timer open_timer_;
  bool open_timer_set_ = false;
  boost::asio::steady_timer tick_timer_;
};

}  // namespace naru::discovery
