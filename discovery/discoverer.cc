#include "discovery/discoverer.h"

#include <pthread.h>

#include <array>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <future>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "discovery/last_good.h"
#include "discovery/providers.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

constexpr size_t kMostRefusedNamed = 5;
constexpr auto kKeepAgainAfter = std::chrono::hours(1);  // an unchanged answer, to note that it was confirmed

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

struct Watched {
  Watched(const SourceUri& uri, const PrivateRanges& ranges) : record(uri, ranges) {}

  SourceRecord record;
  std::unique_ptr<Source> source;
  TimePoint kept_at{};  // when its answer was last written to disk
};

}  // namespace

// Everything but Find and what it reads happens on the thread.
class Discoverer::Impl {
 public:
  explicit Impl(DiscovererHooks hooks) : hooks_(std::move(hooks)) {}
  ~Impl() { Stop(); }

  void Watch(const std::vector<SourceUri>& sources, const Settings& settings, const PrivateRanges& ranges);
  void Stop();
  std::optional<Finding> Find(const std::string& uri) const;

 private:
  using WatchedMap = std::map<std::string, std::unique_ptr<Watched>>;

  void Start();
  void Change(const std::vector<SourceUri>& sources, const Settings& settings, const PrivateRanges& ranges);
  void UseSettings(const Settings& settings);
  void UseRanges(const PrivateRanges& ranges);
  void Begin(const SourceUri& uri);
  void Restore(Watched& watched);
  void Open(Watched& watched);
  void Take(Watched& watched, Report report);
  void Publish(const Watched& watched, const SourceRecord::Change& change);
  void Tell(const Watched& watched, const SourceRecord::Change& change);
  void Keep(Watched& watched, bool changed);
  void ReportNotKept(const Watched& watched, const absl::Status& status);
  SourceProvider* ProviderOf(Scheme scheme);

  const DiscovererHooks hooks_;
  asio::io_context io_{1};  // before all that hangs on it
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::mt19937_64 random_{std::random_device()()};
  Settings settings_;
  PrivateRanges ranges_;
  std::optional<LastGood> last_good_;
  std::array<std::unique_ptr<SourceProvider>, kSchemes> providers_;
  WatchedMap watched_;

  mutable std::mutex mutex_;
  std::map<std::string, Finding, std::less<>> findings_;  // guarded by mutex_

  std::thread thread_;
};

void Discoverer::Impl::Watch(const std::vector<SourceUri>& sources, const Settings& settings,
                             const PrivateRanges& ranges) {
  if (sources.empty() && !thread_.joinable()) return;
  if (!thread_.joinable()) Start();
  std::promise<void> changed;
  asio::post(io_, [&] {
    Change(sources, settings, ranges);
    changed.set_value();
  });
  changed.get_future().wait();
}

void Discoverer::Impl::Start() {
  work_.emplace(io_.get_executor());
  thread_ = std::thread([this] { io_.run(); });
  pthread_setname_np(thread_.native_handle(), "naru-discovery");
}

void Discoverer::Impl::Stop() {
  if (!thread_.joinable()) return;
  asio::post(io_, [this] {
    watched_.clear();
    for (std::unique_ptr<SourceProvider>& provider : providers_) provider.reset();
    work_.reset();
  });
  thread_.join();
}

std::optional<Finding> Discoverer::Impl::Find(const std::string& uri) const {
  const std::lock_guard lock(mutex_);
  const auto at = findings_.find(uri);
  return at == findings_.end() ? std::nullopt : std::optional(at->second);
}

// --- which sources ---

void Discoverer::Impl::Change(const std::vector<SourceUri>& sources, const Settings& settings,
                              const PrivateRanges& ranges) {
  if (settings != settings_ || !last_good_.has_value()) UseSettings(settings);
  if (ranges != ranges_) UseRanges(ranges);
  WatchedMap before = std::exchange(watched_, {});
  for (const SourceUri& uri : sources) {
    if (const auto at = before.find(uri.text); at != before.end()) {
      watched_.insert(before.extract(at));
    } else if (!watched_.contains(uri.text)) {
      Begin(uri);
    }
  }
  for (const auto& [uri, watched] : watched_) {
    if (watched->source == nullptr) Open(*watched);
  }
  const std::lock_guard lock(mutex_);
  for (const auto& [uri, gone] : before) findings_.erase(uri);
}

// The records stay: what the sources said last is used until those that are asked anew have answered.
void Discoverer::Impl::UseSettings(const Settings& settings) {
  for (const auto& [uri, watched] : watched_) watched->source.reset();
  for (std::unique_ptr<SourceProvider>& provider : providers_) provider.reset();
  settings_ = settings;
  last_good_.emplace(settings.state_directory.has_value() ? *settings.state_directory
                                                          : DefaultStateDirectory());
  last_good_->Prune(std::chrono::system_clock::now());
}

