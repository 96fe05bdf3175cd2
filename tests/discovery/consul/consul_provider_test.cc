// A scripted Consul on loopback: every request of instances gets the next answer, and the last one blocks.
#include "discovery/consul/consul_provider.h"

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "discovery/text.h"
#include "tests/discovery/scripted_http_server.h"

namespace naru::discovery {
namespace {

constexpr std::chrono::seconds kPatience(20);

std::string Instances(const std::vector<std::string>& addresses, std::string_view status = "passing") {
  std::vector<std::string> instances;
  for (const std::string& address : addresses) {
    instances.push_back(Cat(R"({"Node": {"Address": ")", address,
                            R"("}, "Service": {"Port": 80}, "Checks": [{"Status": ")", status, R"("}]})"));
  }
  return Cat("[", Join(instances, ","), "]");
}

Reply At(uint64_t index, std::string body, HttpFields more = {}) {
  Reply reply;
  reply.body = std::move(body);
  reply.fields = std::move(more);
  reply.fields.emplace_back("X-Consul-Index", std::to_string(index));
  return reply;
}

Reply Status(int status, std::string body) {
  Reply reply;
  reply.status = status;
  reply.body = std::move(body);
  return reply;
}

Report Serving(const std::vector<std::string>& addresses, uint64_t index) {
  Answer answer;
  for (const std::string& address : addresses)
    answer.endpoints.push_back({*Address::Parse(address + ":80"), 1, "", {}});
  answer.revision = Cat("index ", index);
  return answer;
}

Report Nothing(uint64_t index, bool exists) {
  return Answer{{}, exists, "", Cat("index ", index)};
}

class ConsulProviderTest : public testing::Test {
 protected:
  std::unique_ptr<Source> Open(std::string_view uri = "consul://courses") {
    settings_.address = server_.Url("");
    provider_ = MakeConsulProvider({io_, random_}, settings_);
    return provider_->Open(*SourceUri::Parse(uri),
                           [this](Report report) { reports_.push_back(std::move(report)); });
  }

  Reply Next(const SeenRequest& request) {
    if (request.target.starts_with("/v1/catalog/services")) return catalog_;
    if (asked_ < script_.size()) return script_[asked_++];
    Reply blocked;
    blocked.silent = true;
    return blocked;
  }

  // The first `count` reports.
  std::vector<Report> Reports(size_t count) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (reports_.size() < count && std::chrono::steady_clock::now() < deadline) {
      io_.restart();
      io_.run_one_for(std::chrono::milliseconds(100));
    }
    return reports_;
  }

  std::vector<std::string> Targets() const {
    std::vector<std::string> targets;
    for (const SeenRequest& request : server_.requests()) targets.push_back(request.target);
    return targets;
  }

  std::string Where(std::string_view target) const { return server_.Url(target); }

  boost::asio::io_context io_;
  std::mt19937_64 random_;
  ConsulSettings settings_;
  std::vector<Reply> script_;
  Reply catalog_ = At(1, R"({"consul": []})");
  size_t asked_ = 0;
  ScriptedHttpServer server_{io_, [this](const SeenRequest& request) { return Next(request); }};
  std::unique_ptr<SourceProvider> provider_;
  std::vector<Report> reports_;
};

TEST_F(ConsulProviderTest, ReportsEveryChangeAndConfirmsWhatStays) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(8, Instances({"10.0.0.1", "10.0.0.2"})),
             At(9, Instances({"10.0.0.1", "10.0.0.2"}))};
  const auto source = Open();
  EXPECT_TRUE(reports_.empty());
  EXPECT_EQ(Reports(3), (std::vector<Report>{Serving({"10.0.0.1"}, 5), Serving({"10.0.0.1", "10.0.0.2"}, 8),
                                             Confirmed()}));
  EXPECT_EQ(Targets(), (std::vector<std::string>{"/v1/health/service/courses?stale",
                                                 "/v1/health/service/courses?stale&index=5&wait=300s",
                                                 "/v1/health/service/courses?stale&index=8&wait=300s"}));
}

TEST_F(ConsulProviderTest, AsksAgainAtOnceWhenTheIndexGoesBackwards) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(3, Instances({"10.0.0.9"})), At(3, Instances({"10.0.0.2"}))};
  const auto source = Open();
  EXPECT_EQ(Reports(2), (std::vector<Report>{Serving({"10.0.0.1"}, 5), Serving({"10.0.0.2"}, 3)}));
  EXPECT_EQ(Targets().at(2), "/v1/health/service/courses?stale");
}

TEST_F(ConsulProviderTest, BelievesAnEmptyListThatTheCatalogConfirms) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(6, "[]"), At(7, "[]")};
  const auto source = Open();
  EXPECT_EQ(Reports(3), (std::vector<Report>{Serving({"10.0.0.1"}, 5), Nothing(6, false), Confirmed()}));
  EXPECT_EQ(Targets().at(2), "/v1/catalog/services?stale");
  EXPECT_EQ(Targets().at(3),
            "/v1/health/service/courses?stale&index=6&wait=300s");  // and asks no catalog again
}

TEST_F(ConsulProviderTest, KeepsTheLastGoodAnswerWhenAccessIsLost) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(6, "[]")};
  catalog_ = At(1, "{}");
  const auto source = Open();
  EXPECT_EQ(Reports(2),
            (std::vector<Report>{
                Serving({"10.0.0.1"}, 5),
                Trouble{Cat(
                    Where("/v1/catalog/services?stale"),
                    ": the list of instances is empty, which is not believed: no service at all can be seen, "
                    "not even Consul's own: let discovery.consul.token be one that has service:read and "
                    "node:read")}}));
}

