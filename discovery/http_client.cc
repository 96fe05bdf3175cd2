#include "discovery/http_client.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <map>
#include <optional>
#include <tuple>

#include "absl/strings/ascii.h"
#include "discovery/address.h"
#include "discovery/host_lookup.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using boost::system::error_code;
using tcp = asio::ip::tcp;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr uint32_t kMostHeadBytes = 64 * 1024;
constexpr size_t kMostOrigins = 32;  // of which idle connections are kept
constexpr size_t kMostIdle = 4;      // of one origin
// Shorter than NAT gateways and load balancers forget a silent connection (350 s and 60 s by default).
constexpr Duration kLongestIdle = std::chrono::seconds(50);

using TlsStream = ssl::stream<beast::tcp_stream>;
using Request = http::request<http::string_body>;
using Parser = http::response_parser<http::string_body>;
using Origin = std::tuple<bool, std::string, uint16_t>;

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

Origin OriginOf(const HttpUrl& url) {
  return {url.tls, url.host, url.port};
}

// One of the two streams is there.
struct Connection {
  std::unique_ptr<beast::tcp_stream> plain;
  std::unique_ptr<TlsStream> tls;
  TimePoint idle_since{};

  beast::tcp_stream& tcp() { return tls ? tls->next_layer() : *plain; }
};

// What ended an exchange early, and while doing what.
struct Fault {
  std::string_view doing;
  error_code error;
  std::string detail;       // instead of the error's own message, where it says more
  bool unanswered = false;  // the peer closed the connection, and no byte of an answer had arrived
};

struct Exchanged {
  std::optional<Fault> fault;
  HttpResponse response;
  bool reusable = false;
};

// --- what is said of failures ---

std::string DescribeDuration(Duration duration) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count();
  return ms % 1000 == 0 ? Cat(ms / 1000, " s") : Cat(ms, " ms");
}

// "Connection refused" as the end of a sentence; "SSL ..." stays.
std::string InSentence(std::string message) {
  if (message.size() > 1 && absl::ascii_islower(static_cast<unsigned char>(message[1]))) {
    message[0] = absl::ascii_tolower(static_cast<unsigned char>(message[0]));
  }
  return message;
}

std::string Describe(const Fault& fault, const HttpRequest& request) {
  if (fault.error == beast::error::timeout) {
    return Cat("given up after ", DescribeDuration(request.timeout), " while ", fault.doing);
  }
  if (fault.error == http::error::body_limit) {
    return Cat("the answer is longer than ", request.most_bytes, " bytes");
  }
  if (fault.error == http::error::end_of_stream || fault.error == ssl::error::stream_truncated) {
    return Cat(fault.doing, ": the peer closed the connection");
  }
  return Cat(fault.doing, ": ", fault.detail.empty() ? InSentence(fault.error.message()) : fault.detail);
}

absl::Status Failed(const HttpRequest& request, std::string_view what) {
  return absl::UnavailableError(Cat(request.url.ToString(), ": ", what));
}

// --- the request and the answer ---

bool IsFieldName(std::string_view name) {
  constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";  // RFC 9110 5.6.2
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return absl::ascii_isalnum(c) || kMarks.find(static_cast<char>(c)) != kMarks.npos;
  });
}

bool IsFieldValue(std::string_view value) {
  return std::none_of(value.begin(), value.end(),
                      [](unsigned char c) { return absl::ascii_iscntrl(c) && c != '\t'; });
}

// Why this is no request that could be sent, as a clause; empty when it is one.
std::string WhyNotSent(const HttpRequest& request) {
  for (const auto& [name, value] : request.fields) {
    if (!IsFieldName(name)) return Cat("the field name \"", name, "\" is malformed");
    if (!IsFieldValue(value)) return Cat("the value of the field ", name, " has a control character");
  }
  const std::string& target = request.url.target;
  const bool sound = std::all_of(target.begin(), target.end(),
                                 [](unsigned char c) { return absl::ascii_isgraph(c) || c >= 0x80; });
  if (!sound || !target.starts_with('/')) return "the path has a space or a control character";
  return IsFieldName(request.method) ? "" : "the method is malformed";
}

