#include "sidecar/app.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "discovery/aws/environment.h"
#include "discovery/aws/task_containers.h"
#include "metrics/process.h"
#include "metrics/registry.h"
#include "sidecar/admin/admin_server.h"
#include "sidecar/admin/backend.h"
#include "sidecar/build_info.h"
#include "sidecar/call/retry_attempts.h"
#include "sidecar/call_log.h"
#include "sidecar/caller_identity.h"
#include "sidecar/checked_endpoints.h"
#include "sidecar/config/discovered.h"
#include "sidecar/config/effective_config.h"
#include "sidecar/config/load_config.h"
#include "sidecar/config_watcher.h"
#include "sidecar/default_services.h"
#include "sidecar/health/health_checker.h"
#include "sidecar/listeners.h"
#include "sidecar/log/logger.h"
#include "sidecar/net/descriptor_budget.h"
#include "sidecar/net/dial.h"
#include "sidecar/service_sources.h"
#include "sidecar/service_views.h"
#include "sidecar/worker.h"

namespace naru {
namespace {

using resilience::TimePoint;

constexpr auto kQuietBeforeEnd = std::chrono::seconds(1);
constexpr auto kDrainCheck = std::chrono::milliseconds(20);
constexpr auto kAskContainers = std::chrono::milliseconds(500);  // the agent allows 40 requests a second
// What sources find within this time comes into force together: a control plane that answers for a thousand
// services makes a few snapshots, not a thousand.
constexpr auto kGatherFindings = std::chrono::milliseconds(20);
constexpr auto kReadAgain = std::chrono::seconds(1);
constexpr auto kForgetRetired = std::chrono::milliseconds(100);
constexpr auto kForgetIdleServices = std::chrono::seconds(5);

TimePoint Now() {
  return std::chrono::time_point_cast<resilience::Duration>(std::chrono::steady_clock::now());
}

std::optional<log::Level> ParseLevel(const std::string& word) {
  for (const log::Level level :
       {log::Level::kDebug, log::Level::kInfo, log::Level::kWarn, log::Level::kError}) {
    if (log::WordOf(level) == word) return level;
  }
  return std::nullopt;
}

metrics::Vocabulary MakeVocabulary() {
  metrics::Vocabulary vocabulary;
  for (int outcome = 0; outcome < resilience::kOutcomes; ++outcome) {
    vocabulary.outcomes.emplace_back(resilience::WordOf(static_cast<resilience::Outcome>(outcome)));
  }
  for (int code = 0; code < resilience::kGrpcCodes; ++code) {
    vocabulary.grpc_codes.emplace_back(resilience::WordOf(static_cast<resilience::GrpcCode>(code)));
  }
  vocabulary.retry_reasons = call::RetryReasonWords();
  vocabulary.suppressed_reasons = call::SuppressedRetryWords();
  return vocabulary;
}

// Calls come first where there is one core for all: this thread, and those that it starts from here on
// (sources, health checks), give way to the workers, and still have a third of what anybody else on the host
// has.
void StandBehindWorkers() {
  constexpr int kNicer = 5;
  [[maybe_unused]] const int niceness = nice(kNicer);  // of the calling thread alone, on Linux
}

// What cannot change while naru runs, as problems of a reload.
std::vector<std::string> NeedsRestart(const config::Config& now, const config::Config& next) {
  std::vector<std::string> problems;
  auto unchanged = [&](bool same, const char* key) {
    if (!same) problems.push_back(absl::StrCat("`", key, "` cannot change while naru runs: restart it"));
  };
  unchanged(now.workers == next.workers, "workers");
  unchanged(now.admin.text == next.admin.text, "admin");
  unchanged(now.caller.squad == next.caller.squad, "caller.squad");
  unchanged(now.caller.service == next.caller.service, "caller.service");
  return problems;
}

class Sidecar final : public admin::Backend {
 public:
  // `config` has been completed by `identity`.
  Sidecar(const RunOptions& options, log::Level level, CallerIdentity identity,
          std::shared_ptr<const config::Config> config);
  ~Sidecar() override;

