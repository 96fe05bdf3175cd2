#include "sidecar/config/load_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "sidecar/config/draft_reader.h"
#include "sidecar/config/policy_fields.h"
#include "sidecar/config/yaml_document.h"
#include "tests/sidecar/config/fake_environment.h"

namespace naru::config {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// The vocabulary: naru.yaml holds what a test says, and either all is sound or these are the problems.
class LoadConfigTest : public testing::Test {
 protected:
  LoadResult Load(const std::string& text) {
    environment_.files["naru.yaml"] = text;
    return LoadConfig("naru.yaml", environment_);
  }
  std::string Problems(const std::string& text) { return Render(Load(text).problems); }
  std::string Notes(const std::string& text) { return Render(Load(text).notes); }
  std::shared_ptr<const Config> Sound(const std::string& text) {
    LoadResult result = Load(text);
    EXPECT_EQ(Render(result.problems), "");
    return result.config != nullptr ? result.config : std::make_shared<const Config>();
  }
  // "message | hint" of each problem.
  std::vector<std::string> Complaints(const std::string& text) {
    std::vector<std::string> complaints;
    for (const Problem& problem : Load(text).problems) {
      complaints.push_back(problem.hint.empty() ? problem.message : problem.message + " | " + problem.hint);
    }
    return complaints;
  }
  // The complaints about lines that stand in a service that is otherwise sound.
  std::vector<std::string> InService(const std::string& lines) {
    return Complaints("services:\n  a:\n    squad: s\n    endpoints: [10.0.0.1:80]\n" + Indented(lines));
  }
  std::shared_ptr<const Config> SoundService(const std::string& lines) {
    return Sound("services:\n  a:\n    squad: s\n    endpoints: [10.0.0.1:80]\n" + Indented(lines));
  }
  static std::string Indented(const std::string& lines) {
    std::string indented = "    ";
    for (char c : lines) indented += c == '\n' ? std::string("\n    ") : std::string(1, c);
    return indented + "\n";
  }

  FakeEnvironment environment_;
};

constexpr char kExample[] = R"(caller:
  squad: video
  service: video-api
  zone: ap-northeast-2a
listen: 127.0.0.1:4000
admin: 127.0.0.1:4001
workers: 1
drain_timeout: 20s
private:
  allow: []
defaults: {}
services:
  courses:
    squad: learning
    endpoints: [10.0.1.11:8080, 10.0.1.12:8080]
    hosts: [api.example.com]
    port: 4101
    protocol: auto
    timeout: 5s
    try_timeout: 2s
    connect_timeout: 500ms
    idle_timeout: 5m
    retry:
      attempts: 2
      on: [unsent, refused, reset, 502, 503, 504, unavailable]
      backoff: {base: 25ms, max: 250ms}
      budget: {ratio: 20%, floor: 1/s, window: 10s}
      body: 64KiB
    limits: {concurrent: 100, queue: 100, queue_timeout: 250ms}
    breaker: {failure_rate: 50%, min_calls: 20, window: 10s, open_for: 5s, probes: 1}
    ejection: {consecutive: 5, success_rate: 80%, min_calls: 5, window: 10s, base: 1s, max: 60s, keep: 50%}
    balance: p2c
    routes:
      - match: GET /v1/courses/{id}
        name: course
        timeout: 800ms
      - match: POST /v1/enrolments
        retry: {idempotent: true}
)";

TEST_F(LoadConfigTest, ReadsTheExampleOfTheContract) {
  const std::shared_ptr<const Config> config = Sound(kExample);
  EXPECT_EQ(config->caller.squad, "video");
  EXPECT_EQ(config->caller.service, "video-api");
  EXPECT_EQ(config->caller.zone, "ap-northeast-2a");
  ASSERT_EQ(config->listen.size(), 1u);
  EXPECT_EQ(config->listen[0].tcp.ToString(), "127.0.0.1:4000");
  EXPECT_EQ(config->listen[0].origin, (Origin{0, 5}));
  EXPECT_EQ(config->admin.text, "127.0.0.1:4001");
  EXPECT_EQ(config->files, (std::vector<std::string>{"naru.yaml"}));

  const Service* courses = config->FindService("courses");
  ASSERT_NE(courses, nullptr);
  EXPECT_EQ(courses->squad, "learning");
  ASSERT_EQ(courses->endpoints.size(), 2u);
  EXPECT_EQ(courses->endpoints[1].ToString(), "10.0.1.12:8080");
  EXPECT_EQ(courses->hosts, (std::vector<std::string>{"api.example.com"}));
  EXPECT_EQ(courses->port, 4101);
  ASSERT_EQ(courses->routes.size(), 2u);
  EXPECT_EQ(courses->routes[0].name, "course");
  EXPECT_EQ(courses->routes[0].policy.timeout, 800ms);
  EXPECT_EQ(courses->routes[1].name, "POST /v1/enrolments");
  EXPECT_TRUE(courses->routes[1].policy.retry.idempotent);
  EXPECT_EQ(courses->MatchRoute("GET", "/v1/courses/7"), &courses->routes[0]);
  EXPECT_EQ(courses->MatchRoute("GET", "/v1/other"), nullptr);
}

TEST_F(LoadConfigTest, TheValuesOfTheContractsExampleAreTheDefaults) {
  const std::shared_ptr<const Config> written = Sound(kExample);
  const std::shared_ptr<const Config> silent = SoundService("");
  for (const PolicyField& field : PolicyFields()) {
    EXPECT_EQ(field.get(written->services[0].policy), field.get(silent->services[0].policy)) << field.key;
  }
  EXPECT_EQ(silent->services[0].policy.origins.size(), 0u);
  EXPECT_EQ(silent->services[0].protocol, written->services[0].protocol);
  EXPECT_EQ(silent->listen[0].text, written->listen[0].text);
  EXPECT_EQ(silent->admin.text, written->admin.text);
  EXPECT_EQ(silent->workers, written->workers);
  EXPECT_EQ(silent->drain_timeout, written->drain_timeout);
  EXPECT_EQ(silent->caller.squad, "unknown");
}

TEST_F(LoadConfigTest, EveryPolicyKeyCanBeSet) {
  const std::shared_ptr<const Config> config = SoundService(R"(timeout: 1h
try_timeout: off
connect_timeout: 1s
idle_timeout: 1m
retry:
  attempts: 3
  on: [unavailable, 503]
  backoff: {base: 1ms, max: 2ms}
  budget: {ratio: 0.5, floor: 0.5/s, window: 1s}
  body: 1KiB
  idempotent: true
limits: {concurrent: 1, queue: 0, queue_timeout: 1ms}
breaker: {failure_rate: 10%, min_calls: 1, window: 1s, open_for: 1s, probes: 2}
ejection: {consecutive: 1, success_rate: 10%, min_calls: 1, window: 1s, base: 2s, max: 3s, keep: 0.1}
health_check: {path: "/healthz?deep", interval: 1s, timeout: 500ms, healthy: 1, unhealthy: 4}
balance: least-request)");
  std::vector<std::string> lines;
  for (const PolicyLine& line : Explain(config->services[0].policy)) {
    lines.push_back(line.key + " " + line.value + " " + config->Where(line.origin));
  }
  EXPECT_THAT(
      lines,
      ElementsAre("timeout 1h naru.yaml:5", "try_timeout off naru.yaml:6", "connect_timeout 1s naru.yaml:7",
                  "idle_timeout 1m naru.yaml:8", "retry.attempts 3 naru.yaml:10",
                  "retry.on [503, unavailable] naru.yaml:11", "retry.idempotent true naru.yaml:15",
                  "retry.body 1KiB naru.yaml:14", "retry.backoff.base 1ms naru.yaml:12",
                  "retry.backoff.max 2ms naru.yaml:12", "retry.budget.ratio 50% naru.yaml:13",
                  "retry.budget.floor 0.5/s naru.yaml:13", "retry.budget.window 1s naru.yaml:13",
                  "limits.concurrent 1 naru.yaml:16", "limits.queue 0 naru.yaml:16",
                  "limits.queue_timeout 1ms naru.yaml:16", "breaker.failure_rate 10% naru.yaml:17",
                  "breaker.min_calls 1 naru.yaml:17", "breaker.window 1s naru.yaml:17",
                  "breaker.open_for 1s naru.yaml:17", "breaker.probes 2 naru.yaml:17",
                  "ejection.consecutive 1 naru.yaml:18", "ejection.success_rate 10% naru.yaml:18",
                  "ejection.min_calls 1 naru.yaml:18", "ejection.window 1s naru.yaml:18",
                  "ejection.base 2s naru.yaml:18", "ejection.max 3s naru.yaml:18",
                  "ejection.keep 10% naru.yaml:18", "health_check.path /healthz?deep naru.yaml:19",
                  "health_check.interval 1s naru.yaml:19", "health_check.timeout 500ms naru.yaml:19",
                  "health_check.healthy 1 naru.yaml:19", "health_check.unhealthy 4 naru.yaml:19",
                  "balance least-request naru.yaml:20"));
}

