#include "resilience/balancer.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

namespace naru::resilience {
namespace {

constexpr uint64_t kSeed = 20240607;
constexpr BalanceKind kEveryKind[] = {BalanceKind::kP2c, BalanceKind::kLeastRequest,
                                      BalanceKind::kRoundRobin};

// How often each index is chosen in `draws` draws.
std::map<int, int> Draw(BalanceKind kind, const std::vector<Candidate>& candidates, int draws) {
  std::mt19937_64 random(kSeed);
  std::map<int, int> chosen;
  for (int i = 0; i < draws; ++i) ++chosen[Choose(kind, candidates, random(), static_cast<uint32_t>(i))];
  return chosen;
}

std::vector<Candidate> Alike(int count) {
  return std::vector<Candidate>(count);
}

TEST(Balancer, ChoosesNothingOutOfNothing) {
  for (const BalanceKind kind : kEveryKind) EXPECT_EQ(Choose(kind, {}, 0, 0), -1);
}

TEST(Balancer, ChoosesTheOnlyOne) {
  for (const BalanceKind kind : kEveryKind)
    EXPECT_EQ(Draw(kind, Alike(1), 100), (std::map<int, int>{{0, 100}}));
}

TEST(Balancer, GoesRoundInOrder) {
  std::vector<int> order;
  for (uint32_t i = 0; i < 7; ++i) order.push_back(Choose(BalanceKind::kRoundRobin, Alike(3), 0, i));
  EXPECT_EQ(order, (std::vector<int>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(Balancer, GoesRoundOverTheEligibleOnly) {
  std::vector<Candidate> candidates = Alike(4);
  candidates[0].serving = false;
  candidates[2].tried = true;
  EXPECT_EQ(Draw(BalanceKind::kRoundRobin, candidates, 10), (std::map<int, int>{{1, 5}, {3, 5}}));
}

TEST(Balancer, ChoosesTheLighterOfTwo) {
  std::vector<Candidate> candidates = Alike(2);
  candidates[0].load = 2;
  candidates[1].load = 1;
  EXPECT_EQ(Draw(BalanceKind::kP2c, candidates, 100), (std::map<int, int>{{1, 100}}));
  candidates[1].in_flight = 1;
  EXPECT_EQ(Draw(BalanceKind::kLeastRequest, candidates, 100), (std::map<int, int>{{0, 100}}));
}

TEST(Balancer, DrawsTwoDistinctOnes) {
  // The heaviest of all can only be chosen when it is drawn twice.
  for (const int count : {2, 3, 10}) {
    std::vector<Candidate> candidates = Alike(count);
    candidates[count / 2].load = 1;
    EXPECT_EQ(Draw(BalanceKind::kP2c, candidates, 10'000).count(count / 2), 0u) << count;
  }
}

TEST(Balancer, GivesTheLightestTwoOfNDraws) {
  // The lightest is chosen whenever it is among the two: 2/n, the ceiling of two choices.
  std::vector<Candidate> candidates = Alike(10);
  for (Candidate& candidate : candidates) candidate.load = 1;
  candidates[7].load = 0.5;
  EXPECT_NEAR(Draw(BalanceKind::kP2c, candidates, 100'000)[7], 20'000, 500);
}

TEST(Balancer, IsUnbiasedAmongEquals) {
  for (const int count : {2, 3, 8, 65}) {
    const int draws = 10'000 * count;
    const std::map<int, int> chosen = Draw(BalanceKind::kP2c, Alike(count), draws);
    EXPECT_EQ(chosen.size(), static_cast<size_t>(count));
    for (const auto& [index, times] : chosen) EXPECT_NEAR(times, 10'000, 500) << index << " of " << count;
  }
}

TEST(Balancer, ReachesBothEndsOfTheRandomNumbers) {
  for (const uint64_t random : {uint64_t{0}, ~uint64_t{0}, ~uint64_t{0} >> 32, ~uint64_t{0} << 32}) {
    const int chosen = Choose(BalanceKind::kP2c, Alike(5), random, 0);
    EXPECT_TRUE(chosen >= 0 && chosen < 5) << random << ": " << chosen;
  }
}

TEST(Balancer, LeavesThoseAsideThatFailedAMomentAgo) {
  std::vector<Candidate> candidates = Alike(3);
  candidates[0].load = 1;
  candidates[1].penalised = true;
  candidates[1].load = 1000;
  candidates[2].load = 300;  // slow: it must not win the draws beside the penalised one
  EXPECT_EQ(Draw(BalanceKind::kP2c, candidates, 300), (std::map<int, int>{{0, 300}}));
}

TEST(Balancer, LeavesNobodyAsideWhenMoreThanHalfFailedAMomentAgo) {
  std::vector<Candidate> candidates = Alike(3);
  candidates[0].penalised = candidates[1].penalised = true;
  EXPECT_EQ(Draw(BalanceKind::kP2c, candidates, 300).size(), 3u);
}

TEST(Balancer, PrefersServingOnesNotYetTried) {
  for (const BalanceKind kind : kEveryKind) {
    std::vector<Candidate> candidates = Alike(5);
    candidates[0].serving = false;
    candidates[1].tried = true;
    candidates[2].load = 100;
    candidates[2].in_flight = 100;
    candidates[3].serving = false;
    candidates[4].tried = true;
    EXPECT_EQ(Draw(kind, candidates, 50), (std::map<int, int>{{2, 50}}));
  }
}

TEST(Balancer, ThenTakesServingOnesAlreadyTried) {
  for (const BalanceKind kind : kEveryKind) {
    std::vector<Candidate> candidates = Alike(3);
    candidates[0].serving = false;
    candidates[1].tried = true;
    candidates[2].serving = false;
    EXPECT_EQ(Draw(kind, candidates, 50), (std::map<int, int>{{1, 50}}));
  }
}

TEST(Balancer, ThenTakesWhateverThereIs) {
  for (const BalanceKind kind : kEveryKind) {
    std::vector<Candidate> candidates = Alike(3);
    for (Candidate& candidate : candidates) candidate.serving = false;
    candidates[1].tried = true;
    const std::map<int, int> chosen = Draw(kind, candidates, 300);
    EXPECT_EQ(chosen.size(), 3u);
  }
}

std::vector<Candidate> Weighing(std::initializer_list<uint32_t> weights) {
  std::vector<Candidate> candidates;
  for (const uint32_t weight : weights) candidates.push_back({.weight = weight});
  return candidates;
}

TEST(Balancer, CallsFollowWeights) {
  constexpr int kDraws = 60'000;
  for (const BalanceKind kind : kEveryKind) {
    std::map<int, int> chosen = Draw(kind, Weighing({1, 2, 3}), kDraws);
    EXPECT_NEAR(chosen[0], kDraws / 6, kDraws / 60) << static_cast<int>(kind);
    EXPECT_NEAR(chosen[1], kDraws / 3, kDraws / 60) << static_cast<int>(kind);
    EXPECT_NEAR(chosen[2], kDraws / 2, kDraws / 60) << static_cast<int>(kind);
  }
}

TEST(Balancer, EqualWeightsAreNoWeights) {
  for (const BalanceKind kind : kEveryKind)
    EXPECT_EQ(Draw(kind, Weighing({7, 7}), 100), Draw(kind, Alike(2), 100));
}

TEST(Balancer, LoadIsJudgedByWeight) {
  std::vector<Candidate> candidates = Weighing({1, 10});
  candidates[0].in_flight = 1;
  candidates[1].in_flight = 5;  // half as much a weight
  for (const auto& [index, times] : Draw(BalanceKind::kLeastRequest, candidates, 100)) EXPECT_EQ(index, 1);
}

TEST(Balancer, ByWeightOnlyWhoMayBeChosenIs) {
  std::vector<Candidate> candidates = Weighing({1, 50, 2});
  candidates[1].serving = false;
  for (const BalanceKind kind : kEveryKind) EXPECT_EQ(Draw(kind, candidates, 1000).count(1), 0u);
  candidates[0].tried = candidates[2].tried = true;
  for (const BalanceKind kind : kEveryKind) EXPECT_EQ(Draw(kind, candidates, 1000).count(1), 0u);
}

}  // namespace
}  // namespace naru::resilience