  // Opens every port. `paths` is what the configuration was read from. Fails with a sentence.
  absl::Status Open(const std::vector<std::string>& paths);
  void Run();

  std::string Ready() override;
  std::vector<admin::ServiceView> Services() override {
    return ViewServices(*snapshot_, sources_, health_checker_, Now());
  }
  std::optional<admin::ServiceView> Service(const std::string& name) override {
    return ViewService(name, *snapshot_, sources_, health_checker_, Now());
  }
  std::string ConfigJson() override { return config::EffectiveConfigJson(snapshot_->config()); }
  std::optional<admin::Refusal> Refused() override { return refused_; }
  std::vector<std::string> Listen() override;
  admin::ReloadResult Reload() override { return LoadAnew("POST /reload", false); }
  void Drain() override { BeginDrain("POST /drain"); }
  metrics::Registry& registry() override { return registry_; }
  admin::RecentCalls& recent_calls() override { return recent_; }

 private:
  // `only_if_changed`: nobody asked, so that what is as it was is not worth a word.
  admin::ReloadResult LoadAnew(const char* why, bool only_if_changed);
  admin::ReloadResult RefuseFile(const char* why, const config::LoadResult& loaded, bool only_if_changed);
  void TellOfWatching(const absl::Status& watching);
  void ReadAgainSoon();
  void TakeIntoForce(const std::shared_ptr<const config::Config>& config);
  void UseSnapshot(std::shared_ptr<const call::Snapshot> snapshot);
  void SourcesChanged();
  void TakeFindings();
  void ForgetRetired();
  void Wanted(const std::string& name, int worker);
  void Tell(const DefaultServices::Told& told);
  void UseDefaultServices();
  void ForgetIdleServices();
  admin::ReloadResult Refuse(const char* why, std::vector<std::string> problems, bool only_if_changed);
  void AwaitSignal();
  void OnSignal(int signal);
  void BeginDrain(const char* why);
  void CheckDrained();
  boost::asio::awaitable<void> WatchContainers(std::string origin);
  bool MayAccept() const;
  void BudgetDescriptors();
  uint64_t CallsInFlight() const;
  uint64_t CallsBegun() const;
  metrics::GaugeReadings ReadGauges();

  const std::string config_path_;
  const config::ProcessEnvironment environment_;
  const CallerIdentity identity_;
  log::Logger logger_;
  admin::RecentCalls recent_;
  metrics::Registry registry_;
  call::CalleeStates states_;
  std::shared_ptr<const call::Snapshot> snapshot_;
  // Held until no call needs them, so that it is not a worker who takes a large one apart.
  std::vector<std::shared_ptr<const call::Snapshot>> retired_;
  std::string effective_;                  // to tell whether a changed file changed anything
  std::optional<admin::Refusal> refused_;  // the last reload, if it was
  TimePoint loaded_at_;
  uint64_t loads_ = 1;
  CallLog call_log_;
  // Descriptors that connections of calls may hold; as it was when ports were last opened.
  std::atomic<net::DescriptorBudget> descriptors_{
      net::DescriptorBudget(std::numeric_limits<uint64_t>::max(), 0)};
  std::vector<std::unique_ptr<Worker>> workers_;
  Listeners listeners_;
  health::HealthChecker health_checker_;

