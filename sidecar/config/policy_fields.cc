#include "sidecar/config/policy_fields.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <type_traits>

namespace naru::config {
namespace {

using resilience::BackoffPolicy;
using resilience::BalanceKind;
using resilience::BreakerPolicy;
using resilience::EjectionPolicy;
using resilience::HealthCheckPolicy;
using resilience::LimitPolicy;
using resilience::RetryBudgetPolicy;
using resilience::RetryPolicy;
using namespace std::chrono_literals;

template <typename T>
constexpr bool kIsOptional = false;
template <typename T>
constexpr bool kIsOptional<std::optional<T>> = true;

// What a Value holds as it is; every other member is a number to it.
template <typename T>
constexpr bool kIsAlternative = std::is_same_v<T, bool> || std::is_same_v<T, double> ||
                                std::is_same_v<T, Duration> || std::is_same_v<T, std::string>;

// Between a member and a Value.
template <typename T>
Value ToValue(const T& member) {
  if constexpr (kIsOptional<T>) {
    return member.has_value() ? ToValue(*member) : Value(Off{});
  } else if constexpr (kIsAlternative<T>) {
    return Value(member);
  } else {
    return Value(static_cast<uint64_t>(member));
  }
}

template <typename T>
void FromValue(const Value& value, T& member) {
  if constexpr (kIsOptional<T>) {
    if (std::holds_alternative<Off>(value)) {
      member.reset();
    } else {
      FromValue(value, member.emplace());
    }
  } else if constexpr (kIsAlternative<T>) {
    member = std::get<T>(value);
  } else {
    member = static_cast<T>(std::get<uint64_t>(value));
  }
}

// Along a path of members; an optional on the way is a group that may be off.
template <auto First, auto... Rest, typename Object>
Value Read(const Object& object) {
  const auto& member = object.*First;
  if constexpr (sizeof...(Rest) == 0) {
    return ToValue(member);
  } else if constexpr (kIsOptional<std::decay_t<decltype(member)>>) {
    return member.has_value() ? Read<Rest...>(*member) : Value(Off{});
  } else {
    return Read<Rest...>(member);
  }
}

template <auto First, auto... Rest, typename Object>
void Write(Object& object, const Value& value) {
  auto& member = object.*First;
  if constexpr (sizeof...(Rest) == 0) {
    FromValue(value, member);
  } else if constexpr (kIsOptional<std::decay_t<decltype(member)>>) {
    if (!member.has_value()) member.emplace();
    Write<Rest...>(*member, value);
  } else {
    Write<Rest...>(member, value);
  }
}

template <auto... Path>
constexpr PolicyField Row(std::string_view key, const ValueType& type, std::string_view doc) {
  return PolicyField{key, type, doc, [](const Policy& policy) { return Read<Path...>(policy); },
                     [](Policy& policy, const Value& value) { Write<Path...>(policy, value); }};
}

constexpr PolicyField Group(std::string_view key, std::string_view doc) {
  return PolicyField{key, ValueType{ValueKind::kGroup}, doc, [](const Policy&) { return Value(true); },
                     [](Policy&, const Value&) {}};
}

template <auto Member>
constexpr PolicyField GroupOrOff(std::string_view key, std::string_view doc) {
  return PolicyField{
      key, ValueType{ValueKind::kGroup}.OrOff(), doc,
      [](const Policy& policy) { return (policy.*Member).has_value() ? Value(true) : Value(Off{}); },
      [](Policy& policy, const Value& value) {
        if (std::holds_alternative<Off>(value)) {
          (policy.*Member).reset();
        } else if (!(policy.*Member).has_value()) {
          (policy.*Member).emplace();
        }
      }};
}

constexpr PolicyField OfServices(PolicyField group) {
  group.in_routes = false;
  return group;
}

// One of two ways to check an endpoint. Whoever names one does not inherit the other.
template <auto Way, auto Other>
constexpr PolicyField WayToCheck(std::string_view key, ValueKind kind, std::string_view doc) {
  PolicyField field = Row<&Policy::health_check, Way>(key, {kind}, doc);
  field.set = [](Policy& policy, const Value& value) {
    Write<&Policy::health_check, Way>(policy, value);
    ((*policy.health_check).*Other).reset();
  };
  return field;
}

constexpr ValueType Durations(Duration least, Duration most) {
  return {ValueKind::kDuration, least, most};
}
constexpr ValueType Counts(uint64_t least, uint64_t most) {
  return {ValueKind::kCount, least, most};
}
constexpr ValueType Ratios(double least, double most) {
  return {ValueKind::kRatio, least, most};
}

// In the order of RetryOn's bits.
constexpr std::array<std::string_view, 7> kRetryWords = {"unsent", "refused", "reset",      "502",
                                                         "503",    "504",     "unavailable"};
static_assert(resilience::kOnUnavailable == 1 << (kRetryWords.size() - 1));
// In the order of BalanceKind.
constexpr std::array<std::string_view, 3> kBalanceWords = {"p2c", "least-request", "round-robin"};
static_assert(static_cast<size_t>(BalanceKind::kRoundRobin) == kBalanceWords.size() - 1);

constexpr PolicyField kFields[] = {
    Row<&Policy::timeout>(
        "timeout", Durations(1ms, 24h),
        "Until the answer begins, every attempt and wait included; then the longest silence inside it."),
    Row<&Policy::try_timeout>("try_timeout", Durations(1ms, 24h).OrOff(),
                              "One attempt until its response head; none on the last attempt."),
    Row<&Policy::connect_timeout>("connect_timeout", Durations(1ms, 10min),
                                  "Until a connection is established."),
    Row<&Policy::idle_timeout>(
        "idle_timeout", Durations(1ms, 7 * 24h),
        "Longest silence on an upgrade, an event stream or a gRPC stream, in place of `timeout`."),
    Group("retry", "When an attempt that failed is followed by another."),
    Row<&Policy::retry, &RetryPolicy::attempts>("retry.attempts", Counts(1, 10),
                                                "Attempts of one call, the first included; 1 never retries."),
    Row<&Policy::retry, &RetryPolicy::on>("retry.on", {ValueKind::kWords, Off{}, Off{}, kRetryWords},
                                          "What is retried. `unsent`: nothing of the request reached the "
                                          "endpoint. `refused`: the endpoint said that it did not "
                                          "process it. `reset`: closed, reset or silent until `try_timeout` "
                                          "after it was sent; only what is safe to repeat."),
    Row<&Policy::retry, &RetryPolicy::idempotent>(
        "retry.idempotent", {ValueKind::kBoolean},
        "The owning squad vouches that repeating these calls is safe, whatever their method."),
    Row<&Policy::retry, &RetryPolicy::body_bytes>("retry.body",
                                                  {ValueKind::kSize, uint64_t{0}, uint64_t{16 << 20}},
                                                  "Request bodies up to this are kept for another attempt."),
    Group("retry.backoff", "The wait before a retry: random, up to base * (2^retry - 1)."),
    Row<&Policy::retry, &RetryPolicy::backoff, &BackoffPolicy::base>(
        "retry.backoff.base", Durations(0ms, 1min), "The longest wait before the first retry."),
    Row<&Policy::retry, &RetryPolicy::backoff, &BackoffPolicy::max>(
        "retry.backoff.max", Durations(0ms, 10min), "The longest wait before any retry."),
    Group("retry.budget",
          "Bounds retries to a share of the answers that succeed: an outage earns no retries."),
    Row<&Policy::retry, &RetryPolicy::budget, &RetryBudgetPolicy::ratio>(
        "retry.budget.ratio", Ratios(0, 1), "Retries per answer that succeeded."),
    Row<&Policy::retry, &RetryPolicy::budget, &RetryBudgetPolicy::floor_per_second>(
        "retry.budget.floor", {ValueKind::kRate, 0.0, 1000.0}, "Retries granted without any success."),
    Row<&Policy::retry, &RetryPolicy::budget, &RetryBudgetPolicy::window>(
        "retry.budget.window", Durations(100ms, 10min), "How long a success counts."),
    Group("limits", "Calls that one callee carries at once from this sidecar."),
    Row<&Policy::limits, &LimitPolicy::concurrent>("limits.concurrent", Counts(1, 1'000'000),
                                                   "Calls in flight."),
    Row<&Policy::limits, &LimitPolicy::queue>("limits.queue", Counts(0, 1'000'000),
                                              "Calls that wait for a place; further ones are refused."),
    Row<&Policy::limits, &LimitPolicy::queue_timeout>("limits.queue_timeout", Durations(0ms, 10min),
                                                      "The longest wait for a place."),
    GroupOrOff<&Policy::breaker>("breaker", "Stops calling a callee that mostly fails."),
    Row<&Policy::breaker, &BreakerPolicy::failure_rate>("breaker.failure_rate", Ratios(0.01, 1),
                                                        "The share of failed calls that opens it."),
    Row<&Policy::breaker, &BreakerPolicy::min_calls>("breaker.min_calls", Counts(1, 1'000'000),
                                                     "Fewer calls in the window never open it."),
    Row<&Policy::breaker, &BreakerPolicy::window>("breaker.window", Durations(100ms, 10min),
                                                  "How long a call counts."),
    Row<&Policy::breaker, &BreakerPolicy::open_for>("breaker.open_for", Durations(1ms, 10min),
                                                    "How long no call is let through."),
    Row<&Policy::breaker, &BreakerPolicy::probes>(
        "breaker.probes", Counts(1, 255),
        "Calls let through at once as a test, and successes that close it."),
    GroupOrOff<&Policy::ejection>("ejection", "Sets one endpoint aside that fails while others do not."),
    Row<&Policy::ejection, &EjectionPolicy::consecutive>("ejection.consecutive", Counts(1, 1'000'000),
                                                         "Failures in a row that eject."),
    Row<&Policy::ejection, &EjectionPolicy::success_rate>("ejection.success_rate", Ratios(0, 1),
                                                          "A success rate below this ejects."),
    Row<&Policy::ejection, &EjectionPolicy::min_calls>(
        "ejection.min_calls", Counts(1, 1'000'000),
        "Fewer results in the window never eject by success rate."),
    Row<&Policy::ejection, &EjectionPolicy::window>("ejection.window", Durations(100ms, 10min),
                                                    "How long a result counts."),
    Row<&Policy::ejection, &EjectionPolicy::base>(
        "ejection.base", Durations(1ms, 1h), "The first time aside; it doubles with every further ejection."),
    Row<&Policy::ejection, &EjectionPolicy::max>("ejection.max", Durations(1ms, 24h),
                                                 "The longest time aside."),
    Row<&Policy::ejection, &EjectionPolicy::keep>("ejection.keep", Ratios(0, 1),
                                                  "The share of endpoints that is never ejected."),
    OfServices(GroupOrOff<&Policy::health_check>("health_check",
                                                 "Asks every endpoint again and again how it is; one that is "
                                                 "not well gets no calls while others are.")),
    WayToCheck<&HealthCheckPolicy::path, &HealthCheckPolicy::grpc>(
        "health_check.path", ValueKind::kPath,
        "Asks by HTTP/1.1, GET of this path: a status of 2xx is well. Either this or `grpc`."),
    WayToCheck<&HealthCheckPolicy::grpc, &HealthCheckPolicy::path>(
        "health_check.grpc", ValueKind::kName,
        "Asks by grpc.health.v1 for the service of this name, or with \"\" for the whole server: SERVING is "
        "well. Either this or `path`."),
    Row<&Policy::health_check, &HealthCheckPolicy::interval>(
        "health_check.interval", Durations(100ms, 1h),
        "From the beginning of one check to that of the next, give or take 10%; never two at once."),
    Row<&Policy::health_check, &HealthCheckPolicy::timeout>("health_check.timeout", Durations(1ms, 1min),
                                                            "The longest that one check may take."),
    Row<&Policy::health_check, &HealthCheckPolicy::healthy>(
        "health_check.healthy", Counts(1, 1000), "Good checks in a row after which it gets calls again."),
    Row<&Policy::health_check, &HealthCheckPolicy::unhealthy>(
        "health_check.unhealthy", Counts(1, 1000), "Bad checks in a row after which it gets none."),
    Row<&Policy::balance>("balance", {ValueKind::kWord, Off{}, Off{}, kBalanceWords},
                          "How an endpoint is chosen; p2c is latency-aware, of two random choices."),
};

constexpr NotYet kNotYet[] = {
    {"tls", "", "remove it; calls inside the private network go without TLS"},
    {"hedge", "", "remove it; a lower try_timeout is the nearest there is"},
    {"limits.concurrent", "adaptive", "write a number, such as 100"},
    {"balance", "hash", "use p2c, least-request or round-robin"},
};

bool Belongs(std::string_view key, std::string_view group) {
  return key.size() > group.size() && key.starts_with(group) && key[group.size()] == '.';
}

class PolicyOrigins {
 public:
  void Set(const Setting& setting) {
    const std::string_view key = setting.field->key;
    if (setting.field->type.kind == ValueKind::kGroup) {
      Erase(key);
      if (!std::holds_alternative<Off>(setting.value)) return;
      // What was set inside a group is gone when the group is switched off.
      std::erase_if(origins_, [key](const auto& entry) { return Belongs(entry.first, key); });
    }
    Erase(key);
    origins_.emplace_back(key, Origin{setting.place.file, setting.place.line});
  }

