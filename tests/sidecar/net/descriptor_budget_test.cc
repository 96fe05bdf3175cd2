#include "sidecar/net/descriptor_budget.h"

#include <gtest/gtest.h>

namespace naru::net {
namespace {

// How many applications are let in while the calls of each hold `upstream_each` connections upstream.
uint64_t LetIn(const DescriptorBudget& budget, uint64_t upstream_each) {
  OpenConnections open;
  while (budget.MayAccept(open)) {
    ++open.downstream;
    open.upstream += upstream_each;
  }
  return open.downstream;
}

TEST(DescriptorBudget, KeepsAReserveOfWhatTheProcessMayOpen) {
  EXPECT_EQ(DescriptorBudget(1024, 24).connections(), 1000u - DescriptorBudget::kReserve);
}

TEST(DescriptorBudget, KeepsASmallerReserveWhereFewAreAllowed) {
  EXPECT_EQ(DescriptorBudget(60, 20).connections(), 30u);
}

TEST(DescriptorBudget, LeavesEachCallADescriptorForItsConnectionUpstream) {
  EXPECT_EQ(LetIn(DescriptorBudget(60, 20), 0), 15u);
  EXPECT_EQ(LetIn(DescriptorBudget(60, 20), 1), 15u);
}

TEST(DescriptorBudget, LetsFewerInWhereTheirCallsNeedManyConnectionsUpstream) {
  EXPECT_EQ(LetIn(DescriptorBudget(60, 20), 5), 5u);
}

TEST(DescriptorBudget, LetsNobodyInBesideWhatIdlesUpstream) {
  EXPECT_FALSE(DescriptorBudget(60, 20).MayAccept({1, 29}));
  EXPECT_TRUE(DescriptorBudget(60, 20).MayAccept({1, 28}));
}

TEST(DescriptorBudget, AlwaysServesOne) {
  EXPECT_EQ(LetIn(DescriptorBudget(20, 20), 0), 1u);
  EXPECT_EQ(LetIn(DescriptorBudget(20, 30), 0), 1u);
  EXPECT_TRUE(DescriptorBudget(60, 20).MayAccept({0, 100}));
}

}  // namespace
}  // namespace naru::net