  boost::asio::io_context io_{1};
  boost::asio::signal_set signals_;
  boost::asio::steady_timer drain_timer_;
  boost::asio::steady_timer findings_timer_;
  boost::asio::steady_timer retired_timer_;
  boost::asio::steady_timer read_again_timer_;
  std::atomic<bool> findings_due_{false};
  boost::asio::steady_timer idle_services_timer_;
  std::shared_ptr<const config::Config>
      file_;  // as it was loaded; the snapshot's has discovered services, too
  DefaultServices default_services_;
  ServiceSources sources_;  // tells io_: after it
  const call::FindingOf finding_of_;
  admin::AdminServer admin_;
  ConfigWatcher watcher_;
  bool draining_ = false;
  bool ready_told_ = true;  // false between a start that has to wait for sources and their first answers
  TimePoint drain_by_{};
  TimePoint quiet_since_{};
  // On ECS, once asked: naru goes when the other containers of its task have stopped.
  std::optional<discovery::aws::OtherContainers> other_containers_;
  uint64_t calls_seen_ = 0;
};

Sidecar::Sidecar(const RunOptions& options, log::Level level, CallerIdentity identity,
                 std::shared_ptr<const config::Config> config)
    : config_path_(options.config_path),
      identity_(std::move(identity)),
      logger_(log::LoggerOptions{.level = level}),
      registry_(MakeVocabulary(), {config->caller.squad, config->caller.service},
                static_cast<int>(config->workers), 20000, {kVersion, kCommit}),
      snapshot_(
          std::make_shared<call::Snapshot>(config, states_, registry_, static_cast<int>(config->workers))),
      effective_(config::EffectiveConfigJson(*config)),
      loaded_at_(Now()),
      call_log_(logger_, recent_),
      listeners_(workers_),
      health_checker_(logger_),
      signals_(io_, SIGHUP, SIGTERM, SIGINT),
      drain_timer_(io_),
      findings_timer_(io_),
      retired_timer_(io_),
      read_again_timer_(io_),
      idle_services_timer_(io_),
      file_(config),
      sources_(logger_, [this] { SourcesChanged(); }),
      finding_of_([this](const config::Service& service) { return sources_.FindingOf(service); }),
      admin_(io_, *this),
      watcher_(io_, [this] { LoadAnew("a file changed", true); }) {
  for (uint32_t i = 0; i < config->workers; ++i) {
    metrics::CallSeries& nameless = *registry_.Call(static_cast<int>(i), {"unknown", "unknown", "other"});
    auto wake_others = [this, i](call::LimitConcurrency::LimitPtr limit) {
      for (size_t j = 0; j < workers_.size(); ++j) {
        if (j != i) workers_[j]->WakeWaiting(limit);
      }
    };
    auto exhausted = [this](int error) {
      logger_.WriteLimited(
          "accept", log::Level::kError, "cannot accept connections",
          {{"error", std::strerror(error)}, {"hint", "raise the limit of open files (ulimit -n)"}});
    };
    auto abused = [this](resilience::AbuseKind kind) {
      logger_.WriteLimited("http2_abuse", log::Level::kWarn, "ended an HTTP/2 connection of an application",
                           {{"kind", resilience::WordOf(kind)},
                            {"hint", "a broken or hostile client; its other connections go on"}});
    };
    auto discover = [this, i](const std::string& name) {
      boost::asio::post(io_, [this, name, i] { Wanted(name, static_cast<int>(i)); });
    };
    WorkerOptions worker{
        static_cast<int>(i), nameless, call_log_, nullptr, discover, [this] { return MayAccept(); },
        exhausted,           abused,   {}};
    if (level == log::Level::kDebug) {
      worker.tracer = [this](const std::string& peer) -> http::Http2Trace {
        return [this, peer](std::string_view line) {
          logger_.Write(log::Level::kDebug, "http2", {{"peer", peer}, {"frame", line}});
        };
      };
    }
    if (config->workers > 1) worker.wake_others = wake_others;
    workers_.push_back(std::make_unique<Worker>(std::move(worker), snapshot_));
  }
  registry_.SetGaugeSource([this] { return ReadGauges(); });
}

Sidecar::~Sidecar() {
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
}

absl::Status Sidecar::Open(const std::vector<std::string>& paths) {
  const config::Config& config = snapshot_->config();
  if (absl::Status listening = listeners_.Change(config, [] {}); !listening.ok()) return listening;
  if (absl::Status admin = admin_.Listen(config.admin.text); !admin.ok()) return admin;
  TellOfWatching(watcher_.Watch(paths));
  BudgetDescriptors();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Start();
  StandBehindWorkers();
  sources_.Watch(config, {});
  TakeFindings();  // of an earlier run
  health_checker_.Watch(CheckedEndpoints(*snapshot_));
  return absl::OkStatus();
}

void Sidecar::Run() {
  const config::Config& config = snapshot_->config();
  const std::string waiting = Ready();
  ready_told_ = waiting.empty();
  logger_.Write(log::Level::kInfo, ready_told_ ? "ready" : "started, not ready yet",
                {{"version", kVersion},
                 {"caller", config.caller.squad + "/" + config.caller.service},
                 {"zone", config.caller.zone},
                 {"task", config.caller.task},
                 {"services", config.services.size()},
                 {"listen", config.listen.empty() ? std::string() : config.listen.front().text},
                 {"admin", config.admin.text},
                 {"waiting_for", waiting}});
  if (!identity_.trouble().empty()) {
    logger_.Write(
        log::Level::kWarn, "the ECS task does not say who it is",
        {{"error", identity_.trouble()}, {"hint", "say it in the file: caller: {squad: NAME, ...}"}});
  }
  AwaitSignal();
  io_.run();
  sources_.Stop();
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Stop();
  health_checker_.Stop();
  listeners_.CleanUp();
  logger_.Write(log::Level::kInfo, "ended");
}

std::string Sidecar::Ready() {
  return draining_ ? "naru is shutting down" : sources_.WhyNotReady(*snapshot_);
}

std::vector<std::string> Sidecar::Listen() {
  std::vector<std::string> addresses;
  for (const config::ListenAddress& address : snapshot_->config().listen) addresses.push_back(address.text);
  return addresses;
}

// --- configuration ---

admin::ReloadResult Sidecar::LoadAnew(const char* why, bool only_if_changed) {
  config::LoadResult loaded = config::LoadConfig(config_path_, environment_);
  if (loaded.config == nullptr) return RefuseFile(why, loaded, only_if_changed);
  TellOfWatching(watcher_.Watch(loaded.paths));
  loaded.config = identity_.Complete(std::move(loaded.config));
  const std::string effective = config::EffectiveConfigJson(*loaded.config);
  // The token is a secret, which `effective` does not say.
  const bool unchanged = effective == effective_ && loaded.config->discovery == file_->discovery;
  if (only_if_changed && unchanged) {
    refused_.reset();  // what was wrong has been taken back
    return {};
  }
  if (std::vector<std::string> problems = NeedsRestart(*file_, *loaded.config); !problems.empty()) {
    return Refuse(why, std::move(problems), only_if_changed);
  }
  const absl::Status listening = listeners_.Change(*loaded.config, [&] { TakeIntoForce(loaded.config); });
  if (!listening.ok()) return Refuse(why, {std::string(listening.message())}, only_if_changed);
  BudgetDescriptors();
  effective_ = effective;
  refused_.reset();
  loaded_at_ = Now();
  ++loads_;
  registry_.ConfigReloads(metrics::ReloadOutcome::kOk)->Add();
  logger_.Write(log::Level::kInfo, "configuration reloaded",
                {{"why", why}, {"services", loaded.config->services.size()}});
  return {};
}

admin::ReloadResult Sidecar::RefuseFile(const char* why, const config::LoadResult& loaded,
                                        bool only_if_changed) {
  TellOfWatching(watcher_.WatchToo(loaded.paths));
  std::vector<std::string> problems;
  for (const config::Problem& problem : loaded.problems) problems.push_back(config::Render(problem));
  admin::ReloadResult result = Refuse(why, std::move(problems), only_if_changed);
  if (loaded.try_again) ReadAgainSoon();
  return result;
}

void Sidecar::TellOfWatching(const absl::Status& watching) {
  if (watching.ok()) return;
  logger_.WriteLimited("config_watch", log::Level::kWarn, "changes of the configuration go unnoticed",
                       {{"error", std::string(watching.message())},
                        {"hint", "send SIGHUP or POST /reload; fs.inotify.max_user_watches may be too low"}});
}

void Sidecar::ReadAgainSoon() {
  read_again_timer_.expires_after(kReadAgain);
  read_again_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) LoadAnew("it could not be read before", true);
  });
}

