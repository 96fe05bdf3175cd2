#include "sidecar/cli/explained_request.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "absl/status/statusor.h"
#include "sidecar/config/names.h"
#include "sidecar/config/text.h"
#include "sidecar/http/grpc.h"
#include "sidecar/http/http1_head.h"

namespace naru::cli {
namespace {

using config::Cat;
using config::Config;
using config::Contains;
using resilience::FailureKind;

// As the application sends it, before it is known where it comes in.
struct Sent {
  std::string method;
  std::string url;
  std::vector<std::string> lines;  // "name: value"
  bool has_host = false;

  void Add(std::string line) {
    has_host = has_host || http::EqualsIgnoringCase(line.substr(0, line.find(':')), "host");
    lines.push_back(std::move(line));
  }
};

// What naru would see of it.
struct Arrival {
  uint16_t service_port = 0;
  std::string_view target;
  std::string_view host;  // unless there is a Host among the headers
};

struct Url {
  std::string_view authority;
  std::string_view host;
  std::optional<uint16_t> port;
  std::string_view path_and_query;
};

std::optional<Url> ParseUrl(std::string_view text) {
  if (!text.starts_with("http://")) return std::nullopt;
  Url url;
  const std::string_view rest = text.substr(7);
  const size_t end = std::min(rest.find_first_of("/?"), rest.size());
  url.authority = rest.substr(0, end);
  url.path_and_query = end == rest.size() ? "/" : rest.substr(end);
  const size_t colon = url.authority.find(':', url.authority.starts_with("[") ? url.authority.find(']') : 0);
  url.host = url.authority.substr(0, colon);
  if (colon == url.authority.npos) return url;
  const std::string_view digits = url.authority.substr(colon + 1);
  uint16_t port = 0;
  const auto [last, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc() || last != digits.data() + digits.size()) return std::nullopt;
  url.port = port;
  return url;
}

// What a gRPC client sends. It has no path in front of a method's, so that SERVICE/path stands for SERVICE in
// :authority, unless it is a loopback address: then that is what the client dials.
absl::Status WriteOutGrpc(Sent& sent) {
  sent.method = "POST";
  sent.Add("content-type: application/grpc");
  const size_t slash = sent.url.find('/');
  if (slash == std::string::npos) {
    return absl::InvalidArgumentError(
        Cat("\"", sent.url, "\" names no gRPC method: write http://HOST[:PORT]/PACKAGE.SERVICE/METHOD, or ",
            "SERVICE/PACKAGE.SERVICE/METHOD"));
  }
  if (slash == 0 || Contains(sent.url, "://")) return absl::OkStatus();
  const std::string absolute = Cat("http://", sent.url);
  const std::optional<Url> url = ParseUrl(absolute);
  if (url.has_value() && config::MeansThisMachine(url->host)) {
    sent.url = absolute;
  } else {
    sent.Add(Cat("Host: ", sent.url.substr(0, slash)));
    sent.url.erase(0, slash);
  }
  return absl::OkStatus();
}

bool IsGrpcType(std::string_view line) {
  const size_t colon = line.find(':');
  if (!http::EqualsIgnoringCase(line.substr(0, colon), "content-type")) return false;
  std::string_view value = line.substr(std::min(colon, line.size() - 1) + 1);
  value.remove_prefix(std::min(value.find_first_not_of(" \t"), value.size()));
  return http::IsGrpcContentType(value);
}

absl::StatusOr<Sent> WriteOut(const ExplainedCall& call) {
  Sent sent{call.method, call.url, {}};
  for (const std::string& line : call.headers) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos || colon == 0) {
      return absl::InvalidArgumentError(Cat("-H \"", line, "\" is no header: write 'name: value'"));
    }
    // gRPC says it again.
    if (!call.says_grpc() || !IsGrpcType(line)) sent.Add(line);
  }
  const absl::Status written = call.says_grpc() ? WriteOutGrpc(sent) : absl::OkStatus();
  if (!written.ok()) return written;
  return sent;
}

bool IsSharedPort(const Config& config, uint16_t port) {
  return std::any_of(config.listen.begin(), config.listen.end(),
                     [port](const config::ListenAddress& address) {
                       return address.unix_path.empty() && address.tcp.port == port;
                     });
}