Request MessageOf(const HttpRequest& request) {
  constexpr int kHttp11 = 11;
  Request message;
  message.version(kHttp11);
  message.method_string(request.method);
  message.target(request.url.target);
  message.set(http::field::host, request.url.Authority());
  message.set(http::field::user_agent, "naru");
  for (const auto& [name, value] : request.fields) message.set(name, value);
  message.body() = request.body;
  message.prepare_payload();
  return message;
}

HttpResponse ResponseOf(Parser& parser) {
  http::response<http::string_body> message = parser.release();
  HttpResponse response;
  response.status = static_cast<int>(message.result_int());
  for (const auto& field : message) {
    response.fields.emplace_back(absl::AsciiStrToLower(std::string(field.name_string())),
                                 std::string(field.value()));
  }
  response.body = std::move(message.body());
  return response;
}

bool IsClosed(error_code error) {
  return error == http::error::end_of_stream || error == asio::error::eof ||
         error == asio::error::connection_reset || error == asio::error::broken_pipe ||
         error == ssl::error::stream_truncated;
}

// --- name and connection ---

std::optional<asio::ip::address> LiteralOf(const std::string& host) {
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  return error ? std::nullopt : std::optional(address);
}

// A look-up that whoever asked may leave: it cannot be cut short.
struct Lookup {
  explicit Lookup(const asio::any_io_executor& executor) : done(executor) {}

  asio::steady_timer done;
  bool finished = false;
  error_code error;
  HostLookup::Endpoints endpoints;
};

asio::awaitable<std::optional<Fault>> Resolve(HostLookup* hosts, asio::any_io_executor executor, HttpUrl url,
                                              TimePoint deadline, HostLookup::Endpoints* endpoints) {
  if (const std::optional<asio::ip::address> literal = LiteralOf(url.host)) {
    endpoints->emplace_back(*literal, url.port);
    co_return std::nullopt;
  }
  const auto lookup = std::make_shared<Lookup>(executor);
  lookup->done.expires_at(deadline);
  hosts->Find(url.host, url.port, [lookup](error_code error, const HostLookup::Endpoints& found) {
    lookup->finished = true;
    lookup->error = error;
    lookup->endpoints = found;
    lookup->done.cancel();
  });
  const auto [cut_short] = co_await lookup->done.async_wait(kAsTuple);
  Fault fault{"resolving its name", lookup->error};
  if (!lookup->finished) fault.error = cut_short ? cut_short : error_code(beast::error::timeout);
  *endpoints = std::move(lookup->endpoints);
  if (fault.error) co_return fault;
  co_return std::nullopt;
}

// Whom the peer's certificate must name, and for names, SNI (RFC 6066 3: never for addresses).
bool ExpectPeer(TlsStream& stream, const std::string& host) {
  SSL* handle = stream.native_handle();
  if (LiteralOf(host).has_value()) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(handle), host.c_str()) == 1;
  }
  return SSL_set1_host(handle, host.c_str()) == 1 && SSL_set_tlsext_host_name(handle, host.c_str()) == 1;
}

std::string WhyNotTrusted(TlsStream& stream) {
  const long result = SSL_get_verify_result(stream.native_handle());
  if (result == X509_V_OK) return "";
  return Cat("the certificate is not trusted: ", InSentence(X509_verify_cert_error_string(result)));
}

asio::awaitable<std::optional<Fault>> ShakeHands(TlsStream& stream, std::string host) {
  Fault fault{"the TLS handshake"};
  if (!ExpectPeer(stream, host)) {
    fault.detail = "the name of the peer cannot be verified";
    co_return fault;
  }
  const auto [error] = co_await stream.async_handshake(ssl::stream_base::client, kAsTuple);
  if (!error) co_return std::nullopt;
  fault.error = error;
  fault.detail = WhyNotTrusted(stream);
  co_return fault;
}

