#include "discovery/consul/consul_provider.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdlib>
#include <optional>
#include <string>
#include <utility>

#include "discovery/consul/consul_answer.h"
#include "discovery/consul/consul_health.h"
#include "discovery/consul/consul_query.h"
#include "discovery/consul/consul_watch.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

// What the watches of one provider share. It outlives the provider by a moment, its random generator does
// not: a retired watch uses nothing of it.
struct Agent {
  explicit Agent(const SourceContext& context) : client(context.io.get_executor()), random(context.random) {}

  HttpClient client;
  std::mt19937_64& random;
};

// A service while it is watched; shared by its source and the coroutine that asks for it.
struct Watched {
  Watched(const asio::any_io_executor& executor, std::shared_ptr<Agent> asked,
          absl::StatusOr<ConsulQuery> what, OnReport on_report)
      : agent(std::move(asked)), query(std::move(what)), report(std::move(on_report)), timer(executor) {}

  void Retire() {
    retired = true;
    stop.emit(asio::cancellation_type::terminal);
  }

  const std::shared_ptr<Agent> agent;
  const absl::StatusOr<ConsulQuery> query;  // or why there is none
  const OnReport report;
  asio::steady_timer timer;
  asio::cancellation_signal stop;
  bool retired = false;

  ConsulWatch watch;
  RequestPace pace;
  FailureWait failures;
  std::optional<Answer> last;
  std::string last_note;
  bool known_empty = false;  // the last list had no instances, and the catalog confirmed it
};

// What one request has taught.
struct Lesson {
  std::optional<Answer> answer;  // nothing where there is none that could be used
  std::string note;              // what of it could not be
  bool fresh = true;             // the answer is no older than it seems
  std::string trouble;           // a sentence; empty: all is well
};

Lesson Failed(std::string trouble) {
  return {std::nullopt, "", false, std::move(trouble)};
}

std::string At(const HttpRequest& request, std::string_view what) {
  return Cat(request.url.ToString(), ": ", what);
}

asio::awaitable<void> WaitUntil(std::shared_ptr<Watched> watched, TimePoint due) {
  watched->timer.expires_at(due);
  co_await watched->timer.async_wait(asio::as_tuple(asio::use_awaitable));
}

// --- an empty list ---

EmptyList Judge(const Watched& watched, const ConsulMeta& health,
                const absl::StatusOr<HttpResponse>& catalog) {
  if (!catalog.ok()) return {false, Cat(catalog.status().message())};
  if (catalog->status != 200) return {false, WhyRefused(*catalog)};
  const absl::StatusOr<std::set<std::string>> names = ReadServiceNames(catalog->body);
  if (!names.ok()) return {false, Cat(names.status().message())};
  return JudgeEmptyList(watched.query->service(), health, MetaOf(*catalog), *names);
}

// Whether the service has no instances at all, asked of the catalog where that is news.
asio::awaitable<Lesson> ConfirmEmpty(std::shared_ptr<Watched> watched, ConsulMeta meta, Lesson lesson) {
  const HttpRequest request = watched->query->Services();
  const absl::StatusOr<HttpResponse> catalog = co_await watched->agent->client.Send(request);
  const EmptyList empty = Judge(*watched, meta, catalog);
  if (!empty.certain) {
    co_return Failed(
        At(request, Cat("the list of instances is empty, which is not believed: ", empty.why_not)));
  }
  watched->known_empty = true;
  lesson.answer->exists = false;
  co_return lesson;
}

// --- one answer ---

Lesson Read(const Watched& watched, const HttpRequest& request, const HttpResponse& response,
            bool* no_instances) {
  const absl::StatusOr<HealthList> list = ReadHealth(response.body, watched.query->filter());
  if (!list.ok()) return Failed(At(request, Cat(list.status().message())));
  *no_instances = list->instances == 0;
  const ConsulMeta meta = MetaOf(response);
  const std::string outdated = WhyOutdated(meta);
  Lesson lesson{list->answer, list->note, outdated.empty(), ""};
  // What could not be used is told here: the rest of the answer is good, so that this is no trouble.
  lesson.answer->revision = Cat("index ", meta.index.value_or(0), list->note.empty() ? "" : "; ", list->note);
  if (!outdated.empty()) {
    lesson.trouble = At(request, Cat(outdated, ", so that its answer may be outdated"));
    if (list->answer.endpoints.empty()) lesson.answer.reset();  // what is outdated empties nothing
  }
  return lesson;
}

