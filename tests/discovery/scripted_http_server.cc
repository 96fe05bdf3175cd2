#include "tests/discovery/scripted_http_server.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

#include "absl/strings/ascii.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
namespace ssl = boost::asio::ssl;
using tcp = asio::ip::tcp;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);

using Message = http::request<http::string_body>;

SeenRequest SeenOf(const Message& message) {
  SeenRequest seen{std::string(message.method_string()), std::string(message.target()), {}, message.body()};
  for (const auto& field : message) {
    seen.fields.emplace_back(absl::AsciiStrToLower(std::string(field.name_string())),
                             std::string(field.value()));
  }
  return seen;
}

http::response<http::string_body> MessageOf(const Reply& reply) {
  http::response<http::string_body> message(static_cast<http::status>(reply.status), 11);
  for (const auto& [name, value] : reply.fields) message.set(name, value);
  message.body() = reply.body;
  message.prepare_payload();
  return message;
}

std::string PemOf(const std::function<int(BIO*)>& write) {
  BIO* bio = BIO_new(BIO_s_mem());
  write(bio);
  char* bytes = nullptr;
  const long size = BIO_get_mem_data(bio, &bytes);
  std::string pem(bytes, static_cast<size_t>(size));
  BIO_free(bio);
  return pem;
}

void AddExtension(X509* certificate, int kind, const std::string& value) {
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, nullptr, kind, value.c_str());
  X509_add_ext(certificate, extension, -1);
  X509_EXTENSION_free(extension);
}

}  // namespace

TestCertificate TestCertificate::For(const std::string& names) {
  constexpr long kDay = 24 * 60 * 60;
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_set_version(certificate, X509_VERSION_3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate), kDay);
  X509_set_pubkey(certificate, key);
  X509_NAME* name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("test"), -1, -1,
                             0);
  X509_set_issuer_name(certificate, name);
  AddExtension(certificate, NID_basic_constraints, "critical,CA:TRUE");
  AddExtension(certificate, NID_subject_alt_name, names);
  X509_sign(certificate, key, EVP_sha256());
  TestCertificate made;
  made.key_pem = PemOf(
      [key](BIO* bio) { return PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
  made.certificate_pem = PemOf([certificate](BIO* bio) { return PEM_write_bio_X509(bio, certificate); });
  X509_free(certificate);
  EVP_PKEY_free(key);
  return made;
}

std::string SeenRequest::Field(std::string_view name) const {
  for (const auto& [key, value] : fields) {
    if (key == name) return value;
  }
  return "";
}

struct ScriptedHttpServer::State {
  State(asio::io_context& io, Handler answer)
      : handler(std::move(answer)), acceptor(io, {asio::ip::address_v4::loopback(), 0}), parked(io) {}

  static asio::awaitable<void> Accept(std::shared_ptr<State> self);
  static asio::awaitable<void> Serve(std::shared_ptr<State> self, tcp::socket socket);
  template <typename Stream>
  static asio::awaitable<void> ServeStream(std::shared_ptr<State> self, Stream& stream);

  const Handler handler;
  tcp::acceptor acceptor;
  asio::steady_timer parked;  // what silent requests wait for; never expires
  std::optional<ssl::context> tls;
  std::vector<SeenRequest> requests;
  int connections = 0;
  std::vector<std::string> server_names;
};

asio::awaitable<void> ScriptedHttpServer::State::Accept(std::shared_ptr<State> self) {
  while (true) {
    auto [error, socket] = co_await self->acceptor.async_accept(kAsTuple);
    if (error) co_return;
    ++self->connections;
    asio::co_spawn(socket.get_executor(), Serve(self, std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> ScriptedHttpServer::State::Serve(std::shared_ptr<State> self, tcp::socket socket) {
  if (!self->tls.has_value()) {
    beast::tcp_stream stream(std::move(socket));
    co_await ServeStream(self, stream);
    co_return;
  }
  ssl::stream<beast::tcp_stream> stream(beast::tcp_stream(std::move(socket)), *self->tls);
  const auto [error] = co_await stream.async_handshake(ssl::stream_base::server, kAsTuple);
  if (error) co_return;
  const char* name = SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
  self->server_names.emplace_back(name == nullptr ? "" : name);
  co_await ServeStream(self, stream);
}

template <typename Stream>
asio::awaitable<void> ScriptedHttpServer::State::ServeStream(std::shared_ptr<State> self, Stream& stream) {
  beast::flat_buffer buffer;
  while (true) {
    Message message;
    const auto [read_error, read] = co_await http::async_read(stream, buffer, message, kAsTuple);
    if (read_error) co_return;
    self->requests.push_back(SeenOf(message));
    const Reply reply = self->handler(self->requests.back());
    if (reply.silent) {
      self->parked.expires_at(asio::steady_timer::time_point::max());
      co_await self->parked.async_wait(kAsTuple);
      co_return;
    }
    if (reply.drops) co_return;
    if (!reply.raw.empty()) {
      co_await asio::async_write(stream, asio::buffer(reply.raw), kAsTuple);
      co_return;
    }
    const http::response<http::string_body> response = MessageOf(reply);
    const auto [write_error, written] = co_await http::async_write(stream, response, kAsTuple);
    if (write_error || reply.closes) co_return;
  }
}

ScriptedHttpServer::ScriptedHttpServer(asio::io_context& io, Handler handler,
                                       const std::optional<TestCertificate>& certificate)
    : state_(std::make_shared<State>(io, std::move(handler))) {
  if (certificate.has_value()) {
    state_->tls.emplace(ssl::context::tls_server);
    state_->tls->use_certificate_chain(asio::buffer(certificate->certificate_pem));
    state_->tls->use_private_key(asio::buffer(certificate->key_pem), ssl::context::pem);
  }
  asio::co_spawn(io, State::Accept(state_), asio::detached);
}

ScriptedHttpServer::~ScriptedHttpServer() {
  state_->acceptor.close();
}

uint16_t ScriptedHttpServer::port() const {
  return state_->acceptor.local_endpoint().port();
}

std::string ScriptedHttpServer::Url(std::string_view target) const {
  return Cat(state_->tls.has_value() ? "https" : "http", "://127.0.0.1:", port(), target);
}

const std::vector<SeenRequest>& ScriptedHttpServer::requests() const {
  return state_->requests;
}

int ScriptedHttpServer::connections() const {
  return state_->connections;
}

const std::vector<std::string>& ScriptedHttpServer::server_names() const {
  return state_->server_names;
}

}  // namespace naru::discovery
