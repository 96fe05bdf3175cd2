// The decisions together, in virtual time: what callers see while a service fails and comes back.
//
// Every scenario runs with several seeds; a failure prints its own. Whatever the scenario, the promises of
// Finish and of the limits hold at its end.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <utility>

#include "tests/resilience/call_model.h"

namespace naru::resilience {
namespace {

constexpr uint64_t kSeeds[] = {1, 2, 20240607};
constexpr uint32_t kEndpoints = 4;

// A fault begins at kFrom and ends at kTo; calls come until kEnd.
constexpr int kFrom = 15;
constexpr int kTo = 25;
constexpr int kEnd = 45;

class Scenario {
 public:
  explicit Scenario(uint64_t seed, const ModelPolicy& policy = {})
      : policy_(policy), model(time, policy, kEndpoints, seed) {}

  void At(int second, VirtualTime::Action action) {
    time.After(std::chrono::seconds(second), std::move(action));
  }
  void During(int from, int to, size_t endpoint, Fault fault) {
    At(from, [=, this] { model.SetFault(endpoint, fault); });
    At(to, [=, this] { model.SetFault(endpoint, Fault::kNone); });
  }
  void DuringForAll(int from, int to, Fault fault) {
    for (size_t i = 0; i < kEndpoints; ++i) During(from, to, i, fault);
  }
  void Run(double calls_per_second) {
    model.OfferCalls(calls_per_second, std::chrono::seconds(kEnd));
    time.Run();
    CheckPromises();
  }

  double GoodShare(int from, int to) const {
    const CallModel::Second sum = model.Sum(from, to);
    return static_cast<double>(sum.good) / sum.offered;
  }
  // Attempts for each call that was offered.
  double Amplification(int from, int to) const {
    const CallModel::Second sum = model.Sum(from, to);
    return static_cast<double>(sum.attempts) / sum.offered;
  }
  // The first second from which on five in a row have 95 % of their calls answered well.
  int RecoveredAt(int from) const {
    for (int second = from; second + 5 <= kEnd; ++second) {
      bool good = true;
      for (int i = second; i < second + 5; ++i) good = good && GoodShare(i, i + 1) >= 0.95;
      if (good) return second;
    }
    return kEnd;
  }

 private:
  // What holds whatever happens.
  void CheckPromises() const {
    EXPECT_EQ(model.ended(), model.begun());
    EXPECT_EQ(model.ended_twice(), 0);
    EXPECT_EQ(model.limit().in_flight(), 0u);
    EXPECT_EQ(model.limit().queued(), 0u);
    EXPECT_EQ(model.AttemptsInFlight(), 0u);
    EXPECT_LE(model.most_attempts(), policy_.retry.attempts);
    EXPECT_LE(model.most_in_flight(), policy_.limits.concurrent);
    EXPECT_LE(model.most_queued(), policy_.limits.queue);
    EXPECT_LE(model.most_ejected(), MostEjected(policy_.ejection.keep, kEndpoints));
  }

  const ModelPolicy policy_;

 public:
  VirtualTime time;
  CallModel model;
};

// Runs `scenario` with every seed.
template <typename Check>
void WithEverySeed(Check check) {
  for (const uint64_t seed : kSeeds) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    check(seed);
  }
}

TEST(Simulation, AnswersEveryCallOfAHealthyService) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    scenario.Run(280);
    EXPECT_EQ(scenario.GoodShare(0, kEnd), 1);
    EXPECT_EQ(scenario.Amplification(0, kEnd), 1);
  });
}

TEST(Simulation, HidesAnEndpointThatRefuses) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    scenario.During(kFrom, kTo, 1, Fault::kRefuses);
    scenario.Run(280);
    EXPECT_EQ(scenario.GoodShare(0, kEnd), 1);  // also of what is not idempotent: nothing of it was sent
    EXPECT_LE(scenario.Amplification(kFrom, kTo), 1.02);
  });
}

TEST(Simulation, HidesAnEndpointThatResetsFromWhatIsIdempotent) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    scenario.During(kFrom, kTo, 1, Fault::kResets);
    scenario.Run(280);
    EXPECT_GE(scenario.GoodShare(kFrom, kTo), 0.99);
  });
}

