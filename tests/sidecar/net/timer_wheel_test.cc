#include "sidecar/net/timer_wheel.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <memory>
#include <random>
#include <vector>

namespace naru::net {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Duration kTick = milliseconds(1);
constexpr TimePoint kStart{hours(5) + microseconds(123)};

// A timer that counts how often it fired.
struct Counted {
  int fired = 0;
  Timer timer{[](void* self) { ++static_cast<Counted*>(self)->fired; }, this};
};

class TimerWheelTest : public testing::Test {
 protected:
  void Arm(Timer& timer, Duration in) { wheel_.Arm(timer, now_ + in); }
  void Advance(Duration by) {
    now_ += by;
    wheel_.Advance(now_);
  }
  // Sleeps as the loop would until `counted` fires, and says how long that took.
  Duration SleepUntilFired(const Counted& counted) {
    const TimePoint begin = now_;
    for (int wakes = 0; counted.fired == 0 && wakes < 20; ++wakes) {
      const std::optional<Duration> until = wheel_.UntilNext(now_);
      if (!until) break;
      Advance(*until);
    }
    EXPECT_EQ(counted.fired, 1);
    return now_ - begin;
  }

  TimePoint now_ = kStart;
  TimerWheel wheel_{kStart};
};

TEST_F(TimerWheelTest, SleepsForeverWithoutATimer) {
  EXPECT_EQ(wheel_.UntilNext(now_), std::nullopt);
  Counted counted;
  Arm(counted.timer, seconds(1));
  counted.timer.Disarm();
  EXPECT_EQ(wheel_.UntilNext(now_), std::nullopt);
}

TEST_F(TimerWheelTest, FiresOnceAtItsTime) {
  Counted counted;
  Arm(counted.timer, milliseconds(5));
  Advance(milliseconds(5) - Duration(1));
  EXPECT_EQ(counted.fired, 0);
  EXPECT_TRUE(counted.timer.armed());
  Advance(Duration(1));
  EXPECT_EQ(counted.fired, 1);
  EXPECT_FALSE(counted.timer.armed());
  Advance(hours(1));
  EXPECT_EQ(counted.fired, 1);
}

TEST_F(TimerWheelTest, FiresAPastTimeAtTheNextTick) {
  Counted counted;
  Advance(hours(1));
  Arm(counted.timer, -hours(2));
  EXPECT_EQ(counted.fired, 0);
  EXPECT_LE(*wheel_.UntilNext(now_), kTick);
  Advance(kTick);
  EXPECT_EQ(counted.fired, 1);
}

TEST_F(TimerWheelTest, MovesATimerThatIsArmedAgain) {
  Counted counted;
  Arm(counted.timer, seconds(1));
  Arm(counted.timer, hours(1));
  Advance(seconds(2));
  EXPECT_EQ(counted.fired, 0);
  Advance(hours(1));
  EXPECT_EQ(counted.fired, 1);
}

TEST_F(TimerWheelTest, DisarmsATimerThatIsDestroyed) {
  auto counted = std::make_unique<Counted>();
  Arm(counted->timer, seconds(1));
  counted.reset();
  EXPECT_EQ(wheel_.UntilNext(now_), std::nullopt);
  Advance(seconds(2));
}

TEST_F(TimerWheelTest, SurvivesItsTimers) {
  Counted counted;
  {
    TimerWheel short_lived(kStart);
    short_lived.Arm(counted.timer, kStart + seconds(1));
  }
  EXPECT_FALSE(counted.timer.armed());
}

// Each pair crosses the end of a turn of some level: 64 ms, 4 s, 4 min, 4.6 h, 12 days.
TEST_F(TimerWheelTest, SleepsAsLongAsAskedWhereverTheWheelStands) {
  const Duration uptimes[] = {Duration(0),
                              milliseconds(63),
                              milliseconds(64),
                              seconds(4),
                              seconds(262),
                              hours(4),
                              hours(5),
                              days(12),
                              days(12) + hours(10),
                              days(12) + hours(10) + seconds(941),
                              days(13),
                              days(25),
                              days(400)};
  const Duration delays[] = {milliseconds(1),  milliseconds(2), milliseconds(63), milliseconds(64),
                             milliseconds(65), seconds(4),      seconds(5),       seconds(300),
                             hours(4),         hours(5),        days(1),          days(12),
                             days(13),         days(40),        days(800)};
  for (const Duration uptime : uptimes) {
    for (const Duration delay : delays) {
      TimePoint now = kStart + uptime;
      TimerWheel wheel(kStart);
      wheel.Advance(now);
      Counted counted;
      const TimePoint at = now + delay;
      wheel.Arm(counted.timer, at);
      int wakes = 0;
      while (counted.fired == 0 && wheel.UntilNext(now) && ++wakes < 200) {
        now += *wheel.UntilNext(now);
        wheel.Advance(now);
      }
      SCOPED_TRACE(testing::Message() << "up " << uptime.count() << " ns, delay " << delay.count() << " ns");
      ASSERT_EQ(counted.fired, 1);
      EXPECT_GE(now, at);
      EXPECT_LE(now, at + kTick);
    }
  }
}

TEST_F(TimerWheelTest, FiresTheOthersOfATickThatACallbackLeavesArmed) {
  struct Pair {
    Counted first, second;
    Timer disarming{[](void* self) { static_cast<Pair*>(self)->first.timer.Disarm(); }, this};
  } pair;
  Arm(pair.disarming, milliseconds(5));
  Arm(pair.first.timer, milliseconds(5));
  Arm(pair.second.timer, milliseconds(5));
  Advance(milliseconds(5));
  EXPECT_EQ(pair.first.fired, 0);
  EXPECT_EQ(pair.second.fired, 1);
}

TEST_F(TimerWheelTest, FiresWhatACallbackArmsWithinTheSameAdvance) {
  struct Chain {
    TimerWheel& wheel;
    TimePoint next;
    int fired = 0;
    Timer timer{[](void* self) { static_cast<Chain*>(self)->Fire(); }, this};
    void Fire() {
      ++fired;
      next += seconds(1);
      wheel.Arm(timer, next);
    }
  } chain{wheel_, now_ + seconds(1)};
  wheel_.Arm(chain.timer, chain.next);
  Advance(seconds(10));
  EXPECT_EQ(chain.fired, 10);
  EXPECT_TRUE(chain.timer.armed());
}

TEST_F(TimerWheelTest, LetsACallbackDestroyItsTimer) {
  struct Doomed {
    static void Fire(void* self) { delete static_cast<Doomed*>(self); }
    Timer timer{&Doomed::Fire, this};
  };
  auto* doomed = new Doomed;
  Arm(doomed->timer, milliseconds(1));
  Advance(milliseconds(1));
  EXPECT_EQ(wheel_.UntilNext(now_), std::nullopt);
}

TEST_F(TimerWheelTest, WakesAFewTimesAtMostForOneDistantTimer) {
  Counted counted;
  Advance(milliseconds(777));
  Arm(counted.timer, hours(11));
  int wakes = 0;
  for (; counted.fired == 0; ++wakes) Advance(*wheel_.UntilNext(now_));
  EXPECT_LE(wakes, 5);
}

// The wheel against a list that is searched, under random arming, disarming and sleeping. Callbacks do it
// too.
class RandomTimers {
 public:
  RandomTimers(uint32_t seed, Duration longest) : random_(seed), longest_(longest) {
    for (Modelled& timer : timers_) timer.owner = this;
  }

