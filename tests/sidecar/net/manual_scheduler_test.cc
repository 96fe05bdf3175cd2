#include "tests/support/manual_scheduler.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/net/task.h"
#include "tests/support/sleep.h"

namespace naru {
namespace {

using net::Duration;
using net::Task;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

struct Log {
  ManualScheduler scheduler;
  const net::TimePoint start = scheduler.now();
  std::vector<std::pair<std::string, Duration>> entries;

  void Write(std::string what) { entries.emplace_back(std::move(what), scheduler.now() - start); }
};

Task<void> SleepAndWrite(Log& log, std::string what, Duration duration, int times) {
  for (int i = 0; i < times; ++i) {
    co_await Sleep(log.scheduler, duration);
    log.Write(what);
  }
}

TEST(ManualScheduler, WakesEverySleeperAtItsTimeAndInOrder) {
  Log log;
  net::Spawn(SleepAndWrite(log, "slow", seconds(5), 1));
  net::Spawn(SleepAndWrite(log, "quick", seconds(2), 3));
  log.scheduler.Advance(seconds(5));
  EXPECT_EQ(log.entries, (std::vector<std::pair<std::string, Duration>>{
                             {"quick", seconds(2)}, {"quick", seconds(4)}, {"slow", seconds(5)}}));
  log.scheduler.Advance(seconds(1));
  EXPECT_EQ(log.entries.back(), (std::pair<std::string, Duration>("quick", seconds(6))));
}

TEST(ManualScheduler, ChangesNothingBeforeTheTime) {
  Log log;
  net::Spawn(SleepAndWrite(log, "done", hours(3), 1));
  log.scheduler.Advance(hours(3) - milliseconds(1));
  EXPECT_TRUE(log.entries.empty());
  log.scheduler.Advance(milliseconds(1));
  EXPECT_EQ(log.entries, (std::vector<std::pair<std::string, Duration>>{{"done", hours(3)}}));
}

TEST(ManualScheduler, ReadsTheTimeItWasMovedTo) {
  ManualScheduler scheduler;
  const net::TimePoint start = scheduler.now();
  scheduler.Advance(milliseconds(7));
  EXPECT_EQ(scheduler.now(), start + milliseconds(7));
  EXPECT_EQ(scheduler.ReadClock(), scheduler.now());
}

}  // namespace
}  // namespace naru