TEST(Simulation, SendsASlowEndpointHardlyAnyCalls) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    scenario.During(0, kEnd, 1, Fault::kSlow);
    scenario.Run(280);
    EXPECT_EQ(scenario.GoodShare(0, kEnd), 1);
    EXPECT_LE(scenario.model.AttemptsTo(1), scenario.model.begun() / 50);
  });
}

struct Outage {
  const char* name;
  Fault fault;
};

class TotalOutage : public testing::TestWithParam<Outage> {};

TEST_P(TotalOutage, IsNotMadeWorseAndEndsSoonAfterItIsOver) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    scenario.DuringForAll(kFrom, kTo, GetParam().fault);
    scenario.Run(280);
    EXPECT_LE(scenario.Amplification(kFrom, kTo), 1.1);
    EXPECT_LE(scenario.RecoveredAt(kTo), kTo + 10);
    EXPECT_EQ(scenario.model.breaker().state(), CircuitBreaker::State::kClosed);
  });
}

INSTANTIATE_TEST_SUITE_P(Simulation, TotalOutage,
                         testing::Values(Outage{"refuses", Fault::kRefuses},
                                         Outage{"connect_hangs", Fault::kConnectHangs},
                                         Outage{"hangs", Fault::kHangs}, Outage{"resets", Fault::kResets},
                                         Outage{"answers_503", Fault::kAnswers503}),
                         [](const auto& info) { return info.param.name; });

// The study of metastable failures (HotOS'21): a database that serves 300 a second is offered 280 and stops
// for 10 s. A caller that always retries once sends it 560 a second for ever.
class Metastable : public testing::TestWithParam<int> {};

TEST_P(Metastable, RecoversWithinTenSecondsOfTheOutage) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    Bottleneck database(300);
    scenario.model.SetBottleneck(&database);
    scenario.At(kFrom, [&] { database.Stop(scenario.time.now(), std::chrono::seconds(kTo - kFrom)); });
    scenario.Run(GetParam());
    EXPECT_LE(scenario.Amplification(kFrom, kTo), 1.1);
    EXPECT_LE(scenario.Amplification(kTo, kEnd), 1.1);
    EXPECT_LE(scenario.RecoveredAt(kTo), kTo + 10);
  });
}

INSTANTIATE_TEST_SUITE_P(Simulation, Metastable, testing::Values(100, 150, 200, 240, 280),
                         [](const auto& info) { return "at_" + std::to_string(info.param) + "_a_second"; });

// The same with retries on timeouts, and with no guard but the timeout: it shows that the model can be stuck.
TEST(Simulation, IsStuckForEverWithoutLimitBudgetAndBreaker) {
  ModelPolicy policy;
  policy.timeout = std::chrono::seconds(2);
  policy.try_timeout = std::chrono::seconds(1);
  policy.retry.budget.floor_per_second = 1e6;
  policy.limits.concurrent = 1'000'000;
  policy.breaker.min_calls = 1 << 30;
  policy.ejection.keep = 1;
  Scenario scenario(1, policy);
  Bottleneck database(300);
  scenario.model.SetBottleneck(&database);
  scenario.At(kFrom, [&] { database.Stop(scenario.time.now(), std::chrono::seconds(kTo - kFrom)); });
  scenario.Run(280);
  EXPECT_EQ(scenario.RecoveredAt(kTo), kEnd);
  EXPECT_LT(scenario.GoodShare(kEnd - 10, kEnd), 0.1);
}

TEST(Simulation, KeepsItsPromisesWhateverEndpointsDo) {
  WithEverySeed([](uint64_t seed) {
    Scenario scenario(seed);
    std::mt19937_64 random(seed);
    for (int second = 0; second < kEnd; ++second) {
      const size_t endpoint = random() % kEndpoints;
      const Fault fault = static_cast<Fault>(random() % 7);
      scenario.At(second, [=, &scenario] { scenario.model.SetFault(endpoint, fault); });
    }
    scenario.Run(400);
  });
}

}  // namespace
}  // namespace naru::resilience
