// Asks control planes over HTTP/1.1: Consul, Cloud Map, credential and metadata endpoints. Not the data path.
//
// One thread, that of the executor. Keeps a few idle connections per origin, and tries once more on a new one
// where an idle one turns out to be closed: whatever is asked here may be asked twice. TLS verifies the peer
// against the system's certificates, or those of the environment's SSL_CERT_FILE, and the name in the URL.
// No proxy is used and no redirection followed.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "discovery/http_url.h"
#include "discovery/time.h"

namespace naru::discovery {

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method = "GET";
  HttpUrl url;
  HttpFields fields;  // Host and Content-Length are added
  std::string body;
  Duration timeout = std::chrono::seconds(5);  // for the whole exchange
  size_t most_bytes = 16 * 1024 * 1024;        // of the answer's body
};

struct HttpResponse {
  int status = 0;
  HttpFields fields;  // names in lower case
  std::string body;

  // The value of the first field of this name (lower case); empty when there is none.
  std::string_view Field(std::string_view name) const;

  bool operator==(const HttpResponse&) const = default;
};

// A coroutine that calls Send may outlive whoever started it by a moment, so it holds its client by
// shared_ptr.
class HttpClient {
 public:
  // `trust_file` is PEM with the certificates to trust instead of the system's; empty: the system's.
  explicit HttpClient(boost::asio::any_io_executor executor, std::string trust_file = "");
  ~HttpClient();

  // Any status is an answer. Fails with a sentence that says what happened and where: "http://...:
  // connecting: connection refused". Cancelling the coroutine ends the exchange.
  boost::asio::awaitable<absl::StatusOr<HttpResponse>> Send(HttpRequest request);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace naru::discovery
