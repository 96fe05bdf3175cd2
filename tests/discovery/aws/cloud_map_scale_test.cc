// A fleet in virtual time: 500 sidecars that watch 20 services each, against a Cloud Map with its quotas.
// Every test says what it counted; the seed is fixed.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <iostream>
#include <map>
#include <queue>
#include <random>
#include <vector>

#include "discovery/aws/cloud_map_poll.h"

namespace naru::discovery::aws {
namespace {

using namespace std::chrono_literals;

constexpr int kSidecars = 500;
constexpr int kServices = 20;
constexpr Duration kLatency = 20ms;
constexpr Duration kInterval = 5s;  // as the settings have it by default

class TokenBucket {
 public:
  TokenBucket(double rate, double most) : rate_(rate), most_(most), tokens_(most) {}

  bool Take(TimePoint now) {
    tokens_ = std::min(most_, tokens_ + rate_ * std::chrono::duration<double>(now - filled_).count());
    filled_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  const double rate_, most_;
  double tokens_;
  TimePoint filled_{};
};

// The quotas of an account and region; what is turned away is counted, too.
class ModelledCloudMap {
 public:
  struct Second {
    int instances = 0, revisions = 0, throttled = 0;
  };

  bool Admits(CloudMapRequest request, TimePoint now) {
    const bool instances = request == CloudMapRequest::kInstances;
    const bool admitted = (instances ? instances_ : revisions_).Take(now);
    Second& second = seconds_[std::chrono::floor<std::chrono::seconds>(now)];
    ++(instances ? second.instances : second.revisions);
    if (!admitted) ++second.throttled;
    return admitted;
  }

  // The busiest second from then on.
  Second Peak(TimePoint from, TimePoint to) const {
    Second peak;
    for (const auto& [time, second] : seconds_) {
      if (time < from || time >= to) continue;
      peak.instances = std::max(peak.instances, second.instances);
      peak.revisions = std::max(peak.revisions, second.revisions);
      peak.throttled += second.throttled;
    }
    return peak;
  }

  std::array<int64_t, kServices> revision{};

 private:
  TokenBucket instances_{1'000, 2'000};
  TokenBucket revisions_{3'000, 3'000};
  std::map<TimePoint, Second> seconds_;
};

class Fleet {
 public:
  Fleet() {
    for (int i = 0; i < kSidecars * kServices; ++i) {
      watches_.push_back({CloudMapPoll(kInterval, TimePoint{}), i % kServices});
      due_.emplace(TimePoint{}, i);
    }
  }

  void RunUntil(TimePoint end) {
    while (due_.top().first < end) {
      const auto [at, index] = due_.top();
      due_.pop();
      Ask(watches_[index], at);
      due_.emplace(watches_[index].poll.next().at, index);
    }
    now_ = end;
  }

  // How long it took until everybody knew everything.
  Duration RunUntilAllKnow() {
    const TimePoint began = now_;
    while (!AllKnow()) RunUntil(now_ + 100ms);
    return now_ - began;
  }

  ModelledCloudMap& cloud_map() { return cloud_map_; }
  TimePoint now() const { return now_; }

 private:
  struct Watch {
    CloudMapPoll poll;
    int service;
    int64_t known = -1;
  };

  void Ask(Watch& watch, TimePoint at) {
    const CloudMapRequest request = watch.poll.next().request;
    const TimePoint answered = at + kLatency;
    const double uniform = std::uniform_real_distribution<double>(0, 1)(random_);
    if (!cloud_map_.Admits(request, at)) {
      watch.poll.Failed(CloudMapFailure::kThrottled, answered, uniform);
    } else if (request == CloudMapRequest::kRevision) {
      watch.poll.RevisionCame(cloud_map_.revision[watch.service], answered, uniform);
    } else {
      watch.known = cloud_map_.revision[watch.service];
      watch.poll.InstancesCame(watch.known, answered, uniform);
    }
  }

  bool AllKnow() const {
    return std::all_of(watches_.begin(), watches_.end(), [this](const Watch& watch) {
      return watch.known == cloud_map_.revision[watch.service];
    });
  }

  using Due = std::pair<TimePoint, int>;

  std::mt19937_64 random_{4711};
  ModelledCloudMap cloud_map_;
  std::vector<Watch> watches_;
  std::priority_queue<Due, std::vector<Due>, std::greater<>> due_;
  TimePoint now_{};
};

double Seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

void Print(const char* what, const ModelledCloudMap::Second& peak, Duration took) {
  std::cout << what << ": at most " << peak.instances << " DiscoverInstances and " << peak.revisions
            << " DiscoverInstancesRevision a second, " << peak.throttled << " throttled; all know after "
            << Seconds(took) << " s\n";
}

TEST(CloudMapAtScale, AStartOfAllAtOnceTakesNotMuchLongerThanTheQuotaAllows) {
  Fleet fleet;
  const Duration took = fleet.RunUntilAllKnow();
  Print("start of all at once", fleet.cloud_map().Peak(TimePoint{}, fleet.now()), took);
  // 10,000 requests take the quota 8 s: 2,000 at once and then 1,000 a second.
  EXPECT_GT(took, 8s);
  EXPECT_LT(took, 20s);
}

TEST(CloudMapAtScale, AFleetStaysFarBelowTheQuotas) {
  Fleet fleet;
  fleet.RunUntilAllKnow();
  const TimePoint started = fleet.now();
  fleet.RunUntil(started + 10min);
  const ModelledCloudMap::Second peak = fleet.cloud_map().Peak(started, fleet.now());
  Print("steady", peak, 0s);
  EXPECT_LT(peak.instances, 500);
  EXPECT_LT(peak.revisions, 2'500);
  EXPECT_EQ(peak.throttled, 0);
}

TEST(CloudMapAtScale, EverybodyKnowsAChangeWithinTenSeconds) {
  Fleet fleet;
  fleet.RunUntil(TimePoint{} + 5min);
  Duration longest{};
  for (int change = 0; change < 50; ++change) {
    const TimePoint changed = fleet.now();
    ++fleet.cloud_map().revision[change % kServices];
    longest = std::max(longest, fleet.RunUntilAllKnow());
    fleet.RunUntil(changed + 10s);
  }
  const ModelledCloudMap::Second peak = fleet.cloud_map().Peak(TimePoint{} + 5min, fleet.now());
  Print("one service changes every 10 s", peak, longest);
  EXPECT_LT(peak.instances, 500);
  EXPECT_LT(peak.revisions, 2'500);
  EXPECT_EQ(peak.throttled, 0);
  EXPECT_LT(longest, 10s);
}

TEST(CloudMapAtScale, EverybodyKnowsSoonWhereAllServicesChangeAtOnce) {
  Fleet fleet;
  fleet.RunUntil(TimePoint{} + 5min);
  for (int64_t& revision : fleet.cloud_map().revision) ++revision;
  const Duration took = fleet.RunUntilAllKnow();
  Print("all services change at once", fleet.cloud_map().Peak(TimePoint{} + 5min, fleet.now()), took);
  EXPECT_LT(took, 20s);
}

}  // namespace
}  // namespace naru::discovery::aws
