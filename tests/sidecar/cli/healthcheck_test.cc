#include "sidecar/cli/healthcheck.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/sidecar/config/fake_environment.h"
#include "tests/support/reserved_port.h"

namespace naru::cli {
namespace {

using std::chrono::milliseconds;

// Listens on a port of the system's choice and gives one connection a fixed answer.
class OneAnswer {
 public:
  enum class Then { kClose, kStaySilent };

  OneAnswer(std::string answer, Then then) {
    listener_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(listener_, reinterpret_cast<sockaddr*>(&name), sizeof name);
    listen(listener_, 1);
    socklen_t size = sizeof name;
    getsockname(listener_, reinterpret_cast<sockaddr*>(&name), &size);
    port_ = ntohs(name.sin_port);
    thread_ = std::thread([this, answer = std::move(answer), then] { Serve(answer, then); });
  }
  ~OneAnswer() {
    thread_.join();
    close(listener_);
  }

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  const std::string& request() const { return request_; }

 private:
  void Serve(const std::string& answer, Then then) {
    const int peer = accept(listener_, nullptr, nullptr);
    char piece[1024];
    while (request_.find("\r\n\r\n") == std::string::npos) {
      const ssize_t got = recv(peer, piece, sizeof piece, 0);
      if (got <= 0) break;
      request_.append(piece, got);
    }
    send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
    // A silent peer is left when the other side has given up and closed.
    if (then == Then::kStaySilent) recv(peer, piece, sizeof piece, 0);
    close(peer);
  }

  int listener_ = -1;
  uint16_t port_ = 0;
  std::string request_;
  std::thread thread_;
};

constexpr auto kClose = OneAnswer::Then::kClose;
constexpr auto kStaySilent = OneAnswer::Then::kStaySilent;

struct Asked {
  int exit_code;
  std::string said;

