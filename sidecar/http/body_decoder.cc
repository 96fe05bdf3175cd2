#include "sidecar/http/body_decoder.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace naru::http {
namespace {

constexpr size_t kMaxTrailerBytes = 16 * 1024;  // names and values
constexpr size_t kMaxTrailers = 256;
// So much may stand between two pieces of payload, or behind the last: much framing for nothing is an attack
// on the reader's patience, not a body.
constexpr size_t kMaxFramingBytes = 32 * 1024;

// llhttp decodes chunks only behind a head, so it is given the smallest one.
constexpr std::string_view kHeadBeforeChunks = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

struct BodyDecoder::Chunked {
  llhttp_t parser;
  char* payload_end = nullptr;         // payload of this step is moved to end here
  const char* framing_from = nullptr;  // of this step: behind the last payload
  size_t framing_bytes = 0;            // since the last payload, up to framing_from
  bool in_body = false;                // behind the synthetic head
  bool complete = false;
  std::string_view refusal;                             // why a callback stopped the parser
  std::string trailer_bytes;                            // names and values, one behind the other
  std::vector<std::pair<size_t, size_t>> trailer_ends;  // where each name and its value end
  size_t name_end = 0;

  static Chunked& Of(llhttp_t* parser) { return *static_cast<Chunked*>(parser->data); }

  static int OnHeadEnd(llhttp_t* parser) {
    Of(parser).in_body = true;
    return 0;
  }
  static int OnPayload(llhttp_t* parser, const char* at, size_t length) {
    Chunked& self = Of(parser);
    if (!self.CountFraming(at)) return HPE_USER;
    self.framing_from = at + length;
    self.framing_bytes = 0;
    if (self.payload_end != at) std::memmove(self.payload_end, at, length);
    self.payload_end += length;
    return 0;
  }
  static int OnTrailerName(llhttp_t* parser, const char* at, size_t length) {
    return Of(parser).AppendTrailer(at, length);
  }
  static int OnTrailerNameEnd(llhttp_t* parser) {
    Of(parser).name_end = Of(parser).trailer_bytes.size();
    return 0;
  }
  static int OnTrailerValue(llhttp_t* parser, const char* at, size_t length) {
    return Of(parser).AppendTrailer(at, length);
  }
  static int OnTrailerEnd(llhttp_t* parser) {
    Chunked& self = Of(parser);
    if (!self.in_body) return 0;
    if (self.trailer_ends.size() == kMaxTrailers) return self.Refuse("there are more than 256 trailers");
    self.trailer_ends.emplace_back(self.name_end, self.trailer_bytes.size());
    return 0;
  }
  static int OnMessageEnd(llhttp_t* parser) {
    Of(parser).complete = true;
    return HPE_PAUSED;
  }

  int AppendTrailer(const char* at, size_t length) {
    if (!in_body) return 0;  // a field of the synthetic head
    if (trailer_bytes.size() + length > kMaxTrailerBytes)
      return Refuse("the trailers are larger than 16 KiB");
    trailer_bytes.append(at, length);
    return 0;
  }

  int Refuse(std::string_view why) {
    refusal = why;
    return HPE_USER;
  }

  // Counts what stood between the last payload and `up_to`. False when it was too much.
  bool CountFraming(const char* up_to) {
    framing_bytes += static_cast<size_t>(up_to - framing_from);
    framing_from = up_to;
    if (framing_bytes <= kMaxFramingBytes) return true;
    Refuse("the chunks of the body carry too much besides the body");
    return false;
  }

  static const llhttp_settings_t& Settings() {
    static const llhttp_settings_t settings = [] {
      llhttp_settings_t s;
      llhttp_settings_init(&s);
      s.on_headers_complete = OnHeadEnd;
      s.on_body = OnPayload;
      s.on_header_field = OnTrailerName;
      s.on_header_field_complete = OnTrailerNameEnd;
      s.on_header_value = OnTrailerValue;
      s.on_header_value_complete = OnTrailerEnd;
      s.on_message_complete = OnMessageEnd;
      return s;
    }();
    return settings;
  }

