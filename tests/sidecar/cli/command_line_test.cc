#include "sidecar/cli/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "sidecar/config/schema.h"
#include "tests/sidecar/config/fake_environment.h"

namespace naru::cli {
namespace {

using testing::HasSubstr;

constexpr char kConfig[] = R"(caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.1.11:8080, 10.0.1.12:8080]
    hosts: [api.example.com]
    port: 4101
    timeout: 3s
    routes:
      - match: GET /v1/courses/{id}
        name: course
        timeout: 800ms
      - match: POST /v1/enrolments
        retry: {idempotent: true}
  orders:
    squad: shop
    endpoints: 10.0.2.1:80
    breaker: off
)";

constexpr char kGrpcConfig[] = R"(caller: {squad: video, service: video-api}
services:
  courses:
    squad: learning
    endpoints: [10.0.1.11:8080]
    port: 4101
    protocol: http2
    routes:
      - grpc: courses.v1.Courses/Get
        name: get
        timeout: 800ms
      - grpc: courses.v1.Enrolments/*
        retry: {idempotent: true}
      - grpc: courses.v1.Imports/*
        retry: {on: [refused, unavailable]}
      - grpc: courses.v1.Exports/*
        retry: {on: [unavailable]}
)";

// The vocabulary: naru.yaml is there and sound, and a command leaves its exit code and what it printed.
class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() { environment_.files["naru.yaml"] = kConfig; }

  int Naru(std::vector<std::string> arguments) {
    out_.str("");
    err_.str("");
    const Console console{environment_, out_, err_,
                          [this](const std::string& path, const std::string& log_level) {
                            ran_ = path + " " + log_level;
                            return 7;
                          }};
    return RunCommandLine(arguments, console);
  }
  std::string Explained(std::vector<std::string> call) {
    call.insert(call.begin(), {"explain", "-c", "naru.yaml"});
    exit_code_ = Naru(call);
    return out_.str();
  }

  config::FakeEnvironment environment_;
  std::ostringstream out_;
  std::ostringstream err_;
  std::string ran_;
  int exit_code_ = -1;
};

TEST_F(CommandLineTest, RunTakesTheFileOfTheOptionThenOfTheVariableThenTheUsualOne) {
  EXPECT_EQ(Naru({"run", "-c", "naru.yaml", "--log-level", "debug"}), 7);
  EXPECT_EQ(ran_, "naru.yaml debug");
  EXPECT_EQ(Naru({"run"}), 7);
  EXPECT_EQ(ran_, "/etc/naru/naru.yaml info");
  environment_.variables["NARU_CONFIG"] = "elsewhere.yaml";
  EXPECT_EQ(Naru({"run"}), 7);
  EXPECT_EQ(ran_, "elsewhere.yaml info");
  EXPECT_EQ(Naru({"run", "-c", "naru.yaml"}), 7);
  EXPECT_EQ(ran_, "naru.yaml info");
}

TEST_F(CommandLineTest, AWrongCommandLineIsExplainedAndGives2) {
  EXPECT_EQ(Naru({}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("A subcommand is required"));
  EXPECT_EQ(Naru({"chekc"}), 2);
  EXPECT_EQ(Naru({"check", "--frmat=json"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("--frmat"));
  EXPECT_EQ(Naru({"check", "--format=xml"}), 2);
  EXPECT_EQ(Naru({"run", "--log-level=loud"}), 2);
  EXPECT_EQ(Naru({"explain", "GET"}), 2);
  EXPECT_EQ(out_.str(), "");
}

TEST_F(CommandLineTest, EveryCommandHasHelp) {
  for (const char* command : {"run", "check", "explain", "healthcheck", "version", "simulate"}) {
    EXPECT_EQ(Naru({command, "--help"}), 0) << command;
    EXPECT_THAT(out_.str(), HasSubstr(command));
  }
  EXPECT_EQ(Naru({"--help"}), 0);
  EXPECT_THAT(out_.str(), HasSubstr("healthcheck"));
}

TEST_F(CommandLineTest, HelpIsACommandToo) {
  EXPECT_EQ(Naru({"--help"}), 0);
  const std::string all = out_.str();
  EXPECT_THAT(all, testing::AllOf(HasSubstr("--version"), HasSubstr("\n  help "),
                                  testing::Not(HasSubstr("simulate"))));
  EXPECT_EQ(Naru({"help"}), 0);
  EXPECT_EQ(out_.str(), all);
  EXPECT_EQ(Naru({"check", "--help"}), 0);
  const std::string check = out_.str();
  EXPECT_EQ(Naru({"help", "check"}), 0);
  EXPECT_EQ(out_.str(), check);
  EXPECT_EQ(Naru({"help", "chekc"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("did you mean \"check\"?"));
}

TEST_F(CommandLineTest, VersionIsAnOptionToo) {
  EXPECT_EQ(Naru({"version"}), 0);
  const std::string version = out_.str();
  EXPECT_EQ(Naru({"--version"}), 0);
  EXPECT_EQ(out_.str(), version);
}

TEST_F(CommandLineTest, AFileThatIsNoOptionIsTakenForOne) {
  EXPECT_EQ(Naru({"check", "naru.yaml"}), 2);
  EXPECT_EQ(err_.str(), "naru check: the file is an option; write -c naru.yaml\n");
  EXPECT_EQ(Naru({"run", "/etc/naru.yml"}), 2);
  EXPECT_EQ(err_.str(), "naru run: the file is an option; write -c /etc/naru.yml\n");
  EXPECT_EQ(Naru({"check", "please"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("please"));
}

TEST_F(CommandLineTest, SimulateSaysThatItIsNotThereYet) {
  EXPECT_EQ(Naru({"simulate", "outage.yaml", "-c", "naru.yaml"}), 2);
  EXPECT_EQ(err_.str(),
            "naru simulate is not supported yet; naru explain shows the policy that a call would meet\n");
}

TEST_F(CommandLineTest, CheckPrintsTheMapOfPortsToServices) {
  EXPECT_EQ(Naru({"check", "-c", "naru.yaml"}), 0);
  EXPECT_EQ(out_.str(), R"(naru.yaml is sound: 2 services in 1 file
listen 127.0.0.1:4000: every service, by its name
port 4101: courses
admin 127.0.0.1:4001

courses (squad learning, 2 endpoints, naru.yaml:3)
  http://127.0.0.1:4101/
  http://127.0.0.1:4000/courses/
  http://courses/ with HTTP_PROXY=http://127.0.0.1:4000
  Host: courses or api.example.com on the shared port

orders (squad shop, 1 endpoint, naru.yaml:15)
  http://127.0.0.1:4000/orders/
  http://orders/ with HTTP_PROXY=http://127.0.0.1:4000
  Host: orders on the shared port
)");
}

TEST_F(CommandLineTest, CheckSaysWhatAGrpcClientDials) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  EXPECT_EQ(Naru({"check", "-c", "naru.yaml"}), 0);
  EXPECT_EQ(out_.str(), R"(naru.yaml is sound: 1 service in 1 file
listen 127.0.0.1:4000: every service, by its name
port 4101: courses
admin 127.0.0.1:4001

courses (squad learning, 1 endpoint, naru.yaml:3)
  http://127.0.0.1:4101/
  http://127.0.0.1:4000/courses/
  http://courses/ with HTTP_PROXY=http://127.0.0.1:4000
  Host: courses on the shared port
  gRPC to 127.0.0.1:4101
  gRPC to 127.0.0.1:4000 with authority courses
)");
}

TEST_F(CommandLineTest, CheckPrintsNotes) {
  environment_.files["naru.yaml"] = "services: {}";
  EXPECT_EQ(Naru({"check", "-c", "naru.yaml"}), 0);
  EXPECT_EQ(out_.str(), R"(note: naru.yaml: the caller is counted as unknown/unknown
  say who calls: caller: {squad: NAME, service: NAME}
note: naru.yaml: no service is defined: every call will be answered as unknown_service
  define services under `services:`, or name files that do under `include:`
naru.yaml is sound: 0 services in 1 file
listen 127.0.0.1:4000: every service, by its name
admin 127.0.0.1:4001
)");
}

TEST_F(CommandLineTest, CheckPrintsEveryProblemAndGives1) {
  environment_.files["naru.yaml"] = "lisen: 1\nworkers: 0\n";
  EXPECT_EQ(Naru({"check", "-c", "naru.yaml"}), 1);
  EXPECT_EQ(out_.str(), R"(naru.yaml:1:1: there is no key "lisen" in the file
  lisen: 1
  ^
  did you mean "listen"?
naru.yaml:2:10: workers: "0" is below the least, 1
  workers: 0
           ^
2 problems
)");
}

TEST_F(CommandLineTest, CheckGives2ForAFileThatCannotBeRead) {
  EXPECT_EQ(Naru({"check", "-c", "none.yaml"}), 2);
  EXPECT_EQ(out_.str(),
            "none.yaml: does not exist\n  name the file by -c FILE or by NARU_CONFIG; there is one here: -c "
            "naru.yaml\n");
}

TEST_F(CommandLineTest, CheckSpeaksJson) {
  EXPECT_EQ(Naru({"check", "-c", "naru.yaml", "--format=json"}), 0);
  const boost::json::value sound = boost::json::parse(out_.str());
  EXPECT_EQ(sound.at("sound"), true);
  EXPECT_EQ(
      boost::json::serialize(sound.at("services").at(1)),
      R"({"name":"orders","squad":"shop","port":null,"hosts":[],"endpoints":["10.0.2.1:80"],"source":null,"call_as":)"
      R"(["http://127.0.0.1:4000/orders/","http://orders/ with HTTP_PROXY=http://127.0.0.1:4000",)"
      R"("Host: orders on the shared port"],"from":"naru.yaml:15"})");

  environment_.files["naru.yaml"] =
      "lisen: 1\ncaller: {squad: s, service: x}\nservices: {a: {squad: s, endpoints: [10.0.0.1:80]}}";
  EXPECT_EQ(Naru({"check", "-c", "naru.yaml", "--format=json"}), 1);
  EXPECT_EQ(
      out_.str(),
      R"({"file":"naru.yaml","sound":false,"problems":[{"file":"naru.yaml","line":1,"column":1,"message":)"
      R"("there is no key \"lisen\" in the file","hint":"did you mean \"listen\"?"}],"notes":[]})"
      "\n");
}

TEST_F(CommandLineTest, CheckPrintsTheSchemaAndTheReferencePage) {
  EXPECT_EQ(Naru({"check", "--schema"}), 0);
  EXPECT_EQ(out_.str(), config::SchemaJson() + "\n");
  EXPECT_EQ(Naru({"check", "--reference"}), 0);
  EXPECT_EQ(out_.str(), config::ReferencePage());
}

TEST_F(CommandLineTest, ExplainSaysWhereACallGoesAndWhy) {
  EXPECT_EQ(Explained({"GET", "http://127.0.0.1:4000/courses/v1/courses/42?full=1"}),
            R"(service    courses (naru.yaml:3)
squad      learning
named by   the first path segment
route      course: GET /v1/courses/{id} (naru.yaml:10)
upstream   GET /v1/courses/42?full=1, Host: courses
endpoints  10.0.1.11:8080, 10.0.1.12:8080 (naru.yaml:5)
protocol   auto (default)
this call  retried on unsent, refused, reset, 502, 503, 504, even if it may have been processed: GET is idempotent

timeout                 800ms       naru.yaml:12
try_timeout             off, as the one inherited is not below timeout  default
connect_timeout         500ms       default
idle_timeout            5m          default
retry.attempts          2           default
retry.on                [unsent, refused, reset, 502, 503, 504, unavailable]  default
retry.idempotent        false       default
retry.body              64KiB       default
retry.backoff.base      25ms        default
retry.backoff.max       250ms       default
retry.budget.ratio      20%         default
retry.budget.floor      1/s         default
retry.budget.window     10s         default
limits.concurrent       100         default
limits.queue            100         default
limits.queue_timeout    250ms       default
breaker.failure_rate    50%         default
breaker.min_calls       20          default
breaker.window          10s         default
breaker.open_for        5s          default
breaker.probes          1           default
ejection.consecutive    5           default
ejection.success_rate   80%         default
ejection.min_calls      5           default
ejection.window         10s         default
ejection.base           1s          default
ejection.max            1m          default
ejection.keep           50%         default
health_check            off         default
balance                 p2c         default
)");
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(CommandLineTest, ExplainKnowsEveryWayOfCalling) {
  EXPECT_THAT(Explained({"GET", "http://localhost:4101/v1/x"}),
              testing::AllOf(HasSubstr("named by   its local port\n"),
                             HasSubstr("route      other: none of its 2 routes matches\n"),
                             HasSubstr("upstream   GET /v1/x, Host: courses\n")));
  EXPECT_THAT(Explained({"GET", "http://127.0.0.1:4000/v1/x", "-H", "Host: api.example.com"}),
              testing::AllOf(HasSubstr("named by   Host, one of its hosts\n"),
                             HasSubstr("upstream   GET /v1/x, Host: api.example.com\n")));
  EXPECT_THAT(Explained({"GET", "http://courses/v1/x"}), HasSubstr("named by   the absolute URL\n"));
  EXPECT_THAT(Explained({"GET", "/v1/x", "-H", "host: orders"}),
              HasSubstr("service    orders (naru.yaml:15)\n"));
  EXPECT_THAT(Explained({"GET", "/orders/v1/x"}),
              HasSubstr("breaker                 off         naru.yaml:18\n"));
}

TEST_F(CommandLineTest, ExplainSaysWhatTheMethodAndTheHeadersChange) {
  EXPECT_THAT(
      Explained({"POST", "/courses/v1/x"}),
      HasSubstr("this call  retried on unsent, refused only: POST is not idempotent (retry.idempotent "
                "or an Idempotency-Key would allow reset, 502, 503, 504)\n"));
  EXPECT_THAT(
      Explained({"POST", "/courses/v1/enrolments"}),
      HasSubstr("this call  retried on unsent, refused, reset, 502, 503, 504, even if it may have been "
                "processed: retry.idempotent vouches for it\n"));
  EXPECT_THAT(
      Explained({"POST", "/courses/v1/x", "-H", "Idempotency-Key: 7", "-H", "x-naru-attempt: 2", "-H",
                 "x-naru-deadline-ms: 100"}),
      HasSubstr("this call  retried on unsent, refused only: x-naru-attempt: 2 says that its caller is "
                "retrying\n"
                "this call  x-naru-deadline-ms: the call ends after 100ms\n"));
  EXPECT_THAT(
      Explained({"GET", "/courses/v1/x", "-H", "x-naru-deadline-ms: 0"}),
      HasSubstr("this call  x-naru-deadline-ms: passed already, so the call is answered as timeout\n"));
  EXPECT_THAT(Explained({"GET", "/courses/v1/x", "-H", "x-naru-deadline-ms: soon"}),
              HasSubstr("this call  x-naru-deadline-ms: malformed, so the call is refused (bad_request)\n"));
  EXPECT_THAT(
      Explained({"GET", "/courses/v1/x", "-H", "x-naru-deadline-ms: 200", "-H", "x-naru-deadline-ms: 90"}),
      HasSubstr("this call  x-naru-deadline-ms: the call ends after 90ms\n"));
}

TEST_F(CommandLineTest, ExplainSaysWhatTheDeadlineOfAGrpcCallDoes) {
  EXPECT_THAT(Explained({"grpc", "courses/pkg.Service/Get", "-H", "grpc-timeout: 250m"}),
              HasSubstr("this call  grpc-timeout: the call ends after 250ms\n"));
  EXPECT_THAT(
      Explained({"grpc", "courses/pkg.Service/Get", "-H", "grpc-timeout: 1H"}),
      HasSubstr("this call  grpc-timeout: no shorter than timeout, which holds until the answer begins\n"));
  EXPECT_THAT(Explained({"grpc", "courses/pkg.Service/Get", "-H", "grpc-timeout: 250"}),
              HasSubstr("this call  grpc-timeout: malformed, so the call is refused (bad_request)\n"));
}

TEST_F(CommandLineTest, ExplainSaysWhyACallGoesNowhere) {
  EXPECT_EQ(
      Explained({"GET", "http://127.0.0.1:4000/coruses/x"}),
      "unknown_service (502): no service is called \"coruses\" (the first segment of the path); did you mean "
      "\"courses\"? to add it, define it under services: in naru.yaml\n");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(Explained({"GET", "https://courses/x"}), HasSubstr("(405): naru carries plain HTTP"));
  EXPECT_EQ(Explained({"GET", "http://127.0.0.1:9999/x"}),
            "naru does not listen on port 9999; naru check lists the ports that it listens on\n");
  EXPECT_EQ(Explained({"GET", "http://127.0.0.1:4001/metrics"}),
            "port 4001 is naru's admin port, which carries no calls; they go to 127.0.0.1:4000\n");
  EXPECT_EQ(Explained({"GET", "courses"}), "\"courses\" is neither http://HOST[:PORT]/path nor /path\n");
  EXPECT_EQ(Explained({"GET", "/x", "-H", "Host"}), "-H \"Host\" is no header: write 'name: value'\n");
  EXPECT_EQ(exit_code_, 1);
  EXPECT_EQ(Naru({"explain", "-c", "none.yaml", "GET", "/x"}), 2);
}

TEST_F(CommandLineTest, ExplainRefusesWhatTheCodecRefuses) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"GET", "/x", "-H", "Host: courses", "-H", "host: orders"}, "Host is repeated"},
      {{"GET", "http://127.0.0.1:4000/courses/a b"}, "the first line does not name HTTP/1.0 or HTTP/1.1"},
      {{"GET", "http://courses/v1/x#top"}, "the request target has a fragment"},
      {{"GET", "/courses/x", "-H", "Content-Length: 1", "-H", "Content-Length: 2"},
       "Content-Length is repeated"},
      {{"G(T", "/courses/x"}, "the method has a character that is not allowed in one"},
      {{"GET", "/courses/x", "-H", "x-a : 1"}, "a field has a character that is not allowed in one"},
      {{"GET", "/courses/x", "-H", "x-a: 1\r\n\r\n"}, "an empty line ends the head too soon"},
      {{"grpc", "courses/courses.v1.Courses/Get", "-H", "host: orders"}, "Host is repeated"},
  };
  for (const auto& [call, said] : rows) {
    EXPECT_EQ(Explained(call), "bad_request (400): " + said + "\n") << testing::PrintToString(call);
    EXPECT_EQ(exit_code_, 1);
  }
  EXPECT_EQ(Explained({"GET", "/courses/x", "-H", "x: " + std::string(70'000, 'x')}),
            "bad_request (431): the head is larger than 64 KiB\n");
}

TEST_F(CommandLineTest, ExplainSaysWhyACallMatchesNoRoute) {
  EXPECT_THAT(Explained({"GET", "/courses/x"}),
              HasSubstr("\nroute      other: none of its 2 routes matches\n"));
  EXPECT_THAT(Explained({"GET", "/orders/x"}), HasSubstr("\nroute      other: orders has no routes\n"));
}

TEST_F(CommandLineTest, ExplainSpeaksJson) {
  const boost::json::value sound =
      boost::json::parse(Explained({"GET", "/courses/v1/courses/1", "--format=json"}));
  EXPECT_EQ(sound.at("resolved"), true);
  EXPECT_EQ(sound.at("match"), "GET /v1/courses/{id}");
  EXPECT_EQ(boost::json::serialize(sound.at("upstream")),
            R"({"method":"GET","path":"/v1/courses/1","host":"courses"})");
  EXPECT_EQ(boost::json::serialize(sound.at("protocol")), R"({"value":"auto","from":"default"})");
  EXPECT_EQ(boost::json::serialize(sound.at("policy").at("timeout")),
            R"({"value":"800ms","from":"naru.yaml:12"})");
  const boost::json::value unsound = boost::json::parse(Explained({"GET", "/zzz/x", "--format=json"}));
  EXPECT_EQ(
      boost::json::serialize(unsound),
      R"({"resolved":false,"outcome":"unknown_service","status":502,"detail":"no service is called \"zzz\" (the )"
      R"(first segment of the path); to add it, define it under services: in naru.yaml; or )"
      R"(begin the path with a service: courses, orders"})");
  EXPECT_EQ(exit_code_, 1);
}

TEST_F(CommandLineTest, ExplainSaysWhereAGrpcCallGoesAndWhatOfItIsRetried) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  EXPECT_THAT(Explained({"grpc", "http://127.0.0.1:4000/courses.v1.Courses/Get", "-H", "host: courses"}),
              testing::StartsWith(
                  R"(service    courses (naru.yaml:3)
squad      learning
named by   Host
route      get: grpc courses.v1.Courses/Get (naru.yaml:9)
gRPC       courses.v1.Courses/Get
upstream   POST /courses.v1.Courses/Get, Host: courses
endpoints  10.0.1.11:8080 (naru.yaml:5)
protocol   http2 (naru.yaml:7)
this call  retried on unsent, refused only: a gRPC call is a POST, which is not idempotent (retry.idempotent or an Idempotency-Key would allow reset, 502, 503, 504, unavailable)

timeout                 800ms       naru.yaml:11
)"));
  EXPECT_EQ(exit_code_, 0);
}

TEST_F(CommandLineTest, ExplainSaysWhatOfAGrpcCallThePolicyRetries) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  const std::string why =
      ": a gRPC call is a POST, which is not idempotent (retry.idempotent or an Idempotency-Key would allow "
      "unavailable)\n";
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"Enrolments/Add",
       "retried on unsent, refused, reset, 502, 503, 504, unavailable, even if it may have been processed: "
       "retry.idempotent vouches for it\n"},
      {"Imports/Start", "retried on refused only" + why},
      {"Exports/Start", "not retried" + why},
  };
  for (const auto& [method, effect] : rows) {
    EXPECT_THAT(Explained({"grpc", "courses/courses.v1." + method}), HasSubstr("\nthis call  " + effect))
        << method;
  }
}

TEST_F(CommandLineTest, ExplainKnowsEveryWayOfCallingByGrpc) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  const std::string get = "/courses.v1.Courses/Get";
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"grpc", "courses" + get}, "Host"},
      {{"gRPC", "courses:4000" + get}, "Host"},
      {{"GRPC", get, "-H", "host: courses"}, "Host"},
      {{"grpc", "127.0.0.1:4000" + get, "-H", "host: courses"}, "Host"},
      {{"grpc", "127.0.0.1:4101" + get}, "its local port"},
      {{"grpc", "http://127.0.0.1:4101" + get}, "its local port"},
      {{"grpc", "http://courses" + get}, "the absolute URL"},
      {{"grpc", "/courses" + get}, "the first path segment"},
      {{"POST", "/courses" + get, "-H", "content-type: application/grpc"}, "the first path segment"},
      {{"POST", "/courses" + get, "-H", "Content-Type: application/grpc+proto"}, "the first path segment"},
  };
  for (const auto& [call, named_by] : rows) {
    EXPECT_THAT(Explained(call),
                testing::AllOf(HasSubstr("\nnamed by   " + named_by + "\n"),
                               HasSubstr("\nroute      get: grpc courses.v1.Courses/Get (naru.yaml:9)\n"),
                               HasSubstr("\ngRPC       courses.v1.Courses/Get\nupstream   POST " + get +
                                         ", Host: courses\n")))
        << testing::PrintToString(call);
  }
}

TEST_F(CommandLineTest, ExplainTakesNothingForGrpcThatIsNot) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  const std::string get = "/courses/courses.v1.Courses/Get";
  for (const std::string type : {"application/grpc-web", "application/json", "application/grpcx"}) {
    EXPECT_THAT(Explained({"POST", get, "-H", "content-type: " + type}),
                testing::AllOf(testing::Not(HasSubstr("gRPC ")), HasSubstr("only: POST is not idempotent")))
        << type;
  }
  EXPECT_THAT(Explained({"GET", get, "-H", "content-type: application/grpc"}),
              testing::Not(HasSubstr("gRPC ")));
}

TEST_F(CommandLineTest, ExplainSaysThatTheContentTypeIsGrpcThoughThePathIsNot) {
  EXPECT_THAT(
      Explained({"POST", "/courses/v1/x/y", "-H", "content-type: application/grpc"}),
      HasSubstr("\ngRPC       by its content-type, but \"v1/x/y\" names more than a service and a method\n"));
  const boost::json::value said = boost::json::parse(
      Explained({"POST", "/courses/v1/x/y", "-H", "content-type: application/grpc", "--format=json"}));
  EXPECT_EQ(boost::json::serialize(said.at("grpc")), R"({"service":null,"method":null})");
}

TEST_F(CommandLineTest, ExplainSaysWhatIsWrongWithAGrpcCall) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  const std::string form = "; write /PACKAGE.SERVICE/METHOD, such as /courses.v1.Courses/Get\n";
  const std::vector<std::pair<std::vector<std::string>, std::string>> rows = {
      {{"grpc", "courses/Get"}, "the path \"/Get\" is no gRPC method: \"Get\" names no method" + form},
      {{"grpc", "courses/"}, "the path \"/\" is no gRPC method: \"\" names no service" + form},
      {{"grpc", "/courses/courses.v1.Courses/*"},
       "the path \"/courses.v1.Courses/*\" is no gRPC method: \"courses.v1.Courses/*\" has a malformed "
       "method, "
       "\"*\": it is a name of letters, digits and \"_\", no digit first" +
           form},
      {{"grpc", "courses/courses.v1.Courses/Get?x=1"},
       "the path \"/courses.v1.Courses/Get?x=1\" is no gRPC method: \"courses.v1.Courses/Get?x=1\" has a "
       "malformed method, \"Get?x=1\": it is a name of letters, digits and \"_\", no digit first" +
           form},
      {{"grpc", "courses"},
       "\"courses\" names no gRPC method: write http://HOST[:PORT]/PACKAGE.SERVICE/METHOD, or "
       "SERVICE/PACKAGE.SERVICE/METHOD\n"},
      {{"grpc", "coruses/courses.v1.Courses/Get"},
       "unknown_service (502): no service is called \"coruses\" (the Host); did you mean \"courses\"? to add "
       "it, "
       "define it under services: in naru.yaml\n"},
      {{"grpc", "learning.Courses/Get"},
       "unknown_service (502): no service is called \"learning.Courses\" (the Host); to add it, define it "
       "under "
       "services: in naru.yaml; if learning.Courses/Get is the method, write the service in front: "
       "SERVICE/learning.Courses/Get\n"},
      {{"grpc", "http://127.0.0.1:4000/learning.Courses/Get"},
       "unknown_service (502): no service is called \"learning.Courses\" (the first segment of the path); to "
       "add "
       "it, define it under services: in naru.yaml; or begin the path with a service: courses; or, as gRPC "
       "clients do, name it by :authority, an option of the channel, or dial its own port\n"},
  };
  for (const auto& [call, said] : rows) {
    EXPECT_EQ(Explained(call), said);
    EXPECT_EQ(exit_code_, 1);
  }
}

TEST_F(CommandLineTest, ExplainSaysThatAGrpcMethodStandsAloneThoughAnyNameMayBeDiscovered) {
  environment_.files["naru.yaml"] = "discovery: {default: 'cloudmap://prod/{service}'}\nservices: {}\n";
  EXPECT_THAT(Explained({"grpc", "learning.Courses/Get"}),
              testing::EndsWith("; if learning.Courses/Get is the method, write the service in front: "
                                "SERVICE/learning.Courses/Get\n"));
}

TEST_F(CommandLineTest, ExplainSpeaksJsonOfGrpc) {
  environment_.files["naru.yaml"] = kGrpcConfig;
  const boost::json::value grpc =
      boost::json::parse(Explained({"grpc", "courses/courses.v1.Courses/Get", "--format=json"}));
  EXPECT_EQ(grpc.at("resolved"), true);
  EXPECT_EQ(grpc.at("route"), "get");
  EXPECT_EQ(grpc.at("match"), "courses.v1.Courses/Get");
  EXPECT_EQ(boost::json::serialize(grpc.at("grpc")), R"({"service":"courses.v1.Courses","method":"Get"})");
  EXPECT_EQ(boost::json::serialize(grpc.at("upstream")),
            R"({"method":"POST","path":"/courses.v1.Courses/Get","host":"courses"})");
  const boost::json::value other = boost::json::parse(Explained({"GET", "/courses/x", "--format=json"}));
  EXPECT_TRUE(other.at("grpc").is_null());
  EXPECT_EQ(Explained({"grpc", "courses/Get", "--format=json"}),
            R"({"resolved":false,"outcome":"","status":null,"detail":"the path \"/Get\" is no gRPC method: )"
            R"(\"Get\" names no method; write /PACKAGE.SERVICE/METHOD, such as /courses.v1.Courses/Get"})"
            "\n");
}

TEST_F(CommandLineTest, VersionNamesTheBuildAndItsLibraries) {
  EXPECT_EQ(Naru({"version"}), 0);
  EXPECT_THAT(out_.str(), testing::StartsWith("naru "));
  for (const char* word : {"\ncommit ", "\nbuild ", "\nboost 1.", "\nyaml-cpp ", "\ncli11 "}) {
    EXPECT_THAT(out_.str(), HasSubstr(word));
  }
  EXPECT_EQ(Naru({"version", "--format=json"}), 0);
  EXPECT_FALSE(boost::json::parse(out_.str()).at("libraries").at("boost").as_string().empty());
}

}  // namespace
}  // namespace naru::cli
