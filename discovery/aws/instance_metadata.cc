#include "discovery/aws/instance_metadata.h"

#include <algorithm>
#include <utility>

#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;

constexpr std::string_view kOrigin = "http://169.254.169.254";
constexpr std::string_view kRolePath = "/latest/meta-data/iam/security-credentials/";
constexpr std::string_view kTokenSeconds = "60";  // of 1 to 21,600: used at once and not kept
constexpr size_t kMostBytes = 64 * 1024;

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

// One question: several requests with one limit and one token.
struct Question {
  std::shared_ptr<HttpClient> client;
  std::string origin;
  TimePoint deadline;
  std::string token;
};

Question Begin(std::shared_ptr<HttpClient> client, std::string origin) {
  if (origin.empty()) origin = kOrigin;
  if (origin.ends_with('/')) origin.pop_back();
  return {std::move(client), std::move(origin), Now() + kInstanceMetadataLimit, ""};
}

asio::awaitable<absl::StatusOr<std::string>> Send(Question& question, std::string method, std::string path,
                                                  HttpFields fields) {
  absl::StatusOr<HttpUrl> url = HttpUrl::Parse(question.origin + path);
  if (!url.ok()) {
    co_return absl::InvalidArgumentError(
        Cat("AWS_EC2_METADATA_SERVICE_ENDPOINT: the URL ", url.status().message()));
  }
  HttpRequest request;
  request.method = std::move(method);
  request.url = *std::move(url);
  request.fields = std::move(fields);
  request.timeout = std::max<Duration>(question.deadline - Now(), std::chrono::milliseconds(1));
  request.most_bytes = kMostBytes;
  const std::string where = request.url.ToString();
  absl::StatusOr<HttpResponse> response = co_await question.client->Send(std::move(request));
  if (!response.ok()) co_return response.status();
  if (response->status != 200) co_return absl::UnavailableError(Cat(where, ": status ", response->status));
  co_return std::move(response->body);
}

asio::awaitable<absl::StatusOr<std::string>> Get(Question& question, std::string path) {
  if (question.token.empty()) {
    HttpFields lifetime = {{"X-aws-ec2-metadata-token-ttl-seconds", std::string(kTokenSeconds)}};
    absl::StatusOr<std::string> token =
        co_await Send(question, "PUT", "/latest/api/token", std::move(lifetime));
    if (!token.ok()) co_return token.status();
    question.token = *std::move(token);
  }
  HttpFields fields = {{"X-aws-ec2-metadata-token", question.token}};
  absl::StatusOr<std::string> answer = co_await Send(question, "GET", std::move(path), std::move(fields));
  co_return answer;
}

}  // namespace

asio::awaitable<absl::StatusOr<std::string>> AskInstanceForRegion(std::shared_ptr<HttpClient> client,
                                                                  std::string origin) {
  Question question = Begin(std::move(client), std::move(origin));
  absl::StatusOr<std::string> region = co_await Get(question, "/latest/meta-data/placement/region");
  co_return region;
}

asio::awaitable<absl::StatusOr<std::string>> AskInstanceForCredentials(std::shared_ptr<HttpClient> client,
                                                                       std::string origin) {
  Question question = Begin(std::move(client), std::move(origin));
  absl::StatusOr<std::string> roles = co_await Get(question, std::string(kRolePath));
  if (!roles.ok()) co_return roles.status();
  const std::string role = roles->substr(0, roles->find('\n'));
  if (role.empty()) co_return absl::UnavailableError("the instance has no role: give it an instance profile");
  absl::StatusOr<std::string> credentials = co_await Get(question, Cat(kRolePath, role));
  co_return credentials;
}

}  // namespace naru::discovery::aws