  void Start() {
    in_body = complete = false;
    framing_bytes = name_end = 0;
    refusal = {};
    trailer_bytes.clear();
    trailer_ends.clear();
    llhttp_init(&parser, HTTP_REQUEST, &Settings());
    parser.data = this;
    llhttp_execute(&parser, kHeadBeforeChunks.data(), kHeadBeforeChunks.size());
  }

  void CollectTrailers(FieldList& into) const {
    size_t begin = 0;
    const std::string_view all = trailer_bytes;
    for (const auto& [name_ends, value_ends] : trailer_ends) {
      std::string_view value = all.substr(name_ends, value_ends - name_ends);
      while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.remove_suffix(1);
      into.Add(all.substr(begin, name_ends - begin), value);
      begin = value_ends;
    }
  }
};

BodyDecoder::BodyDecoder() = default;
BodyDecoder::~BodyDecoder() = default;

void BodyDecoder::Start(const Framing& framing, const FieldList& head) {
  framing_ = framing;
  remaining_ = framing.kind == Framing::Kind::kLength ? framing.length : 0;
  done_ =
      framing.kind == Framing::Kind::kNone || (framing.kind == Framing::Kind::kLength && framing.length == 0);
  trailers_.Clear();
  if (framing.kind != Framing::Kind::kChunked) return;
  connection_.clear();
  for (const Field& field : head) {
    if (field.id == FieldId::kConnection)
      connection_.append(connection_.empty() ? "" : ",").append(field.value);
  }
  if (chunked_ == nullptr) chunked_ = std::make_unique<Chunked>();
  chunked_->Start();
}

BodyDecoder::Step BodyDecoder::Decode(std::span<char> bytes) {
  if (framing_.kind == Framing::Kind::kChunked) return DecodeChunked(bytes);
  if (framing_.kind == Framing::Kind::kUntilClose) return {bytes.size(), {bytes.data(), bytes.size()}, {}};
  const size_t taken = static_cast<size_t>(std::min<uint64_t>(remaining_, bytes.size()));
  remaining_ -= taken;
  done_ = remaining_ == 0;
  return {taken, {bytes.data(), taken}, {}};
}

BodyDecoder::Step BodyDecoder::DecodeChunked(std::span<char> bytes) {
  Chunked& chunked = *chunked_;
  chunked.payload_end = bytes.data();
  chunked.framing_from = bytes.data();
  const llhttp_errno_t error = llhttp_execute(&chunked.parser, bytes.data(), bytes.size());
  const char* end = chunked.complete ? llhttp_get_error_pos(&chunked.parser) : bytes.data() + bytes.size();
  if (!chunked.refusal.empty()) return {0, {}, chunked.refusal};
  if (error != HPE_OK && !chunked.complete) {
    const bool in_trailers = chunked.parser.flags & F_TRAILING;
    return {0, {}, in_trailers ? "the trailers are malformed" : "the chunks of the body are malformed"};
  }
  if (!chunked.CountFraming(end)) return {0, {}, chunked.refusal};
  if (chunked.complete) {
    chunked.CollectTrailers(trailers_);
    MarkNominatedTrailers();
    done_ = true;
  }
  const size_t consumed = static_cast<size_t>(end - bytes.data());
  return {consumed, {bytes.data(), static_cast<size_t>(chunked.payload_end - bytes.data())}, {}};
}

// RFC 9110 7.6.1: what Connection names is removed from the trailers too.
void BodyDecoder::MarkNominatedTrailers() {
  for (Field& trailer : trailers_) {
    ForEachToken(connection_, [&](std::string_view token) {
      if (EqualsIgnoringCase(trailer.name, token)) trailer.hop_by_hop = true;
    });
  }
}

bool BodyDecoder::EndOfStream() {
  if (framing_.kind == Framing::Kind::kUntilClose) done_ = true;
  return done_;
}

}  // namespace naru::http
