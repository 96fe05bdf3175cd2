// The credentials of this process, kept fresh: from the environment, the container's endpoint or the
// instance.
//
// One thread, that of the client's executor. Whoever needs keys asks for them before each request; only one
// asks the endpoint at a time, and the others use the old keys meanwhile or wait.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <random>
#include <string>

#include "absl/status/statusor.h"
#include "discovery/aws/credentials.h"
#include "discovery/http_client.h"

namespace naru::discovery::aws {

// Where the agent of ECS answers for a task's role.
inline constexpr std::string_view kContainerOrigin = "http://169.254.170.2";

class CredentialChain {
 public:
  CredentialChain(boost::asio::any_io_executor executor, std::shared_ptr<HttpClient> client,
                  Environment environment, std::string container_origin = std::string(kContainerOrigin));

  // Keys that may be used now. Fails with a sentence that says who was asked, and what to do. `self` is
  // called on, and kept until the keys are there.
  static boost::asio::awaitable<absl::StatusOr<Keys>> Get(std::shared_ptr<CredentialChain> self);

  // A service did not accept the keys that Get gave.
  void Rejected();

 private:
  boost::asio::awaitable<void> Refresh();
  boost::asio::awaitable<absl::StatusOr<Credentials>> Ask();
  boost::asio::awaitable<absl::StatusOr<Credentials>> AskContainer();
  boost::asio::awaitable<absl::StatusOr<Credentials>> AskInstance();

  const std::shared_ptr<HttpClient> client_;
  const Environment environment_;
  const std::string container_origin_;
  CredentialsCache cache_;
  std::mt19937_64 random_;
  absl::Status last_error_;
  bool refreshing_ = false;
  boost::asio::steady_timer refreshed_;  // never expires; cancelled when a refresh has ended
};

}  // namespace naru::discovery::aws
