#include "discovery/dns/dns_provider.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "discovery/dns/lookup.h"
#include "discovery/dns/report_choice.h"
#include "discovery/dns/srv_endpoints.h"

namespace naru::discovery {
namespace {

// What of a source its lookups may still hold for a moment when it is gone. Then it is retired and reports
// nothing.
class Listener : public LookupListener, public std::enable_shared_from_this<Listener> {
 public:
  explicit Listener(OnReport report) : report_(std::move(report)) {}

  virtual void Begin(Lookups& lookups) = 0;
  void Retire() { retired_ = true; }

 protected:
  bool retired() const { return retired_; }

  // Last of all: it may destroy the source.
  void Report(const std::optional<Answer>& answer, const DnsWatch& heard) {
    const std::optional<discovery::Report> report = choice_.Choose(answer, heard.trouble(), heard.answered());
    if (report && !retired_) report_(*report);
  }

 private:
  const OnReport report_;
  ReportChoice choice_;
  bool retired_ = false;
};

Answer NothingFound(const DnsFound& found) {
  Answer answer;
  answer.exists = found.exists;
  answer.revision = found.nothing;
  return answer;
}

std::optional<Answer> AnswerOf(const DnsFound& found, uint16_t port) {
  if (found.addresses.empty()) return found.sure ? std::optional(NothingFound(found)) : std::nullopt;
  Answer answer;
  for (const IpBytes& ip : found.addresses) answer.endpoints.push_back(Endpoint{{ip, port}});
  std::sort(answer.endpoints.begin(), answer.endpoints.end());
  return answer;
}

class AddressListener final : public Listener {
 public:
  AddressListener(const SourceUri& uri, OnReport report)
      : Listener(std::move(report)), name_(uri.name), port_(uri.port) {}

  void Begin(Lookups& lookups) override { lookup_ = lookups.Addresses(name_, shared_from_this()); }

  void OnHeard(const DnsWatch& watch) override { Report(AnswerOf(watch.Found(), port_), watch); }

 private:
  const std::string name_;
  const uint16_t port_;
  std::shared_ptr<Lookup> lookup_;
};

class ServiceListener final : public Listener {
 public:
  ServiceListener(const SourceUri& uri, OnReport report) : Listener(std::move(report)), name_(uri.name) {}

  void Begin(Lookups& lookups) override {
    lookups_ = &lookups;
    lookup_ = lookups.Services(name_, shared_from_this());
  }

  void OnHeard(const DnsWatch& watch) override {
    if (retired()) return;
    const DnsFound found = lookup_->watch().Found();
    if (&watch == &lookup_->watch()) Follow(found.targets);
    Report(AnswerOf(found), watch);
  }

 private:
  // Lookups of hosts that stay are kept.
  void Follow(const std::vector<SrvTarget>& targets) {
    endpoints_.Update(targets);
    std::map<std::string, std::shared_ptr<Lookup>> hosts;
    for (const std::string& host : endpoints_.HostsToResolve()) {
      const auto before = hosts_.find(host);
      // With its last dot: a target is never searched for.
      hosts[host] =
          before != hosts_.end() ? before->second : lookups_->Addresses(host + ".", shared_from_this());
    }
    hosts_ = std::move(hosts);
  }

  std::optional<Answer> AnswerOf(const DnsFound& found) const {
    if (found.targets.empty()) return found.sure ? std::optional(NothingFound(found)) : std::nullopt;
    SrvEndpoints::Resolved resolved;
    for (const auto& [host, lookup] : hosts_) {
      if (lookup->watch().HeardAll()) resolved[host] = lookup->watch().Found();
    }
    return endpoints_.Combine(resolved);
  }

  const std::string name_;
  Lookups* lookups_ = nullptr;
  std::shared_ptr<Lookup> lookup_;
  SrvEndpoints endpoints_;
  std::map<std::string, std::shared_ptr<Lookup>> hosts_;
};

class DnsSource final : public Source {
 public:
  explicit DnsSource(std::shared_ptr<Listener> listener) : listener_(std::move(listener)) {}
  ~DnsSource() override { listener_->Retire(); }

 private:
  const std::shared_ptr<Listener> listener_;
};

class DnsProvider final : public SourceProvider {
 public:
  DnsProvider(const SourceContext& context, ResolverOptions options)
      : lookups_(context.io, context.random, TimingOf(options.settings), options) {}

  std::unique_ptr<Source> Open(const SourceUri& uri, OnReport report) override {
    std::shared_ptr<Listener> listener;
    if (uri.scheme == Scheme::kDnsSrv) {
      listener = std::make_shared<ServiceListener>(uri, std::move(report));
    } else {
      listener = std::make_shared<AddressListener>(uri, std::move(report));
    }
    listener->Begin(lookups_);
    return std::make_unique<DnsSource>(std::move(listener));
  }

 private:
  static DnsTiming TimingOf(const DnsSettings& settings) { return {settings.min_ttl, settings.max_ttl}; }

  Lookups lookups_;
};

}  // namespace

std::unique_ptr<SourceProvider> MakeDnsProvider(const SourceContext& context, const DnsSettings& settings) {
  ResolverOptions options;
  options.settings = settings;
  return MakeDnsProvider(context, std::move(options));
}

std::unique_ptr<SourceProvider> MakeDnsProvider(const SourceContext& context, ResolverOptions options) {
  return std::make_unique<DnsProvider>(context, std::move(options));
}

}  // namespace naru::discovery
