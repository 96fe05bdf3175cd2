#include "sidecar/call/compose_head.h"

#include <algorithm>

#include "resilience/deadline.h"
#include "sidecar/http/http1_writer.h"

namespace naru::call {
namespace {

using http::AppendField;
using http::Field;
using http::FieldId;
using http::Framing;

// Fields that naru sets itself, whatever the application sent.
bool IsReplaced(FieldId id) {
  return id == FieldId::kHost || id == FieldId::kXNaruCaller || id == FieldId::kXNaruAttempt ||
         id == FieldId::kXNaruDeadlineMs;
}

// The service's name, unless it was called by another one: that is kept as the application wrote it.
std::string_view HostFor(const Call& call) {
  const Target& target = call.target;
  if (target.kept_host.empty()) return target.service->name;
  const Field* sent = call.head.fields.Find(FieldId::kHost);
  return target.named_by == NamedBy::kHostAlias && sent != nullptr ? sent->value : target.kept_host;
}

void AppendConnection(std::string& out, const http::RequestHead& head) {
  const bool trailers = head.fields.HasToken(FieldId::kTe, "trailers");
  if (head.upgrade) {
    AppendField(out, "connection", "upgrade");
    AppendField(out, "upgrade", head.fields.Find(FieldId::kUpgrade)->value);
  }
  if (!trailers) return;
  AppendField(out, "connection", "te");  // RFC 9110 10.1.4: TE is listed in Connection
  AppendField(out, "te", "trailers");
}

void AppendOwnFields(std::string& out, const Call& call, TimePoint now) {
  const config::Caller& caller = call.snapshot->config().caller;
  out.append("x-naru-caller: ").append(caller.squad).append("/").append(caller.service).append("\r\n");
  const uint64_t attempt = std::max<uint64_t>(call.inbound_attempt, call.attempts.size());
  if (attempt > 1) AppendField(out, "x-naru-attempt", attempt);
  AppendField(out, "x-naru-deadline-ms", resilience::FormatDeadlineMs(call.answer_by - now));
  if (!call.request_id.empty()) AppendField(out, "x-request-id", call.request_id);
  AppendField(out, "via", "1.1 naru");
}

void AppendAnswerFields(std::string& out, const http::ResponseHead& head) {
  // RFC 9110 8.6: a reader who believed the length of what has no body would take the next answer for it.
  const bool no_length = head.status < 200 || head.status == 204;
  for (const Field& field : head.fields) {
    if (field.hop_by_hop || (no_length && field.id == FieldId::kContentLength)) continue;
    AppendField(out, field.name, field.value);
  }
}

}  // namespace

void AppendUpstreamHead(std::string& out, const Call& call, TimePoint now) {
  const http::RequestHead& head = call.head;
  const Target& target = call.target;
  http::AppendRequestLine(out, head.method, target.path_and_query);
  AppendField(out, "host", HostFor(call));
  for (const Field& field : head.fields) {
    if (!field.hop_by_hop && !IsReplaced(field.id)) AppendField(out, field.name, field.value);
  }
  if (head.body.kind == Framing::Kind::kChunked) AppendField(out, "transfer-encoding", "chunked");
  AppendConnection(out, head);
  AppendOwnFields(out, call, now);
  http::AppendEndOfHead(out);
}

DownstreamFraming FrameAnswer(const http::ResponseHead& head, int request_minor_version, bool keep_alive) {
  DownstreamFraming framing{head.body.kind, !keep_alive};
  const bool unknown_length =
      head.body.kind == Framing::Kind::kChunked || head.body.kind == Framing::Kind::kUntilClose;
  if (!unknown_length) return framing;
  framing.kind = request_minor_version == 0 ? Framing::Kind::kUntilClose : Framing::Kind::kChunked;
  if (request_minor_version == 0) framing.close = true;
  return framing;
}

void AppendAnswerHead(std::string& out, const http::ResponseHead& head, const DownstreamFraming& framing,
                      int request_minor_version) {
  http::AppendStatusLine(out, head.status, head.reason);
  AppendAnswerFields(out, head);
  if (framing.kind == Framing::Kind::kChunked) AppendField(out, "transfer-encoding", "chunked");
  if (head.status == 101) {
    AppendField(out, "connection", "upgrade");
    if (const Field* upgrade = head.fields.Find(FieldId::kUpgrade))
      AppendField(out, "upgrade", upgrade->value);
  } else if (framing.close) {
    AppendField(out, "connection", "close");
  } else if (request_minor_version == 0) {
    AppendField(out, "connection", "keep-alive");
  }
  http::AppendEndOfHead(out);
}

void AppendInformationalHead(std::string& out, const http::ResponseHead& head) {
  http::AppendStatusLine(out, head.status, head.reason);
  AppendAnswerFields(out, head);
  http::AppendEndOfHead(out);
}

}  // namespace naru::call
