#include "tests/support/dns_server.h"

#include <algorithm>
#include <array>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/udp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <stdexcept>

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using asio::ip::udp;
using boost::system::error_code;

constexpr size_t kLengthBytes = 2;  // RFC 1035 4.2.2

struct Connection {
  explicit Connection(tcp::socket accepted) : socket(std::move(accepted)) {}

  tcp::socket socket;
  std::array<uint8_t, kLengthBytes> length{};
  std::string message;
};

}  // namespace

class DnsServer::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, Script script, uint16_t port)
      : udp_(io), acceptor_(io), script_(std::move(script)) {
    Bind(port);
  }

  void Start() {
    Receive();
    Accept();
  }
  void Close() {
    closed_ = true;
    udp_.close();
    acceptor_.close();
  }

  uint16_t port() const { return udp_.local_endpoint().port(); }
  const std::vector<Query>& queries() const { return queries_; }

 private:
  // Both protocols on one port: what TCP gets may be taken on UDP, so it is tried anew.
  void Bind(uint16_t port) {
    constexpr int kTries = 100;
    const auto loopback = asio::ip::address_v4::loopback();
    for (int i = 0; i < kTries; ++i) {
      acceptor_ = tcp::acceptor(acceptor_.get_executor(), {loopback, port});
      udp_ = udp::socket(udp_.get_executor(), udp::v4());
      error_code error;
      udp_.bind({loopback, acceptor_.local_endpoint().port()}, error);
      if (!error) return;
    }
    throw std::runtime_error("no port is free for UDP and TCP");
  }

  std::optional<std::string> Answer(const std::string& bytes, bool tcp, uint16_t from_port) {
    const absl::StatusOr<DnsMessage> message = ParseDnsMessage(bytes);
    if (!message.ok() || message->questions.empty()) throw std::runtime_error("a malformed query was sent");
    queries_.push_back({message->id, message->questions[0], tcp, from_port});
    return script_(queries_.back());
  }

  void Receive() {
    udp_.async_receive_from(asio::buffer(buffer_), sender_,
                            [self = shared_from_this()](error_code error, size_t size) {
                              if (!error && !self->closed_) self->OnDatagram(size);
                            });
  }

  void OnDatagram(size_t size) {
    const auto answer = Answer(std::string(buffer_.data(), size), false, sender_.port());
    error_code ignored;
    if (answer && !closed_) udp_.send_to(asio::buffer(*answer), sender_, 0, ignored);
    if (!closed_) Receive();
  }

  void Accept() {
    acceptor_.async_accept([self = shared_from_this()](error_code error, tcp::socket socket) {
      if (error || self->closed_) return;
      self->ReadLength(std::make_shared<Connection>(std::move(socket)));
      self->Accept();
    });
  }

  void ReadLength(const std::shared_ptr<Connection>& connection) {
    asio::async_read(connection->socket, asio::buffer(connection->length),
                     [self = shared_from_this(), connection](error_code error, size_t) {
                       if (!error) self->ReadMessage(connection);
                     });
  }

  void ReadMessage(const std::shared_ptr<Connection>& connection) {
    connection->message.resize(static_cast<size_t>(connection->length[0] << 8 | connection->length[1]));
    asio::async_read(connection->socket, asio::buffer(connection->message),
                     [self = shared_from_this(), connection](error_code error, size_t) {
                       if (!error) self->OnMessage(connection);
                     });
  }

  void OnMessage(const std::shared_ptr<Connection>& connection) {
    const auto answer = Answer(connection->message, true, connection->socket.remote_endpoint().port());
    if (answer) {
      const std::string length = {static_cast<char>(answer->size() >> 8), static_cast<char>(answer->size())};
      error_code ignored;
      asio::write(connection->socket, asio::buffer(length + *answer), ignored);
    }
    if (!closed_) ReadLength(connection);
  }

  udp::socket udp_;
  tcp::acceptor acceptor_;
  const Script script_;
  std::array<char, 4096> buffer_{};
  udp::endpoint sender_;
  std::vector<Query> queries_;
  bool closed_ = false;
};

DnsServer::DnsServer(asio::io_context& io, Script script, uint16_t port)
    : impl_(std::make_shared<Impl>(io, std::move(script), port)) {
  impl_->Start();
}

DnsServer::~DnsServer() {
  impl_->Close();
}

Address DnsServer::address() const {
  return {*ParseIp("127.0.0.1"), impl_->port()};
}

const std::vector<DnsServer::Query>& DnsServer::queries() const {
  return impl_->queries();
}

int DnsServer::Count(const DnsQuestion& question) const {
  return static_cast<int>(std::count_if(queries().begin(), queries().end(),
                                        [&](const Query& query) { return query.question == question; }));
}

bool RunUntil(asio::io_context& io, const std::function<bool()>& happened) {
  constexpr std::chrono::seconds kPatience(10);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (!happened() && std::chrono::steady_clock::now() < deadline) {
    io.restart();
    io.run_one_for(std::chrono::milliseconds(10));
  }
  return happened();
}

void RunFor(asio::io_context& io, std::chrono::milliseconds time) {
  io.restart();
  io.run_for(time);
}

}  // namespace naru::discovery