TEST_F(LoadConfigTest, TheInnermostLayerWinsKeyByKey) {
  const std::shared_ptr<const Config> config = Sound(R"(defaults:
  timeout: 4s
  retry: {attempts: 3}
services:
  a:
    squad: s
    endpoints: [10.0.0.1:80]
    retry: {body: 1KiB}
    timeout: 3s
    routes:
      - match: /x
        timeout: 2500ms
)");
  const Policy& policy = config->services[0].routes[0].policy;
  EXPECT_EQ(policy.timeout, 2500ms);
  EXPECT_EQ(policy.retry.attempts, 3u);
  EXPECT_EQ(policy.retry.body_bytes, 1024u);
  EXPECT_EQ(policy.origins, (std::vector<std::pair<std::string, Origin>>{
                                {"retry.attempts", {0, 3}}, {"retry.body", {0, 8}}, {"timeout", {0, 12}}}));
  EXPECT_EQ(config->services[0].policy.timeout, 3s);
}

TEST_F(LoadConfigTest, TheProtocolIsAutoUnlessSaid) {
  EXPECT_EQ(SoundService("")->services[0].protocol, Protocol::kAuto);
  EXPECT_EQ(SoundService("protocol: auto")->services[0].protocol, Protocol::kAuto);
  EXPECT_EQ(SoundService("protocol: http1")->services[0].protocol, Protocol::kHttp1);
  EXPECT_EQ(SoundService("protocol: http2")->services[0].protocol, Protocol::kHttp2);
}

TEST_F(LoadConfigTest, ABreakerCanBeOffAndOnAgain) {
  const std::shared_ptr<const Config> config = SoundService(R"(breaker: off
ejection: off
routes:
  - {match: /off}
  - {match: /on, breaker: {}}
  - {match: /some, breaker: {probes: 7}})");
  const Service& service = config->services[0];
  EXPECT_FALSE(service.policy.breaker.has_value());
  EXPECT_FALSE(service.policy.ejection.has_value());
  EXPECT_EQ(service.policy.OriginOf("breaker"), (Origin{0, 5}));
  EXPECT_FALSE(service.routes[0].policy.breaker.has_value());
  EXPECT_EQ(service.routes[1].policy.breaker, resilience::BreakerPolicy{});
  EXPECT_EQ(service.routes[1].policy.OriginOf("breaker"), Origin{});
  EXPECT_EQ(service.routes[2].policy.breaker->probes, 7u);
}

TEST_F(LoadConfigTest, AnInheritedTryTimeoutThatIsNotBelowTimeoutIsNotInForce) {
  const std::shared_ptr<const Config> config = SoundService(R"(timeout: 1s
routes:
  - {match: /slow, timeout: 10s}
  - {match: /own, timeout: 3s, try_timeout: 500ms})");
  const Service& service = config->services[0];
  EXPECT_EQ(service.policy.try_timeout, std::nullopt);
  EXPECT_EQ(Explain(service.policy)[1].value, "off, as the one inherited is not below timeout");
  EXPECT_EQ(service.routes[0].policy.try_timeout, 2s);
  EXPECT_EQ(service.routes[1].policy.try_timeout, 500ms);
}

TEST_F(LoadConfigTest, VariablesAreReplacedInValues) {
  environment_.variables = {{"PORT", "8080"}, {"SQUAD", "learning"}};
  const std::shared_ptr<const Config> config =
      Sound("services: {a: {squad: '${SQUAD}', endpoints: ['10.0.0.1:${PORT}'], timeout: '${T:-3s}'}}");
  EXPECT_EQ(config->services[0].squad, "learning");
  EXPECT_EQ(config->services[0].endpoints[0].port, 8080);
  EXPECT_EQ(config->services[0].policy.timeout, 3s);
}

TEST_F(LoadConfigTest, AVariableThatIsNotSetIsAProblem) {
  EXPECT_EQ(Problems("listen: ${LISTEN}\nservices: {}\n"),
            R"(naru.yaml:1:9: the environment variable LISTEN is not set: set it, or write ${LISTEN:-default}
  listen: ${LISTEN}
          ^
)");
}

TEST_F(LoadConfigTest, AVariableCannotBringYamlIn) {
  environment_.variables["SQUAD"] = "x\n    timeout: 1s";
  EXPECT_THAT(
      InService("hosts: ['${SQUAD}']"),
      ElementsAre(
          "hosts: \"x\n    timeout: 1s\" holds a port, which is ignored in Host: write the name alone"));
}

TEST_F(LoadConfigTest, IncludesServicesOfOtherFiles) {
  environment_.files["conf/catalog/b.yaml"] =
      "services: {beta: {squad: s, endpoints: [10.0.0.2:80], timeout: 3s}}";
  environment_.files["conf/catalog/a.yaml"] = "services:\n  alpha: {squad: s, endpoints: [10.0.0.1:80]}";
  environment_.files["conf/naru.yaml"] = "include: [catalog/*.yaml, '*.yaml']\n";
  const LoadResult result = LoadConfig("conf/naru.yaml", environment_);
  ASSERT_EQ(Render(result.problems), "");
  EXPECT_EQ(result.config->files,
            (std::vector<std::string>{"conf/naru.yaml", "conf/catalog/a.yaml", "conf/catalog/b.yaml"}));
  ASSERT_EQ(result.config->services.size(), 2u);
  EXPECT_EQ(result.config->Where(result.config->services[0].origin), "conf/catalog/a.yaml:2");
  EXPECT_EQ(result.config->Where(result.config->services[1].policy.OriginOf("timeout")),
            "conf/catalog/b.yaml:1");
}

TEST_F(LoadConfigTest, AnIncludedFileHoldsOnlyServices) {
  environment_.files["a.yaml"] = "listen: 127.0.0.1:1\nservice: {}\n";
  EXPECT_EQ(Problems("include: [a.yaml]\n"),
            R"(a.yaml:1:1: an included file holds only `services`, not "listen"
  listen: 127.0.0.1:1
  ^
  move it to naru.yaml
a.yaml:2:1: there is no key "service" in an included file
  service: {}
  ^
  did you mean "services"?
)");
}

TEST_F(LoadConfigTest, AnIncludeThatNamesNoFileIsAProblemAndAPatternThatMatchesNoneANote) {
  EXPECT_EQ(Complaints("include: [a.yaml]\n"),
            (std::vector<std::string>{
                "include: no file matches a.yaml | the path starts from the directory of this file"}));
  EXPECT_THAT(Notes("include: [a/*.yaml]\n"), HasSubstr("include: no file matches a/*.yaml"));
}

TEST_F(LoadConfigTest, AServiceIsDefinedOnce) {
  environment_.files["a.yaml"] = "services:\n  x: {squad: s, endpoints: [10.0.0.1:80]}\n";
  EXPECT_EQ(Problems("include: [a.yaml]\nservices:\n  x: {squad: s, endpoints: [10.0.0.1:80]}\n"),
            R"(a.yaml:2:3: the service "x" is defined twice: first at naru.yaml:3
    x: {squad: s, endpoints: [10.0.0.1:80]}
    ^
  a service is defined once, in its squad's file; remove one of them
)");
}

