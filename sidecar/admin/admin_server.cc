#include "sidecar/admin/admin_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <charconv>
#include <list>
#include <optional>
#include <utility>

#include "sidecar/admin/grpc_health.h"
#include "sidecar/admin/router.h"

namespace naru::admin {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using std::chrono::steady_clock;
using tcp = asio::ip::tcp;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
using asio::experimental::awaitable_operators::operator||;
constexpr std::chrono::milliseconds kHealthPoll(500);  // how late a watcher hears of a change
constexpr size_t kReadBytes = 4096;
constexpr std::chrono::milliseconds kAcceptPause(100);  // after a failure such as too many open files

using Request = http::request<http::string_body>;
using Parser = http::request_parser<http::string_body>;
using Response = http::response<http::string_body>;

struct Connection {
  explicit Connection(tcp::socket socket) : stream(std::move(socket)) {}

  beast::tcp_stream stream;
  beast::flat_buffer buffer;
  bool waiting = true;  // for its client to ask
  steady_clock::time_point waiting_since = steady_clock::now();
};

bool SpeaksHttp2(const Connection& connection) {
  const auto bytes = connection.buffer.data();
  const std::string_view text(static_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("PRI ");  // no method of HTTP/1
}

AdminRequest RequestOf(const Request& message) {
  AdminRequest request;
  request.method = std::string(message.method_string());
  request.target = std::string(message.target());
  for (const auto& field : message) {
    request.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  request.now = steady_clock::now();
  return request;
}

Response MessageOf(AdminResponse response) {
  Response message;
  message.result(static_cast<unsigned>(response.status));
  message.set(http::field::content_type, response.content_type);
  message.set(http::field::cache_control, "no-store");
  message.set("X-Content-Type-Options", "nosniff");
  for (const auto& [name, value] : response.headers) message.set(name, value);
  message.content_length(response.body.size());
  message.body() = std::move(response.body);
  return message;
}

// The answer to a request that could not be read; nothing where nobody waits for one.
std::optional<AdminResponse> AnswerTo(error_code error, const AdminLimits& limits) {
  if (error == http::error::header_limit) {
    return ErrorResponse(
        431, "the head of the request is longer than " + std::to_string(limits.head_bytes) + " bytes");
  }
  if (error == http::error::body_limit) {
    return ErrorResponse(413, "no request to the admin port needs a body of more than " +
                                  std::to_string(limits.body_bytes) + " bytes");
  }
  const bool malformed = error.category() == http::make_error_code(http::error::bad_method).category() &&
                         error != http::error::end_of_stream && error != http::error::partial_message;
  if (malformed) return ErrorResponse(400, "this is not HTTP/1.1: " + error.message());
  return std::nullopt;
}

// "127.0.0.1:4001" or "[::1]:4001".
std::optional<tcp::endpoint> ParseEndpoint(const std::string& text) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  uint16_t port = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, failure] = std::from_chars(text.data() + colon + 1, end, port);
  if (failure != std::errc() || rest != end) return std::nullopt;
  error_code error;
  const asio::ip::address address = asio::ip::make_address(host, error);
  return error ? std::nullopt : std::optional(tcp::endpoint(address, port));
}

}  // namespace

class AdminServer::Impl {
 public:
  Impl(asio::io_context& io, Backend& backend, const AdminLimits& limits)
      : backend_(backend), limits_(limits), acceptor_(io), pause_(io) {}

  absl::Status Listen(const tcp::endpoint& endpoint);
  uint16_t port() const { return port_; }
  tcp::acceptor::executor_type executor() { return acceptor_.get_executor(); }
  void Close();

  // The coroutines keep the server's state alive until they have seen that it is closed.
  static asio::awaitable<void> Accept(std::shared_ptr<Impl> self);
  static asio::awaitable<void> Serve(std::shared_ptr<Impl> self, std::shared_ptr<Connection> connection);

 private:
  // Reads one request and answers it. False when the connection is over.
  asio::awaitable<bool> ServeOne(Connection& connection);
  asio::awaitable<bool> WaitForRequest(Connection& connection);
  // The rest of a connection that began with the preface of HTTP/2.
  asio::awaitable<void> ServeHealth(Connection& connection);
  asio::awaitable<bool> Send(Connection& connection, Response response);
  Response Answer(const Request& request);
  void MakeRoom();

  Backend& backend_;
  const AdminLimits limits_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  uint16_t port_ = 0;
  bool closed_ = false;
  std::optional<AdminRouter> router_;
  std::list<std::shared_ptr<Connection>> connections_;
};

absl::Status AdminServer::Impl::Listen(const tcp::endpoint& endpoint) {
  error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
  if (error) {
    acceptor_.close();
    return absl::UnavailableError(error.message());
  }
  port_ = acceptor_.local_endpoint().port();
  router_.emplace(backend_, endpoint.address().is_loopback(), steady_clock::now());
  return absl::OkStatus();
}

void AdminServer::Impl::Close() {
  closed_ = true;
  error_code ignored;  // closing what is closed is no failure
  acceptor_.close(ignored);
  pause_.cancel();
  for (const std::shared_ptr<Connection>& connection : connections_) connection->stream.close();
}

asio::awaitable<void> AdminServer::Impl::Accept(std::shared_ptr<Impl> self) {
  while (!self->closed_) {
    auto [error, socket] = co_await self->acceptor_.async_accept(kAsTuple);
    if (self->closed_) co_return;
    if (error) {
      self->pause_.expires_after(kAcceptPause);
      co_await self->pause_.async_wait(kAsTuple);
      continue;
    }
    self->MakeRoom();
    auto connection = std::make_shared<Connection>(std::move(socket));
    if (self->connections_.size() >= self->limits_.connections) continue;  // all are busy: closes the new one
    self->connections_.push_back(connection);
    asio::co_spawn(self->acceptor_.get_executor(), Serve(self, connection), asio::detached);
  }
}

