#include "sidecar/admin/router.h"

#include <gtest/gtest.h>

#include "tests/sidecar/admin/fake_backend.h"

namespace naru::admin {
namespace {

class RouterTest : public testing::Test {
 protected:
  AdminResponse Ask(const std::string& method, const std::string& target, Headers headers = {}) {
    return router_.Handle({method, target, std::move(headers), start_ + std::chrono::seconds(10)});
  }
  AdminResponse Get(const std::string& target, Headers headers = {}) {
    return Ask("GET", target, std::move(headers));
  }
  AdminResponse Post(const std::string& target) { return Ask("POST", target, {{"X-Naru-Admin", "1"}}); }

  const std::chrono::steady_clock::time_point start_{std::chrono::seconds(1000)};
  FakeBackend backend_;
  AdminRouter router_{backend_, true, start_};
};

TEST_F(RouterTest, AnswersEveryPage) {
  backend_.services = {Courses()};
  backend_.registry().Callee(0, "learning", "courses");
  struct Case {
    const char* method;
    const char* target;
    int status;
    const char* content_type;
  };
  const Case cases[] = {
      {"GET", "/", 200, "text/html; charset=utf-8"},
      {"GET", "/healthz", 200, "application/json"},
      {"GET", "/readyz", 200, "application/json"},
      {"GET", "/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"},
      {"GET", "/metrics?squad=learning", 200, "text/plain; version=0.0.4; charset=utf-8"},
      {"GET", "/services", 200, "application/json"},
      {"GET", "/services/courses", 200, "application/json"},
      {"GET", "/services/c%6furses", 200, "application/json"},
      {"GET", "/config", 200, "application/json"},
      {"GET", "/calls/recent", 200, "application/json"},
      {"GET", "/calls/recent?outcome=timeout&service=courses&squad=learning&", 200, "application/json"},
      {"GET", "/config?pretty", 200, "application/json"},
      {"HEAD", "/readyz", 200, "application/json"},
      {"POST", "/reload", 200, "application/json"},
      {"POST", "/drain", 202, "application/json"},
      {"GET", "/service", 404, "application/json"},
      {"GET", "/services/", 404, "application/json"},
      {"GET", "/services/nobody", 404, "application/json"},
      {"GET", "", 404, "application/json"},
      {"GET", "/reload", 405, "application/json"},
      {"HEAD", "/drain", 405, "application/json"},
      {"POST", "/metrics", 405, "application/json"},
      {"DELETE", "/", 405, "application/json"},
      {"GET", "/metrics?team=learning", 400, "application/json"},
      {"POST", "/reload?now", 400, "application/json"},
      {"GET", "/%zz", 400, "application/json"},
      {"GET", "/metrics?squad=%4", 400, "application/json"},
  };
  for (const Case& c : cases) {
    const AdminResponse response = Ask(c.method, c.target, {{"x-naru-admin", "1"}});
    EXPECT_EQ(response.status, c.status) << c.method << " " << c.target;
    EXPECT_EQ(response.content_type, c.content_type) << c.method << " " << c.target;
    EXPECT_FALSE(response.body.empty()) << c.method << " " << c.target;
  }
}

TEST_F(RouterTest, SaysWhatIsWrongWithARequest) {
  struct Case {
    const char* method;
    const char* target;
    const char* body;
  };
  const Case cases[] = {
      {"GET", "/metric",
       R"({"status":404,"detail":"there is no /metric here: this is naru's admin port, which carries no calls; they )"
       R"(go to 127.0.0.1:4000; it has /, /healthz, /readyz, /metrics, /services, )"
       R"(/services/NAME, /config, /calls/recent, /reload, /drain"})"},
      {"GET", "/services/course",
       R"({"status":404,"detail":"no service is called \"course\"; there are billing, courses"})"},
      {"GET", "/services?squad=nope",
       R"({"status":404,"detail":"no service is of the squad \"nope\"; there are learning, pay"})"},
      {"GET", "/metrics?squad=nope",
       R"({"status":404,"detail":"no service is of the squad \"nope\"; there are learning, pay"})"},
      {"GET", "/calls/recent?squad=nope",
       R"({"status":404,"detail":"no service is of the squad \"nope\"; there are learning, pay"})"},
      {"GET", "/calls/recent?service=nope",
       R"({"status":404,"detail":"no service is called \"nope\"; there are billing, courses"})"},
      {"GET", "/reload",
       R"({"status":405,"detail":"/reload takes POST, not GET: curl -X POST -H 'x-naru-admin: 1' )"
       R"(http://127.0.0.1:4001/reload"})"},
      {"PUT", "/config", R"({"status":405,"detail":"/config takes GET, not PUT"})"},
      {"POST", "/drain",
       R"({"status":403,"detail":"POST /drain needs the header x-naru-admin: 1, which a web page cannot send: )"
       R"(curl -X POST -H 'x-naru-admin: 1' http://127.0.0.1:4001/drain"})"},
      {"GET", "/calls/recent?route=x",
       R"({"status":400,"detail":"/calls/recent knows no parameter \"route\"; it takes outcome, service, squad, )"
       R"(pretty"})"},
      {"GET", "/?x=1", R"({"status":400,"detail":"/ knows no parameter \"x\"; it takes none"})"},
      {"GET", "/calls/recent?outcome=Timeout",
       R"({"status":400,"detail":"there is no outcome \"Timeout\"; there are ok, client_error, timeout"})"},
      {"GET", "/a%2",
       R"({"status":400,"detail":"the URL holds a % that two hexadecimal digits do not follow"})"},
  };
  backend_.services = {Billing(), Courses()};
  for (const Case& c : cases) EXPECT_EQ(Ask(c.method, c.target).body, std::string(c.body) + "\n");
}

