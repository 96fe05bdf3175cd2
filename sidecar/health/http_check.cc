#include "sidecar/health/http_check.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <optional>
#include <utility>

namespace naru::health {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using resilience::Grade;
using tcp = asio::ip::tcp;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr uint32_t kMaxHeadBytes = 16 * 1024;
constexpr uint64_t kMaxBodyBytes = 64 * 1024;  // what is longer is not waited for

using Parser = http::response_parser<http::string_body>;

tcp::endpoint EndpointOf(const discovery::Address& address) {
  if (!address.is_v4()) return {asio::ip::address_v6(address.ip), address.port};
  asio::ip::address_v4::bytes_type bytes;
  std::copy(address.ip.end() - 4, address.ip.end(), bytes.begin());
  return {asio::ip::address_v4(bytes), address.port};
}

http::request<http::empty_body> RequestFor(const CheckedEndpoint& endpoint) {
  constexpr int kHttp11 = 11;
  http::request<http::empty_body> request(http::verb::get, *endpoint.policy.path, kHttp11);
  request.set(http::field::host, endpoint.service);  // as the calls to it say
  request.set(http::field::user_agent, "naru-health-check");
  request.keep_alive(false);
  return request;
}

// An error that says nothing about the endpoint.
bool IsOurOwn(error_code error) {
  return error == boost::system::errc::too_many_files_open ||
         error == boost::system::errc::too_many_files_open_in_system ||
         error == boost::system::errc::no_buffer_space || error == boost::system::errc::not_enough_memory ||
         error == boost::system::errc::address_not_available;
}

CheckResult ResultOf(error_code error, std::string_view doing) {
  std::string text = std::string(doing) + ": " + error.message();
  if (error == beast::error::timeout) text = std::string(doing) + ": not done within health_check.timeout";
  return {IsOurOwn(error) ? Grade::kNeutral : Grade::kFailure, std::move(text)};
}

CheckResult ResultOf(const Parser& parser) {
  const unsigned status = parser.get().result_int();
  if (status / 100 == 2) return CheckResult::Good();
  return CheckResult::Bad("status " + std::to_string(status));
}

class HttpCheck final : public Check {
 public:
  HttpCheck(asio::any_io_executor executor, const CheckedEndpoint& endpoint)
      : stream_(std::move(executor)),
        address_(EndpointOf(endpoint.address)),
        timeout_(endpoint.policy.timeout),
        request_(RequestFor(endpoint)) {}

  asio::awaitable<CheckResult> Ask() override;
  void Abandon() override { stream_.close(); }

 private:
  asio::awaitable<CheckResult> AskConnected();

  beast::tcp_stream stream_;
  const tcp::endpoint address_;
  const resilience::Duration timeout_;
  const http::request<http::empty_body> request_;
};

asio::awaitable<CheckResult> HttpCheck::Ask() {
  stream_.expires_after(timeout_);  // for all of it
  const auto [error] = co_await stream_.async_connect(address_, kAsTuple);
  if (error) {
    stream_.close();
    co_return ResultOf(error, "connecting");
  }
  CheckResult result = co_await AskConnected();
  stream_.close();
  co_return result;
}

asio::awaitable<CheckResult> HttpCheck::AskConnected() {
  const auto [write_error, written] = co_await http::async_write(stream_, request_, kAsTuple);
  if (write_error) co_return ResultOf(write_error, "asking");
  beast::flat_buffer buffer;
  Parser parser;
  parser.header_limit(kMaxHeadBytes);
  parser.body_limit(kMaxBodyBytes);
  const auto [read_error, read] = co_await http::async_read(stream_, buffer, parser, kAsTuple);
  const bool enough = !read_error || (read_error == http::error::body_limit && parser.is_header_done());
  co_return enough ? ResultOf(parser) : ResultOf(read_error, "waiting for the answer");
}

}  // namespace

std::unique_ptr<Check> MakeHttpCheck(boost::asio::any_io_executor executor, const CheckedEndpoint& endpoint) {
  return std::make_unique<HttpCheck>(std::move(executor), endpoint);
}

}  // namespace naru::health
