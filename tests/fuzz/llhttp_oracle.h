// A second opinion on heads of HTTP/1: whatever naru takes, llhttp takes too and understands the same. (It
// takes more than naru does.)
#pragma once

#include <llhttp.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sidecar/http/message.h"
#include "tests/fuzz/require.h"

namespace naru {

struct LlhttpHead {
  llhttp_errno_t verdict = HPE_OK;  // HPE_PAUSED: it took the head
  std::string method;
  std::string target;
  std::string reason;
  int minor_version = 0;
  int status = 0;
  std::vector<std::pair<std::string, std::string>> fields;  // values as they came
};

template <std::string LlhttpHead::*part>
int AppendPart(llhttp_t* parser, const char* at, size_t length) {
  (static_cast<LlhttpHead*>(parser->data)->*part).append(at, length);
  return 0;
}

inline LlhttpHead ReadWithLlhttp(llhttp_type_t type, std::string_view head) {
  LlhttpHead read;
  llhttp_settings_t settings;
  llhttp_settings_init(&settings);
  settings.on_method = AppendPart<&LlhttpHead::method>;
  settings.on_url = AppendPart<&LlhttpHead::target>;
  settings.on_status = AppendPart<&LlhttpHead::reason>;
  settings.on_header_field = [](llhttp_t* parser, const char* at, size_t length) {
    auto& fields = static_cast<LlhttpHead*>(parser->data)->fields;
    if (fields.empty() || !fields.back().second.empty()) fields.emplace_back();
    fields.back().first.append(at, length);
    return 0;
  };
  settings.on_header_value = [](llhttp_t* parser, const char* at, size_t length) {
    static_cast<LlhttpHead*>(parser->data)->fields.back().second.append(at, length);
    return 0;
  };
  // An LF, which no value has, ends each: so an empty one is seen to be complete.
  settings.on_header_value_complete = [](llhttp_t* parser) {
    static_cast<LlhttpHead*>(parser->data)->fields.back().second += '\n';
    return 0;
  };
  settings.on_headers_complete = [](llhttp_t*) -> int { return HPE_PAUSED; };
  llhttp_t parser;
  llhttp_init(&parser, type, &settings);
  // Framing is judged by naru alone, and by rules of its own.
  llhttp_set_lenient_chunked_length(&parser, 1);
  llhttp_set_lenient_transfer_encoding(&parser, 1);
  parser.data = &read;
  read.verdict = llhttp_execute(&parser, head.data(), head.size());
  read.minor_version = parser.http_minor;
  read.status = parser.status_code;
  return read;
}

// True where llhttp has no say: it knows some methods, and takes no tab behind a length, which is white space
// like any other (RFC 9110 5.6.3).
inline bool HasNoSay(const LlhttpHead& read) {
  return read.verdict == HPE_INVALID_METHOD || read.verdict == HPE_INVALID_CONTENT_LENGTH;
}

inline void RequireSameFields(const http::FieldList& fields, const LlhttpHead& other) {
  Require(fields.size() == other.fields.size());
  auto theirs = other.fields.begin();
  for (const http::Field& field : fields) {
    std::string_view value = theirs->second;
    value.remove_suffix(1);
    while (value.ends_with(' ') || value.ends_with('\t')) value.remove_suffix(1);
    Require(field.name == theirs->first && field.value == value);
    ++theirs;
  }
}

// `problem` is naru's.
inline void RequireLikeLlhttp(std::string_view head, const http::RequestHead& ours,
                              std::string_view problem) {
  const LlhttpHead theirs = ReadWithLlhttp(HTTP_REQUEST, head);
  if (HasNoSay(theirs)) return;
  Require(!problem.empty() || theirs.verdict == HPE_PAUSED);
  if (!problem.empty()) return;
  Require(ours.method == theirs.method && ours.target == theirs.target);
  Require(ours.minor_version == theirs.minor_version);
  RequireSameFields(ours.fields, theirs);
}

inline void RequireLikeLlhttp(std::string_view head, const http::ResponseHead& ours,
                              std::string_view problem) {
  const LlhttpHead theirs = ReadWithLlhttp(HTTP_RESPONSE, head);
  if (HasNoSay(theirs)) return;
  Require(!problem.empty() || theirs.verdict == HPE_PAUSED);
  if (!problem.empty()) return;
  Require(ours.status == theirs.status && ours.reason == theirs.reason);
  Require(ours.minor_version == theirs.minor_version);
  RequireSameFields(ours.fields, theirs);
}

}  // namespace naru
