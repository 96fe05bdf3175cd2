#include "discovery/dns/query_rate.h"

#include <algorithm>

namespace naru::discovery {

bool QueryRate::Take(TimePoint now) {
  if (now < NextAt()) return false;
  full_at_ = std::max(full_at_, now) + kPerToken;
  return true;
}

}  // namespace naru::discovery