void Sidecar::TakeIntoForce(const std::shared_ptr<const config::Config>& config) {
  file_ = config;
  default_services_.Reloaded(*config);
  UseDefaultServices();
}

// The file in force and what calls have found beside it.
void Sidecar::UseDefaultServices() {
  std::vector<config::Service> found = default_services_.Services(*file_);
  const std::shared_ptr<const config::Config> config =
      found.empty() ? file_ : config::WithServices(*file_, std::move(found));
  sources_.Watch(*config, default_services_.Sources());
  UseSnapshot(std::make_shared<call::Snapshot>(config, states_, registry_, static_cast<int>(workers_.size()),
                                               finding_of_));
  std::vector<std::string> names;
  for (const config::Service& service : config->services) names.push_back(service.name);
  states_.KeepOnly(names);
}

void Sidecar::UseSnapshot(std::shared_ptr<const call::Snapshot> snapshot) {
  retired_.push_back(std::exchange(snapshot_, std::move(snapshot)));
  for (const std::unique_ptr<Worker>& worker : workers_) worker->UseSnapshot(snapshot_);
  health_checker_.Watch(CheckedEndpoints(*snapshot_));
  if (retired_.size() == 1) ForgetRetired();
}

void Sidecar::ForgetRetired() {
  std::erase_if(retired_, [](const auto& snapshot) { return snapshot.use_count() == 1; });
  if (retired_.empty()) return;
  retired_timer_.expires_after(kForgetRetired);
  retired_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) ForgetRetired();
  });
}

