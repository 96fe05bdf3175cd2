#include "sidecar/health/health_checker.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "sidecar/health/check.h"
#include "sidecar/health/grpc_check.h"
#include "sidecar/health/http_check.h"

namespace naru::health {
namespace {

namespace asio = boost::asio;
using resilience::CheckedHealth;
using resilience::Grade;
using resilience::TimePoint;

constexpr int kMostAtOnce = 256;  // further ones wait
constexpr std::chrono::milliseconds kWaitForOthers(10);

using Key = std::pair<std::string, discovery::Address>;

Key KeyOf(const CheckedEndpoint& endpoint) {
  return {endpoint.service, endpoint.address};
}

TimePoint Now() {
  return std::chrono::time_point_cast<resilience::Duration>(std::chrono::steady_clock::now());
}

std::string DescribeCheck(const resilience::HealthCheckPolicy& policy) {
  if (policy.path) return "GET " + *policy.path;
  return "grpc.health.v1 \"" + *policy.grpc + "\"";
}

std::unique_ptr<Check> MakeCheck(const asio::any_io_executor& executor, const CheckedEndpoint& endpoint) {
  return endpoint.policy.path ? MakeHttpCheck(executor, endpoint) : MakeGrpcCheck(executor, endpoint);
}

// An endpoint while it is checked; shared with the coroutine that checks it.
struct Watched {
  Watched(const asio::any_io_executor& executor, CheckedEndpoint checked)
      : endpoint(std::move(checked)), timer(executor), check(MakeCheck(executor, endpoint)) {}

  void Retire() {
    retired = true;
    timer.cancel();
    check->Abandon();
  }

  const CheckedEndpoint endpoint;
  asio::steady_timer timer;
  const std::unique_ptr<Check> check;
  bool retired = false;
};

}  // namespace

// Everything but LastError and what it reads happens on the thread.
class HealthChecker::Impl {
 public:
  explicit Impl(log::Logger& logger) : logger_(logger), random_(std::random_device()()) {}
  ~Impl() { Stop(); }

  void Watch(std::vector<CheckedEndpoint> endpoints);
  void Stop();
  std::string LastError(const Key& key) const;

 private:
  using WatchedMap = std::map<Key, std::shared_ptr<Watched>>;

  void Start();
  void Change(std::vector<CheckedEndpoint> endpoints);
  std::shared_ptr<Watched> Begin(CheckedEndpoint endpoint);
  void Forget(const Watched& gone);
  asio::awaitable<void> KeepChecking(std::shared_ptr<Watched> watched);
  asio::awaitable<void> WaitUntil(Watched& watched, TimePoint due);
  void Record(const Watched& watched, const CheckResult& result);
  void Remember(const CheckedEndpoint& endpoint, const CheckResult& result);
  void LogChange(const CheckedEndpoint& endpoint, bool healthy, const std::string& error);
  double Uniform() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  log::Logger& logger_;
  asio::io_context io_{1};  // before all that hangs on it
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::mt19937 random_;
  WatchedMap watched_;
  int asking_ = 0;

  mutable std::mutex mutex_;
  std::map<Key, std::string> errors_;  // guarded by mutex_

  std::thread thread_;
};

void HealthChecker::Impl::Watch(std::vector<CheckedEndpoint> endpoints) {
  if (endpoints.empty() && !thread_.joinable()) return;
  if (!thread_.joinable()) Start();
  asio::post(io_, [this, endpoints = std::move(endpoints)]() mutable { Change(std::move(endpoints)); });
}

void HealthChecker::Impl::Start() {
  thread_ = std::thread([this] { io_.run(); });
  pthread_setname_np(thread_.native_handle(), "naru-health");
}

void HealthChecker::Impl::Stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    for (const auto& [key, watched] : watched_) watched->Retire();
    watched_.clear();
    work_.reset();
  });
  thread_.join();
}

// --- which endpoints ---

void HealthChecker::Impl::Change(std::vector<CheckedEndpoint> endpoints) {
  WatchedMap next;
  for (CheckedEndpoint& endpoint : endpoints) {
    const Key key = KeyOf(endpoint);
    const auto before = watched_.find(key);
    if (before != watched_.end() && before->second->endpoint == endpoint) {
      next.insert(watched_.extract(before));
    } else {
      next[key] = Begin(std::move(endpoint));
    }
  }
  std::swap(watched_, next);
  for (const auto& [key, gone] : next) {
    gone->Retire();
    Forget(*gone);
  }
}

