#include "sidecar/http/http1_head.h"

#include <llhttp.h>

#include <cstring>

namespace naru::http {
namespace {

std::string_view Trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// What llhttp's callbacks fill. A value may come in several pieces, which are contiguous.
struct ParsedHead {
  FieldList* fields;
  std::string_view method;
  std::string_view target;
  std::string_view reason;
  std::string_view name;
  std::string_view value;
};

ParsedHead& HeadOf(llhttp_t* parser) {
  return *static_cast<ParsedHead*>(parser->data);
}

void Extend(std::string_view& whole, const char* at, size_t length) {
  whole = whole.empty() ? std::string_view(at, length)
                        : std::string_view(whole.data(), static_cast<size_t>(at - whole.data()) + length);
}

int OnMethod(llhttp_t* parser, const char* at, size_t length) {
  Extend(HeadOf(parser).method, at, length);
  return 0;
}
int OnUrl(llhttp_t* parser, const char* at, size_t length) {
  Extend(HeadOf(parser).target, at, length);
  return 0;
}
int OnStatus(llhttp_t* parser, const char* at, size_t length) {
  Extend(HeadOf(parser).reason, at, length);
  return 0;
}
int OnFieldName(llhttp_t* parser, const char* at, size_t length) {
  Extend(HeadOf(parser).name, at, length);
  return 0;
}
int OnFieldValue(llhttp_t* parser, const char* at, size_t length) {
  Extend(HeadOf(parser).value, at, length);
  return 0;
}
int OnFieldEnd(llhttp_t* parser) {
  ParsedHead& head = HeadOf(parser);
  if (head.fields->size() >= kMaxFields) return HPE_USER;
  head.fields->Add(head.name, Trim(head.value));
  head.name = head.value = {};
  return 0;
}
int OnHeadEnd(llhttp_t*) {
  return HPE_PAUSED;
}

const llhttp_settings_t& Settings() {
  static const llhttp_settings_t settings = [] {
    llhttp_settings_t s;
    llhttp_settings_init(&s);
    s.on_method = OnMethod;
    s.on_url = OnUrl;
    s.on_status = OnStatus;
    s.on_header_field = OnFieldName;
    s.on_header_value = OnFieldValue;
    s.on_header_value_complete = OnFieldEnd;
    s.on_headers_complete = OnHeadEnd;
    return s;
  }();
  return settings;
}

std::string_view ReasonOf(llhttp_errno_t error) {
  switch (error) {
    case HPE_INVALID_METHOD:
      return "the method is not a known HTTP method";
    case HPE_INVALID_URL:
    case HPE_UNEXPECTED_SPACE:
      return "the request target has a character that is not allowed in one";
    case HPE_INVALID_CONSTANT:
    case HPE_INVALID_VERSION:
      return "the first line does not name HTTP/1.0 or HTTP/1.1";
    case HPE_INVALID_STATUS:
      return "the status is not a number of three digits";
    case HPE_INVALID_HEADER_TOKEN:
      return "a field has a character that is not allowed in one";
    case HPE_INVALID_CONTENT_LENGTH:
      return "Content-Length is not a number of bytes";
    case HPE_UNEXPECTED_CONTENT_LENGTH:
      return "Content-Length is repeated";
    case HPE_CB_HEADER_VALUE_COMPLETE:  // only OnFieldEnd refuses
      return "the head has more than 256 fields";
    default:
      return "the head is not HTTP/1";
  }
}

// Runs llhttp over a whole head. The version goes to `minor_version`, a status to `status`.
std::string_view RunParser(llhttp_type_t type, std::string_view head, ParsedHead& parsed, int& minor_version,
                           int& status) {
  llhttp_t parser;
  llhttp_init(&parser, type, &Settings());
  // Not leniency: ReadFraming refuses all that these two let through, and says what was wrong with it.
  llhttp_set_lenient_chunked_length(&parser, 1);
  llhttp_set_lenient_transfer_encoding(&parser, 1);
  parser.data = &parsed;
  const llhttp_errno_t error = llhttp_execute(&parser, head.data(), head.size());
  if (error != HPE_PAUSED) return ReasonOf(error);
  if (parser.http_major != 1 || parser.http_minor > 1) return "the version is neither HTTP/1.0 nor HTTP/1.1";
  minor_version = parser.http_minor;
  status = parser.status_code;
  return {};
}

// RFC 9112 6.1 and 6.3, refusing whatever two readers could understand in two ways.
std::string_view ReadFraming(const FieldList& fields, int minor_version, Framing& framing) {
  const int lengths = fields.Count(FieldId::kContentLength);
  const int codings = fields.Count(FieldId::kTransferEncoding);
  if (lengths > 1) return "Content-Length is repeated";
  if (codings > 1) return "Transfer-Encoding is repeated";
  if (lengths == 1 && codings == 1) return "Content-Length stands beside Transfer-Encoding";
  if (codings == 1) {
    if (minor_version == 0) return "Transfer-Encoding does not exist in HTTP/1.0";
    if (!EqualsIgnoringCase(fields.Find(FieldId::kTransferEncoding)->value, "chunked")) {
      return "Transfer-Encoding is not exactly \"chunked\"";
    }
    framing = {Framing::Kind::kChunked, 0};
  }
  if (lengths == 1) {
    const std::optional<uint64_t> length = ParseContentLength(fields.Find(FieldId::kContentLength)->value);
    if (!length) return "Content-Length is not a number of bytes";
    framing = {Framing::Kind::kLength, *length};
  }
  return {};
}

// True if the fields announce a body that is not empty.
bool MayHaveBytes(const Framing& body) {
  return body.kind == Framing::Kind::kChunked || body.length > 0;
}

std::string_view CheckConnection(const FieldList& fields) {
  size_t tokens = 0;
  fields.ForEachTokenOf(FieldId::kConnection, [&](std::string_view) { ++tokens; });
  return tokens > kMaxConnectionTokens ? "Connection names more than 64 fields" : "";
}

bool KeepsAlive(const FieldList& fields, int minor_version) {
  if (fields.HasToken(FieldId::kConnection, "close")) return false;
  return minor_version == 1 || fields.HasToken(FieldId::kConnection, "keep-alive");
}

// llhttp also reads RTSP and ICE, and a first line with any number of spaces (RFC 9112 3 has exactly two).
std::string_view CheckRequestLine(std::string_view head, const RequestHead& request) {
  constexpr std::string_view kProtocol = " HTTP/1.";
  const size_t target_begin = request.method.size() + 1;
  const size_t target_end = target_begin + request.target.size();
  if (request.target.data() != head.data() + target_begin)
    return "more than one space stands before the request target";
  if (head.substr(target_end, 2) == "  ") return "more than one space stands behind the request target";
  if (!head.substr(target_end).starts_with(kProtocol))
    return "the first line does not name HTTP/1.0 or HTTP/1.1";
  return {};
}

// RFC 9112 3.2, as far as llhttp takes more.
std::string_view CheckTarget(std::string_view method, std::string_view target) {
  if (target.front() == '*' && target.size() > 1)
    return "the request target has a character that is not allowed in one";
  if (target == "*" && method != "OPTIONS") return "the request target \"*\" is for OPTIONS only";
  if (target.find('#') != std::string_view::npos) return "the request target has a fragment";
  if (target.front() == '/') return {};
  const size_t scheme_end = target.find("://");
  if (scheme_end == std::string_view::npos) return {};  // "*", or the authority of CONNECT
  const std::string_view rest = target.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.empty()) return "the request target names no host";
  // RFC 9110 4.2.4: user information in an http URL hides whom it is for.
  if (authority.find('@') != std::string_view::npos)
    return "the request target has user information before its host";
  return {};
}

// RFC 3986 3.2.2 and 3.2.3, but for the comma: a list is how a repeated Host looks once it was joined.
bool MayStandInHost(char c) {
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')) return true;
  return std::string_view("-._~%!$&'()*+;=:[]").find(c) != std::string_view::npos;
}

// llhttp takes any byte in a reason but a line end (RFC 9112 4: visible characters, spaces and tabs).
bool IsReason(std::string_view reason) {
  for (const char c : reason) {
    if ((static_cast<unsigned char>(c) < ' ' && c != '\t') || c == '\x7f') return false;
  }
  return true;
}

std::string_view CheckHost(const RequestHead& head) {
  const int hosts = head.fields.Count(FieldId::kHost);
  if (hosts > 1) return "Host is repeated";
  if (hosts == 0 && head.minor_version == 1) return "Host is missing";  // RFC 9112 3.2
  if (hosts == 0) return {};
  for (const char c : head.fields.Find(FieldId::kHost)->value) {
    if (!MayStandInHost(c)) return "Host has a character that is not allowed in one";
  }
  return {};
}

}  // namespace

