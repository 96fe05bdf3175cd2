#include "sidecar/call/compose_head.h"

#include <algorithm>

#include "resilience/deadline.h"
#include "sidecar/call/websocket.h"
#include "sidecar/http/http1_writer.h"

namespace naru::call {
namespace {

using http::AppendField;
using http::Field;
using http::FieldId;
using http::Framing;

// Attempts before this one that a service may have seen (gRPC proposal A6 counts no others).
size_t SeenAttempts(const Call& call) {
  return call.attempts.size() - std::min<size_t>(call.attempts.size(), call.unseen_attempts + 1);
}

// Fields that naru sets itself, whatever the application sent.
bool IsReplaced(const Call& call, FieldId id) {
  switch (id) {
    case FieldId::kHost:
    case FieldId::kXNaruCaller:
    case FieldId::kXNaruAttempt:
    case FieldId::kXNaruDeadlineMs:
      return true;
    case FieldId::kGrpcTimeout:
      return call.grpc;
    case FieldId::kGrpcPreviousRpcAttempts:
      return call.grpc && SeenAttempts(call) > 0;
    case FieldId::kSecWebSocketKey:
      return !call.head.protocol.empty();
    default:
      return false;
  }
}

// The service's name, unless it was called by another one: that is kept as the application wrote it.
std::string_view HostFor(const Call& call) {
  const Target& target = call.target;
  if (target.kept_host.empty()) return target.service->name;
  const Field* sent = call.head.fields.Find(FieldId::kHost);
  return target.named_by == NamedBy::kHostAlias && sent != nullptr ? sent->value : target.kept_host;
}

// What the application asks to switch to, in the words of either version.
std::string_view ProtocolAskedFor(const http::RequestHead& head) {
  return head.protocol.empty() ? head.fields.Find(FieldId::kUpgrade)->value : head.protocol;
}

void AppendConnection(std::string& out, const Call& call) {
  const http::RequestHead& head = call.head;
  if (head.upgrade) {
    AppendField(out, "connection", "upgrade");
    AppendField(out, "upgrade", ProtocolAskedFor(head));
    // RFC 8441 5.1: HTTP/2 needs no key, HTTP/1 does.
    if (!head.protocol.empty()) AppendField(out, "sec-websocket-key", WebSocketKey(call.RequestId()));
  }
  if (!head.fields.HasToken(FieldId::kTe, "trailers")) return;
  AppendField(out, "connection", "te");  // RFC 9110 10.1.4: TE is listed in Connection
  AppendField(out, "te", "trailers");
}

// The number of this attempt as the endpoint is told it; 1: it is not.
uint64_t AttemptNumber(const Call& call) {
  return std::max<uint64_t>(call.inbound_attempt, call.attempts.size());
}

// RFC 9110 7.6.3: the version that the message was received in.
std::string_view ViaFor(const http::RequestHead& head) {
  return head.major_version == 2 ? "2 naru" : "1.1 naru";
}

void AppendOwnFields(std::string& out, const Call& call, TimePoint now) {
  AppendField(out, "x-naru-caller", call.snapshot->caller());
  if (AttemptNumber(call) > 1) AppendField(out, "x-naru-attempt", AttemptNumber(call));
  AppendField(out, "x-naru-deadline-ms", resilience::FormatDeadlineMs(call.answer_by - now));
  if (!call.request_id.empty()) AppendField(out, "x-request-id", call.request_id);
  AppendField(out, "via", ViaFor(call.head));
}

// RFC 9113 8.2.3: crumbs become one field again on their way to HTTP/1.
void AppendCookies(std::string& out, const http::FieldList& fields) {
  bool first = true;
  for (const Field& field : fields) {
    if (field.id != FieldId::kCookie || field.hop_by_hop) continue;
    out.append(first ? "cookie: " : "; ").append(field.value);
    first = false;
  }
  if (!first) out.append("\r\n");
}

void AddOwnFields(http::Http2Fields& out, const Call& call, TimePoint now) {
  out.Add("x-naru-caller", call.snapshot->caller());
  if (AttemptNumber(call) > 1) out.AddCopy("x-naru-attempt", std::to_string(AttemptNumber(call)), false);
  if (!call.grpc) {
    out.AddCopy("x-naru-deadline-ms", resilience::FormatDeadlineMs(call.answer_by - now), false);
  } else if (call.caller_deadline) {
    // Of a gRPC call the deadline is that of the whole call, streams included: only its caller may set one.
    // The loop may have woken before the call began: what is left is never more than what its caller sent.
    const Duration left = *call.caller_deadline - std::max(now, call.started);
    out.AddCopy("grpc-timeout", resilience::FormatGrpcTimeout(left), false);
  }
  if (call.grpc && SeenAttempts(call) > 0) {
    out.AddCopy("grpc-previous-rpc-attempts", std::to_string(call.previous_rpc_attempts + SeenAttempts(call)),
                false);
  }
  if (!call.request_id.empty()) out.Add("x-request-id", call.request_id, false);
  out.Add("via", ViaFor(call.head));
}

// Values that differ from call to call would only push others out of the peer's table.
bool IsWorthIndexing(FieldId id) {
  return id != FieldId::kXRequestId && id != FieldId::kContentLength && id != FieldId::kIdempotencyKey;
}

void AddForwarded(http::Http2Fields& out, const Field& field, int major_version) {
  if (major_version == 2) {
    out.Add(field.name, field.value, IsWorthIndexing(field.id));
  } else {
    out.AddAnyCase(field.name, field.value, IsWorthIndexing(field.id));
  }
}

// RFC 9113 8.2.3: crumbs compress better than a long field of which one part changes.
void AddCookieCrumbs(http::Http2Fields& out, const Field& field) {
  std::string_view rest = field.value;
  while (!rest.empty()) {
    const size_t end = rest.find("; ");
    out.Add("cookie", rest.substr(0, end));
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 2);
  }
}

// RFC 9110 8.6: a reader who believed the length of what has no body would take the next answer for it.
bool HasNoLength(int status) {
  return status < 200 || status == 204;
}

void AppendAnswerFields(std::string& out, const http::ResponseHead& head) {
  for (const Field& field : head.fields) {
    if (field.hop_by_hop || (field.id == FieldId::kContentLength && HasNoLength(head.status))) continue;
    AppendField(out, field.name, field.value);
  }
}

}  // namespace