TEST_F(ConsulProviderTest, IsSureOfAServiceWithoutHealthyInstances) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(6, Instances({"10.0.0.1"}, "critical"))};
  const auto source = Open();
  EXPECT_EQ(Reports(2), (std::vector<Report>{Serving({"10.0.0.1"}, 5), Nothing(6, true)}));
}

TEST_F(ConsulProviderTest, IsInTroubleWhenRefusedAndRecovers) {
  script_ = {Status(500, "No cluster leader"), At(5, Instances({"10.0.0.1"}))};
  const auto source = Open();
  EXPECT_EQ(Reports(2), (std::vector<Report>{Trouble{Cat(Where("/v1/health/service/courses?stale"),
                                                         ": status 500 (No cluster leader)")},
                                             Serving({"10.0.0.1"}, 5)}));
}

TEST_F(ConsulProviderTest, UsesWhatServersWithoutALeaderKnowAndSaysSo) {
  script_ = {At(5, Instances({"10.0.0.1"}), {{"X-Consul-KnownLeader", "false"}})};
  const auto source = Open();
  EXPECT_EQ(Reports(2),
            (std::vector<Report>{
                Serving({"10.0.0.1"}, 5),
                Trouble{Cat(Where("/v1/health/service/courses?stale"),
                            ": Consul's servers have no leader, so that its answer may be outdated")}}));
}

TEST_F(ConsulProviderTest, NeverEmptiesAServiceByAnOutdatedAnswer) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(6, Instances({"10.0.0.1"}, "critical"), {{"Age", "99"}})};
  const auto source = Open();
  EXPECT_EQ(Reports(2),
            (std::vector<Report>{
                Serving({"10.0.0.1"}, 5),
                Trouble{Cat(Where("/v1/health/service/courses?stale&index=5&wait=300s"),
                            ": the agent answers from its cache and has not reached a server for 99 "
                            "s, so that its answer may be outdated")}}));
}

TEST_F(ConsulProviderTest, SaysWhichInstancesCannotBeCalledBesideThoseThatCan) {
  script_ = {At(5, Instances({"10.0.0.1"})), At(6, Instances({"10.0.0.1", "db.example.com"})),
             At(7, Instances({"10.0.0.1", "db.example.com"}))};
  const auto source = Open();
  Answer noted = std::get<Answer>(Serving({"10.0.0.1"}, 6));
  noted.revision +=
      "; 1 of 2 instances cannot be called, such as \"db.example.com\" port 80: let them register an IP "
      "address and a "
      "port";
  EXPECT_EQ(Reports(3), (std::vector<Report>{Serving({"10.0.0.1"}, 5), noted, Confirmed()}));
}

TEST_F(ConsulProviderTest, SendsTokenTagsAndDatacenterAsConfigured) {
  script_ = {At(5, "[]")};
  settings_.token = "secret";
  const auto source = Open("consul://courses?dc=seoul&tag=v2");
  Reports(1);
  EXPECT_EQ(Targets().at(0), "/v1/health/service/courses?dc=seoul&stale");
  for (const SeenRequest& request : server_.requests()) EXPECT_EQ(request.Field("x-consul-token"), "secret");
}

TEST_F(ConsulProviderTest, ComplainsOfAnAddressThatCannotBeAsked) {
  settings_.address = "unix:///run/consul.sock";
  provider_ = MakeConsulProvider({io_, random_}, settings_);
  const auto source = provider_->Open(*SourceUri::Parse("consul://courses"),
                                      [this](Report report) { reports_.push_back(std::move(report)); });
  EXPECT_TRUE(reports_.empty());
  ASSERT_EQ(Reports(1).size(), 1u);
  EXPECT_TRUE(std::get<Trouble>(reports_[0]).detail.starts_with("Consul's address unix:///run/consul.sock "));
}

TEST_F(ConsulProviderTest, EndsItsQueryWithItsSource) {
  script_ = {At(5, Instances({"10.0.0.1"}))};
  auto source = Open();
  Reports(1);
  while (server_.requests().size() < 2) io_.run_one_for(std::chrono::milliseconds(100));  // now it blocks
  source.reset();
  provider_.reset();
  io_.restart();
  io_.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(reports_.size(), 1u);
}

TEST_F(ConsulProviderTest, MayBeDestroyedByTheOneItReportsTo) {
  script_ = {At(5, Instances({"10.0.0.1"}), {{"X-Consul-KnownLeader", "false"}})};
  settings_.address = server_.Url("");
  provider_ = MakeConsulProvider({io_, random_}, settings_);
  std::unique_ptr<Source> source;
  source = provider_->Open(*SourceUri::Parse("consul://courses"), [&](Report report) {
    reports_.push_back(std::move(report));
    source.reset();
    provider_.reset();
  });
  EXPECT_EQ(Reports(1), (std::vector<Report>{Serving({"10.0.0.1"}, 5)}));
  io_.restart();
  io_.run_for(std::chrono::milliseconds(50));
  EXPECT_EQ(reports_.size(), 1u);  // and no trouble after it
}

}  // namespace
}  // namespace naru::discovery
