#include "sidecar/call/cancellation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "sidecar/call/sleep.h"
#include "sidecar/net/task.h"
#include "tests/support/manual_scheduler.h"

namespace naru::call {
namespace {

using std::chrono::seconds;

const Failure kGone{FailureKind::kCancelled, "gone"};
const Failure kLate{FailureKind::kTimeout, "late"};

// Counts how often it was told.
struct Listener {
  explicit Listener(Cancellation& cancellation) : on_cancel(cancellation, &Listener::Hear, this) {}
  static void Hear(void* self) { ++static_cast<Listener*>(self)->heard; }

  int heard = 0;
  OnCancel on_cancel;
};

TEST(Cancellation, TellsEverybodyWhoWaitsOnce) {
  Cancellation cancellation;
  Listener first(cancellation);
  Listener second(cancellation);
  EXPECT_FALSE(cancellation.cancelled());
  cancellation.Cancel(kGone);
  cancellation.Cancel(kLate);
  EXPECT_TRUE(cancellation.cancelled());
  EXPECT_EQ(first.heard, 1);
  EXPECT_EQ(second.heard, 1);
}

TEST(Cancellation, KeepsTheFirstReason) {
  Cancellation cancellation;
  cancellation.Cancel(kGone);
  cancellation.Cancel(kLate);
  EXPECT_EQ(cancellation.failure(), kGone);
}

TEST(Cancellation, DoesNotTellWhoComesAfterIt) {
  Cancellation cancellation;
  cancellation.Cancel(kGone);
  Listener late(cancellation);
  cancellation.Cancel(kLate);
  EXPECT_EQ(late.heard, 0);
}

TEST(Cancellation, ServesAnotherCallAfterAReset) {
  Cancellation cancellation;
  cancellation.Cancel(kGone);
  cancellation.Reset();
  EXPECT_FALSE(cancellation.cancelled());
  Listener listener(cancellation);
  cancellation.Cancel(kLate);
  EXPECT_EQ(listener.heard, 1);
  EXPECT_EQ(cancellation.failure(), kLate);
}

// Waits of a call end in any order: whoever is left must still be told, nobody who has gone.
TEST(OnCancel, MayEndInAnyOrder) {
  std::vector<int> order = {0, 1, 2, 3};
  do {
    for (size_t gone = 0; gone <= order.size(); ++gone) {
      Cancellation cancellation;
      std::vector<std::unique_ptr<Listener>> listeners;
      for (size_t i = 0; i < order.size(); ++i) listeners.push_back(std::make_unique<Listener>(cancellation));
      for (size_t i = 0; i < gone; ++i) listeners[order[i]].reset();
      cancellation.Cancel(kGone);
      for (size_t i = gone; i < order.size(); ++i) EXPECT_EQ(listeners[order[i]]->heard, 1);
    }
  } while (std::next_permutation(order.begin(), order.end()));
}

net::Task<void> Wait(ManualScheduler& scheduler, Cancellation& cancellation, net::TimePoint until,
                     std::string& said) {
  said = "waits";
  Sleep sleep(scheduler, cancellation, until);
  const bool came = co_await sleep;
  said = came ? "came" : "cancelled";
}

class SleepTest : public testing::Test {
 protected:
  void Start(net::Duration duration) {
    net::Spawn(Wait(scheduler_, cancellation_, scheduler_.now() + duration, said_));
  }

  ManualScheduler scheduler_;
  Cancellation cancellation_;
  std::string said_;
};

TEST_F(SleepTest, EndsWhenTheMomentComes) {
  Start(seconds(2));
  scheduler_.Advance(seconds(1));
  EXPECT_EQ(said_, "waits");
  scheduler_.Advance(seconds(1));
  EXPECT_EQ(said_, "came");
}

TEST_F(SleepTest, EndsAtOnceWhenTheMomentHasPassed) {
  Start(seconds(-1));
  EXPECT_EQ(said_, "came");
}

TEST_F(SleepTest, EndsWhenTheCallIsCancelled) {
  Start(seconds(2));
  scheduler_.Advance(seconds(1));
  cancellation_.Cancel(kGone);
  EXPECT_EQ(said_, "waits");  // from the loop, not from inside Cancel
  scheduler_.Settle();
  EXPECT_EQ(said_, "cancelled");
  scheduler_.Advance(seconds(5));
  EXPECT_EQ(said_, "cancelled");
}

TEST_F(SleepTest, DoesNotBeginWhenTheCallIsCancelledAlready) {
  cancellation_.Cancel(kGone);
  Start(seconds(2));
  EXPECT_EQ(said_, "cancelled");
}

TEST_F(SleepTest, ACancellationRightAfterTheMomentEndsItOnce) {
  Start(seconds(2));
  scheduler_.timers().Advance(scheduler_.now() + seconds(3));  // fires, resumes later
  cancellation_.Cancel(kGone);
  scheduler_.Settle();
  EXPECT_EQ(said_, "cancelled");
}

}  // namespace
}  // namespace naru::call
