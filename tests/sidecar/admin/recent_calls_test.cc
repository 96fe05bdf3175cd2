#include "sidecar/admin/recent_calls.h"

#include <gtest/gtest.h>

#include <thread>

namespace naru::admin {
namespace {

RecentCall Call(std::string id, std::string outcome = "timeout", std::string service = "courses",
                std::string squad = "learning") {
  RecentCall call;
  call.request_id = std::move(id);
  call.outcome = std::move(outcome);
  call.service = std::move(service);
  call.squad = std::move(squad);
  return call;
}

std::vector<std::string> IdsOf(const RecentCalls& calls, const RecentFilter& filter = {}) {
  std::vector<std::string> ids;
  for (const auto& call : calls.Select(filter)) ids.push_back(call->request_id);
  return ids;
}

using Ids = std::vector<std::string>;

TEST(RecentCalls, ShowsTheNewestFirst) {
  RecentCalls calls;
  EXPECT_EQ(IdsOf(calls), Ids{});
  for (const char* id : {"a", "b", "c"}) calls.Add(Call(id));
  EXPECT_EQ(IdsOf(calls), (Ids{"c", "b", "a"}));
}

TEST(RecentCalls, ForgetsTheOldest) {
  RecentCalls calls;
  for (size_t i = 0; i < RecentCalls::kCalls + 2; ++i) calls.Add(Call(std::to_string(i)));
  const Ids ids = IdsOf(calls);
  EXPECT_EQ(ids.size(), RecentCalls::kCalls);
  EXPECT_EQ(ids.front(), "257");
  EXPECT_EQ(ids.back(), "2");
}

TEST(RecentCalls, SelectsByOutcomeServiceAndSquad) {
  RecentCalls calls;
  calls.Add(Call("a", "timeout", "courses", "learning"));
  calls.Add(Call("b", "reset", "courses", "learning"));
  calls.Add(Call("c", "timeout", "billing", "pay"));
  EXPECT_EQ(IdsOf(calls, {.outcome = "timeout"}), (Ids{"c", "a"}));
  EXPECT_EQ(IdsOf(calls, {.service = "courses"}), (Ids{"b", "a"}));
  EXPECT_EQ(IdsOf(calls, {.squad = "pay"}), (Ids{"c"}));
  EXPECT_EQ(IdsOf(calls, {"reset", "billing", ""}), Ids{});
}

TEST(RecentCalls, KeepsNoQueryAndCutsWhatIsLong) {
  RecentCalls calls;
  RecentCall call = Call("id");
  call.path = "/v1/courses?token=secret";
  call.detail = std::string(300, 'd');
  call.attempts.resize(40);
  call.attempts[0].detail = std::string(300, 'a');
  calls.Add(call);
  call.path = "/" + std::string(300, 'p');
  calls.Add(call);
  const auto kept = calls.Select({});
  EXPECT_EQ(kept[1]->path, "/v1/courses");
  EXPECT_EQ(kept[0]->path, "/" + std::string(255, 'p'));
  EXPECT_EQ(kept[0]->detail, std::string(256, 'd'));
  EXPECT_EQ(kept[0]->attempts.size(), RecentCalls::kMaxAttempts);
  EXPECT_EQ(kept[0]->attempts[0].detail, std::string(256, 'a'));
}

TEST(RecentCalls, TakesCallsFromManyThreadsWhileItIsRead) {
  RecentCalls calls;
  std::vector<std::thread> workers;
  for (int i = 0; i < 3; ++i) {
    workers.emplace_back([&calls] {
      for (int j = 0; j < 1000; ++j) calls.Add(Call("x"));
    });
  }
  for (int i = 0; i < 50; ++i) EXPECT_LE(calls.Select({}).size(), RecentCalls::kCalls);
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(calls.Select({}).size(), RecentCalls::kCalls);
}

}  // namespace
}  // namespace naru::admin