TEST_F(RouterTest, SaysHowToPostWithTheAddressThatWasAsked) {
  EXPECT_NE(Get("/reload", {{"Host", "localhost:9001"}}).body.find("http://localhost:9001/reload"),
            std::string::npos);
}

TEST_F(RouterTest, NamesOnlySomeServicesWhereThereAreMany) {
  for (int i = 10; i < 40; ++i) {
    backend_.services.push_back(Billing());
    backend_.services.back().name = "s" + std::to_string(i);
  }
  EXPECT_TRUE(Get("/services/x").body.ends_with(", s28, s29, and others, see /services\"}\n"));
}

TEST_F(RouterTest, IndentsJsonForPeople) {
  EXPECT_EQ(Get("/readyz?pretty").body, "{\n  \"ready\": true\n}\n");
  EXPECT_EQ(Get("/metrics?pretty").status, 400);
}

TEST_F(RouterTest, ShowsWhatWasRefusedBesideWhatIsInForce) {
  backend_.config = "{\"workers\":1}\n";
  EXPECT_EQ(Get("/config").body, "{\"workers\":1}\n");
  backend_.refused = Refusal{"naru.yaml",
                             std::chrono::system_clock::time_point(std::chrono::milliseconds(1772600767089)),
                             "SIGHUP",
                             {"naru.yaml:3:5: no squad\n"}};
  EXPECT_EQ(Get("/config").body,
            R"({"refused":{"file":"naru.yaml","time":"2026-03-04T05:06:07.089Z","why":"SIGHUP",)"
            R"("problems":["naru.yaml:3:5: no squad\n"]},"workers":1})"
            "\n");
  EXPECT_EQ(Get("/readyz").status, 200);
  EXPECT_NE(Get("/").body.find("naru.yaml was refused at 05:06:07 UTC on 2026-03-04"), std::string::npos);
  backend_.config = "{}\n";
  EXPECT_TRUE(Get("/config").body.ends_with("]}}\n"));
}

TEST_F(RouterTest, NamesTheMethodsThatItAllows) {
  EXPECT_EQ(Get("/drain").headers, (Headers{{"Allow", "POST"}}));
  EXPECT_EQ(Post("/services").headers, (Headers{{"Allow", "GET, HEAD"}}));
}

TEST_F(RouterTest, ChangesNothingWithoutTheHeaderThatWebPagesCannotSend) {
  EXPECT_EQ(Ask("POST", "/reload", {}).status, 403);
  EXPECT_EQ(Ask("POST", "/drain", {{"x-naru-admin", "yes"}}).status, 403);
  EXPECT_EQ(backend_.reloads, 0);
  EXPECT_EQ(backend_.drains, 0);
}

