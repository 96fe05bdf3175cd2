#include "sidecar/http/http1_head.h"

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace naru::http {
namespace {

constexpr std::string_view kNotAHead = "the head is not HTTP/1";
constexpr std::string_view kCrInside = "a CR stands inside a line";
constexpr std::string_view kFolded = "a field is folded over two lines";
constexpr std::string_view kBadMethod = "the method has a character that is not allowed in one";
constexpr std::string_view kBadTarget = "the request target has a character that is not allowed in one";
constexpr std::string_view kBadField = "a field has a character that is not allowed in one";
constexpr std::string_view kBadReason = "the reason has a character that is not allowed in one";
constexpr std::string_view kBadStatus = "the status is not a number of three digits";
constexpr std::string_view kBadVersion = "the version is neither HTTP/1.0 nor HTTP/1.1";
constexpr std::string_view kNoVersion = "the first line does not name HTTP/1.0 or HTTP/1.1";

constexpr bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}

constexpr bool IsLetter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

bool IsBlank(char c) {
  return c == ' ' || c == '\t';
}

// Where a character may stand: in a token (RFC 9110 5.6.2); in a request target, which is any visible ASCII,
// as what a path may hold is the service's business; in a host (RFC 3986 3.2.2 and 3.2.3), but for the comma,
// as a list is how a repeated Host looks once it was joined.
enum Place : uint8_t { kInToken = 1, kInTarget = 2, kInHost = 4 };

constexpr std::array<uint8_t, 256> PlacesOfCharacters() {
  constexpr std::string_view kTokenMarks = "!#$%&'*+-.^_`|~";
  constexpr std::string_view kHostMarks = "-._~%!$&'()*+;=:[]";
  std::array<uint8_t, 256> places{};
  for (int code = '!'; code <= '~'; ++code) {
    const char c = static_cast<char>(code);
    const bool alphanumeric = IsDigit(c) || IsLetter(c);
    uint8_t place = kInTarget;
    if (alphanumeric || kTokenMarks.find(c) != std::string_view::npos) place |= kInToken;
    if (alphanumeric || kHostMarks.find(c) != std::string_view::npos) place |= kInHost;
    places[static_cast<size_t>(code)] = place;
  }
  return places;
}
constexpr std::array<uint8_t, 256> kPlaces = PlacesOfCharacters();

bool MayStand(Place place, char c) {
  return (kPlaces[static_cast<unsigned char>(c)] & place) != 0;
}

bool AllMayStand(Place place, std::string_view text) {
  for (const char c : text) {
    if (!MayStand(place, c)) return false;
  }
  return true;
}

// The high bit of the first byte that is below `limit`, which is at most 0x80. Bytes behind it may be marked
// falsely, by the borrow ("Bit Twiddling Hacks", Anderson).
uint64_t MarkBelow(uint64_t bytes, uint8_t limit) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  return (bytes - kOnes * limit) & ~bytes & (kOnes * 0x80);
}

// Reads a head that HeadScanner has found whole. Every LF in it has a CR before it and its last line is
// empty, so that what stops at a CR, as every kind of text here does, stops inside the head.
class HeadReader {
 public:
  explicit HeadReader(std::string_view head) : at_(head.data()), end_(head.data() + head.size()) {}

  char Peek() const { return *at_; }
  bool AtLineEnd() const { return at_[0] == '\r' && at_[1] == '\n'; }