// --- endpoints ---

// On the thread of the sources.
void Sidecar::SourcesChanged() {
  if (findings_due_.exchange(true)) return;
  boost::asio::post(io_, [this] {
    findings_timer_.expires_after(kGatherFindings);
    findings_timer_.async_wait([this](boost::system::error_code error) {
      if (!error) TakeFindings();
    });
  });
}

void Sidecar::TakeFindings() {
  findings_due_ = false;
  const int workers = static_cast<int>(workers_.size());
  std::shared_ptr<const call::Snapshot> next =
      call::Snapshot::After(*snapshot_, states_, registry_, workers, finding_of_);
  if (next != nullptr) UseSnapshot(std::move(next));
  if (!ready_told_ && Ready().empty()) {
    ready_told_ = true;
    logger_.Write(log::Level::kInfo, "ready", {{"services", snapshot_->config().services.size()}});
  }
  const std::vector<DefaultServices::Told> told =
      default_services_.Take([this](const std::string& uri) { return sources_.FindingOf(uri); }, Now());
  const bool found = std::any_of(told.begin(), told.end(), [](const auto& name) { return name.known; });
  if (found) UseDefaultServices();
  for (const DefaultServices::Told& name : told) Tell(name);
}

// --- services that the file does not name ---

void Sidecar::Wanted(const std::string& name, int worker) {
  // It may have been found for another worker while this one asked.
  if (snapshot_->config().FindService(name) != nullptr) return Tell({name, {worker}, true, true, ""});
  if (const std::optional<DefaultServices::Told> told = default_services_.Want(*file_, name, worker, Now())) {
    return Tell(*told);
  }
  sources_.Watch(snapshot_->config(), default_services_.Sources());
  ForgetIdleServices();
  TakeFindings();  // of an earlier run
}

void Sidecar::Tell(const DefaultServices::Told& told) {
  call::Discovered answer{told.known ? snapshot_ : nullptr, told.exists, told.why_not};
  for (const int worker : told.workers) workers_[static_cast<size_t>(worker)]->Discovered(told.name, answer);
}