void Discoverer::Impl::UseRanges(const PrivateRanges& ranges) {
  ranges_ = ranges;
  for (const auto& [uri, watched] : watched_) {
    const SourceRecord::Change change = watched->record.UseRanges(ranges);
    Publish(*watched, change);
  }
}

void Discoverer::Impl::Begin(const SourceUri& uri) {
  auto watched = std::make_unique<Watched>(uri, ranges_);
  Restore(*watched);
  watched_.emplace(uri.text, std::move(watched));
}

void Discoverer::Impl::Restore(Watched& watched) {
  absl::StatusOr<std::optional<KeptAnswer>> kept =
      last_good_->Load(watched.record.uri(), std::chrono::system_clock::now());
  SourceRecord::Change change;
  if (!kept.ok()) ReportNotKept(watched, kept.status());
  if (kept.ok() && kept->has_value()) change = watched.record.Restore(**std::move(kept), Now());
  Publish(watched, change);
}

void Discoverer::Impl::Open(Watched& watched) {
  SourceProvider* provider = ProviderOf(watched.record.uri().scheme);
  if (provider == nullptr) {
    return Take(watched, Trouble{"this build of naru has no source of this kind"});
  }
  watched.source = provider->Open(watched.record.uri(), [this, &watched](Report report) {
    Take(watched, std::move(report));  // the record outlives its source
  });
}

SourceProvider* Discoverer::Impl::ProviderOf(Scheme scheme) {
  if (scheme == Scheme::kDnsSrv) scheme = Scheme::kDns;  // one serves both: one resolver, one rate of queries
  std::unique_ptr<SourceProvider>& provider = providers_[static_cast<size_t>(scheme)];
  if (provider == nullptr) provider = MakeProvider(scheme, settings_, SourceContext{io_, random_});
  return provider.get();
}

// --- what they say ---

void Discoverer::Impl::Take(Watched& watched, Report report) {
  const bool good = !std::holds_alternative<Trouble>(report);
  const SourceRecord::Change change = watched.record.Take(std::move(report), Now());
  Publish(watched, change);
  Tell(watched, change);
  if (good) Keep(watched, change.endpoints);
  // Where there is one core for all, many answers at once must not hold up a worker for a slice of the
  // scheduler.
  std::this_thread::yield();
}

void Discoverer::Impl::Publish(const Watched& watched, const SourceRecord::Change& change) {
  {
    const std::lock_guard lock(mutex_);
    findings_[watched.record.uri().text] = watched.record.finding();
  }
  const bool first_trouble = change.trouble_began && watched.record.finding().set == nullptr;
  if (change.endpoints || first_trouble) hooks_.changed();
}

void Discoverer::Impl::Tell(const Watched& watched, const SourceRecord::Change& change) {
  const Finding& finding = watched.record.finding();
  Event event{Event::Kind::kAnswered, watched.record.uri().text, 0, {}, 0, finding.error};
  event.known = finding.set != nullptr;
  if (event.known) {
    event.endpoints = finding.set->endpoints.size();
    event.refused_count = finding.set->refused.size();
    const size_t named = std::min(event.refused_count, kMostRefusedNamed);
    event.refused.assign(finding.set->refused.begin(),
                         finding.set->refused.begin() + static_cast<ptrdiff_t>(named));
  }
  auto tell = [&](bool happened, Event::Kind kind) {
    event.kind = kind;
    if (happened) hooks_.happened(event);
  };
  tell(change.trouble_ended, Event::Kind::kTroubleEnded);
  tell(change.endpoints, Event::Kind::kAnswered);
  tell(change.refused && event.refused_count > 0, Event::Kind::kRefused);
  tell(change.trouble_began, Event::Kind::kTroubleBegan);
}

// An authoritative "no such service" is not worth starting with.
void Discoverer::Impl::Keep(Watched& watched, bool changed) {
  const TimePoint now = Now();
  if (!watched.record.finding().exists) return;
  if (!changed && now - watched.kept_at < kKeepAgainAfter) return;
  watched.kept_at = now;
  const absl::Status saved =
      last_good_->Save(watched.record.uri(), watched.record.answer(), std::chrono::system_clock::now());
  if (!saved.ok()) ReportNotKept(watched, saved);
}

void Discoverer::Impl::ReportNotKept(const Watched& watched, const absl::Status& status) {
  Event event{Event::Kind::kNotKept, watched.record.uri().text, 0, {}, 0, std::string(status.message())};
  hooks_.happened(event);
}

Discoverer::Discoverer(DiscovererHooks hooks) : impl_(std::make_unique<Impl>(std::move(hooks))) {}

Discoverer::~Discoverer() = default;

void Discoverer::Watch(const std::vector<SourceUri>& sources, const Settings& settings,
                       const PrivateRanges& ranges) {
  impl_->Watch(sources, settings, ranges);
}

void Discoverer::Stop() {
  impl_->Stop();
}

std::optional<Finding> Discoverer::Find(const std::string& uri) const {
  return impl_->Find(uri);
}

}  // namespace naru::discovery