  // Steps over `text`, and says whether it stands here.
  bool Skip(std::string_view text) {
    if (!std::string_view(at_, static_cast<size_t>(end_ - at_)).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }
  bool Skip(char c) {
    if (*at_ != c) return false;
    ++at_;
    return true;
  }
  bool SkipLineEnd() {
    if (!AtLineEnd()) return false;
    at_ += 2;
    return true;
  }

  // All characters from here that may stand in this place.
  std::string_view Take(Place place) {
    const char* begin = at_;
    while (MayStand(place, *at_)) ++at_;
    return {begin, static_cast<size_t>(at_ - begin)};
  }

  // Visible characters, those above ASCII, blanks and tabs: a value of RFC 9110 5.5, a reason of RFC 9112 4.
  std::string_view TakeText() {
    const char* begin = at_;
    do {
      SkipUncontrolled();
    } while (Skip('\t'));
    return {begin, static_cast<size_t>(at_ - begin)};
  }

  // The text up to the end of the line, without blanks around it.
  std::string_view TakeValue() {
    while (IsBlank(*at_)) ++at_;
    std::string_view value = TakeText();
    while (!value.empty() && IsBlank(value.back())) value.remove_suffix(1);
    return value;
  }

  // What is wrong where something else was expected, if not a CR is.
  std::string_view Wrong(std::string_view problem) const {
    return at_[0] == '\r' && at_[1] != '\n' ? kCrInside : problem;
  }

  bool done() const { return at_ == end_; }

 private:
  // Goes to the next control character, eight bytes at a time.
  void SkipUncontrolled() {
    static_assert(std::endian::native == std::endian::little, "the first byte is the lowest");
    constexpr uint64_t kDeletes = 0x7f7f7f7f7f7f7f7f;
    uint64_t word;
    for (; end_ - at_ >= static_cast<ptrdiff_t>(sizeof word); at_ += sizeof word) {
      std::memcpy(&word, at_, sizeof word);
      const uint64_t controls = MarkBelow(word, 0x20) | MarkBelow(word ^ kDeletes, 1);
      if (controls == 0) continue;
      at_ += std::countr_zero(controls) / 8;
      return;
    }
    while (static_cast<unsigned char>(*at_) >= 0x20 && *at_ != '\x7f') ++at_;
  }

  const char* at_;
  const char* const end_;
};

// Guards HeadReader against what HeadScanner has not seen.
bool EndsLikeAHead(std::string_view head) {
  return head.ends_with("\r\n\r\n");
}

// RFC 9112 2.3. What follows is the caller's to read.
std::string_view ReadVersion(HeadReader& reader, int& minor_version) {
  if (!reader.Skip("HTTP/")) return reader.Wrong(kNoVersion);
  const char major = reader.Peek();
  if (!IsDigit(major)) return reader.Wrong(kNoVersion);
  reader.Skip(major);
  if (!reader.Skip('.')) return reader.Wrong(kNoVersion);
  const char minor = reader.Peek();
  if (!IsDigit(minor)) return reader.Wrong(kNoVersion);
  reader.Skip(minor);
  if (major != '1' || minor > '1') return kBadVersion;
  minor_version = minor - '0';
  return {};
}

// RFC 9112 3.
std::string_view ReadRequestLine(HeadReader& reader, RequestHead& into) {
  into.method = reader.Take(kInToken);
  if (into.method.empty() || !reader.Skip(' ')) return reader.Wrong(kBadMethod);
  if (reader.Peek() == ' ') return "more than one space stands before the request target";
  into.target = reader.Take(kInTarget);
  if (reader.AtLineEnd()) return kBadVersion;  // HTTP/0.9 names none
  if (into.target.empty() || !reader.Skip(' ')) return reader.Wrong(kBadTarget);
  if (reader.Peek() == ' ') return "more than one space stands behind the request target";
  const std::string_view problem = ReadVersion(reader, into.minor_version);
  if (!problem.empty()) return problem;
  return reader.SkipLineEnd() ? std::string_view() : reader.Wrong(kNoVersion);
}

// RFC 9112 4, and the space before a reason that is empty may be missing.
std::string_view ReadStatusLine(HeadReader& reader, ResponseHead& into) {
  const std::string_view problem = ReadVersion(reader, into.minor_version);
  if (!problem.empty()) return problem;
  if (!reader.Skip(' ')) return reader.Wrong(kNoVersion);
  for (int digit = 0; digit < 3; ++digit) {
    const char c = reader.Peek();
    if (!IsDigit(c)) return reader.Wrong(kBadStatus);
    into.status = into.status * 10 + (c - '0');
    reader.Skip(c);
  }
  if (!reader.AtLineEnd()) {
    if (!reader.Skip(' ')) return reader.Wrong(kBadStatus);
    into.reason = reader.TakeText();
  }
  if (!reader.SkipLineEnd()) return reader.Wrong(kBadReason);
  if (into.status < 100 || into.status > 599) return "the status is not between 100 and 599";
  return {};
}

// RFC 9112 5, without obs-fold. Reads the empty line too.
std::string_view ReadFields(HeadReader& reader, FieldList& fields) {
  while (!reader.SkipLineEnd()) {
    const std::string_view name = reader.Take(kInToken);
    if (name.empty() && IsBlank(reader.Peek())) return kFolded;
    if (name.empty() || !reader.Skip(':')) return reader.Wrong(kBadField);
    const std::string_view value = reader.TakeValue();
    if (!reader.SkipLineEnd()) return reader.Wrong(kBadField);
    if (fields.size() >= kMaxFields) return "the head has more than 256 fields";
    fields.Add(name, value);
  }
  return reader.done() ? std::string_view() : kNotAHead;
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

// RFC 9112 3.2.2.
std::string_view CheckAbsoluteForm(std::string_view target) {
  size_t scheme_end = 0;
  while (scheme_end < target.size() && IsLetter(target[scheme_end])) ++scheme_end;
  if (scheme_end == 0 || !target.substr(scheme_end).starts_with("://")) return kBadTarget;
  const std::string_view rest = target.substr(scheme_end + 3);
  const std::string_view authority = rest.substr(0, rest.find_first_of("/?"));
  if (authority.empty()) return "the request target names no host";
  // RFC 9110 4.2.4: user information in an http URL hides whom it is for.
  if (authority.find('@') != std::string_view::npos)
    return "the request target has user information before its host";
  return AllMayStand(kInHost, authority) ? std::string_view() : kBadTarget;
}

// RFC 9112 3.2.
std::string_view CheckTarget(std::string_view method, std::string_view target) {
  if (target.find('#') != std::string_view::npos) return "the request target has a fragment";
  if (method == "CONNECT") return AllMayStand(kInHost, target) ? std::string_view() : kBadTarget;
  if (target.front() == '/') return {};
  if (target == "*") return method == "OPTIONS" ? "" : "the request target \"*\" is for OPTIONS only";
  return CheckAbsoluteForm(target);
}

std::string_view CheckHost(const RequestHead& head) {
  const int hosts = head.fields.Count(FieldId::kHost);
  if (hosts > 1) return "Host is repeated";
  if (hosts == 0 && head.minor_version == 1) return "Host is missing";  // RFC 9112 3.2
  if (hosts == 0) return {};
  if (AllMayStand(kInHost, head.fields.Find(FieldId::kHost)->value)) return {};
  return "Host has a character that is not allowed in one";
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
  const size_t size = line_feed - line_;  // with the CR, without the LF
  if (size == 0 || bytes[line_feed - 1] != '\r') return Malformed("a line ends in LF without CR");
  // A line of two CRs would end the head for a lenient sender, who then waits for an answer.
  if (size > 1) return bytes[line_] == '\r' ? Malformed(kCrInside) : Verdict::kIncomplete;
  if (line_ == begin_) {
    if (line_feed + 1 > kMaxEmptyLinesBefore * 2) return Malformed("the message starts with empty lines");
    begin_ = line_feed + 1;
    return Verdict::kIncomplete;
  }
  end_ = line_feed + 1;
  return end_ - begin_ > kMaxHeadBytes ? Verdict::kTooLarge : Verdict::kComplete;
}

std::string_view ParseRequestHead(std::string_view head, RequestHead& into) {
  into.Clear();
  if (!EndsLikeAHead(head)) return kNotAHead;
  HeadReader reader(head);
  std::string_view problem = ReadRequestLine(reader, into);
  if (problem.empty()) problem = ReadFields(reader, into.fields);
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

void ReadRequestLineOnly(std::string_view bytes, RequestHead& into) {
  const size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos) return;
  RequestHead read;
  HeadReader reader(bytes.substr(0, end + 2));
  if (!ReadRequestLine(reader, read).empty()) return;
  into.method = read.method;
  into.target = read.target;
}

bool LooksLikeTls(std::string_view bytes) {
  return bytes.starts_with("\x16\x03");
}

std::string_view ParseResponseHead(std::string_view head, std::string_view request_method,
                                   ResponseHead& into) {
  into.Clear();
  if (!EndsLikeAHead(head)) return kNotAHead;
  HeadReader reader(head);
  std::string_view problem = ReadStatusLine(reader, into);
  if (problem.empty()) problem = ReadFields(reader, into.fields);
  if (!problem.empty()) return problem;
  into.body = {Framing::Kind::kUntilClose, 0};
  problem = CheckConnection(into.fields);
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