// --- one exchange ---

template <typename Stream>
asio::awaitable<Exchanged> Exchange(Stream& stream, const Request& message, size_t most_bytes) {
  Exchanged exchanged;
  const auto [write_error, written] = co_await http::async_write(stream, message, kAsTuple);
  if (write_error) {
    exchanged.fault = Fault{"sending the request", write_error};
    exchanged.fault->unanswered = IsClosed(write_error);
    co_return exchanged;
  }
  beast::flat_buffer buffer;
  Parser parser;
  parser.header_limit(kMostHeadBytes);
  parser.body_limit(most_bytes);
  parser.skip(message.method() == http::verb::head);
  const auto [read_error, read] = co_await http::async_read(stream, buffer, parser, kAsTuple);
  if (read_error) {
    exchanged.fault = Fault{"waiting for the answer", read_error};
    exchanged.fault->unanswered = IsClosed(read_error) && !parser.got_some() && buffer.size() == 0;
    co_return exchanged;
  }
  exchanged.reusable = parser.keep_alive() && buffer.size() == 0;
  exchanged.response = ResponseOf(parser);
  co_return exchanged;
}

}  // namespace

class HttpClient::Impl {
 public:
  Impl(asio::any_io_executor executor, std::string trust_file)
      : executor_(std::move(executor)), trust_file_(std::move(trust_file)) {}

  static asio::awaitable<absl::StatusOr<HttpResponse>> Send(std::shared_ptr<Impl> self, HttpRequest request);

 private:
  asio::awaitable<Exchanged> SendOn(Connection& connection, const HttpRequest& request, TimePoint deadline);
  asio::awaitable<std::optional<Fault>> Connect(const HttpUrl& url, TimePoint deadline,
                                                Connection* connection);
  absl::StatusOr<HttpResponse> Conclude(const HttpRequest& request, Exchanged exchanged,
                                        std::unique_ptr<Connection> connection);

  using Idle = std::vector<std::unique_ptr<Connection>>;  // never empty; the longest idle first

  std::unique_ptr<Connection> TakeIdle(const Origin& origin);
  void Keep(const Origin& origin, std::unique_ptr<Connection> connection);
  absl::Status PrepareTls();

  const asio::any_io_executor executor_;
  const std::string trust_file_;
  std::optional<ssl::context> tls_;  // made when first needed: the system's certificates take megabytes
  std::map<Origin, Idle> idle_;
  HostLookup hosts_{executor_};
};

asio::awaitable<absl::StatusOr<HttpResponse>> HttpClient::Impl::Send(std::shared_ptr<Impl> self,
                                                                     HttpRequest request) {
  const std::string why_not = WhyNotSent(request);
  if (!why_not.empty()) co_return Failed(request, why_not);
  const TimePoint deadline = Now() + request.timeout;
  std::unique_ptr<Connection> connection = self->TakeIdle(OriginOf(request.url));
  if (connection != nullptr) {
    Exchanged exchanged = co_await self->SendOn(*connection, request, deadline);
    const bool was_closed = exchanged.fault.has_value() && exchanged.fault->unanswered;
    if (!was_closed) co_return self->Conclude(request, std::move(exchanged), std::move(connection));
  }
  if (request.url.tls) {
    const absl::Status prepared = self->PrepareTls();
    if (!prepared.ok()) co_return Failed(request, Cat(prepared.message()));
  }
  connection = std::make_unique<Connection>();
  const std::optional<Fault> fault = co_await self->Connect(request.url, deadline, connection.get());
  if (fault.has_value()) co_return Failed(request, Describe(*fault, request));
  Exchanged exchanged = co_await self->SendOn(*connection, request, deadline);
  co_return self->Conclude(request, std::move(exchanged), std::move(connection));
}