std::shared_ptr<Watched> HealthChecker::Impl::Begin(CheckedEndpoint endpoint) {
  auto watched = std::make_shared<Watched>(io_.get_executor(), std::move(endpoint));
  asio::co_spawn(io_, KeepChecking(watched), asio::detached);
  return watched;
}

// An endpoint that is only checked in another way from now on keeps its verdict.
void HealthChecker::Impl::Forget(const Watched& gone) {
  const Key key = KeyOf(gone.endpoint);
  const auto successor = watched_.find(key);
  if (successor != watched_.end() && successor->second->endpoint.verdict == gone.endpoint.verdict) return;
  gone.endpoint.verdict->Forget();
  const std::lock_guard lock(mutex_);
  errors_.erase(key);
}

// --- checking one ---

asio::awaitable<void> HealthChecker::Impl::KeepChecking(std::shared_ptr<Watched> watched) {
  const resilience::HealthCheckPolicy& policy = watched->endpoint.policy;
  TimePoint due = FirstCheck(policy, Now(), Uniform());
  while (true) {
    co_await WaitUntil(*watched, due);
    if (watched->retired) co_return;
    const TimePoint began = Now();
    ++asking_;
    const CheckResult result = co_await watched->check->Ask();
    --asking_;
    if (watched->retired) co_return;
    Record(*watched, result);
    due = NextCheck(policy, began, Uniform());
  }
}

asio::awaitable<void> HealthChecker::Impl::WaitUntil(Watched& watched, TimePoint due) {
  do {
    watched.timer.expires_at(due);
    co_await watched.timer.async_wait(asio::as_tuple(asio::use_awaitable));
    due = Now() + kWaitForOthers;
  } while (!watched.retired && asking_ >= kMostAtOnce);
}

void HealthChecker::Impl::Record(const Watched& watched, const CheckResult& result) {
  const CheckedEndpoint& endpoint = watched.endpoint;
  if (result.grade == Grade::kNeutral) {
    return logger_.WriteLimited("health check", log::Level::kError, "cannot check the health of endpoints",
                                {{"error", result.error}});
  }
  Remember(endpoint, result);
  const bool good = result.grade == Grade::kSuccess;
  const CheckedHealth::Change change = endpoint.verdict->Record(good, endpoint.policy);
  if (change != CheckedHealth::Change::kNone) LogChange(endpoint, good, result.error);
  if (!endpoint.verdict->healthy() || !good) return;
  const std::lock_guard lock(mutex_);
  errors_.erase(KeyOf(endpoint));
}

// Before the verdict changes, so that whoever sees an unhealthy endpoint also finds why.
void HealthChecker::Impl::Remember(const CheckedEndpoint& endpoint, const CheckResult& result) {
  if (result.grade != Grade::kFailure) return;
  const std::lock_guard lock(mutex_);
  errors_[KeyOf(endpoint)] = DescribeCheck(endpoint.policy) + ": " + result.error;
}

void HealthChecker::Impl::LogChange(const CheckedEndpoint& endpoint, bool healthy, const std::string& error) {
  const std::string address = endpoint.address.ToString();
  const std::string check = DescribeCheck(endpoint.policy);
  const std::string limited_by = endpoint.service + " health";
  if (healthy) {
    logger_.WriteLimited(
        limited_by, log::Level::kInfo, "endpoint is healthy again",
        {{"service", endpoint.service}, {"squad", endpoint.squad}, {"endpoint", address}, {"check", check}});
  } else {
    logger_.WriteLimited(limited_by, log::Level::kWarn, "endpoint is unhealthy",
                         {{"service", endpoint.service},
                          {"squad", endpoint.squad},
                          {"endpoint", address},
                          {"check", check},
                          {"error", error}});
  }
}

std::string HealthChecker::Impl::LastError(const Key& key) const {
  const std::lock_guard lock(mutex_);
  const auto at = errors_.find(key);
  return at == errors_.end() ? "" : at->second;
}

HealthChecker::HealthChecker(log::Logger& logger) : impl_(std::make_unique<Impl>(logger)) {}

HealthChecker::~HealthChecker() = default;

void HealthChecker::Watch(std::vector<CheckedEndpoint> endpoints) {
  impl_->Watch(std::move(endpoints));
}

void HealthChecker::Stop() {
  impl_->Stop();
}

std::string HealthChecker::LastError(const std::string& service, const discovery::Address& endpoint) const {
  return impl_->LastError({service, endpoint});
}

}  // namespace naru::health
