// Decides whether another connection of an application may be accepted, so that a crowd of them leaves
// descriptors for everything else: the admin port, which is asked whether naru is alive, files that are read
// anew, sources, and the connections upstream that the calls of the crowd need.
//
// Pure: what is open is an argument. Any thread.
#pragma once

#include <cstdint>

namespace naru::net {

struct OpenConnections {
  uint64_t downstream = 0;
  uint64_t upstream = 0;
};

class DescriptorBudget {
 public:
  // Left free whatever happens: the admin port's connections, checks, sources, a configuration that is
  // loaded.
  static constexpr uint64_t kReserve = 64;
  // Where few descriptors are allowed at all, no more than this share of what is free is kept back.
  static constexpr uint64_t kReserveShare = 4;

  // `limit` descriptors may be open; `held` are, connections of calls not counted.
  DescriptorBudget(uint64_t limit, uint64_t held);

  // Each connection of an application may need one upstream for its call, so half is for either.
  bool MayAccept(const OpenConnections& open) const;

  // How many connections of calls may be open.
  uint64_t connections() const { return connections_; }

 private:
  uint64_t connections_;
};

}  // namespace naru::net