HeadScanner::Verdict HeadScanner::Malformed(std::string_view problem) {
  problem_ = problem;
  return Verdict::kMalformed;
}

HeadScanner::Verdict HeadScanner::Scan(std::string_view bytes) {
  while (true) {
    const size_t left = bytes.size() - scanned_;
    const void* found = left == 0 ? nullptr : std::memchr(bytes.data() + scanned_, '\n', left);
    if (found == nullptr) {
      scanned_ = bytes.size();
      return scanned_ - begin_ > kMaxHeadBytes ? Verdict::kTooLarge : Verdict::kIncomplete;
    }
    const size_t line_feed = static_cast<size_t>(static_cast<const char*>(found) - bytes.data());
    const Verdict verdict = EndOfLine(bytes, line_feed);
    if (verdict != Verdict::kIncomplete) return verdict;
    line_ = scanned_ = line_feed + 1;
    if (line_ - begin_ > kMaxHeadBytes) return Verdict::kTooLarge;
  }
}

HeadScanner::Verdict HeadScanner::EndOfLine(std::string_view bytes, size_t line_feed) {
  const std::string_view line = bytes.substr(line_, line_feed - line_);  // with its CR, without its LF
  if (line.empty() || line.back() != '\r') return Malformed("a line ends in LF without CR");
  if (std::memchr(line.data(), '\r', line.size()) != &line.back())
    return Malformed("a CR stands inside a line");
  const bool first_line = line_ == begin_;
  if (line.size() == 1 && first_line) {
    if (line_feed + 1 > kMaxEmptyLinesBefore * 2) return Malformed("the message starts with empty lines");
    begin_ = line_feed + 1;
    return Verdict::kIncomplete;
  }
  if (line.size() == 1) {
    end_ = line_feed + 1;
    return end_ - begin_ > kMaxHeadBytes ? Verdict::kTooLarge : Verdict::kComplete;
  }
  if (!first_line && (line.front() == ' ' || line.front() == '\t'))
    return Malformed("a field is folded over two lines");
  return Verdict::kIncomplete;
}