  bool operator==(const Asked&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Asked& asked) {
  return out << asked.exit_code << ' ' << asked.said;
}

Asked Ask(const std::string& url, milliseconds limit = milliseconds(5000), const std::string& doubt = "") {
  std::ostringstream err;
  const int exit_code = Healthcheck({url, doubt}, err, limit);
  return {exit_code, err.str()};
}

TEST(Healthcheck, IsQuietWhenReady) {
  OneAnswer sidecar("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", kClose);
  EXPECT_EQ(Ask(sidecar.url() + "/"), (Asked{0, ""}));
  EXPECT_EQ(sidecar.request().substr(0, 21), "GET /readyz HTTP/1.1\r");
}

TEST(Healthcheck, SaysWhyItIsNotReady) {
  OneAnswer sidecar(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 22\r\n\r\n{\"reason\": \"draining\"}\n", kClose);
  EXPECT_EQ(Ask(sidecar.url()), (Asked{1, "not ready: /readyz answered 503: {\"reason\": \"draining\"}\n"}));
}

TEST(Healthcheck, DoesNotWaitForAnAnswerThatIsAlreadyWhole) {
  OneAnswer sidecar("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", kStaySilent);
  const auto started = std::chrono::steady_clock::now();
  EXPECT_EQ(Ask(sidecar.url(), milliseconds(60'000)), (Asked{0, ""}));
  EXPECT_LT(std::chrono::steady_clock::now() - started, std::chrono::seconds(30));
}

TEST(Healthcheck, GivesUpOnSilence) {
  OneAnswer sidecar("", kStaySilent);
  EXPECT_EQ(Ask(sidecar.url(), milliseconds(2000)),
            (Asked{1, "not ready: no answer from " + sidecar.url().substr(7) + " in time\n"}));
}

TEST(Healthcheck, TellsWhatIsNotHttp) {
  OneAnswer sidecar("SSH-2.0-OpenSSH_9.2\r\n", kClose);
  EXPECT_EQ(Ask(sidecar.url()),
            (Asked{1, "not ready: what answers on " + sidecar.url().substr(7) + " is not HTTP\n"}));
}

TEST(Healthcheck, SaysThatNobodyListens) {
  const ReservedPort port;
  const std::string address = "127.0.0.1:" + std::to_string(port.number());
  EXPECT_EQ(Ask("http://" + address),
            (Asked{1, "not ready: cannot connect to " + address + ": Connection refused\n"}));
}

TEST(Healthcheck, NeedsNoScheme) {
  OneAnswer sidecar("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", kClose);
  EXPECT_EQ(Ask(sidecar.url().substr(7)), (Asked{0, ""}));
}

TEST(Healthcheck, SaysWhyItMayHaveAskedTheWrongPort) {
  OneAnswer sidecar("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n{}", kClose);
  EXPECT_EQ(Ask(sidecar.url(), milliseconds(5000), "x.yaml cannot be used"),
            (Asked{1, "not ready: /readyz answered 503: {}\nx.yaml cannot be used\n"}));
}

TEST(Healthcheck, RefusesAMalformedUrlAndSaysWhatToWrite) {
  EXPECT_EQ(Ask("naru:24001"), (Asked{2,
                                      "naru healthcheck: \"naru:24001\" does not begin with an IP address: "
                                      "\"naru\" is none; write --admin "
                                      "http://127.0.0.1:24001\n"}));
  EXPECT_EQ(Ask("http://naru").exit_code, 2);
}

TEST(AdminPort, IsThatOfTheConfigurationOrTheDefault) {
  config::FakeEnvironment environment;
  const std::vector<std::pair<std::string, std::string>> rows = {
      {"services: {}", "http://127.0.0.1:4001"},
      {"admin: 10.0.0.5:9001", "http://10.0.0.5:9001"},
      {"admin: 0.0.0.0:9001", "http://127.0.0.1:9001"},
      {"admin: '[::]:9001'", "http://[::1]:9001"},
  };
  for (const auto& [content, url] : rows) {
    environment.files["naru.yaml"] = content;
    EXPECT_EQ(AdminPortOf("naru.yaml", environment), (AdminPort{url, ""})) << content;
  }
}

TEST(AdminPort, IsReadOfAFileThatIsWrongInTheRest) {
  config::FakeEnvironment environment;
  environment.variables["ADMIN_PORT"] = "24001";
  for (const char* content : {
           "lisen: 1\nadmin: 127.0.0.1:24001\n",
           "admin: 127.0.0.1:24001  # ours\nservices: {a: {squad: [}\n",
           "services:\n\ta: 1\nadmin: \"127.0.0.1:24001\"\n",
           "lisen: 1\nadmin: 127.0.0.1:${ADMIN_PORT}\n",
           "include: [gone.yaml]\nadmin: 0.0.0.0:${NONE:-24001}\n",
       }) {
    environment.files["naru.yaml"] = content;
    EXPECT_EQ(AdminPortOf("naru.yaml", environment), (AdminPort{"http://127.0.0.1:24001", ""})) << content;
  }
}

TEST(AdminPort, IsTheDefaultWithADoubtWhereItCannotBeRead) {
  config::FakeEnvironment environment;
  const std::string asked = "), so asked the default 127.0.0.1:4001; name the port by --admin IP:PORT";
  EXPECT_EQ(AdminPortOf("naru.yaml", environment),
            (AdminPort{"http://127.0.0.1:4001", "naru.yaml cannot be used (does not exist" + asked}));
  environment.files["naru.yaml"] = "\nlisen: 1\n";
  EXPECT_EQ(AdminPortOf("naru.yaml", environment),
            (AdminPort{"http://127.0.0.1:4001",
                       "naru.yaml cannot be used (line 2: there is no key \"lisen\" in the file" + asked}));
  environment.files["naru.yaml"] = "services: {}\nadmin: nonsense\n";
  EXPECT_THAT(AdminPortOf("naru.yaml", environment).doubt,
              testing::StartsWith("naru.yaml cannot be used (line 2: admin"));
}

}  // namespace
}  // namespace naru::cli
