#include "sidecar/admin/json_views.h"

#include "sidecar/admin/json_writer.h"
#include "sidecar/log/line.h"

namespace naru::admin {
namespace {

// Lists of values, and of what has a WriteItem.
template <class Items, class Write>
void WriteList(JsonWriter& json, std::string_view key, const Items& items, Write write) {
  json.Key(key);
  json.BeginArray();
  for (const auto& item : items) write(json, item);
  json.EndArray();
}

void WriteText(JsonWriter& json, const std::string& text) {
  json.Value(text);
}

void WriteEndpoint(JsonWriter& json, const EndpointView& endpoint) {
  json.BeginObject();
  json.Member("address", endpoint.address);
  json.Member("state", endpoint.state);
  if (!endpoint.zone.empty()) json.Member("zone", endpoint.zone);
  if (endpoint.weight != 1) json.Member("weight", endpoint.weight);
  if (endpoint.latency_ms) json.Member("latency_ms", *endpoint.latency_ms);
  if (endpoint.latency_age_s) json.Member("latency_age_s", *endpoint.latency_age_s);
  json.Member("in_flight", endpoint.in_flight);
  if (endpoint.last_failure) {
    json.Key("last_failure");
    json.BeginObject();
    json.Member("reason", endpoint.last_failure->reason);
    json.Member("age_s", endpoint.last_failure->age_s);
    json.Member("is_latest", endpoint.last_failure->is_latest);
    json.EndObject();
  }
  if (!endpoint.why.empty()) json.Member("why", endpoint.why);
  if (endpoint.serving_again_in_ms) json.Member("serving_again_in_ms", *endpoint.serving_again_in_ms);
  json.EndObject();
}

void WriteSource(JsonWriter& json, const SourceView& source) {
  json.BeginObject();
  json.Member("uri", source.uri);
  json.Member("version", source.version);
  if (source.age_s) json.Member("age_s", *source.age_s);
  if (source.kept) json.Member("kept_from_an_earlier_run", true);
  if (!source.exists) json.Member("exists", false);
  if (!source.revision.empty()) json.Member("revision", source.revision);
  if (!source.error.empty()) json.Member("error", source.error);
  WriteList(json, "refused", source.refused, WriteText);
  json.EndObject();
}

void WritePolicyValue(JsonWriter& json, const PolicyValue& value) {
  json.BeginObject();
  json.Member("key", value.key);
  json.Member("value", value.value);
  json.Member("where", value.where);
  json.EndObject();
}

void WriteRoute(JsonWriter& json, const RouteView& route) {
  json.BeginObject();
  json.Member("route", route.name);
  if (!route.pattern.empty()) json.Member(route.grpc ? "grpc" : "match", route.pattern);
  json.Member("breaker", route.breaker);
  WriteList(json, "ejected", route.ejected, WriteText);
  WriteList(json, "policy", route.policy, WritePolicyValue);
  json.EndObject();
}

// Leaves the object open.
void WriteServiceMembers(JsonWriter& json, const ServiceView& service) {
  json.BeginObject();
  json.Member("service", service.name);
  json.Member("squad", service.squad);
  if (service.port) json.Member("port", *service.port);
  WriteList(json, "hosts", service.hosts, WriteText);
  json.Member("in_flight", service.in_flight);
  json.Member("queued", service.queued);
  json.Member("breaker", service.breaker);
  if (service.discovered) json.Member("discovered", true);
  if (service.source) {
    json.Key("source");
    WriteSource(json, *service.source);
  }
  WriteList(json, "endpoints", service.endpoints, WriteEndpoint);
}

void WriteService(JsonWriter& json, const ServiceView& service) {
  WriteServiceMembers(json, service);
  json.EndObject();
}

void WriteAttempt(JsonWriter& json, const RecentAttempt& attempt) {
  json.BeginObject();
  json.Member("endpoint", attempt.endpoint);
  json.Member("outcome", attempt.outcome);
  json.Member("start_ms", attempt.start_ms);
  json.Member("ms", attempt.ms);
  if (!attempt.detail.empty()) json.Member("detail", attempt.detail);
  if (attempt.free) json.Member("free", true);
  json.EndObject();
}

void WriteCall(JsonWriter& json, const std::shared_ptr<const RecentCall>& call) {
  json.BeginObject();
  json.Member("time", log::FormatTime(call->time_of_day));
  json.Member("request_id", call->request_id);
  json.Member("caller", call->caller);
  json.Member("squad", call->squad);
  json.Member("service", call->service);
  json.Member("route", call->route);
  json.Member("method", call->method);
  json.Member("path", call->path);
  if (!call->peer.empty()) json.Member("peer", call->peer);
  json.Member("outcome", call->outcome);
  if (call->status != 0) json.Member("status", call->status);
  json.Member("ms", call->ms);
  if (!call->detail.empty()) json.Member("detail", call->detail);
  WriteList(json, "attempts", call->attempts, WriteAttempt);
  json.EndObject();
}

}  // namespace

std::string ServicesJson(const std::vector<ServiceView>& services) {
  JsonWriter json;
  json.BeginObject();
  WriteList(json, "services", services, WriteService);
  json.EndObject();
  return json.Take();
}

std::string ServiceJson(const ServiceView& service) {
  JsonWriter json;
  WriteServiceMembers(json, service);
  if (!service.routes.empty()) WriteList(json, "routes", service.routes, WriteRoute);
  WriteList(json, "policy", service.policy, WritePolicyValue);
  json.EndObject();
  return json.Take();
}

std::string ConfigJson(std::string config, const std::optional<Refusal>& refused) {
  if (!refused) return config;
  JsonWriter json;
  json.BeginObject();
  json.Key("refused");
  json.BeginObject();
  json.Member("file", refused->file);
  json.Member("time", log::FormatTime(refused->time));
  json.Member("why", refused->why);
  WriteList(json, "problems", refused->problems, WriteText);
  json.EndObject();
  std::string text = json.Take();
  text.pop_back();  // the line feed
  const std::string_view rest = std::string_view(config).substr(config.find('{') + 1);
  if (!rest.starts_with('}')) text += ',';
  return text.append(rest);
}

std::string RecentCallsJson(const std::vector<std::shared_ptr<const RecentCall>>& calls) {
  JsonWriter json;
  json.BeginObject();
  WriteList(json, "calls", calls, WriteCall);
  json.EndObject();
  return json.Take();
}

std::string ReloadJson(const ReloadResult& result) {
  JsonWriter json;
  json.BeginObject();
  json.Member("reloaded", result.problems.empty());
  WriteList(json, "problems", result.problems, WriteText);
  json.EndObject();
  return json.Take();
}

std::string ErrorJson(int status, const std::string& detail) {
  JsonWriter json;
  json.BeginObject();
  json.Member("status", status);
  json.Member("detail", detail);
  json.EndObject();
  return json.Take();
}

}  // namespace naru::admin