std::string WhyNobodyListens(const Config& config, uint16_t port) {
  if (port != config.admin.tcp.port) {
    return Cat("naru does not listen on port ", port, "; naru check lists the ports that it listens on");
  }
  std::vector<std::string> listen;
  for (const config::ListenAddress& address : config.listen) listen.push_back(address.text);
  return Cat("port ", port, " is naru's admin port, which carries no calls",
             listen.empty() ? "" : "; they go to ", config::Join(listen, " or "));
}

// A loopback host is dialled as it stands, any other host can only come in through HTTP_PROXY, as an absolute
// URL.
absl::StatusOr<Arrival> ArrivalOf(const Sent& sent, const Config& config,
                                  const call::ServiceDirectory& directory) {
  const std::string_view url_text = sent.url;
  if (url_text.starts_with("/") || url_text == "*") return Arrival{0, url_text, "localhost"};
  if (url_text.starts_with("https://") || sent.method == "CONNECT") {
    const size_t from = url_text.starts_with("https://") ? 8 : 0;
    return Arrival{0, url_text, url_text.substr(from, url_text.find_first_of("/?", from) - from)};
  }
  const std::optional<Url> url = ParseUrl(url_text);
  if (!url.has_value()) {
    return absl::InvalidArgumentError(Cat("\"", sent.url, "\" is neither http://HOST[:PORT]/path nor /path"));
  }
  if (!config::MeansThisMachine(url->host)) return Arrival{0, url_text, url->authority};
  const uint16_t port = url->port.value_or(80);
  if (directory.ByPort(port) != nullptr) return Arrival{port, url->path_and_query, url->authority};
  if (!IsSharedPort(config, port)) return absl::NotFoundError(WhyNobodyListens(config, port));
  return Arrival{0, url->path_and_query, url->authority};
}

std::string BytesOf(const Sent& sent, const Arrival& arrival) {
  std::string bytes = Cat(sent.method, " ", arrival.target, " HTTP/1.1\r\n");
  if (!sent.has_host) bytes += Cat("Host: ", arrival.host, "\r\n");
  for (const std::string& line : sent.lines) bytes += Cat(line, "\r\n");
  return bytes + "\r\n";
}

// As Http1Downstream does.
std::optional<NoRequest> Read(ExplainedRequest& request) {
  using Verdict = http::HeadScanner::Verdict;
  http::HeadScanner scanner;
  const Verdict verdict = scanner.Scan(*request.bytes);
  if (verdict == Verdict::kTooLarge) {
    return NoRequest{FailureKind::kHeadTooLarge, "the head is larger than 64 KiB"};
  }
  std::string_view problem = scanner.problem();
  if (problem.empty() && scanner.end() != request.bytes->size())
    problem = "an empty line ends the head too soon";
  if (problem.empty()) problem = http::ParseRequestHead(*request.bytes, request.head);
  if (!problem.empty()) return NoRequest{FailureKind::kBadRequest, std::string(problem)};
  return std::nullopt;
}

}  // namespace

bool ExplainedCall::says_grpc() const {
  return http::EqualsIgnoringCase(method, "grpc");
}

bool ExplainedRequest::is_grpc() const {
  return http::IsGrpc(head);
}

call::Naming ExplainedRequest::naming() const {
  const http::Field* host = head.fields.Find(http::FieldId::kHost);
  return {service_port, head.method, head.target, host == nullptr ? std::string_view() : host->value,
          is_grpc()};
}

std::variant<ExplainedRequest, NoRequest> RequestOf(const ExplainedCall& call, const Config& config,
                                                    const call::ServiceDirectory& directory) {
  const absl::StatusOr<Sent> sent = WriteOut(call);
  if (!sent.ok()) return NoRequest{std::nullopt, std::string(sent.status().message())};
  const absl::StatusOr<Arrival> arrival = ArrivalOf(*sent, config, directory);
  if (!arrival.ok()) return NoRequest{std::nullopt, std::string(arrival.status().message())};
  ExplainedRequest request;
  request.service_port = arrival->service_port;
  request.bytes = std::make_unique<const std::string>(BytesOf(*sent, *arrival));
  if (std::optional<NoRequest> refused = Read(request)) return *std::move(refused);
  const http::Field* type = request.head.fields.Find(http::FieldId::kContentType);
  const bool grpc = type != nullptr && http::IsGrpcContentType(type->value);
  if (grpc && request.head.method == "POST") request.head.major_version = 2;
  return request;
}

}  // namespace naru::cli
