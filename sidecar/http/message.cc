#include "sidecar/http/message.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace naru::http {
namespace {

constexpr size_t kLongestKnown = 26;
constexpr size_t kWord = sizeof(uint64_t);

// A name of lower letters, digits and '-', and the bits in which a name that is equal to it may differ: bit 5
// of each letter.
struct KnownField {
  consteval KnownField(std::string_view name, FieldId id) : size(name.size()), id(id) {
    for (size_t i = 0; i < size; ++i) {
      text[i] = name[i];
      case_bits[i] = name[i] >= 'a' ? 0x20 : 0;
    }
  }
  std::array<char, kLongestKnown> text{};
  std::array<char, kLongestKnown> case_bits{};
  size_t size;
  FieldId id;
};

// Sorted by length, so that a name is compared with the few known names of its length only.
constexpr std::array kKnown = {
    KnownField{"te", FieldId::kTe},
    KnownField{"via", FieldId::kVia},
    KnownField{"host", FieldId::kHost},
    KnownField{"cookie", FieldId::kCookie},
    KnownField{"expect", FieldId::kExpect},
    KnownField{"upgrade", FieldId::kUpgrade},
    KnownField{"trailer", FieldId::kTrailer},
    KnownField{"connection", FieldId::kConnection},
    KnownField{"keep-alive", FieldId::kKeepAlive},
    KnownField{"grpc-status", FieldId::kGrpcStatus},
    KnownField{"retry-after", FieldId::kRetryAfter},
    KnownField{"content-type", FieldId::kContentType},
    KnownField{"grpc-message", FieldId::kGrpcMessage},
    KnownField{"grpc-timeout", FieldId::kGrpcTimeout},
    KnownField{"proxy-status", FieldId::kProxyStatus},
    KnownField{"x-request-id", FieldId::kXRequestId},
    KnownField{"x-naru-caller", FieldId::kXNaruCaller},
    KnownField{"content-length", FieldId::kContentLength},
    KnownField{"http2-settings", FieldId::kHttp2Settings},
    KnownField{"x-naru-outcome", FieldId::kXNaruOutcome},
    KnownField{"x-naru-attempt", FieldId::kXNaruAttempt},
    KnownField{"idempotency-key", FieldId::kIdempotencyKey},
    KnownField{"proxy-connection", FieldId::kProxyConnection},
    KnownField{"sec-websocket-key", FieldId::kSecWebSocketKey},
    KnownField{"transfer-encoding", FieldId::kTransferEncoding},
    KnownField{"x-idempotency-key", FieldId::kIdempotencyKey},
    KnownField{"x-naru-deadline-ms", FieldId::kXNaruDeadlineMs},
    KnownField{"sec-websocket-accept", FieldId::kSecWebSocketAccept},
    KnownField{"grpc-retry-pushback-ms", FieldId::kGrpcRetryPushbackMs},
    KnownField{"grpc-previous-rpc-attempts", FieldId::kGrpcPreviousRpcAttempts},
};

// first[n] is the position of the first known name with at least n characters.
constexpr std::array<uint8_t, kLongestKnown + 2> FirstOfLength() {
  std::array<uint8_t, kLongestKnown + 2> first{};
  for (size_t length = 0; length < first.size(); ++length) {
    uint8_t position = 0;
    while (position < kKnown.size() && kKnown[position].size < length) ++position;
    first[length] = position;
  }
  return first;
}
constexpr auto kFirstOfLength = FirstOfLength();

constexpr char Lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

uint64_t WordAt(const char* at) {
  uint64_t word;
  std::memcpy(&word, at, kWord);
  return word;
}

// Compares a name with a known one of its length: eight bytes at a time and without branches, because every
// field of every message passes here.
bool Equals(std::string_view name, const KnownField& known) {
  uint64_t difference = 0;
  const auto compare_word = [&](size_t at) {
    difference |=
        (WordAt(name.data() + at) | WordAt(known.case_bits.data() + at)) ^ WordAt(known.text.data() + at);
  };
  if (name.size() >= kWord) {
    for (size_t at = 0; at + kWord < name.size(); at += kWord) compare_word(at);
    compare_word(name.size() - kWord);  // may overlap the one before
    return difference == 0;
  }
  for (size_t at = 0; at < name.size(); ++at) {
    difference |= static_cast<unsigned char>((name[at] | known.case_bits[at]) ^ known.text[at]);
  }
  return difference == 0;
}

bool IsAlwaysHopByHop(FieldId id) {
  return id == FieldId::kConnection || id == FieldId::kKeepAlive || id == FieldId::kProxyConnection ||
         id == FieldId::kTe || id == FieldId::kTransferEncoding || id == FieldId::kUpgrade ||
         id == FieldId::kHttp2Settings;
}

void MarkNominated(FieldList& fields, std::string_view token) {
  const FieldId id = IdOf(token);
  if (id == FieldId::kHost || id == FieldId::kContentLength) return;
  for (Field& field : fields) {
    if (EqualsIgnoringCase(field.name, token)) field.hop_by_hop = true;
  }
}

}  // namespace

FieldId IdOf(std::string_view name) {
  if (name.size() > kLongestKnown) return FieldId::kOther;
  for (size_t i = kFirstOfLength[name.size()]; i < kFirstOfLength[name.size() + 1]; ++i) {
    if (Equals(name, kKnown[i])) return kKnown[i].id;
  }
  return FieldId::kOther;
}

const Field* FieldList::FindPresent(FieldId id) const {
  const auto found =
      std::find_if(fields_.begin(), fields_.end(), [id](const Field& f) { return f.id == id; });
  return found == fields_.end() ? nullptr : &*found;
}

int FieldList::CountPresent(FieldId id) const {
  return static_cast<int>(
      std::count_if(fields_.begin(), fields_.end(), [id](const Field& f) { return f.id == id; }));
}

bool FieldList::HasPresentToken(FieldId id, std::string_view token) const {
  bool found = false;
  ForEachTokenOf(id, [&](std::string_view member) { found |= EqualsIgnoringCase(member, token); });
  return found;
}

void RequestHead::Clear() {
  fields.Clear();
  method = target = protocol = {};
  major_version = minor_version = 1;
  body = {};
  keep_alive = true;
  upgrade = expect_continue = false;
}

void ResponseHead::Clear() {
  fields.Clear();
  status = 0;
  reason = {};
  major_version = minor_version = 1;
  body = {};
  keep_alive = true;
}

bool EqualsIgnoringCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return Lower(x) == Lower(y); });
}

std::optional<uint64_t> ParseContentLength(std::string_view text) {
  constexpr size_t kMaxDigits = 18;  // below 2^63 whatever the digits
  if (text.empty() || text.size() > kMaxDigits) return std::nullopt;
  uint64_t value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<uint64_t>(c - '0');
  }
  return value;
}

void MarkHopByHop(FieldList& fields) {
  for (Field& field : fields) {
    if (IsAlwaysHopByHop(field.id)) field.hop_by_hop = true;
  }
  fields.ForEachTokenOf(FieldId::kConnection, [&](std::string_view token) { MarkNominated(fields, token); });
}

bool AnswerHasNoBody(std::string_view request_method, int status) {
  return request_method == "HEAD" || status / 100 == 1 || status == 204 || status == 304;
}

}  // namespace naru::http