  void Step() {
    switch (Below(4)) {
      case 0:
      case 1:
        return ArmOne();
      case 2:
        return DisarmOne();
      default:
        return Advance();
    }
  }

 private:
  struct Modelled {
    RandomTimers* owner = nullptr;
    bool armed = false;
    TimePoint at;
    Timer timer{
        [](void* self) { static_cast<Modelled*>(self)->owner->OnFire(*static_cast<Modelled*>(self)); }, this};
  };

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  // All magnitudes from a microsecond up are as likely.
  Duration AnyDuration() {
    const double exponent = std::generate_canonical<double, 53>(random_);
    const double longest = static_cast<double>(longest_.count());
    return Duration(static_cast<int64_t>(1000 * std::pow(longest / 1000, exponent)));
  }

  void ArmOne() {
    Modelled& timer = timers_[Below(timers_.size())];
    const Duration in = Below(20) == 0 ? -AnyDuration() : AnyDuration();
    timer.armed = true;
    timer.at = std::max(now_ + in, now_);
    wheel_.Arm(timer.timer, now_ + in);
  }

  void DisarmOne() {
    Modelled& timer = timers_[Below(timers_.size())];
    timer.armed = false;
    timer.timer.Disarm();
  }

  void Advance() {
    const std::optional<Duration> until = wheel_.UntilNext(now_);
    const TimePoint earliest = Earliest();
    ASSERT_EQ(until.has_value(), earliest != TimePoint::max());
    ASSERT_LE(now_ + until.value_or(Duration(0)), LatestFor(earliest)) << "it would sleep too long";
    now_ += until && Below(2) == 0 ? *until : AnyDuration();
    wheel_.Advance(now_);
    ASSERT_GT(Earliest(), now_ - kTick) << "a timer is more than a tick late";
  }

  void OnFire(Modelled& timer) {
    EXPECT_TRUE(timer.armed) << "a timer fired that was not armed";
    EXPECT_LE(timer.at, now_) << "a timer fired early";
    timer.armed = false;
    if (Below(3) == 0) ArmOne();
    if (Below(3) == 0) DisarmOne();
  }

  static TimePoint LatestFor(TimePoint at) { return at == TimePoint::max() ? at : at + kTick; }

  TimePoint Earliest() const {
    TimePoint earliest = TimePoint::max();
    for (const Modelled& timer : timers_) {
      if (timer.armed) earliest = std::min(earliest, timer.at);
    }
    return earliest;
  }

  std::mt19937_64 random_;
  const Duration longest_;
  TimePoint now_ = kStart;
  TimerWheel wheel_{kStart};
  std::deque<Modelled> timers_ = std::deque<Modelled>(40);
};

TEST(TimerWheel, DoesWhatASearchedListWouldOverMinutesHoursAndWeeks) {
  for (const Duration longest :
       {Duration(seconds(1)), Duration(seconds(100)), Duration(hours(10)), Duration(days(20))}) {
    for (uint32_t seed = 1; seed <= 20; ++seed) {
      SCOPED_TRACE(testing::Message() << "seed " << seed << ", longest " << longest.count() << " ns");
      RandomTimers timers(seed, longest);
      for (int i = 0; i < 2000; ++i) {
        timers.Step();
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

}  // namespace
}  // namespace naru::net
