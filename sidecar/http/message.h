// The one model of an HTTP message in which every protocol and every layer meets: a head, a body, trailers.
//
// Views point into the buffer that the head was parsed from; whoever owns that buffer says how long they are
// good for.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace naru::http {

// Fields that naru itself reads, sets or removes. Everything else is kOther and only passes through.
enum class FieldId : uint8_t {
  kOther,
  kConnection,
  kContentLength,
  kContentType,
  kCookie,
  kExpect,
  kGrpcMessage,
  kGrpcPreviousRpcAttempts,
  kGrpcRetryPushbackMs,
  kGrpcStatus,
  kGrpcTimeout,
  kHost,
  kHttp2Settings,
  kIdempotencyKey,  // Idempotency-Key and X-Idempotency-Key
  kKeepAlive,
  kProxyConnection,
  kProxyStatus,
  kRetryAfter,
  kSecWebSocketAccept,
  kSecWebSocketKey,
  kTe,
  kTrailer,
  kTransferEncoding,
  kUpgrade,
  kVia,
  kXNaruAttempt,
  kXNaruCaller,
  kXNaruDeadlineMs,
  kXNaruOutcome,
  kXRequestId,
};

// The id of a field name, whatever its case.
FieldId IdOf(std::string_view name);

struct Field {
  std::string_view name;   // in the sender's case
  std::string_view value;  // without surrounding white space
  FieldId id = FieldId::kOther;
  bool hop_by_hop = false;  // not to be forwarded (RFC 9110 7.6.1)

  bool operator==(const Field&) const = default;
};

bool EqualsIgnoringCase(std::string_view a, std::string_view b);

// Calls `visit(token)` for every non-empty member of a comma-separated list, without white space around it.
template <class Visit>
void ForEachToken(std::string_view list, Visit visit) {
  while (!list.empty()) {
    const size_t comma = list.find(',');
    std::string_view token = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
    while (!token.empty() && (token.front() == ' ' || token.front() == '\t')) token.remove_prefix(1);
    while (!token.empty() && (token.back() == ' ' || token.back() == '\t')) token.remove_suffix(1);
    if (!token.empty()) visit(token);
  }
}

class FieldList {
 public:
  void Add(std::string_view name, std::string_view value) {
    const FieldId id = IdOf(name);
    present_ |= BitOf(id);
    fields_.push_back({name, value, id, false});
  }
  void Clear() {
    fields_.clear();
    present_ = 0;
  }
  // Gives its memory back too.
  void Release() {
    std::vector<Field>().swap(fields_);
    present_ = 0;
  }

  bool Has(FieldId id) const { return (present_ & BitOf(id)) != 0; }

  // The first field with this id, or nullptr.
  const Field* Find(FieldId id) const { return Has(id) ? FindPresent(id) : nullptr; }
  // How many fields have this id.
  int Count(FieldId id) const { return Has(id) ? CountPresent(id) : 0; }
  // Calls `visit(value)` for every field with this id.
  template <class Visit>
  void ForEachValueOf(FieldId id, Visit visit) const {
    if (!Has(id)) return;
    for (const Field& field : fields_) {
      if (field.id == id) visit(field.value);
    }
  }
  // Calls `visit(token)` for every member of the comma-separated lists of the fields with this id.
  template <class Visit>
  void ForEachTokenOf(FieldId id, Visit visit) const {
    ForEachValueOf(id, [&](std::string_view list) { ForEachToken(list, visit); });
  }
  // True if one of these members is `token`, whatever the case.
  bool HasToken(FieldId id, std::string_view token) const { return Has(id) && HasPresentToken(id, token); }

  size_t size() const { return fields_.size(); }
  bool empty() const { return fields_.empty(); }
  auto begin() { return fields_.begin(); }
  auto end() { return fields_.end(); }
  auto begin() const { return fields_.begin(); }
  auto end() const { return fields_.end(); }

 private:
  static constexpr uint32_t BitOf(FieldId id) { return uint32_t{1} << static_cast<int>(id); }
  const Field* FindPresent(FieldId id) const;
  int CountPresent(FieldId id) const;
  bool HasPresentToken(FieldId id, std::string_view token) const;

  std::vector<Field> fields_;
  uint32_t present_ = 0;  // a bit for every id; what is asked for mostly is not there
};
static_assert(static_cast<int>(FieldId::kXRequestId) < 32, "present_ needs a bit for every id");

// Where a body ends.
struct Framing {
  enum class Kind : uint8_t {
    kNone,        // there is no body
    kLength,      // after `length` bytes
    kChunked,     // at the last chunk
    kUntilClose,  // where the connection ends; answers only
  };
  Kind kind = Kind::kNone;
  uint64_t length = 0;

  bool operator==(const Framing&) const = default;
};

struct RequestHead {
  std::string_view method;
  std::string_view target;    // origin-form, absolute-form or "*", as received
  std::string_view protocol;  // of an extended CONNECT (RFC 8441 4), such as "websocket"
  int major_version = 1;
  int minor_version = 1;
  FieldList fields;  // with Host, which HTTP/2 calls :authority
  Framing body;
  bool keep_alive = true;        // the sender leaves the connection open after this exchange
  bool upgrade = false;          // asks to switch protocols
  bool expect_continue = false;  // waits for 100 (Continue) before it sends the body

  void Clear();
};

struct ResponseHead {
  int status = 0;
  std::string_view reason;  // HTTP/2 has none
  int major_version = 1;
  int minor_version = 1;
  FieldList fields;
  Framing body;
  bool keep_alive = true;

  void Clear();
};

// Digits only, below 2^63 (RFC 9110 8.6). Nothing otherwise.
std::optional<uint64_t> ParseContentLength(std::string_view text);

// Marks what a proxy does not forward: Connection, what it nominates, and the fields of RFC 9110 7.6.1.
// Nominating Host or a framing field is ignored: obeying it would change the meaning of the message.
void MarkHopByHop(FieldList& fields);

// True for methods, statuses and the like that leave an answer without a body (RFC 9112 6.3).
bool AnswerHasNoBody(std::string_view request_method, int status);

}  // namespace naru::http