void AppendUpstreamHead(std::string& out, const Call& call, TimePoint now) {
  const http::RequestHead& head = call.head;
  const Target& target = call.target;
  http::AppendRequestLine(out, head.method, target.path_and_query);
  AppendField(out, "host", HostFor(call));
  const bool crumbs = head.major_version == 2;
  for (const Field& field : head.fields) {
    if (field.hop_by_hop || IsReplaced(call, field.id) || (crumbs && field.id == FieldId::kCookie)) continue;
    AppendField(out, field.name, field.value);
  }
  if (crumbs) AppendCookies(out, head.fields);
  if (head.body.kind == Framing::Kind::kChunked) AppendField(out, "transfer-encoding", "chunked");
  AppendConnection(out, call);
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

// --- HTTP/2 ---

void ComposeHttp2Request(http::Http2Fields& out, const Call& call, TimePoint now) {
  const http::RequestHead& head = call.head;
  out.Clear();
  out.Add(":method", head.upgrade ? std::string_view("CONNECT") : head.method);
  out.Add(":scheme", "http");
  out.Add(":authority", HostFor(call));
  out.Add(":path", call.target.path_and_query);
  if (head.upgrade) out.Add(":protocol", ProtocolAskedFor(head));
  for (const Field& field : head.fields) {
    if (field.hop_by_hop || IsReplaced(call, field.id)) continue;
    if (head.upgrade && field.id == FieldId::kSecWebSocketKey) continue;
    if (field.id == FieldId::kCookie) {
      AddCookieCrumbs(out, field);
    } else {
      AddForwarded(out, field, head.major_version);
    }
  }
  if (head.fields.HasToken(FieldId::kTe, "trailers")) out.Add("te", "trailers");
  AddOwnFields(out, call, now);
}

void ComposeHttp2Answer(http::Http2Fields& out, const http::ResponseHead& head) {
  out.Clear();
  out.Add(":status", http::StatusText(head.status == 101 ? 200 : head.status));
  for (const Field& field : head.fields) {
    if (field.hop_by_hop || field.id == FieldId::kSecWebSocketAccept) continue;
    if (field.id == FieldId::kContentLength && HasNoLength(head.status)) continue;
    AddForwarded(out, field, head.major_version);
  }
}

void ToHttp2Block(const http::RequestHead& head, http::Http2HeadBlock& block) {
  block.Add(":method", head.method);
  block.Add(":scheme", "http");
  block.Add(":path", head.target);
  for (const Field& field : head.fields) {
    if (!field.hop_by_hop) block.AddAnyCase(field.name, field.value);
  }
}

}  // namespace naru::call
