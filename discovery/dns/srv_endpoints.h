// Puts the SRV records of a name and the addresses of their targets together (RFC 2782). Pure.
//
// Only the targets of the lowest priority are used. An address that once came along with the SRV records is
// kept for its target as long as the records name it: the next message may have no room for it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "discovery/dns/dns_watch.h"
#include "discovery/source.h"

namespace naru::discovery {

class SrvEndpoints {
 public:
  // What the SRV records are now.
  void Update(const std::vector<SrvTarget>& targets);

  // The hosts that are to be resolved, because no address came along with them. In order, each once.
  std::vector<std::string> HostsToResolve() const;

  // What is believed of the hosts to resolve; one that is not there has not been heard yet.
  using Resolved = std::map<std::string, DnsFound>;

  // The whole; nothing while it would be less than the truth for want of an answer.
  std::optional<Answer> Combine(const Resolved& resolved) const;

 private:
  struct Place {
    std::vector<IpBytes> addresses;
    bool sure = false;
    bool awaited = false;  // not heard yet
  };
  Place Locate(const SrvTarget& target, const Resolved& resolved) const;
  void Remember();

  std::vector<SrvTarget> targets_;  // of the lowest priority
  std::map<std::string, std::vector<IpBytes>> remembered_;
};

}  // namespace naru::discovery
