#include "sidecar/net/task.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/support/allocations.h"
#include "tests/support/manual_scheduler.h"
#include "tests/support/sleep.h"

namespace naru::net {
namespace {

using std::chrono::seconds;

Task<int> Add(int a, int b) {
  co_return a + b;
}

Task<int> AddLater(ManualScheduler& scheduler, int a, int b) {
  co_await Sleep(scheduler, seconds(1));
  const int sum = co_await Add(a, b);
  co_return sum;
}

Task<void> Store(Task<int> task, int& into) {
  into = co_await task;
}

TEST(Task, RunsWhenItIsAwaitedAndGivesItsValue) {
  int result = 0;
  Spawn(Store(Add(2, 3), result));
  EXPECT_EQ(result, 5);
}

TEST(Task, ResumesItsAwaiterWhenItEnds) {
  ManualScheduler scheduler;
  int result = 0;
  Spawn(Store(AddLater(scheduler, 2, 3), result));
  EXPECT_EQ(result, 0);
  scheduler.Advance(seconds(1));
  EXPECT_EQ(result, 5);
}

Task<void> Mark(bool& ran) {
  ran = true;
  co_return;
}

TEST(Task, ThatIsNeverAwaitedNeverRuns) {
  bool ran = false;
  { Task<void> task = Mark(ran); }
  EXPECT_FALSE(ran);
}

Task<std::unique_ptr<int>> MakeOwned(int value) {
  co_return std::make_unique<int>(value);
}

Task<void> StoreOwned(std::unique_ptr<int>& into) {
  into = co_await MakeOwned(7);
}

TEST(Task, GivesValuesThatCannotBeCopied) {
  std::unique_ptr<int> owned;
  Spawn(StoreOwned(owned));
  EXPECT_EQ(*owned, 7);
}

// Writes what happens to it, and when it is destroyed.
struct Witness {
  std::vector<std::string>* log;
  explicit Witness(std::vector<std::string>& to) : log(&to) {}
  Witness(Witness&& other) noexcept : log(std::exchange(other.log, nullptr)) {}
  ~Witness() {
    if (log != nullptr) log->push_back("arguments of the child destroyed");
  }
};

Task<void> ChildWith(ManualScheduler& scheduler, std::vector<std::string>& log, Witness) {
  co_await Sleep(scheduler, seconds(2));
  log.push_back("child ended");
}

Task<void> Parent(ManualScheduler& scheduler, std::vector<std::string>& log) {
  Child child;
  child.Start(ChildWith(scheduler, log, Witness(log)));
  log.push_back(child.running() ? "parent goes on" : "child ran at once");
  co_await child.Join();
  log.push_back(child.running() ? "child still runs" : "parent joined");
}

TEST(Child, RunsBesideItsParentUntilJoined) {
  ManualScheduler scheduler;
  std::vector<std::string> log;
  Spawn(Parent(scheduler, log));
  scheduler.Advance(seconds(2));
  // The arguments go first: they may refer to things that the parent ends once it has joined.
  EXPECT_EQ(log, (std::vector<std::string>{"parent goes on", "child ended",
                                           "arguments of the child destroyed", "parent joined"}));
}

Task<void> JoinTwice(std::vector<std::string>& log) {
  Child child;
  co_await child.Join();
  log.push_back("nothing to join");
  bool ran = false;
  child.Start(Mark(ran));
  co_await child.Join();
  log.push_back(ran && !child.running() ? "joined a child that had ended" : "?");
  child.Start(Mark(ran));
  log.push_back("started another");
}

TEST(Child, IsJoinedAtOnceWhenNoneRuns) {
  std::vector<std::string> log;
  Spawn(JoinTwice(log));
  EXPECT_EQ(
      log, (std::vector<std::string>{"nothing to join", "joined a child that had ended", "started another"}));
}

Task<void> CallsWithin(ManualScheduler& scheduler, int& sum) {
  Child child;
  bool ran = false;
  child.Start(Mark(ran));
  for (int i = 0; i < 3; ++i) sum += co_await AddLater(scheduler, i, 1);
  co_await child.Join();
}

TEST(FramePool, AllocatesNothingOnceWarm) {
  ManualScheduler scheduler;
  int sum = 0;
  const auto run = [&] {
    Spawn(CallsWithin(scheduler, sum));
    scheduler.Advance(seconds(3));
  };
  run();
  const size_t before = Allocations();
  run();
  run();
  EXPECT_EQ(Allocations() - before, 0u);
  EXPECT_EQ(sum, 18);
}

TEST(FramePool, GivesBackWhatItKeepsTooManyOf) {
  std::vector<void*> frames;
  for (int i = 0; i < 1000; ++i) frames.push_back(FramePool::Allocate(100));
  const size_t before = Frees();
  for (void* frame : frames) FramePool::Free(frame, 100);
  EXPECT_GE(Frees() - before, 1000u - 256u);
}

TEST(FramePool, ServesEverySizeAroundItsClasses) {
  for (const size_t bytes : {1, 63, 64, 65, 4095, 4096, 4097, 100'000}) {
    auto* frame = static_cast<unsigned char*>(FramePool::Allocate(bytes));
    std::fill(frame, frame + bytes, 0xab);
    FramePool::Free(frame, bytes);
    auto* again = static_cast<unsigned char*>(FramePool::Allocate(bytes));
    std::fill(again, again + bytes, 0xcd);
    FramePool::Free(again, bytes);
  }
}

}  // namespace
}  // namespace naru::net
