#include "sidecar/net/event_loop.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "sidecar/net/task.h"
#include "tests/support/connections.h"
#include "tests/support/run_until.h"
#include "tests/support/sleep.h"

namespace naru::net {
namespace {

using std::chrono::milliseconds;

TEST(EventLoop, RunsWhatIsPostedInOrder) {
  EventLoop loop;
  std::vector<int> ran;
  for (int i = 0; i < 3; ++i) loop.Post([&ran, i] { ran.push_back(i); });
  ASSERT_TRUE(RunUntil(loop, [&] { return ran.size() == 3; }));
  EXPECT_EQ(ran, (std::vector<int>{0, 1, 2}));
}

TEST(EventLoop, RunsWhatAJobPosts) {
  EventLoop loop;
  bool ran = false;
  loop.Post([&] { loop.Post([&] { ran = true; }); });
  EXPECT_TRUE(RunUntil(loop, [&] { return ran; }));
}

TEST(EventLoop, RunsAfterItWasStopped) {
  EventLoop loop;
  loop.Stop();
  loop.Run();
  loop.Stop();
  loop.Run();
}

TEST(EventLoop, LosesNoJobOfAnyThread) {
  constexpr int kThreads = 4;
  constexpr int kJobs = 2000;
  EventLoop loop;
  int ran = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < kJobs; ++j) {
        loop.Post([&] {
          if (++ran == kThreads * kJobs) loop.Stop();
        });
      }
    });
  }
  loop.Run();  // hangs if one is lost
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ran, kThreads * kJobs);
}

Task<void> SleepThenStop(EventLoop& loop, Duration duration, TimePoint& woke) {
  co_await Sleep(loop, duration);
  woke = loop.now();
  loop.Stop();
}

TEST(EventLoop, FiresTimersAtTheirTime) {
  EventLoop loop;
  const TimePoint begin = loop.now();
  TimePoint woke;
  Spawn(SleepThenStop(loop, milliseconds(20), woke));
  loop.Run();
  EXPECT_GE(woke - begin, milliseconds(20));
}

struct Resumption {
  EventLoop& loop;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> handle) { loop.ResumeLater(handle); }
  void await_resume() const {}
};

Task<void> YieldForever(EventLoop& loop, const bool& stop, int& turns) {
  while (!stop) {
    co_await Resumption{loop};
    ++turns;
  }
}

TEST(EventLoop, LetsEventsThroughWhileACoroutineIsAlwaysReady) {
  EventLoop loop;
  bool posted = false;
  int turns = 0;
  Spawn(YieldForever(loop, posted, turns));
  loop.Post([&] { posted = true; });
  EXPECT_TRUE(RunUntil(loop, [&] { return posted; }));
}

// Counts its events; the first one it gets ends the other.
struct Killer final : EventHandler {
  EventLoop& loop;
  int fd;
  std::unique_ptr<Killer>* other = nullptr;
  int* events;

  Killer(EventLoop& on, int watched, int& counted) : loop(on), fd(watched), events(&counted) {
    EXPECT_TRUE(loop.Watch(fd, *this));
  }
  ~Killer() { loop.Unwatch(fd, *this); }
  void OnEvents(uint32_t) override {
    ++*events;
    if (other != nullptr) other->reset();
  }
};

TEST(EventLoop, GivesNoEventToAHandlerThatAnotherHasDestroyed) {
  EventLoop loop;
  Connection one = UnixConnection();
  Connection two = UnixConnection();
  int events = 0;
  auto first = std::make_unique<Killer>(loop, one.ours.get(), events);
  auto second = std::make_unique<Killer>(loop, two.ours.get(), events);
  first->other = &second;
  second->other = &first;
  // Both are writable, so both events come in one batch, and whichever is first destroys the other.
  bool turned = false;
  ASSERT_TRUE(RunUntil(loop, [&] { return std::exchange(turned, true); }));
  EXPECT_EQ(events, 1);
  EXPECT_NE(first == nullptr, second == nullptr);
}

struct Suicide final : EventHandler {
  EventLoop& loop;
  Descriptor fd;
  bool* gone;
  Suicide(EventLoop& on, Descriptor watched, bool& told) : loop(on), fd(std::move(watched)), gone(&told) {
    EXPECT_TRUE(loop.Watch(fd.get(), *this));
  }
  void OnEvents(uint32_t) override {
    loop.Unwatch(fd.get(), *this);
    *gone = true;
    delete this;
  }
};

TEST(EventLoop, LetsAHandlerDestroyItself) {
  EventLoop loop;
  Connection connection = UnixConnection();
  bool gone = false;
  new Suicide(loop, std::move(connection.ours), gone);
  EXPECT_TRUE(RunUntil(loop, [&] { return gone; }));
  EXPECT_EQ(Receive(connection.peers, 1), "");
}

}  // namespace
}  // namespace naru::net
