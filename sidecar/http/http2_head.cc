#include "sidecar/http/http2_head.h"

#include <charconv>

namespace naru::http {
namespace {

Framing FramingOf(const FieldList& fields, bool ends, std::string_view& problem) {
  if (ends) return {};
  const Field* length = fields.Find(FieldId::kContentLength);
  if (length == nullptr) return {Framing::Kind::kChunked, 0};
  const std::optional<uint64_t> bytes = ParseContentLength(length->value);
  if (!bytes) problem = "content-length is not a number of bytes";
  return {Framing::Kind::kLength, bytes.value_or(0)};
}

bool IsPseudo(std::string_view name) {
  return name.starts_with(':');
}

}  // namespace

std::string_view ReadRequestHead(const Http2HeadBlock& block, bool ends, RequestHead& into) {
  into.Clear();
  into.major_version = 2;
  into.minor_version = 0;
  std::string_view authority;
  for (size_t i = 0; i < block.size(); ++i) {
    const Http2HeadBlock::Entry entry = block[i];
    if (entry.name == ":method") into.method = entry.value;
    if (entry.name == ":path") into.target = entry.value;
    if (entry.name == ":authority") authority = entry.value;
    if (entry.name == ":protocol") into.protocol = entry.value;
    if (!IsPseudo(entry.name)) into.fields.Add(entry.name, entry.value);
  }
  const Field* host = into.fields.Find(FieldId::kHost);
  if (into.fields.Count(FieldId::kHost) > 1) return "host is repeated";
  // RFC 9113 8.3.1: they say the same, or nobody knows whom the request is for.
  if (host != nullptr && !authority.empty() && !EqualsIgnoringCase(host->value, authority)) {
    return "host and :authority differ";
  }
  if (host == nullptr && !authority.empty()) into.fields.Add("host", authority);
  if (into.method == "CONNECT" && into.protocol.empty()) into.target = authority;
  if (into.method.empty() || into.target.empty()) return "the request names no method or no path";
  std::string_view problem;
  into.body = FramingOf(into.fields, ends, problem);
  if (!problem.empty()) return problem;
  if (into.protocol == "h2c") return "h2c cannot be switched to inside HTTP/2";
  // The stream of an extended CONNECT is a tunnel, not a body (RFC 8441 5). To everybody but the two versions
  // of HTTP it is what a GET with Upgrade is in the other.
  into.upgrade = into.method == "CONNECT" && !into.protocol.empty();
  if (into.upgrade) into.body = {};
  if (into.upgrade) into.method = "GET";
  into.expect_continue = into.fields.HasToken(FieldId::kExpect, "100-continue");
  return {};
}

bool HasStatus(const Http2HeadBlock& block) {
  return !block.empty() && block[0].name == ":status";
}

int StatusOf(const Http2HeadBlock& block) {
  const std::string_view text = block[0].value;
  int status = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), status);
  return error == std::errc() && end == text.data() + text.size() ? status : 0;
}

std::string_view ReadResponseHead(const Http2HeadBlock& block, std::string_view request_method, bool ends,
                                  ResponseHead& into) {
  into.Clear();
  into.major_version = 2;
  into.minor_version = 0;
  into.status = StatusOf(block);
  if (into.status < 100 || into.status > 599) return "the status is not between 100 and 599";
  for (size_t i = 1; i < block.size(); ++i) {
    if (!IsPseudo(block[i].name)) into.fields.Add(block[i].name, block[i].value);
  }
  std::string_view problem;
  into.body = FramingOf(into.fields, ends, problem);
  if (AnswerHasNoBody(request_method, into.status)) into.body = {};
  return problem;
}

void ReadTrailers(const Http2HeadBlock& block, FieldList& into) {
  into.Clear();
  for (size_t i = 0; i < block.size(); ++i) into.Add(block[i].name, block[i].value);
}

}  // namespace naru::http
