#include "sidecar/default_services.h"

#include <algorithm>
#include <utility>

#include "sidecar/config/discovered.h"
#include "sidecar/config/text.h"

namespace naru {

using config::Cat;
using resilience::TimePoint;

std::optional<DefaultServices::Told> DefaultServices::Want(const config::Config& file,
                                                           const std::string& name, int worker,
                                                           TimePoint now) {
  if (!file.discovery.fallback.has_value()) return Told{name, {worker}, false, false, ""};
  template_ = file.discovery.fallback->text();
  auto at = names_.find(name);
  if (at != names_.end() && at->second.denied_until && *at->second.denied_until <= now) {
    names_.erase(at);
    at = names_.end();
  }
  if (at == names_.end()) {
    if (names_.size() >= kMost && !MakeRoom(now)) {
      return Told{name,
                  {worker},
                  false,
                  true,
                  Cat("discovery.default has found ", kMost, " services already, all of them in use")};
    }
    absl::StatusOr<discovery::SourceUri> source = file.discovery.fallback->For(name);
    if (!source.ok()) return Told{name, {worker}, false, false, std::string(source.status().message())};
    at = names_.emplace(name, Name{*std::move(source)}).first;
  }
  Name& entry = at->second;
  entry.last_wanted = now;
  entry.waiting.insert(worker);
  if (!entry.known && entry.why_not.empty()) return std::nullopt;
  return Tell(name, entry);
}

std::vector<DefaultServices::Told> DefaultServices::Take(const FindingOf& finding_of, TimePoint now) {
  std::vector<Told> told;
  for (auto& [name, entry] : names_) {
    if (entry.known || entry.denied_until) continue;
    const std::optional<discovery::Finding> finding = finding_of(entry.source.text);
    if (!finding || (finding->set == nullptr && finding->error.empty())) continue;
    entry.exists = finding->exists;
    if (finding->set == nullptr) {
      entry.why_not = finding->error;
    } else if (finding->exists) {
      entry.known = true;
      entry.squad = finding->squad;
    } else {
      entry.why_not = Cat(entry.source.text, " knows no such service");
      entry.denied_until = now + kDenied;
    }
    told.push_back(Tell(name, entry));
  }
  return told;
}

DefaultServices::Told DefaultServices::Tell(const std::string& name, Name& entry) {
  return {name, std::exchange(entry.waiting, {}), entry.known, entry.exists,
          entry.known ? std::string() : entry.why_not};
}

void DefaultServices::Used(const std::string& name, TimePoint now) {
  if (const auto at = names_.find(name); at != names_.end()) at->second.last_wanted = now;
}

bool DefaultServices::ForgetIdle(TimePoint now) {
  return std::erase_if(names_, [&](const auto& item) {
           const Name& entry = item.second;
           if (entry.denied_until) return *entry.denied_until <= now;
           return now - entry.last_wanted >=
                  (entry.known ? TimePoint::duration(kIdle) : TimePoint::duration(kUnwanted));
         }) > 0;
}

// What was denied goes first, then whoever has waited longest for a call.
bool DefaultServices::MakeRoom(TimePoint now) {
  if (ForgetIdle(now)) return true;
  const auto denied = std::find_if(names_.begin(), names_.end(),
                                   [](const auto& item) { return item.second.denied_until.has_value(); });
  if (denied == names_.end()) return false;
  names_.erase(denied);
  return true;
}

void DefaultServices::Reloaded(const config::Config& file) {
  const std::string now = file.discovery.fallback ? file.discovery.fallback->text() : "";
  if (now != template_) names_.clear();
  template_ = now;
  std::erase_if(names_, [&](const auto& item) { return file.FindService(item.first) != nullptr; });
}

std::vector<config::Service> DefaultServices::Services(const config::Config& file) const {
  std::vector<config::Service> services;
  for (const auto& [name, entry] : names_) {
    if (entry.known) services.push_back(config::DiscoveredService(file, name, entry.squad));
  }
  return services;
}

std::vector<discovery::SourceUri> DefaultServices::Sources() const {
  std::vector<discovery::SourceUri> sources;
  for (const auto& [name, entry] : names_) {
    if (!entry.known && !entry.denied_until) sources.push_back(entry.source);
  }
  return sources;
}

}  // namespace naru
