#include "discovery/xds/xds_provider.h"

#include <utility>

#include "discovery/xds/xds_client.h"

namespace naru::discovery {
namespace {

class XdsSource final : public Source {
 public:
  XdsSource(std::shared_ptr<XdsClient> client, const std::string& cluster, OnReport report)
      : client_(std::move(client)), cluster_(cluster), id_(client_->Watch(cluster, std::move(report))) {}
  ~XdsSource() override { client_->Forget(cluster_, id_); }

 private:
  const std::shared_ptr<XdsClient> client_;
  const std::string cluster_;
  const XdsClient::WatchId id_;
};

class XdsProvider final : public SourceProvider {
 public:
  XdsProvider(const SourceContext& context, const XdsSettings& settings)
      : client_(std::make_shared<XdsClient>(context, settings)) {}

  std::unique_ptr<Source> Open(const SourceUri& uri, OnReport report) override {
    return std::make_unique<XdsSource>(client_, uri.name, std::move(report));
  }

 private:
  const std::shared_ptr<XdsClient> client_;
};

}  // namespace

std::unique_ptr<SourceProvider> MakeXdsProvider(const SourceContext& context, const XdsSettings& settings) {
  return std::make_unique<XdsProvider>(context, settings);
}

}  // namespace naru::discovery
