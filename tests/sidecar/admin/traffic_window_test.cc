#include "sidecar/admin/traffic_window.h"

#include <gtest/gtest.h>

namespace naru::admin {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Services = std::map<ServiceKey, RecentTraffic>;

const ServiceKey kCourses{"learning", "courses"};

// The vocabulary: calls to one service, of 2.5 to 5 ms, and a clock the test moves.
class TrafficWindowTest : public testing::Test {
 protected:
  void Calls(uint64_t ok, uint64_t timeouts = 0, uint64_t client_errors = 0) {
    ok_ += ok;
    timeouts_ += timeouts;
    client_errors_ += client_errors;
    for (uint64_t i = 0; i < ok + timeouts + client_errors; ++i) durations_.Observe(milliseconds(4));
  }
  TrafficReport Look() {
    return window_.Look({{"learning", "courses", {ok_, client_errors_, timeouts_}, durations_.Read()}}, now_);
  }
  static RecentTraffic Traffic(double rate, double failed) {
    return {rate, failed, std::chrono::microseconds(3750), std::chrono::microseconds(4975)};
  }

  uint64_t ok_ = 0;
  uint64_t timeouts_ = 0;
  uint64_t client_errors_ = 0;
  metrics::Histogram durations_{metrics::kCallBounds};
  TrafficWindow::TimePoint now_{seconds(1000)};
  TrafficWindow window_{{"ok", "client_error", "timeout"}, now_};
};

TEST_F(TrafficWindowTest, TellsOfEverythingSinceTheStartAtFirst) {
  Calls(30, 10);
  now_ += seconds(4);
  const TrafficReport report = Look();
  EXPECT_EQ(report.span, seconds(4));
  EXPECT_EQ(report.services, (Services{{kCourses, Traffic(10, 0.25)}}));
}

TEST_F(TrafficWindowTest, TakesTheApplicationsOwnMistakesForNoFailure) {
  Calls(10, 0, 10);
  now_ += seconds(10);
  EXPECT_EQ(Look().services, (Services{{kCourses, Traffic(2, 0)}}));
}

TEST_F(TrafficWindowTest, ComparesWithALookThatIsTenSecondsOld) {
  Calls(1000);
  now_ += seconds(100);
  Look();
  Calls(20);
  now_ += seconds(10);
  TrafficReport report = Look();
  EXPECT_EQ(report.span, seconds(10));
  EXPECT_EQ(report.services, (Services{{kCourses, Traffic(2, 0)}}));

  // A look soon after does not move what it is compared with.
  Calls(24);
  now_ += seconds(1);
  report = Look();
  EXPECT_EQ(report.span, seconds(11));
  EXPECT_EQ(report.services, (Services{{kCourses, Traffic(4, 0)}}));
}

TEST_F(TrafficWindowTest, LeavesOutWhatWasNotCalledLately) {
  Calls(10);
  now_ += seconds(10);
  Look();
  now_ += seconds(10);
  EXPECT_EQ(Look().services, Services{});
}

TEST_F(TrafficWindowTest, SurvivesALookAtItsStart) {
  Calls(1);
  EXPECT_EQ(Look().services, Services{});
}

}  // namespace
}  // namespace naru::admin
