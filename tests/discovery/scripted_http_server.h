// An HTTP server on loopback that answers as a test says, on the test's own io_context: client and server
// take turns on one thread, so that nothing depends on timing.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <exception>
#include <functional>
#include <iostream>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "discovery/http_client.h"

namespace naru::discovery {

struct SeenRequest {
  std::string method;
  std::string target;
  HttpFields fields;  // names in lower case
  std::string body;

  std::string Field(std::string_view name) const;  // empty when there is none
};

struct Reply {
  int status = 200;
  std::string body;
  HttpFields fields;
  bool closes = false;  // the connection afterwards, without having said so
  bool silent = false;  // never answers
  std::string raw;      // instead of all that, followed by the end of the connection
  bool drops = false;   // ends the connection instead of answering
};

// A key and a certificate that it signed itself, for these names.
struct TestCertificate {
  // `names` as OpenSSL writes them: "DNS:localhost,IP:127.0.0.1".
  static TestCertificate For(const std::string& names);

  std::string key_pem;
  std::string certificate_pem;
};

class ScriptedHttpServer {
 public:
  using Handler = std::function<Reply(const SeenRequest&)>;

  ScriptedHttpServer(boost::asio::io_context& io, Handler handler,
                     const std::optional<TestCertificate>& certificate = std::nullopt);
  ~ScriptedHttpServer();

  uint16_t port() const;
  std::string Url(std::string_view target = "/") const;  // by address

  // What has happened so far.
  const std::vector<SeenRequest>& requests() const;
  int connections() const;
  const std::vector<std::string>& server_names() const;  // what SNI said, one a TLS connection

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs the context until the coroutine has ended.
template <typename T>
T Await(boost::asio::io_context& io, boost::asio::awaitable<T> work) {
  std::optional<T> result;
  boost::asio::co_spawn(io, std::move(work), [&result](const std::exception_ptr& thrown, T value) {
    if (thrown) std::rethrow_exception(thrown);
    result = std::move(value);
  });
  io.restart();
  while (!result.has_value()) {
    if (io.run_one() != 0) continue;
    std::cerr << "nothing is left that could end the coroutine\n";
    std::abort();
  }
  return *std::move(result);
}

}  // namespace naru::discovery