void Sidecar::ForgetIdleServices() {
  for (const std::shared_ptr<const call::Callee>& callee : snapshot_->callees()) {
    if (!callee->service->discovered || !callee->used->exchange(false)) continue;
    default_services_.Used(callee->service->name, Now());
  }
  const size_t known = snapshot_->config().services.size();
  if (default_services_.ForgetIdle(Now())) {
    const size_t kept = file_->services.size() + default_services_.Services(*file_).size();
    if (kept != known) UseDefaultServices();
    if (kept == known) sources_.Watch(snapshot_->config(), default_services_.Sources());
  }
  if (default_services_.empty()) return;
  idle_services_timer_.expires_after(kForgetIdleServices);
  idle_services_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) ForgetIdleServices();
  });
}

admin::ReloadResult Sidecar::Refuse(const char* why, std::vector<std::string> problems,
                                    bool only_if_changed) {
  if (only_if_changed && refused_ && refused_->problems == problems) return {std::move(problems)};
  registry_.ConfigReloads(metrics::ReloadOutcome::kRefused)->Add();
  for (const std::string& problem : problems) {
    logger_.Write(log::Level::kError, "configuration refused, the old one stays in force",
                  {{"why", why}, {"problem", problem}});
  }
  refused_ = admin::Refusal{config_path_, std::chrono::system_clock::now(), why, problems};
  return {std::move(problems)};
}

// --- the end ---

void Sidecar::AwaitSignal() {
  signals_.async_wait([this](boost::system::error_code error, int signal) {
    if (error) return;
    OnSignal(signal);
    AwaitSignal();
  });
}

void Sidecar::OnSignal(int signal) {
  if (signal == SIGHUP) {
    LoadAnew("SIGHUP", false);
  } else if (draining_ || signal == SIGINT) {
    io_.stop();
  } else {
    BeginDrain("SIGTERM");
  }
}

void Sidecar::BeginDrain(const char* why) {
  if (draining_) return;
  draining_ = true;
  for (const std::unique_ptr<Worker>& worker : workers_) worker->Drain();
  quiet_since_ = Now();
  drain_by_ = Now() + snapshot_->config().drain_timeout;
  logger_.Write(log::Level::kInfo, "draining: calls are still carried",
                {{"why", why}, {"in_flight", CallsInFlight()}});
  const std::string origin = discovery::aws::Environment::OfProcess().task_metadata;
  if (!origin.empty()) {
    other_containers_ = discovery::aws::OtherContainers::kRunning;
    boost::asio::co_spawn(io_, WatchContainers(origin), boost::asio::detached);
  }
  CheckDrained();
}

// An application that is told to end at the same time as naru may begin its last calls late: on ECS it is
// known when it has gone. Where the metadata do not say, silence has to do.
boost::asio::awaitable<void> Sidecar::WatchContainers(std::string origin) {
  const auto client = std::make_shared<discovery::HttpClient>(io_.get_executor());
  boost::asio::steady_timer timer(io_);
  while (other_containers_ == discovery::aws::OtherContainers::kRunning) {
    absl::StatusOr<discovery::aws::OtherContainers> others =
        co_await discovery::aws::AskOtherContainers(client, origin, kAskContainers);
    other_containers_ = others.ok() ? *others : discovery::aws::OtherContainers::kNone;
    timer.expires_after(kAskContainers);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
  }
}

// The application may still call while it shuts down, so naru goes last.
void Sidecar::CheckDrained() {
  const TimePoint now = Now();
  const uint64_t begun = CallsBegun();
  if (CallsInFlight() > 0 || begun != calls_seen_) quiet_since_ = now;
  calls_seen_ = begun;
  using discovery::aws::OtherContainers;
  const bool others_run = other_containers_ == OtherContainers::kRunning;
  const bool others_gone = other_containers_ == OtherContainers::kStopped && CallsInFlight() == 0;
  const bool quiet = others_gone || (!others_run && now - quiet_since_ >= kQuietBeforeEnd);
  if (quiet || now >= drain_by_) {
    if (!quiet) logger_.Write(log::Level::kWarn, "drain_timeout passed", {{"in_flight", CallsInFlight()}});
    io_.stop();
    return;
  }
  drain_timer_.expires_after(kDrainCheck);
  drain_timer_.async_wait([this](boost::system::error_code error) {
    if (!error) CheckDrained();
  });
}