TEST_F(LoadConfigTest, AllProblemsAreReportedAtOnceInTheOrderOfLines) {
  EXPECT_EQ(Problems(R"(timeout: 5s
services:
  courses:
    endpoints: [10.0.1.11:8080, 8.8.8.8:80]
    timout: 5s
    retry: {atempts: 3, on: [502, reste]}
    port: 70000
    connect_timeout: 5
    routes: {}
)"),
            R"(naru.yaml:1:1: there is no key "timeout" in the file
  timeout: 5s
  ^
  "timeout" goes under `defaults`, a service or a route
naru.yaml:3:3: the service "courses" has no squad
    courses:
    ^
  say who owns it: squad: NAME
naru.yaml:4:33: endpoints: 8.8.8.8:80 is refused: it is a public address
      endpoints: [10.0.1.11:8080, 8.8.8.8:80]
                                  ^
  calls go to private addresses only; a network of your own can be added under private.allow
naru.yaml:5:5: there is no key "timout" in a service
      timout: 5s
      ^
  did you mean "timeout"?
naru.yaml:6:13: there is no key "atempts" in retry
      retry: {atempts: 3, on: [502, reste]}
              ^
  did you mean "attempts"?
naru.yaml:6:35: retry.on: "reste" is none of unsent, refused, reset, 502, 503, 504, unavailable; did you mean "reset"?
      retry: {atempts: 3, on: [502, reste]}
                                    ^
naru.yaml:7:11: port: "70000" is above the most, 65535
      port: 70000
            ^
naru.yaml:8:22: connect_timeout: "5" has no unit: write 5s or 5ms
      connect_timeout: 5
                       ^
naru.yaml:9:13: routes must be a list, not keys with values
      routes: {}
              ^
)");
}

TEST_F(LoadConfigTest, WrongValuesOfAService) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"timeout: [5s]", "timeout must be a duration such as 250ms, 5s or 2m, not a list"},
      {"timeout:", "timeout must be a duration such as 250ms, 5s or 2m, not nothing"},
      {"timeout: off", "timeout: \"off\" is not a duration: write it as 250ms, 5s, 2m or 1h"},
      {"timeout: 0s", "timeout: \"0s\" is below the least, 1ms"},
      {"timeout: 25h", "timeout: \"25h\" is above the most, 24h"},
      {"retry: 3", "retry: \"3\" is not keys with values"},
      {"retry: [3]", "retry must be keys with values, not a list"},
      {"retry: {attempts: 0}", "retry.attempts: \"0\" is below the least, 1"},
      {"retry: {attempts: 11}", "retry.attempts: \"11\" is above the most, 10"},
      {"retry: {idempotent: yes}", "retry.idempotent: \"yes\" is neither true nor false"},
      {"retry: {budget: {floor: 5}}",
       "retry.budget.floor: \"5\" is not a rate: rates are per second, such as 10/s"},
      {"retry: {on: {a: b}}", "retry.on must be a list, not keys with values"},
      {"breaker: on", "breaker: \"on\" is neither off nor keys with values"},
      {"breaker: {failure_rate: 0%}", "breaker.failure_rate: \"0%\" is below the least, 1%"},
      {"breaker: {probes: 256}", "breaker.probes: \"256\" is above the most, 255"},
      {"balance: p2", "balance: \"p2\" is none of p2c, least-request, round-robin; did you mean \"p2c\"?"},
      {"protocol: http3", "protocol: \"http3\" is none of auto, http1, http2; did you mean \"http1\"?"},
      {"port: 0", "port: \"0\" is below the least, 1"},
      {"attempts: 3", "there is no key \"attempts\" in a service | \"attempts\" goes under `retry`"},
      {"<<: {timeout: 1s}",
       "YAML merge keys are not supported | values for every service go under `defaults`"},
      {"hosts: [a.example.com:80]",
       "hosts: \"a.example.com:80\" holds a port, which is ignored in Host: write the name alone"},
      {"hosts: ['*.example.com']",
       "hosts: \"*.example.com\" holds a wildcard, which hosts do not have: write every name out"},
      {"hosts: [http://x]", "hosts: \"http://x\" is a URL: write the host name alone"},
      {"hosts: [localhost]",
       "hosts: \"localhost\" means this machine: with that Host, the first path segment names the service"},
      {"hosts: [127.0.0.1]",
       "hosts: \"127.0.0.1\" means this machine: with that Host, the first path segment names the service"},
      {"routes: [{match: get /x}]",
       "match: \"get\" is not a method: write it in upper case, such as GET, or * for any"},
      {"routes: [{name: x}]",
       "this route has neither `match` nor `grpc` | say which calls it means: match: GET /v1/courses/{id}, "
       "or "
       "grpc: courses.v1.Courses/Get"},
      {"routes: [{match: /x, grpc: a.B/C}]",
       "this route has both `match` and `grpc` | remove one of them, or write a route for each"},
      {"routes: [{grpc: a.B/C, match: [/x]}]",
       "this route has both `match` and `grpc` | remove one of them, or write a route for each"},
      {"routes: [{grpc: [a.B/C]}]", "grpc must be a gRPC method such as courses.v1.Courses/Get, not a list"},
      {"routes: [{grpc: }]", "grpc must be a gRPC method such as courses.v1.Courses/Get, not nothing"},
      {"routes: [{grpc: a.B}]",
       "grpc: \"a.B\" names no method | write PACKAGE.SERVICE/METHOD, such as courses.v1.Courses/Get, or "
       "PACKAGE.SERVICE/* for every method"},
      {"routes: [GET /x]", "a route must be keys with values, not a single value"},
      {"routes: [{match: /x, name: other}]", "name: \"other\" is the name of calls that match no route"},
      {"routes: [{match: /x, squad: t}]", "there is no key \"squad\" in a route"},
  };
  for (const auto& [line, complaint] : rows) {
    EXPECT_THAT(InService(line), ElementsAre(testing::StartsWith(complaint))) << line;
  }
}

