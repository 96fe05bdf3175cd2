#include "sidecar/call/discover_service.h"

#include <gtest/gtest.h>

#include "sidecar/config/discovered.h"
#include "tests/support/layered_calls.h"

namespace naru::call {
namespace {

using std::chrono::milliseconds;

constexpr const char* kYaml = R"(
caller: {squad: video, service: video-api}
discovery: {default: "cloudmap://prod/{service}", state: off}
services:
  courses: {squad: learning, endpoints: [10.0.0.1:80]}
)";

class DiscoverServiceTest : public testing::Test {
 protected:
  DiscoverServiceTest() {
    calls_.layers = {&calls_.resolve_service, &calls_.enforce_deadline, &calls_.limit_concurrency,
                     &calls_.upstream};
  }

  CarriedCall& Carry(const std::string& request_line) {
    return calls_.Carry(request_line + " HTTP/1.1\r\nhost: localhost\r\n\r\n");
  }
  void Answer(const std::string& name, const Discovered& answer) {
    calls_.discover_service.Answer(name, answer);
    calls_.scheduler.Advance(milliseconds(0));
  }
  // The snapshot in force, and with it a service that was found.
  std::shared_ptr<const Snapshot> Knowing(const std::string& name) {
    const config::Config& config = calls_.world.snapshot()->config();
    const discovery::Endpoint endpoint{*discovery::Address::Parse("10.0.0.9:80"), 1, "", {}};
    discovery::Finding finding;
    finding.set = std::make_shared<discovery::EndpointSet>(discovery::EndpointSet{1, "x", {endpoint}, {}});
    return std::make_shared<Snapshot>(
        config::WithServices(config, {config::DiscoveredService(config, name, "shop")}), states_,
        calls_.world.registry(), 1, [finding](const config::Service&) { return finding; });
  }

  LayeredCalls calls_{kYaml};
  CalleeStates states_;
};

TEST_F(DiscoverServiceTest, ACallThatNamesAKnownServiceAsksNobody) {
  EXPECT_EQ(Carry("GET /courses/x").said(), "200");
  EXPECT_TRUE(calls_.asked_for.empty());
}

TEST_F(DiscoverServiceTest, CallsForOneNameWaitTogetherAndAreCarried) {
  CarriedCall& first = Carry("GET /orders/x");
  CarriedCall& second = Carry("GET /Orders/y");
  EXPECT_EQ(first.said() + second.said(), "waitswaits");
  EXPECT_EQ(calls_.asked_for, (std::vector<std::string>{"orders"}));
  Answer("orders", {Knowing("orders"), true, ""});
  EXPECT_EQ(first.said(), "200");
  EXPECT_EQ(first.call.callee->service->squad, "shop");
}

TEST_F(DiscoverServiceTest, AServiceThatDoesNotExistIsUnknown) {
  CarriedCall& call = Carry("GET /orders/x");
  Answer("orders", {nullptr, false, "cloudmap://prod/orders knows no such service"});
  EXPECT_TRUE(call.said().starts_with("unknown_service: no service is called \"orders\"")) << call.said();
  EXPECT_TRUE(call.said().ends_with("; cloudmap://prod/orders knows no such service")) << call.said();
}

TEST_F(DiscoverServiceTest, ASourceInTroubleLeavesOpenWhetherItExists) {
  CarriedCall& call = Carry("GET /orders/x");
  Answer("orders", {nullptr, true, "timed out"});
  EXPECT_TRUE(call.said().starts_with("no_endpoint: ")) << call.said();
}

TEST_F(DiscoverServiceTest, NobodyWaitsForEver) {
  CarriedCall& call = Carry("GET /orders/x");
  calls_.scheduler.Advance(milliseconds(1799));
  EXPECT_EQ(call.said(), "waits");
  calls_.scheduler.Advance(milliseconds(1));
  EXPECT_TRUE(call.said().ends_with("; its source has not answered within 1.8 s")) << call.said();
  Answer("orders", {Knowing("orders"), true, ""});  // too late for that one
  Carry("GET /orders/x");
  EXPECT_EQ(calls_.asked_for, (std::vector<std::string>{"orders", "orders"}));
  calls_.scheduler.Advance(milliseconds(1800));  // no suspended coroutine is ever destroyed
}

TEST_F(DiscoverServiceTest, ACallThatIsCancelledLeaves) {
  CarriedCall& call = Carry("GET /orders/x");
  call.call.cancellation.Cancel({FailureKind::kCancelled, "gone"});
  calls_.scheduler.Advance(milliseconds(0));
  EXPECT_EQ(call.said(), "cancelled: gone");
  Answer("orders", {Knowing("orders"), true, ""});
}

TEST_F(DiscoverServiceTest, OnlyWhatAServiceCanBeCalledIsAskedFor) {
  for (const char* target : {"GET /-x/y", "GET /a$b/y", "GET /../y"}) {
    EXPECT_TRUE(Carry(target).said().starts_with("unknown_service: ")) << target;
  }
  EXPECT_TRUE(calls_.asked_for.empty());
}

TEST_F(DiscoverServiceTest, NamesThatAreWaitedForAreBounded) {
  for (int i = 0; i < 256; ++i) EXPECT_EQ(Carry("GET /s" + std::to_string(i) + "/x").said(), "waits");
  CarriedCall& one_more = Carry("GET /one-more/x");
  EXPECT_TRUE(one_more.said().ends_with("; too many names are being looked up already")) << one_more.said();
  EXPECT_EQ(calls_.asked_for.size(), 256u);
  calls_.scheduler.Advance(milliseconds(1800));
}

}  // namespace
}  // namespace naru::call
