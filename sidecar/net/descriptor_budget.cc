#include "sidecar/net/descriptor_budget.h"

#include <algorithm>

namespace naru::net {

DescriptorBudget::DescriptorBudget(uint64_t limit, uint64_t held) {
  const uint64_t free = limit > held ? limit - held : 0;
  connections_ = free - std::min(kReserve, free / kReserveShare);
}

bool DescriptorBudget::MayAccept(const OpenConnections& open) const {
  // One is always served, or nobody would ever learn what is wrong.
  if (open.downstream == 0) return true;
  return open.downstream < connections_ / 2 && open.downstream + open.upstream < connections_;
}

}  // namespace naru::net
