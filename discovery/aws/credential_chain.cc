#include "discovery/aws/credential_chain.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/ascii.h"
#include "discovery/aws/instance_metadata.h"
#include "discovery/text.h"

namespace naru::discovery::aws {
namespace {

namespace asio = boost::asio;

constexpr auto kAsTuple = asio::as_tuple(asio::use_awaitable);
constexpr Duration kContainerLimit = std::chrono::seconds(2);
constexpr size_t kMostBytes = 64 * 1024;

WallTime Now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

absl::Status Because(std::string_view before, const absl::Status& status, std::string_view what_to_do) {
  return absl::UnavailableError(Cat(before, status.message(), what_to_do));
}

// The path is the key to the credentials, and not for a log.
absl::Status WithoutPath(const absl::Status& status, const std::string& path) {
  std::string text = Cat(status.message());
  const size_t at = text.find(path);
  if (at != text.npos) text.replace(at, path.size(), "/...");
  return absl::UnavailableError(text);
}

// The file is read every time: whoever writes it changes the token.
absl::StatusOr<std::string> TokenOf(const Environment& environment) {
  if (environment.credentials_token_file.empty()) return environment.credentials_token;
  std::ifstream file(environment.credentials_token_file);
  std::ostringstream text;
  text << file.rdbuf();
  std::string token = text.str();
  absl::StripAsciiWhitespace(&token);
  if (file && !token.empty()) return token;
  return absl::UnavailableError(Cat("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: there is no token in ",
                                    environment.credentials_token_file));
}

// Also where the coroutine does not get to its end.
class Refreshing {
 public:
  Refreshing(bool& flag, asio::steady_timer& done) : flag_(flag), done_(done) { flag_ = true; }
  ~Refreshing() {
    flag_ = false;
    done_.cancel();
  }
  Refreshing(const Refreshing&) = delete;
  Refreshing& operator=(const Refreshing&) = delete;

 private:
  bool& flag_;
  asio::steady_timer& done_;
};

}  // namespace

CredentialChain::CredentialChain(asio::any_io_executor executor, std::shared_ptr<HttpClient> client,
                                 Environment environment, std::string container_origin)
    : client_(std::move(client)),
      environment_(std::move(environment)),
      container_origin_(std::move(container_origin)),
      random_(std::random_device()()),
      last_error_(absl::UnavailableError("the AWS credentials have not been asked for")),
      refreshed_(std::move(executor), asio::steady_timer::time_point::max()) {}

asio::awaitable<absl::StatusOr<Keys>> CredentialChain::Get(std::shared_ptr<CredentialChain> self) {
  if (self->refreshing_ && self->cache_.Usable(Now()) == nullptr) {
    co_await self->refreshed_.async_wait(kAsTuple);
  } else if (!self->refreshing_ && self->cache_.IsDue(Now())) {
    co_await self->Refresh();
  }
  if (const Keys* keys = self->cache_.Usable(Now())) co_return *keys;
  co_return self->last_error_;
}

void CredentialChain::Rejected() {
  if (WhereCredentialsAre(environment_) != CredentialsFrom::kEnvironment) cache_.Rejected(Now());
}

asio::awaitable<void> CredentialChain::Refresh() {
  const Refreshing refreshing(refreshing_, refreshed_);
  absl::StatusOr<Credentials> credentials = co_await Ask();
  if (credentials.ok()) {
    const double uniform = std::uniform_real_distribution<double>(0, 1)(random_);
    cache_.Succeeded(*std::move(credentials), Now(), uniform);
    last_error_ = absl::UnavailableError("the AWS credentials have expired");
  } else {
    cache_.Failed(Now());
    last_error_ = credentials.status();
  }
}

asio::awaitable<absl::StatusOr<Credentials>> CredentialChain::Ask() {
  absl::StatusOr<Credentials> credentials;
  switch (WhereCredentialsAre(environment_)) {
    case CredentialsFrom::kEnvironment:
      credentials = Credentials{
          {environment_.access_key_id, environment_.secret_access_key, environment_.session_token}, {}};
      break;
    case CredentialsFrom::kContainer:
      credentials = co_await AskContainer();
      break;
    case CredentialsFrom::kInstance:
      credentials = co_await AskInstance();
      break;
    case CredentialsFrom::kNowhere:
      credentials = absl::UnavailableError(
          "there are no AWS credentials: give the task a task role (or set AWS_ACCESS_KEY_ID and "
          "AWS_SECRET_ACCESS_KEY)");
      break;
  }
  co_return credentials;
}

asio::awaitable<absl::StatusOr<Credentials>> CredentialChain::AskContainer() {
  HttpRequest request;
  absl::StatusOr<HttpUrl> url = ContainerCredentialsUrl(environment_, container_origin_);
  if (!url.ok()) co_return url.status();
  absl::StatusOr<std::string> token = TokenOf(environment_);
  if (!token.ok()) co_return token.status();
  request.url = *std::move(url);
  if (!token->empty()) request.fields.emplace_back("Authorization", *std::move(token));
  request.timeout = kContainerLimit;
  request.most_bytes = kMostBytes;
  const std::string path = request.url.target;
  const std::string before = Cat("AWS credentials from ", request.url.Authority(), ": ");
  absl::StatusOr<HttpResponse> response = co_await client_->Send(std::move(request));
  if (!response.ok()) co_return Because("AWS credentials: ", WithoutPath(response.status(), path), "");
  if (response->status != 200) {
    co_return absl::UnavailableError(Cat(before, "status ", response->status));
  }
  absl::StatusOr<Credentials> credentials = ParseCredentials(response->body);
  if (!credentials.ok()) co_return Because(before, credentials.status(), "");
  co_return credentials;
}

asio::awaitable<absl::StatusOr<Credentials>> CredentialChain::AskInstance() {
  constexpr std::string_view kWhatToDo =
      "; give the instance a profile and a metadata hop limit of 2, or set AWS_ACCESS_KEY_ID and "
      "AWS_SECRET_ACCESS_KEY";
  constexpr std::string_view kBefore = "AWS credentials from instance metadata: ";
  absl::StatusOr<std::string> json =
      co_await AskInstanceForCredentials(client_, environment_.instance_metadata);
  if (!json.ok()) co_return Because(kBefore, json.status(), kWhatToDo);
  absl::StatusOr<Credentials> credentials = ParseCredentials(*json);
  if (!credentials.ok()) co_return Because(kBefore, credentials.status(), kWhatToDo);
  co_return credentials;
}

}  // namespace naru::discovery::aws