TEST_F(LoadConfigTest, ARouteCanNameGrpcMethods) {
  const std::shared_ptr<const Config> config = SoundService(R"(routes:
  - grpc: courses.v1.Courses/Get
    name: get
    timeout: 800ms
  - {grpc: courses.v1.Courses/*, retry: {idempotent: true}})");
  const Service& service = config->services[0];
  ASSERT_EQ(service.routes.size(), 2u);
  EXPECT_EQ(service.routes[0].name, "get");
  EXPECT_EQ(service.routes[0].policy.timeout, 800ms);
  EXPECT_EQ(service.routes[1].name, "courses.v1.Courses/*");
  EXPECT_EQ(service.routes[1].pattern.text(), "courses.v1.Courses/*");
  EXPECT_EQ(service.MatchRoute("POST", "/courses.v1.Courses/Get"), &service.routes[0]);
  EXPECT_EQ(service.MatchRoute("POST", "/courses.v1.Courses/List"), &service.routes[1]);
  EXPECT_EQ(service.MatchRoute("POST", "/courses.v2.Courses/Get"), nullptr);
}

TEST_F(LoadConfigTest, AMalformedGrpcRouteIsShownInItsLine) {
  EXPECT_EQ(Problems(R"(services:
  a:
    squad: s
    endpoints: [10.0.0.1:80]
    routes:
      - grpc: /courses.v1.Courses/Get
)"),
            R"(naru.yaml:6:15: grpc: "/courses.v1.Courses/Get" begins with "/"
        - grpc: /courses.v1.Courses/Get
                ^
  write PACKAGE.SERVICE/METHOD, such as courses.v1.Courses/Get, or PACKAGE.SERVICE/* for every method
)");
}

TEST_F(LoadConfigTest, ARouteWithMatchAndGrpcIsShownAtTheSecondOfThem) {
  EXPECT_EQ(Problems(R"(services:
  a:
    squad: s
    endpoints: [10.0.0.1:80]
    routes:
      - match: POST /courses.v1.Courses/Get
        grpc: courses.v1.Courses/Get
)"),
            R"(naru.yaml:7:15: this route has both `match` and `grpc`
          grpc: courses.v1.Courses/Get
                ^
  remove one of them, or write a route for each
)");
}

TEST_F(LoadConfigTest, WrongEndpoints) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"[courses.internal:8080]",
       "endpoints: \"courses.internal:8080\" is a host name; a list takes IP addresses | to look its "
       "addresses up, write it without a list: endpoints: dns://courses.internal:8080"},
      {"[courses]",
       "endpoints: \"courses\" is a host name; a list takes IP addresses | to look its addresses up, write "
       "it "
       "without a list: endpoints: dns://courses"},
      {"['http://10.0.0.1:80']",
       "endpoints: \"http://10.0.0.1:80\" is a URL | write the IP address and port alone, such as "
       "10.0.1.11:8080"},
      {"[10.0.0.1]", "endpoints: \"10.0.0.1\" has no port: write ADDRESS:PORT"},
      {"[10.0.0.1:80, 10.0.0.1:80]",
       "the endpoint 10.0.0.1:80 is listed twice | it is also at naru.yaml:1; remove one of them"},
      {"[169.254.169.254:80]",
       "endpoints: 169.254.169.254:80 is refused: instance metadata and credentials live at link-local "
       "addresses | no configuration allows it: write the private address on which the service listens"},
      {"[0.0.0.0:80]",
       "endpoints: 0.0.0.0:80 is refused: it is the unspecified address, which names no host | no "
       "configuration "
       "allows it: write the private address on which the service listens"},
      {"['[ff02::1]:80']",
       "endpoints: [ff02::1]:80 is refused: it is a multicast address | no configuration allows it: write "
       "the "
       "private address on which the service listens"},
      {"[198.51.100.7:80]",
       "endpoints: 198.51.100.7:80 is refused: it is a public address | calls go to private addresses only; "
       "a "
       "network of your own can be added under private.allow"},
      {"[localhost:8080]",
       "endpoints: \"localhost:8080\" is a host name; a list takes IP addresses | write 127.0.0.1:8080"},
      {"dns://localhost:8080",
       "endpoints: dns://localhost:8080 leads to loopback, which only a list may name | write endpoints: "
       "[127.0.0.1:8080]"},
      {"[$HOST:80]", "endpoints: \"$HOST:80\" is no address | a variable is written ${HOST}"},
      {"http://10.0.0.1:80",
       "endpoints: \"http://10.0.0.1:80\" is a URL | write the IP address and port alone, such as "
       "10.0.1.11:8080"},
      {"[dns://courses.internal:8080]",
       "endpoints: \"dns://courses.internal:8080\" stands in a list, which takes IP addresses | a source "
       "stands alone: endpoints: dns://courses.internal:8080"},
      {"dns://courses.internal",
       "endpoints: \"dns://courses.internal\" has no port: write it as dns://courses.internal:8080 | or list "
       "the addresses: endpoints: [10.0.1.11:8080, 10.0.1.12:8080]"},
      {"etcd://x",
       "endpoints: \"etcd://x\" is of no known kind: there are file, dns, dns+srv, cloudmap, consul and xds "
       "| "
       "or list the addresses: endpoints: [10.0.1.11:8080, 10.0.1.12:8080]"},
      {"xds://courses",
       "xds://courses needs a control plane, and there is none | name it: discovery: {xds: {server: "
       "HOST:PORT}}"},
      {"{a: b}", "endpoints must be a list, not keys with values"},
  };
  for (const auto& [endpoints, complaint] : rows) {
    EXPECT_THAT(Complaints("services: {a: {squad: s, endpoints: " + endpoints + "}}"), ElementsAre(complaint))
        << endpoints;
  }
}

TEST_F(LoadConfigTest, AGroupThatCannotBeOffSaysWhatToWriteInstead) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"retry: off", "retry: \"off\" is not keys with values | never to retry: retry: {attempts: 1}"},
      {"limits: off",
       "limits: \"off\" is not keys with values | calls are always limited; the widest is limits: "
       "{concurrent: "
       "1000000}"},
      {"breaker: on",
       "breaker: \"on\" is neither off nor keys with values | it is on where nothing is said: remove it, or "
       "say "
       "how: breaker: {failure_rate: 50%}"},
      {"retry: {backoff: off}",
       "retry.backoff: \"off\" is not keys with values | to retry at once: backoff: {base: 0ms, max: 0ms}"},
  };
  for (const auto& [lines, complaint] : rows) EXPECT_THAT(InService(lines), ElementsAre(complaint)) << lines;
  SoundService("retry: {attempts: 1, backoff: {base: 0ms, max: 0ms}, budget: {ratio: 100%}}");
  SoundService("limits: {concurrent: 1000000}");
}

TEST_F(LoadConfigTest, TheWordsOfOtherProductsAreUnderstoodAndRefused) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"retries: 3",
       "there is no key \"retries\" in a service | the first try counts, too: for 3 retries write retry: "
       "{attempts: 4}"},
      {"circuit_breaker: {}",
       "there is no key \"circuit_breaker\" in a service | it is called \"breaker\" here"},
      {"tls: true",
       "\"tls\" is not supported yet | remove it; calls inside the private network go without TLS"},
      {"protocol: https",
       "protocol: \"https\" is none of auto, http1, http2 | TLS towards endpoints is not supported yet: "
       "write the "
       "port that speaks plain HTTP"},
      {"protocol: grpc",
       "protocol: \"grpc\" is none of auto, http1, http2 | gRPC is HTTP/2: write http2, or auto"},
      {"routes: [{path: /z}]", "there is no key \"path\" in a route | write match: /z"},
      {"timeout: $T",
       "timeout: \"$T\" is not a duration: write it as 250ms, 5s, 2m or 1h | a variable is written ${T}"},
  };
  for (const auto& [lines, complaint] : rows) {
    EXPECT_THAT(InService(lines), Contains(complaint)) << lines;
  }
  EXPECT_THAT(
      Complaints("caller: {squad: $SQUAD, service: x}"),
      ElementsAre("caller.squad: \"$SQUAD\" may hold only letters, digits, \"-\", \"_\" and \".\" | a "
                  "variable is written ${SQUAD}"));
}

TEST_F(LoadConfigTest, WhatTheParserStumblesOverOftenIsExplained) {
  EXPECT_EQ(Problems("caller: {squad: ${SQ:-x}, service: a}"),
            "naru.yaml:1:18: not YAML: end of map flow not found\n"
            "  caller: {squad: ${SQ:-x}, service: a}\n"
            "                   ^\n"
            "  inside { } and [ ] a variable stands in quotes: \"${SQ:-x}\"\n");
  EXPECT_THAT(Problems("listen: [${A}]"), HasSubstr("in quotes: \"${A}\""));
  for (const char* text : {"caller:\n\tsquad: x\n", "caller:\n  squad: x\n\tservice: y\n"}) {
    EXPECT_THAT(Problems(text), HasSubstr("not YAML: the line is indented by a tab\n")) << text;
    EXPECT_THAT(Problems(text), HasSubstr("write spaces: YAML knows no tabs there")) << text;
  }
}

TEST_F(LoadConfigTest, NotesWhatIsSoundButHardlyMeant) {
  const std::string caller = "caller: {squad: s, service: x}\n";
  const auto one = [&](const std::string& text) { return Render(Load(caller + text).notes); };
  EXPECT_EQ(
      one("services: {a: {squad: s, endpoints: []}}"),
      "naru.yaml:2:37: the service \"a\" has no endpoint: every call to it will be answered as no_endpoint\n"
      "  services: {a: {squad: s, endpoints: []}}\n"
      "                                      ^\n"
      "  say where it is: endpoints: [10.0.1.11:8080]\n");
  EXPECT_THAT(
      one("private: {allow: [0.0.0.0/0]}\nservices: {a: {squad: s, endpoints: [10.0.0.1:80]}}"),
      HasSubstr("private.allow: this network holds every IPv4 address: calls may leave for the public "
                "internet\n"));
  EXPECT_THAT(one("private: {allow: ['2000::/3']}\nservices: {a: {squad: s, endpoints: [10.0.0.1:80]}}"),
              HasSubstr("private.allow: this network holds a large part of all IPv6 addresses"));
  EXPECT_EQ(one("private: {allow: [198.51.100.0/24, 25.0.0.0/8]}\n"
                "services: {a: {squad: s, endpoints: [10.0.0.1:80]}}"),
            "");
  EXPECT_THAT(one("services: {a: {squad: s, endpoints: [10.0.0.1:80], routes: [{match: 'GET /x/:id/y'}]}}"),
              HasSubstr("match: GET /x/:id/y matches only paths in which \":id\" stands as it is\n"));
  EXPECT_THAT(one("services: {a: {squad: s, endpoints: [10.0.0.1:80], routes: [{match: 'GET /x/:id/y'}]}}"),
              HasSubstr("for one segment of any text write {id}: match: GET /x/{id}/y\n"));
  EXPECT_EQ(one("services: {a: {squad: s, endpoints: [10.0.0.1:80], routes: [{match: 'POST /x:undo'}]}}"),
            "");
  EXPECT_THAT(one("services: {a: {squad: s, endpoints: 'file:///nope.json'}}"),
              HasSubstr("endpoints: there is no file /nope.json here\n"));
  environment_.files["/nope.json"] = "[]";
  EXPECT_EQ(one("services: {a: {squad: s, endpoints: 'file:///nope.json'}}"), "");
}

TEST_F(LoadConfigTest, NotesATimeoutThatSwitchesTheTryTimeoutOff) {
  const auto notes = [this](const std::string& defaults, const std::string& service) {
    return Notes("caller: {squad: s, service: x}\ndefaults: " + defaults +
                 "\nservices: {a: {squad: s, endpoints: [10.0.0.1:80]" + service + "}}");
  };
  EXPECT_THAT(
      notes("{}", ", timeout: 2s"),
      HasSubstr(
          "timeout 2s of a leaves no room for the inherited try_timeout (default), which is off: what a "
          "slow endpoint has not answered is not tried at another\n"));
  EXPECT_THAT(notes("{}", ", timeout: 2s"), HasSubstr("such as try_timeout: 1s, or try_timeout: off\n"));
  EXPECT_THAT(notes("{timeout: 1s}", ""), HasSubstr("naru.yaml:2:12: timeout 1s of defaults leaves no room"));
  EXPECT_EQ(notes("{}", ", timeout: 2s, try_timeout: 900ms"), "");
  EXPECT_EQ(notes("{}", ", timeout: 2s, try_timeout: off"), "");
  EXPECT_EQ(notes("{}", ", timeout: 2s, retry: {attempts: 1}"), "");
  EXPECT_EQ(notes("{}", ", timeout: 3s"), "");
  EXPECT_EQ(notes("{}", ", routes: [{match: /x, timeout: 1s}]"), "");
}

TEST_F(LoadConfigTest, ASourceStandsInPlaceOfAList) {
  const auto config = Sound("services: {a: {squad: s, endpoints: dns://courses.internal:8080}}");
  ASSERT_TRUE(config->services[0].source.has_value());
  EXPECT_EQ(config->services[0].source->text, "dns://courses.internal:8080");
  EXPECT_TRUE(config->services[0].endpoints.empty());
  EXPECT_EQ(config->Where(config->services[0].endpoints_origin), "naru.yaml:1");
}

TEST_F(LoadConfigTest, TheSettingsOfTheSources) {
  const discovery::Settings settings = Sound(R"(
services: {}
discovery:
  default: cloudmap://prod/{service}
  state: /var/lib/naru
  dns: {servers: [10.0.0.2, "10.0.0.3:5353"], min_ttl: 2s, max_ttl: 1m, search: true}
  cloudmap: {region: ap-northeast-2, endpoint: http://127.0.0.1:9000, interval: 10s}
  consul: {address: http://127.0.0.1:8501, token: t, datacenter: seoul, stale: false, cached: true, wait: 1m}
  xds: {server: "10.0.0.5:18000", node_id: me, node_cluster: us, clusters: true}
)")
                                           ->discovery;
  discovery::Settings expected;
  expected.fallback = *discovery::SourceTemplate::Parse("cloudmap://prod/{service}");
  expected.state_directory = "/var/lib/naru";
  expected.dns = {{*discovery::Address::Parse("10.0.0.2:53"), *discovery::Address::Parse("10.0.0.3:5353")},
                  std::chrono::seconds(2),
                  std::chrono::minutes(1),
                  true};
  expected.cloud_map = {"ap-northeast-2", "http://127.0.0.1:9000", std::chrono::seconds(10)};
  expected.consul = {"http://127.0.0.1:8501", "t", "seoul", false, true, std::chrono::minutes(1)};
  expected.xds = {"10.0.0.5:18000", "me", "us", true};
  EXPECT_EQ(settings, expected);
  EXPECT_EQ(Sound("services: {}\ndiscovery: {state: off}")->discovery.state_directory, "");
  EXPECT_EQ(Sound("services: {}")->discovery, discovery::Settings());
}

TEST_F(LoadConfigTest, WrongSettingsOfSources) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"default: cloudmap://prod/courses",
       "discovery.default: \"cloudmap://prod/courses\" does not say where the name of the service goes: "
       "write "
       "{service} there, as in cloudmap://NAMESPACE/{service}"},
      {"default: \"xds://{service}\"",
       "xds://service needs a control plane, and there is none | name it: discovery: {xds: {server: "
       "HOST:PORT}}"},
      {"state: here",
       "discovery.state: \"here\" is no absolute path | write a directory such as /var/lib/naru, or off"},
      {"dns: {servers: [ns.internal]}",
       "discovery.dns.servers: \"ns.internal\" is no IP address | write one, such as 10.0.0.2, or "
       "10.0.0.2:53"},
      {"dns: {min_ttl: 2m}",
       "discovery.dns: min_ttl 2m is above max_ttl 30s | raise max_ttl or lower min_ttl"},
      {"consul: {address: 127.0.0.1}",
       "discovery.consul.address: \"127.0.0.1\" is no URL | write http://HOST:PORT or https://HOST:PORT"},
      {"xds: {server: control.internal}",
       "discovery.xds.server: \"control.internal\" is no host and port | write them as HOST:PORT, such as "
       "10.0.0.5:18000"},
      {"cloudmap: {regoin: x}",
       "there is no key \"regoin\" in discovery.cloudmap | did you mean \"region\"?"},
  };
  for (const auto& [settings, complaint] : rows) {
    EXPECT_THAT(Complaints("services: {}\ndiscovery: {" + settings + "}"), ElementsAre(complaint))
        << settings;
  }
}

TEST_F(LoadConfigTest, OneEndpointNeedsNoListAndNoneIsAllowedWhenSaid) {
  EXPECT_EQ(Sound("services: {a: {squad: s, endpoints: 127.0.0.1:80}}")->services[0].endpoints.size(), 1u);
  EXPECT_EQ(Sound("services: {a: {squad: s, endpoints: []}}")->services[0].endpoints.size(), 0u);
  EXPECT_THAT(
      Complaints("services: {a: {squad: s}}"),
      ElementsAre("the service \"a\" has no endpoints | say where it is: endpoints: [10.0.1.11:8080]"));
}

TEST_F(LoadConfigTest, ANetworkCanBeAddedToThePrivateOnes) {
  EXPECT_EQ(
      Sound("private: {allow: [198.51.100.0/24]}\nservices: {a: {squad: s, endpoints: [198.51.100.7:80]}}")
          ->allowed_networks,
      (std::vector<std::string>{"198.51.100.0/24"}));
  EXPECT_THAT(
      Complaints("private: {allow: [169.254.0.0/16, nonsense]}"),
      ElementsAre(
          "private.allow: this network is never allowed: instance metadata and credentials live at "
          "link-local addresses | remove it",
          "private.allow: \"nonsense\" has no prefix length: write a network such as 198.51.100.0/24"));
}

TEST_F(LoadConfigTest, WhatIsNotBuiltYetIsRefused) {
  EXPECT_THAT(
      InService("hedge: {after: p95, budget: 5%}"),
      ElementsAre("\"hedge\" is not supported yet | remove it; a lower try_timeout is the nearest there is"));
  EXPECT_THAT(InService("limits: {concurrent: adaptive}"),
              ElementsAre("limits.concurrent: adaptive is not supported yet | write a number, such as 100"));
  EXPECT_THAT(
      InService("balance: hash(header:x-user)"),
      ElementsAre(
          "balance: hash(header:x-user) is not supported yet | use p2c, least-request or round-robin"));
}

TEST_F(LoadConfigTest, Contradictions) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"timeout: 1s\ntry_timeout: 2s",
       "try_timeout 2s (naru.yaml:6) is above timeout 1s (naru.yaml:5) | an attempt cannot outlast its call: "
       "lower "
       "try_timeout or raise timeout"},
      {"try_timeout: 6s",
       "try_timeout 6s (naru.yaml:5) is above timeout 5s (default) | an attempt cannot outlast its call: "
       "lower "
       "try_timeout or raise timeout"},
      {"timeout: 1s\nroutes: [{match: /x, try_timeout: 2s}]",
       "try_timeout 2s (naru.yaml:6) is above timeout 1s (naru.yaml:5) | an attempt cannot outlast its call: "
       "lower "
       "try_timeout or raise timeout"},
      {"connect_timeout: 6s",
       "connect_timeout 6s (naru.yaml:5) is above timeout 5s (default) | connecting cannot outlast its call: "
       "lower "
       "connect_timeout or raise timeout"},
      {"limits: {queue_timeout: 6s}",
       "limits.queue_timeout 6s (naru.yaml:5) is above timeout 5s (default) | waiting for a place cannot "
       "outlast its "
       "call: lower queue_timeout or raise timeout"},
      {"retry: {backoff: {base: 1s}}",
       "retry.backoff.base 1s (naru.yaml:5) is above retry.backoff.max 250ms (default) | raise max or lower "
       "base"},
      {"ejection: {max: 500ms}",
       "ejection.base 1s (default) is above ejection.max 500ms (naru.yaml:5) | raise max or lower base"},
      {"health_check: {interval: 5s}",
       "health_check has neither path nor grpc | say how an endpoint is checked: path: /healthz, or grpc: "
       "\"\" for grpc.health.v1"},
      {"health_check: {path: /healthz, grpc: \"\"}",
       "health_check has both path and grpc | an endpoint is checked in one way: remove one of them"},
      {"routes: [{match: /x, health_check: {path: /healthz}}]",
       "health_check cannot differ by route: every route has the service's endpoints | move it to the "
       "service, or to `defaults`"},
      {"routes:\n  - match: /v1/**\n  - match: GET /v1/x",
       "no call reaches this route: /v1/** at naru.yaml:6 matches all of them first | the first match wins; "
       "move this "
       "route above that one, or remove it"},
      {"routes:\n  - grpc: a.B/*\n  - match: POST /a.B/C",
       "no call reaches this route: a.B/* at naru.yaml:6 matches all of them first | the first match wins; "
       "move this route above that one, or remove it"},
      {"routes:\n  - match: /**\n  - grpc: a.B/C",
       "no call reaches this route: /** at naru.yaml:6 matches all of them first | the first match wins; "
       "move this route above that one, or remove it"},
      {"routes:\n  - {match: /a, name: x}\n  - {match: /b, name: x}",
       "two routes of a have the name \"x\" | the first is at naru.yaml:6; metrics could not tell them "
       "apart"},
      {"timeout: 1s\ntimeout: 2s",
       "the key \"timeout\" is given twice | it was first given in line 5; remove one of them"},
      {"port: 4000",
       "the port 4000 is used twice: by a (naru.yaml:5) and by listen (default) | give one of them another"},
      {"port: 4001",
       "the port 4001 is used twice: by a (naru.yaml:5) and by admin (default) | give one of them another"},
      {"hosts: [b.example, B.Example]",
       "the host \"b.example\" is claimed twice: by a here and by a at naru.yaml:5 | a name means one "
       "service; remove "
       "one of them"},
      {"hosts: [a]",
       "the host \"a\" is claimed twice: by a here and by a at naru.yaml:2 | a name means one service; "
       "remove one of "
       "them"},
  };
  for (const auto& [lines, complaint] : rows) EXPECT_THAT(InService(lines), ElementsAre(complaint)) << lines;
}

TEST_F(LoadConfigTest, EndpointsAreCheckedOnlyWhereThatIsAskedFor) {
  EXPECT_EQ(SoundService("")->services[0].policy.health_check, std::nullopt);
  resilience::HealthCheckPolicy by_path;
  by_path.path = "/healthz";
  EXPECT_EQ(SoundService("health_check: {path: /healthz}")->services[0].policy.health_check, by_path);
  resilience::HealthCheckPolicy by_grpc;
  by_grpc.grpc = "";
  EXPECT_EQ(SoundService("health_check: {grpc: \"\"}")->services[0].policy.health_check, by_grpc);
}

TEST_F(LoadConfigTest, AServiceIsCheckedInItsOwnWayOrNotAtAll) {
  const std::shared_ptr<const Config> config = Sound(R"(defaults:
  health_check: {path: /healthz, interval: 9s}
services:
  a: {squad: s, endpoints: [10.0.0.1:80]}
  b: {squad: s, endpoints: [10.0.0.2:80], health_check: {grpc: courses.v1.Courses}}
  c: {squad: s, endpoints: [10.0.0.3:80], health_check: off}
)");
  resilience::HealthCheckPolicy policy;
  policy.interval = 9s;
  policy.path = "/healthz";
  EXPECT_EQ(config->services[0].policy.health_check, policy);
  policy.path.reset();
  policy.grpc = "courses.v1.Courses";
  EXPECT_EQ(config->services[1].policy.health_check, policy);
  EXPECT_EQ(config->services[2].policy.health_check, std::nullopt);
  std::vector<std::string> lines;
  for (const PolicyLine& line : Explain(config->services[1].policy)) {
    if (line.key.starts_with("health_check")) lines.push_back(line.key + " " + line.value);
  }
  EXPECT_THAT(lines,
              ElementsAre("health_check.grpc courses.v1.Courses", "health_check.interval 9s",
                          "health_check.timeout 1s", "health_check.healthy 2", "health_check.unhealthy 3"));
}

TEST_F(LoadConfigTest, WhatIsWrongWithAWayToCheckIsSaidOnce) {
  EXPECT_THAT(InService("health_check: {path: healthz}"),
              ElementsAre("health_check.path: \"healthz\" is no path: write one that begins with /, such as "
                          "/healthz"));
  EXPECT_THAT(InService("health_check: {path: /a b}"),
              ElementsAre("health_check.path: \"/a b\" holds a character that stands in no path: write it "
                          "percent-encoded, such as %20"));
  EXPECT_THAT(
      InService("health_check: {grpc: a b}"),
      ElementsAre("health_check.grpc: \"a b\" is no name: write one such as courses.v1.Courses, or \"\""));
  EXPECT_THAT(
      InService("health_check: {grpc: }"),
      ElementsAre("health_check.grpc must be a name such as courses.v1.Courses, or \"\", not nothing"));
  EXPECT_THAT(
      InService("health_check: /healthz"),
      ElementsAre("health_check: \"/healthz\" is neither off nor keys with values | say how an endpoint is "
                  "asked: health_check: {path: /healthz}"));
  EXPECT_THAT(Complaints("defaults: {health_check: {}}\nservices:\n  a: {squad: s, endpoints: []}\n"),
              ElementsAre("health_check has neither path nor grpc | say how an endpoint is checked: path: "
                          "/healthz, or grpc: \"\" for grpc.health.v1"));
  EXPECT_THAT(
      Complaints("health_check: {path: /}"),
      ElementsAre("there is no key \"health_check\" in the file | \"health_check\" goes under `defaults` "
                  "or a service"));
}

TEST_F(LoadConfigTest, WhatIsOnlyInheritedContradictsNothing) {
  EXPECT_THAT(InService("timeout: 100ms"), IsEmpty());
  EXPECT_THAT(InService("try_timeout: 3s\nconnect_timeout: 3s\nroutes: [{match: /x, timeout: 100ms}]"),
              IsEmpty());
  EXPECT_THAT(InService("ejection: off"), IsEmpty());
}

TEST_F(LoadConfigTest, AContradictionOfTheDefaultsIsReportedOnce) {
  EXPECT_THAT(
      Complaints("defaults: {try_timeout: 6s}\nservices:\n  a: {squad: s, endpoints: []}\n"
                 "  b: {squad: s, endpoints: []}\n"),
      ElementsAre(
          "try_timeout 6s (naru.yaml:1) is above timeout 5s (default) | an attempt cannot outlast its "
          "call: lower try_timeout or raise timeout"));
}

TEST_F(LoadConfigTest, APortIsUsedOnce) {
  EXPECT_THAT(
      Complaints("services:\n  a: {squad: s, endpoints: [], port: 4101}\n"
                 "  b: {squad: s, endpoints: [], port: 4101}\n"),
      ElementsAre("the port 4101 is used twice: by b (naru.yaml:3) and by a (naru.yaml:2) | give one of them "
                  "another"));
  EXPECT_THAT(
      Complaints("listen: 127.0.0.1:4001"),
      ElementsAre("the port 4001 is used twice: by admin (default) and by listen (naru.yaml:1) | give one of "
                  "them another"));
  EXPECT_THAT(Complaints("listen: [127.0.0.1:4000, 127.0.0.1:4000]"),
              ElementsAre("listen names 127.0.0.1:4000 twice | remove one of them"));
  EXPECT_THAT(
      Complaints("listen: [unix:///a, unix:///a]"),
      ElementsAre(
          "the socket /a is used twice: by listen (naru.yaml:1) and by listen (naru.yaml:1) | give one "
          "of them another"));
  EXPECT_THAT(Complaints("listen: ['127.0.0.1:4000', '[::1]:4000', 127.0.0.1:0]\nadmin: 127.0.0.1:0"),
              IsEmpty());
}

TEST_F(LoadConfigTest, AnAddressForAllTakesThePortOfEachOfThem) {
  EXPECT_THAT(Complaints("listen:\n  - 0.0.0.0:4000\n  - 127.0.0.1:4000\n"),
              ElementsAre("listen names both 127.0.0.1:4000 (naru.yaml:3) and 0.0.0.0:4000 (naru.yaml:2) | "
                          "0.0.0.0:4000 takes the port on every IPv4 address: remove one of them"));
  EXPECT_THAT(Complaints("listen:\n  - '[fd00::1]:4000'\n  - '[::]:4000'\n"),
              ElementsAre("listen names both [::]:4000 (naru.yaml:3) and [fd00::1]:4000 (naru.yaml:2) | "
                          "[::]:4000 takes the port on every IPv6 address: remove one of them"));
  EXPECT_THAT(Complaints("listen: [0.0.0.0:4000, '[::]:4000']"), IsEmpty());
  EXPECT_THAT(Complaints("listen: [0.0.0.0:4000, '[::1]:4000', 127.0.0.1:4002]"), IsEmpty());
}

TEST_F(LoadConfigTest, AnEndpointIsNotNaruItself) {
  const auto with_endpoint = [this](const std::string& endpoint, const std::string& head = "") {
    return Complaints(head + "services:\n  a: {squad: s, endpoints: ['" + endpoint +
                      "']}\n  b: {squad: s, endpoints: [10.0.0.1:80], port: 4101}\n");
  };
  const auto problem = [](const std::string& endpoint, const std::string& what) {
    return ElementsAre("endpoints: " + endpoint + " is naru itself, which listens there: " + what +
                       " | calls would go round in circles: write where a itself listens");
  };
  EXPECT_THAT(with_endpoint("127.0.0.1:4000"), problem("127.0.0.1:4000", "listen (default)"));
  EXPECT_THAT(with_endpoint("127.0.0.1:4001"), problem("127.0.0.1:4001", "admin (default)"));
  EXPECT_THAT(with_endpoint("127.0.0.1:4101"), problem("127.0.0.1:4101", "port of b (naru.yaml:3)"));
  EXPECT_THAT(with_endpoint("127.0.0.9:5000", "listen: 0.0.0.0:5000\n"),
              problem("127.0.0.9:5000", "listen (naru.yaml:1)"));
  EXPECT_THAT(with_endpoint("127.0.0.1:4101", "listen: 0.0.0.0:5000\n"),
              problem("127.0.0.1:4101", "port of b (naru.yaml:4)"));
  EXPECT_THAT(with_endpoint("[::1]:5000", "listen: '[::]:5000'\n"),
              problem("[::1]:5000", "listen (naru.yaml:1)"));
  EXPECT_THAT(with_endpoint("10.0.0.7:5000", "listen: 10.0.0.7:5000\n"),
              problem("10.0.0.7:5000", "listen (naru.yaml:1)"));
  EXPECT_THAT(with_endpoint("127.0.0.2:4000"), IsEmpty());
  EXPECT_THAT(with_endpoint("[::1]:5000", "listen: 0.0.0.0:5000\n"), IsEmpty());
  EXPECT_THAT(with_endpoint("10.0.0.8:5000", "listen: 0.0.0.0:5000\n"), IsEmpty());
}

TEST_F(LoadConfigTest, ListensOnSeveralAddressesAndUnixSockets) {
  const std::shared_ptr<const Config> config = Sound("listen: [127.0.0.1:0, 'unix:///run/naru.sock']");
  ASSERT_EQ(config->listen.size(), 2u);
  EXPECT_EQ(config->listen[0].tcp.port, 0);
  EXPECT_EQ(config->listen[1].unix_path, "/run/naru.sock");
  EXPECT_EQ(config->listen[1].text, "unix:///run/naru.sock");
}

TEST_F(LoadConfigTest, WrongListenAddresses) {
  EXPECT_THAT(Complaints("listen: localhost:4000"),
              ElementsAre("listen: \"localhost:4000\" is a host name: write 127.0.0.1:4000"));
  EXPECT_THAT(Complaints("listen: 4000"), ElementsAre("listen: \"4000\" has no port: write ADDRESS:PORT"));
  EXPECT_THAT(Complaints("listen: unix://run"),
              ElementsAre("listen: \"unix://run\" has no absolute path: write unix:///run/naru.sock"));
  EXPECT_THAT(Complaints("listen: []"),
              ElementsAre("listen names no address | write one, such as 127.0.0.1:4000, or remove the key"));
  EXPECT_THAT(
      Complaints("admin: unix:///a"),
      ElementsAre(
          "admin must be an IP address and port, not a Unix socket | write one, such as 127.0.0.1:4001"));
}

TEST_F(LoadConfigTest, NamesAreOnesThatHostAndLabelsCanCarry) {
  EXPECT_THAT(Complaints("services: {Courses: {squad: s, endpoints: []}}"),
              ElementsAre("the service name \"Courses\" must be lower case: write courses"));
  EXPECT_THAT(
      Complaints("services: {localhost: {squad: s, endpoints: []}}"),
      ElementsAre("the service name \"localhost\" means this machine: with that Host, the first path segment "
                  "names the service"));
  EXPECT_THAT(
      Complaints("services: {a/b: {squad: s, endpoints: []}}"),
      ElementsAre(
          "the service name \"a/b\" may hold only lower-case letters, digits, \"-\", \"_\" and \".\""));
  EXPECT_THAT(Complaints("caller: {squad: 'a b', service: ''}"),
              ElementsAre("caller.squad: \"a b\" may hold only letters, digits, \"-\", \"_\" and \".\"",
                          "caller.service: \"\" is empty"));
}

TEST_F(LoadConfigTest, NotesWhatIsWorthKnowing) {
  EXPECT_EQ(Notes("listen: 0.0.0.0:4000\nservices: {}\n"),
            R"(naru.yaml: the caller is counted as unknown/unknown
  say who calls: caller: {squad: NAME, service: NAME}
naru.yaml: no service is defined: every call will be answered as unknown_service
  define services under `services:`, or name files that do under `include:`
naru.yaml:1:9: the shared port can be reached from outside this machine
  listen: 0.0.0.0:4000
          ^
  listen on 127.0.0.1 unless containers beside it need otherwise
)");
  EXPECT_EQ(Notes(kExample), "");
}

TEST_F(LoadConfigTest, AFileThatHoldsNothingIsAProblem) {
  for (const char* text : {"", "\n\n", "# only a comment\n", "---\n"}) {
    EXPECT_EQ(Problems(text), "naru.yaml: the file holds nothing\n  write at least: services: {}\n") << text;
  }
}

TEST_F(LoadConfigTest, AFileThatCannotBeReadIsToldApart) {
  const LoadResult result = LoadConfig("none.yaml", environment_);
  EXPECT_TRUE(result.unreadable);
  EXPECT_EQ(Render(result.problems),
            "none.yaml: does not exist\n  name the file by -c FILE or by NARU_CONFIG\n");
  EXPECT_FALSE(Load("services: [").unreadable);
}

TEST_F(LoadConfigTest, AFileWithoutPermissionIsForThatUserToRead) {
  environment_.unreadable["naru.yaml"] = absl::PermissionDeniedError("cannot be read by the user naru: no");
  const LoadResult result = LoadConfig("naru.yaml", environment_);
  EXPECT_TRUE(result.unreadable);
  EXPECT_FALSE(result.try_again);
  EXPECT_EQ(Render(result.problems),
            "naru.yaml: cannot be read by the user naru: no\n"
            "  let that user read it and enter every folder on the way to it, by chgrp and chmod\n");
}

TEST_F(LoadConfigTest, AnIncludedFileThatCannotBeReadIsToldApart) {
  environment_.files["a.yaml"] = environment_.files["b.yaml"] = "services: {}";
  environment_.unreadable["a.yaml"] = absl::PermissionDeniedError("cannot be read by the user naru: no");
  environment_.unreadable["b.yaml"] = absl::InvalidArgumentError("is a directory, not a file");
  const LoadResult result = Load("services: {}\ninclude: ['?.yaml']\n");
  EXPECT_TRUE(result.unreadable);
  EXPECT_EQ(
      Render(result.problems),
      "a.yaml: cannot be read by the user naru: no\n"
      "  it is included at naru.yaml:2; let that user read it and enter every folder on the way to it, by "
      "chgrp and chmod\n"
      "b.yaml: is a directory, not a file\n"
      "  it is included at naru.yaml:2; name a file in it\n");
}

TEST_F(LoadConfigTest, AFolderThatCannotBeSearchedIsNotAnEmptyOne) {
  environment_.unreadable["catalog/*.yaml"] =
      absl::PermissionDeniedError("cannot be read by the user naru: no");
  const LoadResult result = Load("services: {}\ninclude: catalog/*.yaml\n");
  EXPECT_TRUE(result.unreadable);
  EXPECT_EQ(Render(result.problems),
            "naru.yaml:2:10: include: a folder of catalog/*.yaml cannot be read by the user naru: no\n"
            "  include: catalog/*.yaml\n"
            "           ^\n"
            "  let that user read it and enter every folder on the way to it, by chgrp and chmod\n");
}

TEST_F(LoadConfigTest, WhatFailsForWantOfDescriptorsMaySucceedLater) {
  const absl::Status short_of = absl::ResourceExhaustedError("cannot be read: Too many open files");
  environment_.files["a.yaml"] = "services: {}";
  for (const char* path : {"naru.yaml", "a.yaml", "b/*.yaml"}) {
    environment_.unreadable = {{path, short_of}};
    const LoadResult result = Load("services: {}\ninclude: [a.yaml, b/*.yaml]\n");
    EXPECT_TRUE(result.try_again) << path;
    EXPECT_TRUE(result.unreadable) << path;
  }
  environment_.unreadable.clear();
  EXPECT_FALSE(Load("services: [").try_again);
}

TEST_F(LoadConfigTest, SaysWhatItWasReadFromWhateverComesOfIt) {
  environment_.files["/etc/naru/naru.yaml"] = "include: [a.yaml, /srv/*.yaml]\nworkers: 0";
  EXPECT_THAT(LoadConfig("/etc/naru/naru.yaml", environment_).paths,
              ElementsAre("/etc/naru/naru.yaml", "/etc/naru/a.yaml", "/srv/*.yaml"));
  EXPECT_THAT(LoadConfig("none.yaml", environment_).paths, ElementsAre("none.yaml"));
}

TEST_F(LoadConfigTest, WhereThereIsAFileOfTheUsualNameHereItIsPointedAt) {
  environment_.files["naru.yaml"] = "services: {}";
  EXPECT_EQ(Render(LoadConfig("/etc/naru/naru.yaml", environment_).problems),
            "/etc/naru/naru.yaml: does not exist\n"
            "  name the file by -c FILE or by NARU_CONFIG; there is one here: -c naru.yaml\n");
}

TEST_F(LoadConfigTest, WhatIsNotYamlIsOneProblemWithAPlace) {
  EXPECT_EQ(Problems("services:\n  a: [1, 2\n  b: 3\n"),
            R"(naru.yaml:3:4: not YAML: end of sequence flow not found
    b: 3
     ^
)");
  EXPECT_THAT(Complaints(std::string("a: \0", 4)), ElementsAre("the file is not text: it holds a zero byte"));
  EXPECT_THAT(
      Complaints("services: {}\n---\nservices: {}\n"),
      ElementsAre(
          "the file holds more than one YAML document | keep one, or put the others into files named by "
          "`include`"));
  EXPECT_THAT(Complaints("- a\n- b\n"), ElementsAre("the file must be keys with values, not a list"));
  EXPECT_THAT(Complaints("? [a]\n: b\n"), ElementsAre("a key of the file must be a word, not a list"));
  EXPECT_THAT(Complaints("workers: !!python/object 1"),
              ElementsAre("the tag tag:yaml.org,2002:python/object means nothing here | remove the tag"));
}

TEST_F(LoadConfigTest, AliasesAreCopiedInAndKeepTheirPlace) {
  const std::shared_ptr<const Config> config = Sound(
      "services:\n  a: {squad: s, endpoints: [], retry: &r {attempts: 3}}\n"
      "  b: {squad: s, endpoints: [], retry: *r}\n");
  EXPECT_EQ(config->services[1].policy.retry.attempts, 3u);
  EXPECT_EQ(config->services[1].policy.OriginOf("retry.attempts"), (Origin{0, 2}));
}

TEST_F(LoadConfigTest, AliasesCannotMakeAFileGrowWithoutBound) {
  std::string laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) laughs += (j > 0 ? ", " : "") + before;
    laughs += "]\n";
  }
  EXPECT_THAT(Complaints(laughs),
              ElementsAre("the file holds more than 500000 values once its aliases are copied in | "
                          "use fewer aliases, or split the file with `include`"));
  EXPECT_THAT(Complaints("a: &a [*a]"),
              ElementsAre("this alias stands inside the value that it names | write the value out"));
}

TEST_F(LoadConfigTest, NestingIsBounded) {
  EXPECT_THAT(Complaints("a: " + std::string(40, '[') + std::string(40, ']')),
              ElementsAre("values are nested more than 32 deep | flatten the file"));
  EXPECT_EQ(Complaints("a: " + std::string(100'000, '[')).size(), 1u);
}

TEST_F(LoadConfigTest, ProblemsAreBounded) {
  std::string text = "services: {}\n";
  for (int i = 0; i < 300; ++i) text += "k" + std::to_string(i) + ": 1\n";
  const std::vector<std::string> complaints = Complaints(text);
  EXPECT_EQ(complaints.size(), 201u);
  EXPECT_EQ(complaints.back(), "more than 200 problems were found | solve these first");
}

TEST_F(LoadConfigTest, RoutesAreBounded) {
  std::string routes = "routes:\n";
  for (size_t i = 0; i <= kMostRoutes; ++i) routes += "  - match: /" + std::to_string(i) + "\n";
  EXPECT_THAT(InService(routes), ElementsAre("routes holds 501 entries; at most 500 are possible"));
}

TEST(Render, PutsTheCaretUnderTheColumnWhateverStandsBeforeIt) {
  EXPECT_EQ(Render(Problem{"f", 1, 4, "m", "", "\tab c"}), "f:1:4: m\n  \tab c\n  \t  ^\n");
  EXPECT_EQ(Render(Problem{"f", 1, 4, "m", "", "\xeb\x82\x98x"}), "f:1:4: m\n  \xeb\x82\x98x\n   ^\n");
  const std::string wide(300, 'x');
  EXPECT_EQ(Render(Problem{"f", 1, 201, "m", "", wide}),
            "f:1:201: m\n  " + std::string(100, 'x') + "\n  " + std::string(50, ' ') + "^\n");
}

}  // namespace
}  // namespace naru::config