// Counts what is open once, so that accepting need not.
void Sidecar::BudgetDescriptors() {
  const std::optional<metrics::ProcessReading> process = metrics::ReadProcess();
  if (!process) return;
  uint64_t connections = 0;
  for (const std::unique_ptr<Worker>& worker : workers_)
    connections += worker->downstream_connections() + worker->upstream_connections() +
                   worker->http2_upstream_connections();
  constexpr double kNoLimit = 1e9;  // Linux allows no more (fs.nr_open)
  const auto open = static_cast<uint64_t>(process->open_fds);
  const auto limit = static_cast<uint64_t>(std::min(process->max_fds, kNoLimit));
  descriptors_ = net::DescriptorBudget(limit, open - std::min(open, connections));
}

// On the thread of a worker.
bool Sidecar::MayAccept() const {
  net::OpenConnections open;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    open.downstream += worker->downstream_connections();
    open.upstream += worker->upstream_connections() + worker->http2_upstream_connections();
  }
  return descriptors_.load(std::memory_order_relaxed).MayAccept(open);
}

uint64_t Sidecar::CallsInFlight() const {
  uint64_t calls = 0;
  for (const std::unique_ptr<Worker>& worker : workers_) calls += worker->calls_in_flight();
  return calls;
}

uint64_t Sidecar::CallsBegun() const {
  uint64_t calls = 0;
  for (const std::unique_ptr<Worker>& worker : workers_) calls += worker->calls_begun();
  return calls;
}

metrics::GaugeReadings Sidecar::ReadGauges() {
  metrics::GaugeReadings readings;
  readings.services = ReadServices(*snapshot_, sources_, Now(), Now() - loaded_at_, loads_);
  uint64_t downstream = 0, downstream_http2 = 0, upstream = 0, upstream_http2 = 0;
  for (const std::unique_ptr<Worker>& worker : workers_) {
    downstream += worker->downstream_connections() - worker->http2_downstream_connections();
    downstream_http2 += worker->http2_downstream_connections();
    upstream += worker->upstream_connections();
    upstream_http2 += worker->http2_upstream_connections();
  }
  readings.connections = {{"downstream", "http1", downstream},
                          {"downstream", "http2", downstream_http2},
                          {"upstream", "http1", upstream},
                          {"upstream", "http2", upstream_http2}};
  for (int i = 0; i < resilience::kAbuseKinds; ++i) {
    const auto kind = static_cast<resilience::AbuseKind>(i);
    uint64_t connections = 0;
    for (const std::unique_ptr<Worker>& worker : workers_) connections += worker->abuse(kind);
    readings.abuse.push_back({std::string(resilience::WordOf(kind)), connections});
  }
  return readings;
}

}  // namespace

int RunSidecar(const RunOptions& options) {
  const std::optional<log::Level> level = ParseLevel(options.log_level);
  if (!level) {
    std::fprintf(stderr, "naru: there is no log level \"%s\": it is one of debug, info, warn, error\n",
                 options.log_level.c_str());
    return 1;
  }
  signal(SIGPIPE, SIG_IGN);
  net::RaiseDescriptorLimit();
  const config::LoadResult loaded = config::LoadConfig(options.config_path, config::ProcessEnvironment());
  if (loaded.config == nullptr) {
    std::fputs(config::Render(loaded.problems).c_str(), stderr);
    return loaded.unreadable ? 2 : 1;
  }
  CallerIdentity identity = CallerIdentity::Read();
  std::shared_ptr<const config::Config> config = identity.Complete(loaded.config);
  Sidecar sidecar(options, *level, std::move(identity), std::move(config));
  if (const absl::Status opened = sidecar.Open(loaded.paths); !opened.ok()) {
    std::fprintf(stderr, "naru: %s\n", std::string(opened.message()).c_str());
    return 1;
  }
  sidecar.Run();
  return 0;
}

}  // namespace naru