TEST_F(RouterTest, RefusesHostsFromElsewhereOnLoopback) {
  struct Case {
    const char* host;
    int status;
  };
  const Case cases[] = {
      {"127.0.0.1:4001", 200},
      {"127.0.0.1", 200},
      {"localhost:4001", 200},
      {"LocalHost", 200},
      {"naru.localhost", 200},
      {"[::1]:4001", 200},
      {"[::1]", 200},
      {"10.0.0.7:4001", 200},
      {"", 200},
      {"evil.example:4001", 403},
      {"localhost.evil.example", 403},
      {"127.0.0.1.evil.example", 403},
      {"[evil]", 403},
      {".localhost", 403},
      {"[", 403},
  };
  for (const Case& c : cases) EXPECT_EQ(Get("/healthz", {{"Host", c.host}}).status, c.status) << c.host;
  EXPECT_EQ(
      Get("/healthz", {{"Host", "evil.example"}}).body,
      R"({"status":403,"detail":"the admin port listens on loopback and was asked for as \"evil.example\"; ask )"
      R"(for it as localhost or by IP address, so that no web page can reach it through a name of its own"})"
      "\n");
}

TEST_F(RouterTest, AnswersToAnyHostBeyondLoopback) {
  AdminRouter open(backend_, false, start_);
  EXPECT_EQ(open.Handle({"GET", "/healthz", {{"Host", "naru.internal"}}, start_}).status, 200);
}

TEST_F(RouterTest, SaysWhyItIsNotReady) {
  EXPECT_EQ(Get("/readyz").body, "{\"ready\":true}\n");
  backend_.not_ready = "courses was never resolved";
  const AdminResponse response = Get("/readyz");
  EXPECT_EQ(response.status, 503);
  EXPECT_EQ(response.body, "{\"ready\":false,\"why\":\"courses was never resolved\"}\n");
  EXPECT_EQ(Get("/healthz").body, "{\"alive\":true}\n");
}

TEST_F(RouterTest, ListsServicesOfASquad) {
  backend_.services = {Billing(), Courses()};
  EXPECT_EQ(
      Get("/services?squad=pay").body,
      R"({"services":[{"service":"billing","squad":"pay","hosts":[],"in_flight":0,"queued":0,"breaker":"off",)"
      R"("endpoints":[]}]})"
      "\n");
}

TEST_F(RouterTest, ShowsAServiceWithItsPolicy) {
  backend_.services = {Billing(), Courses()};
  EXPECT_EQ(
      Get("/services/courses").body,
      R"({"service":"courses","squad":"learning","port":4101,"hosts":["api.example.com"],"in_flight":3,)"
      R"("queued":1,"breaker":"closed","endpoints":[{"address":"10.0.1.11:8080","state":"serving",)"
      R"("latency_ms":1.25,"in_flight":3},{"address":"10.0.1.12:8080","state":"ejected","in_flight":0,)"
      R"("why":"5 consecutive failures","serving_again_in_ms":850}],"policy":[{"key":"timeout","value":"5s",)"
      R"("where":"default"},{"key":"retry.attempts","value":"3","where":"naru.yaml:14"}]})"
      "\n");
}

TEST_F(RouterTest, ShowsTheLastFailureOfAnEndpointAndHowOldItsLatencyIs) {
  ServiceView service = Billing();
  service.endpoints = {{"10.0.1.11:8080", "serving", 1.25, 0, "", {}}};
  service.endpoints[0].latency_age_s = 30.5;
  service.endpoints[0].last_failure = FailureView{"status 503", 2.5, true};
  backend_.services = {service};
  EXPECT_NE(Get("/services/billing")
                .body.find(
                    R"({"address":"10.0.1.11:8080","state":"serving","latency_ms":1.25,"latency_age_s":30.5,)"
                    R"("in_flight":0,"last_failure":{"reason":"status 503","age_s":2.5,"is_latest":true}})"),
            std::string::npos);
}

