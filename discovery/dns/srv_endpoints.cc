#include "discovery/dns/srv_endpoints.h"

#include <algorithm>
#include <set>
#include <utility>

namespace naru::discovery {
namespace {

std::vector<SrvTarget> OfLowestPriority(const std::vector<SrvTarget>& targets) {
  uint16_t lowest = UINT16_MAX;
  for (const SrvTarget& target : targets) lowest = std::min(lowest, target.srv.priority);
  std::vector<SrvTarget> chosen;
  for (const SrvTarget& target : targets) {
    // RFC 2782: the target "." says that there is no such service here.
    if (target.srv.priority == lowest && !target.srv.target.empty()) chosen.push_back(target);
  }
  return chosen;
}

Endpoint EndpointOf(const SrvData& srv, const IpBytes& ip) {
  Endpoint endpoint;
  endpoint.address = {ip, srv.port};
  endpoint.weight =
      std::max<uint32_t>(srv.weight, 1);  // RFC 2782: 0 is "hardly ever" beside others, not never
  return endpoint;
}

}  // namespace

void SrvEndpoints::Update(const std::vector<SrvTarget>& targets) {
  targets_ = OfLowestPriority(targets);
  Remember();
}

void SrvEndpoints::Remember() {
  std::map<std::string, std::vector<IpBytes>> next;
  for (const SrvTarget& target : targets_) {
    const auto before = remembered_.find(target.srv.target);
    if (!target.addresses.empty()) {
      next[target.srv.target] = target.addresses;
    } else if (before != remembered_.end()) {
      next.insert(*before);
    }
  }
  remembered_ = std::move(next);
}

std::vector<std::string> SrvEndpoints::HostsToResolve() const {
  std::set<std::string> hosts;
  for (const SrvTarget& target : targets_) {
    if (target.addresses.empty()) hosts.insert(target.srv.target);
  }
  return {hosts.begin(), hosts.end()};
}

std::optional<Answer> SrvEndpoints::Combine(const Resolved& resolved) const {
  Answer answer;
  bool sure = true;
  for (const SrvTarget& target : targets_) {
    const Place place = Locate(target, resolved);
    if (place.awaited) return std::nullopt;
    sure = sure && place.sure;
    for (const IpBytes& ip : place.addresses) answer.endpoints.push_back(EndpointOf(target.srv, ip));
  }
  if (answer.endpoints.empty() && !sure) return std::nullopt;
  std::sort(answer.endpoints.begin(), answer.endpoints.end());
  return answer;
}

SrvEndpoints::Place SrvEndpoints::Locate(const SrvTarget& target, const Resolved& resolved) const {
  if (!target.addresses.empty()) return {target.addresses, true};
  const auto found = resolved.find(target.srv.target);
  const bool heard = found != resolved.end();
  if (heard && (found->second.sure || !found->second.empty())) return {found->second.addresses, true};
  const auto remembered = remembered_.find(target.srv.target);
  if (remembered != remembered_.end()) return {remembered->second, false};
  return {{}, false, !heard};
}

}  // namespace naru::discovery
