#include "discovery/xds/type_stream.h"

#include <algorithm>
#include <utility>

namespace naru::discovery {
namespace {

constexpr size_t kMostGivenUp = 10'000;  // beyond, a new stream is due as well

}  // namespace

void TypeStream::Want(const std::string& name) {
  if (!names_.insert(name).second) return;
  awaited_[name] = {};
  to_send_ = true;
  if (given_up_.contains(name)) stale_ = true;
}

void TypeStream::GiveUp(const std::string& name) {
  if (names_.erase(name) == 0) return;
  awaited_.erase(name);
  to_send_ = true;
  if (asked_) given_up_.insert(name);
  if (given_up_.size() > kMostGivenUp) stale_ = true;
}

void TypeStream::WantOnly(const std::set<std::string>& names) {
  const std::set<std::string> before = names_;
  for (const std::string& name : before) {
    if (!names.contains(name)) GiveUp(name);
  }
  for (const std::string& name : names) Want(name);
}

void TypeStream::Ended() {
  for (auto& [name, awaited] : awaited_) awaited = {};
  given_up_.clear();
  nonce_.clear();
  error_.clear();
  asked_ = answered_ = stale_ = false;
  to_send_ = true;
}

// A first request without names would ask for everything there is (xDS protocol, "How the client specifies
// what resources to return"); a later one means that nothing is wanted any more.
std::optional<AdsRequest> TypeStream::Take() {
  if (!to_send_ || (names_.empty() && !asked_)) return std::nullopt;
  to_send_ = false;
  asked_ = true;
  for (auto& [name, awaited] : awaited_) awaited.in_flight = !std::exchange(awaited.asked, true);
  return AdsRequest{.type = type_,
                    .version = version_,
                    .nonce = nonce_,
                    .names = {names_.begin(), names_.end()},
                    .node = std::nullopt,
                    .error = std::exchange(error_, "")};
}

void TypeStream::Sent(TimePoint now) {
  for (auto& [name, awaited] : awaited_) {
    if (std::exchange(awaited.in_flight, false)) awaited.due = now + kMissingAfter;
  }
}

void TypeStream::Accept(const std::string& version, const std::string& nonce) {
  version_ = version;
  Reject(nonce, "");
}

void TypeStream::Reject(const std::string& nonce, std::string error) {
  nonce_ = nonce;
  error_ = std::move(error);
  answered_ = to_send_ = true;
}

std::vector<std::string> TypeStream::TakeOverdue(TimePoint now) {
  std::vector<std::string> overdue;
  for (auto& [name, awaited] : awaited_) {
    if (!awaited.due || *awaited.due > now) continue;
    awaited.due.reset();
    overdue.push_back(name);
  }
  return overdue;
}

std::optional<TimePoint> TypeStream::NextDue() const {
  std::optional<TimePoint> next;
  for (const auto& [name, awaited] : awaited_) {
    if (awaited.due) next = std::min(next.value_or(*awaited.due), *awaited.due);
  }
  return next;
}

}  // namespace naru::discovery