TEST_F(RouterTest, ShowsTheRoutesOfAService) {
  ServiceView service = Billing();
  service.routes = {
      {"get", "GET /v1/{id}", false, "open", {"10.0.1.11:8080"}, {{"timeout", "1s", "naru.yaml:9"}}},
      {"pay", "pay.v1.Pay/*", true, "closed", {}, {}},
      {"other", "", false, "off", {}, {}}};
  backend_.services = {service};
  EXPECT_EQ(
      Get("/services/billing").body,
      R"({"service":"billing","squad":"pay","hosts":[],"in_flight":0,"queued":0,"breaker":"off",)"
      R"("endpoints":[],"routes":[{"route":"get","match":"GET /v1/{id}","breaker":"open",)"
      R"("ejected":["10.0.1.11:8080"],"policy":[{"key":"timeout","value":"1s","where":"naru.yaml:9"}]},)"
      R"({"route":"pay","grpc":"pay.v1.Pay/*","breaker":"closed","ejected":[],"policy":[]},)"
      R"({"route":"other","breaker":"off","ejected":[],"policy":[]}],"policy":[]})"
      "\n");
}

TEST_F(RouterTest, ShowsRecentCallsWithTheirAttempts) {
  RecentCall call;
  call.time_of_day = std::chrono::system_clock::time_point(std::chrono::milliseconds(1772600767089));
  call.request_id = "r-1";
  call.caller = "video/video-api";
  call.squad = "learning";
  call.service = "courses";
  call.route = "course";
  call.method = "GET";
  call.path = "/v1/courses/7?x=1";
  call.outcome = "timeout";
  call.status = 504;
  call.ms = 800.12345;
  call.detail = "no answer in 800 ms";
  call.attempts = {{"10.0.1.11:8080", "connect_error", 0, 1.2, "connection refused"},
                   {"10.0.1.12:8080", "timeout", 26.5, 773.5, ""}};
  backend_.recent_calls().Add(call);
  call = RecentCall();
  call.outcome = "ok";
  backend_.recent_calls().Add(call);
  EXPECT_EQ(
      Get("/calls/recent?outcome=timeout").body,
      R"({"calls":[{"time":"2026-03-04T05:06:07.089Z","request_id":"r-1","caller":"video/video-api",)"
      R"("squad":"learning","service":"courses","route":"course","method":"GET","path":"/v1/courses/7",)"
      R"("outcome":"timeout","status":504,"ms":800.123,"detail":"no answer in 800 ms","attempts":[)"
      R"({"endpoint":"10.0.1.11:8080","outcome":"connect_error","start_ms":0,"ms":1.2,)"
      R"("detail":"connection refused"},{"endpoint":"10.0.1.12:8080","outcome":"timeout","start_ms":26.5,)"
      R"("ms":773.5}]}]})"
      "\n");
}

TEST_F(RouterTest, ReloadsAndTellsEveryProblem) {
  EXPECT_EQ(Post("/reload").body, "{\"reloaded\":true,\"problems\":[]}\n");
  backend_.reload_result.problems = {"naru.yaml:3:5: no \"squad\"", "naru.yaml:9:1: unknown key"};
  const AdminResponse refused = Post("/reload");
  EXPECT_EQ(refused.status, 422);
  EXPECT_EQ(refused.body,
            "{\"reloaded\":false,\"problems\":[\"naru.yaml:3:5: no \\\"squad\\\"\","
            "\"naru.yaml:9:1: unknown key\"]}\n");
  EXPECT_EQ(backend_.reloads, 2);
}

TEST_F(RouterTest, StartsDraining) {
  EXPECT_EQ(Post("/drain").body, "{\"draining\":true}\n");
  EXPECT_EQ(backend_.drains, 1);
}

TEST_F(RouterTest, ServesOpenMetricsToWhoAsksForIt) {
  const AdminResponse response = Get("/metrics", {{"Accept", "application/openmetrics-text"}});
  EXPECT_EQ(response.content_type, "application/openmetrics-text; version=1.0.0; charset=utf-8");
  EXPECT_TRUE(response.body.ends_with("# EOF\n"));
}

TEST_F(RouterTest, NarrowsMetricsToASquad) {
  backend_.registry().Callee(0, "learning", "courses");
  backend_.registry().Callee(0, "r&d", "lab");
  EXPECT_EQ(
      Get("/metrics?squad=r%26d").body,
      "# HELP naru_refused_public_total Calls refused because every endpoint known lies outside the private "
      "ranges.\n# TYPE naru_refused_public_total counter\n"
      "naru_refused_public_total{callee_squad=\"r&d\",callee_service=\"lab\"} 0\n");
}

TEST_F(RouterTest, ShowsTheTrafficOfItsOwnCountersOnThePage) {
  backend_.services = {Courses()};
  metrics::CallSeries* calls = backend_.registry().Call(0, {"learning", "courses", "other"});
  for (int i = 0; i < 50; ++i) calls->Record({0, 200, std::chrono::milliseconds(1), 0, 0});
  const std::string page = Get("/").body;
  EXPECT_NE(page.find("courses</a></td><td class=\"n\">5</td><td class=\"n\">0 %</td>"), std::string::npos)
      << page;
}

}  // namespace
}  // namespace naru::admin
