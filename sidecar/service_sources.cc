#include "sidecar/service_sources.h"

#include <utility>
#include <vector>

#include "sidecar/config/text.h"

namespace naru {
namespace {

using discovery::Event;

std::string NamesOf(const Event& event) {
  std::string names;
  for (const discovery::Address& address : event.refused) {
    names += (names.empty() ? "" : ", ") + address.ToString();
  }
  if (event.refused_count > event.refused.size()) names += ", ...";
  return names;
}

void Log(log::Logger& logger, const Event& event) {
  const std::string limited_by = "discovery " + event.source;
  switch (event.kind) {
    case Event::Kind::kAnswered:
      return logger.WriteLimited(limited_by, log::Level::kInfo, "endpoints changed",
                                 {{"source", event.source}, {"endpoints", event.endpoints}});
    case Event::Kind::kRefused:
      return logger.WriteLimited(limited_by + " refused", log::Level::kWarn,
                                 "refused addresses outside the private ranges",
                                 {{"source", event.source},
                                  {"refused", event.refused_count},
                                  {"such_as", NamesOf(event)},
                                  {"hint", "a network of your own can be added under private.allow"}});
    case Event::Kind::kTroubleBegan:
      return logger.WriteLimited(limited_by, log::Level::kWarn,
                                 "a source is in trouble: what it answered last stays in use",
                                 {{"source", event.source}, {"error", event.detail}});
    case Event::Kind::kTroubleEnded:
      return logger.WriteLimited(limited_by, log::Level::kInfo, "a source answers again",
                                 {{"source", event.source}});
    case Event::Kind::kNotKept:
      return logger.WriteLimited(
          "discovery state", log::Level::kWarn, "the last good answer is not kept for a restart",
          {{"source", event.source}, {"error", event.detail}, {"hint", "see discovery.state"}});
  }
}

}  // namespace

ServiceSources::ServiceSources(log::Logger& logger, std::function<void()> changed)
    : discoverer_({std::move(changed), [&logger](const Event& event) { Log(logger, event); }}) {}

void ServiceSources::Watch(const config::Config& config, const std::vector<discovery::SourceUri>& also) {
  std::vector<discovery::SourceUri> sources = also;
  for (const config::Service& service : config.services) {
    if (service.source.has_value()) sources.push_back(*service.source);
  }
  discovery::Settings settings = config.discovery;
  discovery::XdsSettings& xds = settings.xds;
  if (xds.node_id.empty()) xds.node_id = config::Cat(config.caller.squad, "/", config.caller.service);
  if (xds.node_cluster.empty()) xds.node_cluster = config.caller.service;
  discoverer_.Watch(sources, settings, config.private_ranges);
}

std::optional<discovery::Finding> ServiceSources::FindingOf(const config::Service& service) const {
  if (!service.source.has_value()) return std::nullopt;
  return discoverer_.Find(service.source->text);
}

std::string ServiceSources::WhyNotReady(const call::Snapshot& snapshot) const {
  constexpr size_t kMostNamed = 5;
  std::string names;
  size_t waiting = 0;
  for (const std::shared_ptr<const call::Callee>& callee : snapshot.callees()) {
    const config::Service& service = *callee->service;
    if (!service.source.has_value() || service.discovered || callee->found != nullptr) continue;
    if (++waiting > kMostNamed) continue;
    const std::optional<discovery::Finding> finding = FindingOf(service);
    const bool trouble = finding.has_value() && !finding->error.empty();
    names += config::Cat(names.empty() ? "" : "; ", service.name, " (", service.source->text,
                         trouble ? ": " : "", trouble ? finding->error : std::string(), ")");
  }
  if (waiting == 0) return "";
  return config::Cat("no source has said yet where ", waiting,
                     waiting == 1 ? " service is: " : " services are: ", names,
                     waiting > kMostNamed ? "; ..." : "");
}

}  // namespace naru