  std::vector<std::pair<std::string, Origin>> Take() {
    std::sort(origins_.begin(), origins_.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    return std::move(origins_);
  }

 private:
  void Erase(std::string_view key) {
    std::erase_if(origins_, [key](const auto& entry) { return entry.first == key; });
  }
  std::vector<std::pair<std::string, Origin>> origins_;
};

bool LastSetBefore(std::span<const Layer* const> layers, std::string_view early, std::string_view late) {
  for (size_t i = layers.size(); i-- > 0;) {
    if (layers[i]->Find(early) != nullptr) return false;
    if (layers[i]->Find(late) != nullptr) return true;
  }
  return false;
}

std::string ExplainValue(const Policy& policy, const PolicyField& field) {
  const Value value = field.get(policy);
  const bool not_in_force =
      field.key == "try_timeout" && std::holds_alternative<Off>(value) && policy.try_timeout_not_in_force;
  return not_in_force ? "off, as the one inherited is not below timeout" : FormatValue(field.type, value);
}

}  // namespace

std::span<const PolicyField> PolicyFields() {
  return kFields;
}

std::span<const NotYet> NotYetPolicies() {
  return kNotYet;
}

Policy WithEveryGroup() {
  Policy policy;
  for (const PolicyField& field : kFields) {
    if (field.type.kind == ValueKind::kGroup) field.set(policy, Value(true));
  }
  return policy;
}

const PolicyField* FindPolicyField(std::string_view key) {
  const auto* at =
      std::find_if(std::begin(kFields), std::end(kFields), [key](const auto& row) { return row.key == key; });
  return at == std::end(kFields) ? nullptr : at;
}

const Setting* Layer::Find(std::string_view key) const {
  for (const Setting& setting : settings) {
    if (setting.field->key == key) return &setting;
  }
  return nullptr;
}

Policy Resolve(std::span<const Layer* const> layers) {
  Policy policy;
  PolicyOrigins origins;
  for (const Layer* layer : layers) {
    for (const Setting& setting : layer->settings) {
      setting.field->set(policy, setting.value);
      origins.Set(setting);
    }
  }
  policy.origins = origins.Take();
  if (policy.try_timeout >= policy.timeout && LastSetBefore(layers, "try_timeout", "timeout")) {
    policy.try_timeout.reset();
    policy.try_timeout_not_in_force = true;
  }
  return policy;
}

std::vector<PolicyLine> Explain(const Policy& policy) {
  std::vector<PolicyLine> lines;
  std::string_view off_group;
  for (const PolicyField& field : kFields) {
    if (!off_group.empty() && Belongs(field.key, off_group)) continue;
    const bool is_group = field.type.kind == ValueKind::kGroup;
    const bool is_off = std::holds_alternative<Off>(field.get(policy));
    if (is_group && is_off) off_group = field.key;
    if (is_group && !is_off) continue;
    if (is_off && !field.type.may_be_off) continue;  // the one of two ways that was not taken
    lines.push_back({std::string(field.key), ExplainValue(policy, field), policy.OriginOf(field.key)});
  }
  return lines;
}

}  // namespace naru::config
