#include "tests/support/call_world.h"

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "sidecar/call/retry_attempts.h"
#include "sidecar/config/load_config.h"
#include "tests/sidecar/config/fake_environment.h"

namespace naru {
namespace {

metrics::Vocabulary Words() {
  metrics::Vocabulary words;
  for (int outcome = 0; outcome < resilience::kOutcomes; ++outcome) {
    words.outcomes.emplace_back(resilience::WordOf(static_cast<resilience::Outcome>(outcome)));
  }
  for (int code = 0; code < resilience::kGrpcCodes; ++code) {
    words.grpc_codes.emplace_back(resilience::WordOf(static_cast<resilience::GrpcCode>(code)));
  }
  words.retry_reasons = call::RetryReasonWords();
  words.suppressed_reasons = call::SuppressedRetryWords();
  return words;
}

void AppendCount(std::string& text, const std::string& what, uint64_t count) {
  if (count > 0) text += what + " = " + std::to_string(count) + "\n";
}

template <class Counts>
void AppendCounts(std::string& text, const std::string& what, const std::vector<std::string>& words,
                  const Counts& counts) {
  for (size_t i = 0; i < words.size(); ++i) AppendCount(text, what + " " + words[i], counts[i]);
}

}  // namespace

std::shared_ptr<const config::Config> ConfigOf(const std::string& yaml) {
  config::FakeEnvironment environment;
  environment.files["naru.yaml"] = yaml;
  config::LoadResult loaded = config::LoadConfig("naru.yaml", environment);
  std::fputs(config::Render(loaded.problems).c_str(), stderr);
  if (loaded.config == nullptr) std::abort();
  return loaded.config;
}

CallWorld::CallWorld(const std::string& yaml, int workers) : CallWorld(ConfigOf(yaml), workers) {}

CallWorld::CallWorld(std::shared_ptr<const config::Config> config, int workers)
    : workers_(workers),
      registry_(Words(), {config->caller.squad, config->caller.service}, workers),
      snapshot_(std::make_shared<call::Snapshot>(std::move(config), states_, registry_, workers)) {}

void CallWorld::Reload(const std::string& yaml) {
  snapshot_ = std::make_shared<call::Snapshot>(ConfigOf(yaml), states_, registry_, workers_);
}

const call::Callee& CallWorld::callee(std::string_view service) const {
  return snapshot_->CalleeOf(*snapshot_->config().FindService(service));
}

metrics::CallSeries& CallWorld::nameless(int worker) {
  return *registry_.Call(worker, {"unknown", "unknown", "other"});
}

std::string CallWorld::Counts() const {
  std::string text;
  const metrics::Vocabulary& words = registry_.vocabulary();
  registry_.ForEachCall([&](const metrics::CallLabels& labels, const metrics::CallReading& reading) {
    for (const auto& [key, count] : reading.calls) {
      AppendCount(text,
                  "calls " + labels.callee_service + "/" + labels.route + " " + words.outcomes[key.first] +
                      " " + std::to_string(key.second),
                  count);
    }
  });
  registry_.ForEachCallee(
      [&](const std::string&, const std::string& service, const metrics::CalleeReading& reading) {
        AppendCounts(text, "attempts " + service, words.outcomes, reading.attempts);
        AppendCounts(text, "retries " + service, words.retry_reasons, reading.retries);
        AppendCounts(text, "suppressed " + service, words.suppressed_reasons, reading.suppressed_retries);
      });
  return text;
}

}  // namespace naru