// Nothing where Consul's state has gone backwards, and is to be asked for again.
asio::awaitable<std::optional<Lesson>> Ask(std::shared_ptr<Watched> watched) {
  const HttpRequest request = watched->query->Health(watched->watch.index());
  const absl::StatusOr<HttpResponse> response = co_await watched->agent->client.Send(request);
  if (!response.ok()) co_return Failed(Cat(response.status().message()));
  if (response->status != 200) co_return Failed(At(request, WhyRefused(*response)));
  const ConsulMeta meta = MetaOf(*response);
  if (watched->watch.Answered(meta.index) == ConsulWatch::Verdict::kAskAgain) co_return std::nullopt;
  bool no_instances = false;
  Lesson lesson = Read(*watched, request, *response, &no_instances);
  if (!lesson.answer.has_value()) co_return lesson;
  if (!no_instances) {
    watched->known_empty = false;
  } else if (watched->known_empty) {
    lesson.answer->exists = false;
  } else {
    lesson = co_await ConfirmEmpty(watched, meta, std::move(lesson));
  }
  co_return lesson;
}

// --- what is told ---

// The index may have moved for the sake of somebody else.
bool Changed(const Watched& watched, const Lesson& lesson) {
  if (!watched.last.has_value() || watched.last_note != lesson.note) return true;
  Answer before = *watched.last;
  before.revision = lesson.answer->revision;
  return before != *lesson.answer;
}

// The second of two reports is left out where the first has ended the source.
void Tell(const std::shared_ptr<Watched>& watched, const Lesson& lesson) {
  if (lesson.answer.has_value()) {
    const bool changed = Changed(*watched, lesson);
    watched->last = lesson.answer;
    watched->last_note = lesson.note;
    if (changed) {
      watched->report(*lesson.answer);
    } else if (lesson.fresh) {
      watched->report(Confirmed());
    }
  }
  if (!lesson.trouble.empty() && !watched->retired) watched->report(Trouble{lesson.trouble});
}

// How long to wait beyond what the pace asks for.
Duration AfterLesson(Watched& watched, const Lesson& lesson) {
  if (lesson.answer.has_value() && lesson.fresh) {
    watched.failures.Succeeded();
    return Duration::zero();
  }
  watched.watch.Failed();
  return watched.failures.Next(std::uniform_real_distribution<double>(0, 1)(watched.agent->random));
}

asio::awaitable<void> KeepAsking(std::shared_ptr<Watched> watched) {
  co_await asio::this_coro::throw_if_cancelled(false);
  Duration wait = Duration::zero();
  while (!watched->retired) {
    const TimePoint due = watched->pace.Take(Now() + wait);
    co_await WaitUntil(watched, due);
    if (watched->retired) co_return;
    const std::optional<Lesson> lesson = co_await Ask(watched);
    if (watched->retired) co_return;
    wait = Duration::zero();
    if (!lesson.has_value()) continue;
    wait = AfterLesson(*watched, *lesson);
    Tell(watched, *lesson);
  }
}

// Where the settings cannot be used there is nobody to ask.
asio::awaitable<void> Complain(std::shared_ptr<Watched> watched) {
  if (!watched->retired) watched->report(Trouble{Cat(watched->query.status().message())});
  co_return;
}

// --- what the Discoverer sees ---

class ConsulSource final : public Source {
 public:
  explicit ConsulSource(std::shared_ptr<Watched> watched) : watched_(std::move(watched)) {}
  ~ConsulSource() override { watched_->Retire(); }

 private:
  const std::shared_ptr<Watched> watched_;
};

class ConsulProvider final : public SourceProvider {
 public:
  ConsulProvider(const SourceContext& context, ConsulSettings settings)
      : io_(context.io), settings_(std::move(settings)), agent_(std::make_shared<Agent>(context)) {}

  std::unique_ptr<Source> Open(const SourceUri& uri, OnReport report) override {
    auto watched = std::make_shared<Watched>(io_.get_executor(), agent_, ConsulQuery::For(uri, settings_),
                                             std::move(report));
    // Spawned by a post, so that nothing is reported before this returns.
    asio::co_spawn(io_, watched->query.ok() ? KeepAsking(watched) : Complain(watched),
                   asio::bind_cancellation_slot(watched->stop.slot(), asio::detached));
    return std::make_unique<ConsulSource>(std::move(watched));
  }

 private:
  asio::io_context& io_;
  const ConsulSettings settings_;
  const std::shared_ptr<Agent> agent_;
};

std::optional<std::string> ReadEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

}  // namespace

std::unique_ptr<SourceProvider> MakeConsulProvider(const SourceContext& context,
                                                   const ConsulSettings& settings) {
  return std::make_unique<ConsulProvider>(context, WithEnvironment(settings, ReadEnvironment));
}

}  // namespace naru::discovery