std::string_view ParseRequestHead(std::string_view head, RequestHead& into) {
  into.Clear();
  ParsedHead parsed{&into.fields};
  int status;
  const std::string_view wrong = RunParser(HTTP_REQUEST, head, parsed, into.minor_version, status);
  if (!wrong.empty()) return wrong;
  into.method = parsed.method;
  into.target = parsed.target;
  std::string_view problem = CheckRequestLine(head, into);
  if (problem.empty()) problem = CheckTarget(into.method, into.target);
  if (problem.empty()) problem = CheckHost(into);
  if (problem.empty()) problem = CheckConnection(into.fields);
  if (problem.empty()) problem = ReadFraming(into.fields, into.minor_version, into.body);
  if (!problem.empty()) return problem;
  into.keep_alive = KeepsAlive(into.fields, into.minor_version);
  // RFC 9110 7.8: the protocol changes after the whole request. One with a body could be answered by 101
  // inside it, and both the body and the new protocol would be read; a proxy may ignore Upgrade, and this one
  // is ignored.
  into.upgrade = into.minor_version == 1 && !MayHaveBytes(into.body) &&
                 into.fields.Find(FieldId::kUpgrade) != nullptr &&
                 into.fields.HasToken(FieldId::kConnection, "upgrade");
  into.expect_continue = into.minor_version == 1 && into.fields.HasToken(FieldId::kExpect, "100-continue");
  return {};
}

std::string_view ParseResponseHead(std::string_view head, std::string_view request_method,
                                   ResponseHead& into) {
  into.Clear();
  ParsedHead parsed{&into.fields};
  const std::string_view wrong = RunParser(HTTP_RESPONSE, head, parsed, into.minor_version, into.status);
  if (!wrong.empty()) return wrong;
  // llhttp also reads RTSP and ICE.
  if (!head.starts_with("HTTP/1.")) return "the first line does not name HTTP/1.0 or HTTP/1.1";
  if (into.status < 100 || into.status > 599) return "the status is not between 100 and 599";
  if (!IsReason(parsed.reason)) return "the reason has a character that is not allowed in one";
  into.reason = parsed.reason;
  into.body = {Framing::Kind::kUntilClose, 0};
  std::string_view problem = CheckConnection(into.fields);
  if (problem.empty()) problem = ReadFraming(into.fields, into.minor_version, into.body);
  if (!problem.empty()) return problem;
  // RFC 9112 6.3: 204 has no body. One that announces a body may yet send it, where the next answer is
  // awaited.
  const bool may_be_followed = into.status == 204 && MayHaveBytes(into.body);
  if (AnswerHasNoBody(request_method, into.status)) into.body = {};
  into.keep_alive = KeepsAlive(into.fields, into.minor_version) && !may_be_followed &&
                    into.body.kind != Framing::Kind::kUntilClose;
  return {};
}

}  // namespace naru::http
