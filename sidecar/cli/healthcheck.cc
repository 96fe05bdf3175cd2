#include "sidecar/cli/healthcheck.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "discovery/address.h"
#include "sidecar/config/load_config.h"
#include "sidecar/config/text.h"
#include "sidecar/config/yaml_document.h"

namespace naru::cli {
namespace {

using config::Cat;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kDefaultAdmin = "127.0.0.1:4001";
constexpr size_t kLongestAnswer = 64 * 1024;
constexpr size_t kLongestReason = 2000;

// "http://IP:PORT", or without its scheme.
absl::StatusOr<discovery::Address> ParseAdminUrl(std::string_view url) {
  constexpr std::string_view kScheme = "http://";
  std::string authority(url.starts_with(kScheme) ? url.substr(kScheme.size()) : url);
  if (authority.ends_with('/')) authority.pop_back();
  if (authority.starts_with("localhost:")) authority.replace(0, 9, "127.0.0.1");
  return discovery::Address::Parse(authority);
}

// What to write instead of a URL that is none, with the port that was meant.
std::string Suggested(std::string_view url) {
  while (url.ends_with('/')) url.remove_suffix(1);
  const std::string_view last = url.substr(url.rfind(':') + 1);
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(last.data(), last.data() + last.size(), port);
  const bool sound = error == std::errc() && end == last.data() + last.size() && port != 0;
  return sound ? Cat("127.0.0.1:", port) : std::string(kDefaultAdmin);
}

absl::Status SystemError(std::string_view doing) {
  return absl::UnavailableError(Cat(doing, ": ", std::strerror(errno)));
}

// "HTTP/1.1 200 OK..." -> 200. Nothing when it is no HTTP.
std::optional<int> StatusOf(std::string_view answer) {
  if (!answer.starts_with("HTTP/1.") || answer.size() < 12 || answer[8] != ' ') return std::nullopt;
  int status = 0;
  for (char c : answer.substr(9, 3)) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return std::nullopt;
    status = status * 10 + (c - '0');
  }
  return status;
}

std::string BodyOf(std::string_view answer) {
  const size_t end = answer.find("\r\n\r\n");
  std::string body(end == answer.npos ? "" : answer.substr(end + 4).substr(0, kLongestReason));
  absl::StripAsciiWhitespace(&body);
  return body;
}

// The Content-Length field of a head, if it has one.
std::optional<size_t> ContentLengthOf(std::string_view head) {
  constexpr std::string_view kField = "\r\ncontent-length:";
  const std::string lower = absl::AsciiStrToLower(std::string(head));
  const size_t at = lower.find(kField);
  if (at == lower.npos) return std::nullopt;
  const size_t from = lower.find_first_not_of(' ', at + kField.size());
  size_t length = 0;
  const auto [end, error] =
      std::from_chars(lower.data() + std::min(from, lower.size()), lower.data() + lower.size(), length);
  return error == std::errc() ? std::optional<size_t>(length) : std::nullopt;
}

bool IsWhole(std::string_view answer) {
  const size_t end = answer.find("\r\n\r\n");
  if (end == answer.npos) return false;
  const std::optional<size_t> length = ContentLengthOf(answer.substr(0, end));
  return length.has_value() && answer.size() - (end + 4) >= *length;
}

// A socket that gives up at a deadline.
class Connection {
 public:
  explicit Connection(Clock::time_point deadline) : deadline_(deadline) {}
  ~Connection() {
    if (fd_ >= 0) close(fd_);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  absl::Status Connect(const discovery::Address& address) {
    fd_ = socket(address.is_v4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return SystemError("cannot open a socket");
    if (StartConnecting(address) == 0) return absl::OkStatus();
    if (errno != EINPROGRESS) return SystemError(Cat("cannot connect to ", address.ToString()));
    if (!Await(POLLOUT))
      return absl::DeadlineExceededError(Cat("no connection to ", address.ToString(), " in time"));
    socklen_t size = sizeof errno;
    getsockopt(fd_, SOL_SOCKET, SO_ERROR, &errno, &size);
    return errno == 0 ? absl::OkStatus() : SystemError(Cat("cannot connect to ", address.ToString()));
  }

  absl::Status Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent > 0) bytes.remove_prefix(sent);
      if (sent >= 0 || errno == EINTR) continue;
      if (errno != EAGAIN) return SystemError("cannot send");
      if (!Await(POLLOUT)) return absl::DeadlineExceededError("the request could not be sent in time");
    }
    return absl::OkStatus();
  }

  // The answer, as far as it comes before the deadline: some servers do not close although they were asked
  // to.
  std::string ReadAnswer() {
    std::string answer;
    char piece[4096];
    while (answer.size() < kLongestAnswer && !IsWhole(answer) && Await(POLLIN)) {
      const ssize_t got = recv(fd_, piece, sizeof piece, 0);
      if (got > 0) answer.append(piece, got);
      if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) break;
    }
    return answer;
  }

 private:
  int StartConnecting(const discovery::Address& address) {
    if (address.is_v4()) {
      sockaddr_in name{};
      name.sin_family = AF_INET;
      name.sin_port = htons(address.port);
      std::memcpy(&name.sin_addr, address.ip.data() + 12, 4);
      return connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name);
    }
    sockaddr_in6 name{};
    name.sin6_family = AF_INET6;
    name.sin6_port = htons(address.port);
    std::memcpy(&name.sin6_addr, address.ip.data(), 16);
    return connect(fd_, reinterpret_cast<const sockaddr*>(&name), sizeof name);
  }

  // False when the deadline has passed.
  bool Await(short events) {
    while (true) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
      if (left.count() <= 0) return false;
      pollfd entry{fd_, events, 0};
      const int ready = poll(&entry, 1, static_cast<int>(left.count()));
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

  const Clock::time_point deadline_;
  int fd_ = -1;
};