asio::awaitable<Exchanged> HttpClient::Impl::SendOn(Connection& connection, const HttpRequest& request,
                                                    TimePoint deadline) {
  const Request message = MessageOf(request);
  connection.tcp().expires_at(deadline);
  Exchanged exchanged;
  if (connection.tls) {
    exchanged = co_await Exchange(*connection.tls, message, request.most_bytes);
  } else {
    exchanged = co_await Exchange(*connection.plain, message, request.most_bytes);
  }
  co_return exchanged;
}

asio::awaitable<std::optional<Fault>> HttpClient::Impl::Connect(const HttpUrl& url, TimePoint deadline,
                                                                Connection* connection) {
  HostLookup::Endpoints endpoints;
  std::optional<Fault> fault = co_await Resolve(&hosts_, executor_, url, deadline, &endpoints);
  if (fault.has_value()) co_return fault;
  if (url.tls) {
    connection->tls = std::make_unique<TlsStream>(executor_, *tls_);
  } else {
    connection->plain = std::make_unique<beast::tcp_stream>(executor_);
  }
  connection->tcp().expires_at(deadline);
  const auto [error, connected] = co_await connection->tcp().async_connect(endpoints, kAsTuple);
  if (error) co_return Fault{"connecting", error};
  if (!url.tls) co_return std::nullopt;
  fault = co_await ShakeHands(*connection->tls, url.host);
  co_return fault;
}

absl::StatusOr<HttpResponse> HttpClient::Impl::Conclude(const HttpRequest& request, Exchanged exchanged,
                                                        std::unique_ptr<Connection> connection) {
  if (exchanged.fault.has_value()) return Failed(request, Describe(*exchanged.fault, request));
  if (exchanged.reusable) Keep(OriginOf(request.url), std::move(connection));
  return std::move(exchanged.response);
}

std::unique_ptr<Connection> HttpClient::Impl::TakeIdle(const Origin& origin) {
  const auto at = idle_.find(origin);
  if (at == idle_.end()) return nullptr;
  std::unique_ptr<Connection> connection = std::move(at->second.back());
  at->second.pop_back();
  const bool too_old = Now() - connection->idle_since > kLongestIdle;
  if (too_old || at->second.empty()) idle_.erase(at);  // the others are older
  return too_old ? nullptr : std::move(connection);
}

void HttpClient::Impl::Keep(const Origin& origin, std::unique_ptr<Connection> connection) {
  connection->tcp().expires_never();
  connection->idle_since = Now();
  if (idle_.size() >= kMostOrigins && !idle_.contains(origin)) {
    const auto older = [](const auto& a, const auto& b) {
      return a.second.back()->idle_since < b.second.back()->idle_since;
    };
    idle_.erase(std::min_element(idle_.begin(), idle_.end(), older));
  }
  Idle& idle = idle_[origin];
  if (idle.size() >= kMostIdle) idle.erase(idle.begin());
  idle.push_back(std::move(connection));
}

absl::Status HttpClient::Impl::PrepareTls() {
  if (tls_.has_value()) return absl::OkStatus();
  error_code error;
  ssl::context context(ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(context.native_handle(), TLS1_2_VERSION);
  context.set_verify_mode(ssl::verify_peer, error);
  if (!error && trust_file_.empty()) context.set_default_verify_paths(error);
  if (!error && !trust_file_.empty()) context.load_verify_file(trust_file_, error);
  if (error) {
    return absl::UnavailableError(Cat("the trusted certificates cannot be read from ",
                                      trust_file_.empty() ? "the system's store" : trust_file_, ": ",
                                      InSentence(error.message())));
  }
  tls_.emplace(std::move(context));
  return absl::OkStatus();
}

HttpClient::HttpClient(boost::asio::any_io_executor executor, std::string trust_file)
    : impl_(std::make_shared<Impl>(std::move(executor), std::move(trust_file))) {}

HttpClient::~HttpClient() = default;

boost::asio::awaitable<absl::StatusOr<HttpResponse>> HttpClient::Send(HttpRequest request) {
  return Impl::Send(impl_, std::move(request));
}

std::string_view HttpResponse::Field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return "";
}

}  // namespace naru::discovery
