#include "sidecar/http/body_decoder.h"

#include <llhttp.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

namespace naru::http {
namespace {

constexpr size_t kMaxTrailerBytes = 16 * 1024;
// Chunk-size lines with their extensions may cost this much for every piece of payload, no more.
constexpr size_t kMaxFramingBytes = 16 * 1024;

// llhttp decodes chunks only behind a head, so it is given the smallest one.
constexpr std::string_view kHeadBeforeChunks = "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

}  // namespace

struct BodyDecoder::Chunked {
  llhttp_t parser;
  char* payload_end = nullptr;  // payload of this step is moved to end here
  size_t payload_bytes = 0;
  size_t framing_bytes = 0;  // since the last payload
  bool in_body = false;      // behind the synthetic head
  bool complete = false;
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
    if (self.payload_end != at) std::memmove(self.payload_end, at, length);
    self.payload_end += length;
    self.payload_bytes += length;
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
    self.trailer_ends.emplace_back(self.name_end, self.trailer_bytes.size());
    return 0;
  }
  static int OnMessageEnd(llhttp_t* parser) {
    Of(parser).complete = true;
    return HPE_PAUSED;
  }

  int AppendTrailer(const char* at, size_t length) {
    if (!in_body) return 0;  // a field of the synthetic head
    if (trailer_bytes.size() + length > kMaxTrailerBytes) return HPE_USER;
    trailer_bytes.append(at, length);
    return 0;
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

void BodyDecoder::Start(const Framing& framing) {
  framing_ = framing;
  remaining_ = framing.kind == Framing::Kind::kLength ? framing.length : 0;
  done_ =
      framing.kind == Framing::Kind::kNone || (framing.kind == Framing::Kind::kLength && framing.length == 0);
  trailers_.Clear();
  if (framing.kind != Framing::Kind::kChunked) return;
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
  chunked.payload_bytes = 0;
  const llhttp_errno_t error = llhttp_execute(&chunked.parser, bytes.data(), bytes.size());
  size_t consumed = bytes.size();
  if (chunked.complete) {
    consumed = static_cast<size_t>(llhttp_get_error_pos(&chunked.parser) - bytes.data());
    chunked.CollectTrailers(trailers_);
    done_ = true;
  } else if (error == HPE_USER) {
    return {0, {}, "the trailers are larger than 16 KiB"};
  } else if (error != HPE_OK) {
    return {0, {}, "the chunks of the body are malformed"};
  }
  // Much framing for nothing is an attack on the reader's patience, not a body.
  chunked.framing_bytes = chunked.payload_bytes > 0 ? 0 : chunked.framing_bytes + consumed;
  if (chunked.framing_bytes > kMaxFramingBytes + kMaxTrailerBytes) {
    return {0, {}, "the chunks of the body carry too much besides the body"};
  }
  return {consumed, {bytes.data(), chunked.payload_bytes}, {}};
}

bool BodyDecoder::EndOfStream() {
  if (framing_.kind == Framing::Kind::kUntilClose) done_ = true;
  return done_;
}

}  // namespace naru::http