absl::Status AskReady(const discovery::Address& address, std::chrono::milliseconds limit) {
  Connection connection(Clock::now() + limit);
  if (absl::Status status = connection.Connect(address); !status.ok()) return status;
  const std::string request =
      Cat("GET /readyz HTTP/1.1\r\nHost: ", address.ToString(), "\r\nConnection: close\r\n\r\n");
  if (absl::Status status = connection.Send(request); !status.ok()) return status;
  const std::string answer = connection.ReadAnswer();
  if (answer.empty())
    return absl::DeadlineExceededError(Cat("no answer from ", address.ToString(), " in time"));
  const std::optional<int> status = StatusOf(answer);
  if (!status.has_value())
    return absl::InternalError(Cat("what answers on ", address.ToString(), " is not HTTP"));
  if (*status == 200) return absl::OkStatus();
  return absl::UnavailableError(Cat("/readyz answered ", *status, ": ", BodyOf(answer)));
}

// Where to ask for what listens here: on every address, it is reached on loopback.
std::string Reachable(const discovery::Address& admin) {
  const bool any = std::all_of(admin.ip.begin() + (admin.is_v4() ? 12 : 0), admin.ip.end(),
                               [](uint8_t b) { return b == 0; });
  if (any) return Cat(admin.is_v4() ? "127.0.0.1:" : "[::1]:", admin.port);
  return admin.ToString();
}

// The value of the key `admin` at the top of the file; nothing where there is none.
std::optional<std::string> AdminOf(const config::YamlNode& root) {
  for (size_t i = 0; i < root.keys.size(); ++i) {
    if (root.keys[i].text == "admin") return root.values[i].text;
  }
  return std::nullopt;
}

std::optional<std::string> AdminIn(const std::string& text) {
  const auto parsed = config::ParseYaml(text);
  const auto* root = std::get_if<config::YamlNode>(&parsed);
  return root == nullptr ? std::nullopt : AdminOf(*root);
}

// The first line that begins with `admin:`, for a file that is no YAML as a whole.
std::string AdminLineOf(std::string_view content) {
  constexpr std::string_view kKey = "admin:";
  size_t from = 0;
  if (!content.starts_with(kKey)) {
    const size_t before = content.find(Cat("\n", kKey));
    if (before == content.npos) return "";
    from = before + 1;
  }
  return std::string(content.substr(from, content.find('\n', from) - from));
}

// `admin` alone, of a file that may be wrong in everything else: naru keeps running with the configuration
// before it, and that had the same `admin`, which cannot change while naru runs. Nothing where it is not to
// be found.
std::optional<discovery::Address> ReadAdminAlone(const std::string& path,
                                                 const config::Environment& environment) {
  const absl::StatusOr<std::string> content = environment.ReadFile(path, config::kLargestFile);
  if (!content.ok()) return std::nullopt;
  std::optional<std::string> written = AdminIn(*content);
  if (!written.has_value()) written = AdminIn(AdminLineOf(*content));
  if (!written.has_value()) return std::nullopt;
  const absl::StatusOr<std::string> expanded = config::ExpandVariables(*written, environment);
  if (!expanded.ok()) return std::nullopt;
  const absl::StatusOr<discovery::Address> address = discovery::Address::Parse(*expanded);
  return address.ok() ? std::optional(*address) : std::nullopt;
}

// "naru.yaml cannot be used (line 9: there is no key ...), so asked the default 127.0.0.1:4001".
std::string WhyTheDefault(const std::string& path, const config::LoadResult& result) {
  if (result.problems.empty()) return "";
  const config::Problem& first = result.problems.front();
  const std::string line = first.line == 0 ? "" : Cat("line ", first.line, ": ");
  return Cat(path, " cannot be used (", line, first.message, "), so asked the default ", kDefaultAdmin,
             "; name the port by --admin IP:PORT");
}

}  // namespace

int Healthcheck(const AdminPort& admin, std::ostream& err, std::chrono::milliseconds limit) {
  const absl::StatusOr<discovery::Address> address = ParseAdminUrl(admin.url);
  if (!address.ok()) {
    err << "naru healthcheck: " << address.status().message() << "; write --admin http://"
        << Suggested(admin.url) << "\n";
    return 2;
  }
  const absl::Status ready = AskReady(*address, limit);
  if (ready.ok()) return 0;
  err << "not ready: " << ready.message() << "\n";
  if (!admin.doubt.empty()) err << admin.doubt << "\n";
  return 1;
}

AdminPort AdminPortOf(const std::string& config_path, const config::Environment& environment) {
  const config::LoadResult result = config::LoadConfig(config_path, environment);
  std::optional<discovery::Address> admin;
  if (result.config != nullptr) {
    admin = result.config->admin.tcp;
  } else {
    admin = ReadAdminAlone(config_path, environment);
  }
  if (admin.has_value() && admin->port != 0) return {Cat("http://", Reachable(*admin)), ""};
  return {Cat("http://", kDefaultAdmin), WhyTheDefault(config_path, result)};
}

}  // namespace naru::cli