// Closes the connection that has waited longest for its client, when there are too many.
void AdminServer::Impl::MakeRoom() {
  if (connections_.size() < limits_.connections) return;
  auto longest = connections_.end();
  for (auto it = connections_.begin(); it != connections_.end(); ++it) {
    if (!(*it)->waiting) continue;
    if (longest == connections_.end() || (*it)->waiting_since < (*longest)->waiting_since) longest = it;
  }
  if (longest == connections_.end()) return;
  (*longest)->stream.close();
  connections_.erase(longest);
}

asio::awaitable<void> AdminServer::Impl::Serve(std::shared_ptr<Impl> self,
                                               std::shared_ptr<Connection> connection) {
  bool goes_on = true;
  while (goes_on) goes_on = co_await self->ServeOne(*connection);
  connection->stream.close();
  self->connections_.remove(connection);
}

asio::awaitable<bool> AdminServer::Impl::ServeOne(Connection& connection) {
  const bool asked = co_await WaitForRequest(connection);
  if (!asked) co_return false;
  if (SpeaksHttp2(connection)) {
    co_await ServeHealth(connection);
    co_return false;
  }

  connection.stream.expires_after(limits_.request);
  Parser parser;
  parser.header_limit(limits_.head_bytes);
  parser.body_limit(limits_.body_bytes);
  const auto [error, size] =
      co_await http::async_read(connection.stream, connection.buffer, parser, kAsTuple);
  if (closed_) co_return false;
  connection.waiting = false;
  if (error) {
    std::optional<AdminResponse> answer = AnswerTo(error, limits_);
    if (!answer) co_return false;
    Response response = MessageOf(std::move(*answer));
    response.keep_alive(false);
    co_await Send(connection, std::move(response));
    co_return false;
  }
  co_return co_await Send(connection, Answer(parser.get()));
}

asio::awaitable<void> AdminServer::Impl::ServeHealth(Connection& connection) {
  GrpcHealth health([this] { return backend_.Ready().empty(); });
  connection.waiting = false;
  asio::steady_timer poll(connection.stream.get_executor());
  bool alive = true;
  while (true) {
    const auto bytes = connection.buffer.data();
    if (bytes.size() > 0) alive = health.Receive({static_cast<const char*>(bytes.data()), bytes.size()});
    connection.buffer.consume(bytes.size());
    health.Poll();
    const std::string output = health.TakeOutput();
    connection.stream.expires_after(limits_.response);
    const auto [unsent, sent] = co_await asio::async_write(connection.stream, asio::buffer(output), kAsTuple);
    if (unsent || !alive || closed_) co_return;
    // A wait of the stream's own would close it when nobody has asked for a while.
    connection.stream.expires_never();
    poll.expires_after(health.watched() ? kHealthPoll : limits_.idle);
    const auto read =
        co_await (connection.stream.async_read_some(connection.buffer.prepare(kReadBytes), kAsTuple) ||
                  poll.async_wait(kAsTuple));
    if (closed_) co_return;
    if (read.index() == 1 && !health.watched()) co_return;
    if (read.index() == 1) continue;
    const auto [error, size] = std::get<0>(read);
    if (error) co_return;
    connection.buffer.commit(size);
  }
}

// True once a byte of a request is there.
asio::awaitable<bool> AdminServer::Impl::WaitForRequest(Connection& connection) {
  connection.waiting = true;
  connection.waiting_since = steady_clock::now();
  if (connection.buffer.size() > 0) co_return !closed_;
  connection.stream.expires_after(limits_.idle);
  const auto [error, size] =
      co_await connection.stream.async_read_some(connection.buffer.prepare(kReadBytes), kAsTuple);
  if (error || closed_) co_return false;
  connection.buffer.commit(size);
  co_return true;
}

asio::awaitable<bool> AdminServer::Impl::Send(Connection& connection, Response response) {
  connection.stream.expires_after(limits_.response);
  const auto [error, size] = co_await http::async_write(connection.stream, response, kAsTuple);
  co_return !error && !closed_ && response.keep_alive();
}

Response AdminServer::Impl::Answer(const Request& request) {
  // RFC 9112 3.2: a request of HTTP/1.1 without Host, or with two, is refused.
  const bool sound = request.version() < 11 || request.count(http::field::host) == 1;
  Response response = MessageOf(sound ? router_->Handle(RequestOf(request))
                                      : ErrorResponse(400, "the request has no Host, or more than one"));
  response.version(request.version());
  response.keep_alive(request.keep_alive());
  if (request.method() == http::verb::head) response.body().clear();  // its length stays
  return response;
}

AdminServer::AdminServer(boost::asio::io_context& io, Backend& backend, const AdminLimits& limits)
    : impl_(std::make_shared<Impl>(io, backend, limits)) {}

AdminServer::~AdminServer() {
  Close();
}

absl::Status AdminServer::Listen(const std::string& address) {
  const std::optional<tcp::endpoint> endpoint = ParseEndpoint(address);
  if (!endpoint) {
    return absl::InvalidArgumentError("the admin port cannot be \"" + address +
                                      "\": it is an IP address and a port, such as 127.0.0.1:4001");
  }
  const absl::Status status = impl_->Listen(*endpoint);
  if (!status.ok()) {
    return absl::UnavailableError("the admin port cannot listen on " + address + ": " +
                                  std::string(status.message()));
  }
  asio::co_spawn(impl_->executor(), Impl::Accept(impl_), asio::detached);
  return absl::OkStatus();
}

uint16_t AdminServer::port() const {
  return impl_->port();
}

void AdminServer::Close() {
  impl_->Close();
}

}  // namespace naru::admin
