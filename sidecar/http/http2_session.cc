#include "sidecar/http/http2_session.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "sidecar/http/http2_memory.h"

namespace naru::http {
namespace {

constexpr size_t kFrameHeadBytes = 9;  // RFC 9113 4.1
// Of a header block, which nghttp2 estimates: 12 bytes a field are added to its own, and a field of HTTP/1
// may have as few as four.
constexpr size_t kMaxSentHeadBytes = 16 * Http2Session::kMaxHeaderListBytes;
// Less room than this for a body's bytes is left to the next buffer.
constexpr size_t kLeastBodyRoom = 2048;

void DeleteSession(nghttp2_session* session) {
  nghttp2_session_del(session);
}

nghttp2_nv ToNv(const Http2Fields::Entry& entry) {
  nghttp2_nv nv;
  nv.name = reinterpret_cast<uint8_t*>(const_cast<char*>(entry.name.data()));
  nv.value = reinterpret_cast<uint8_t*>(const_cast<char*>(entry.value.data()));
  nv.namelen = entry.name.size();
  nv.valuelen = entry.value.size();
  nv.flags = entry.indexed ? NGHTTP2_NV_FLAG_NONE : NGHTTP2_NV_FLAG_NO_INDEX;
  return nv;
}

// nghttp2 copies the fields when they are submitted, so one list serves every call of this thread.
// `index_all`: what is not worth a place by its value still gets one, for its name.
const std::vector<nghttp2_nv>& ToNvs(const Http2Fields& fields, bool index_all = false) {
  static thread_local std::vector<nghttp2_nv> nvs;
  nvs.clear();
  for (const Http2Fields::Entry& entry : fields.entries()) {
    nvs.push_back(ToNv(entry));
    if (index_all) nvs.back().flags = NGHTTP2_NV_FLAG_NONE;
  }
  return nvs;
}

std::string_view View(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

Http2StreamHandler* HandlerOf(nghttp2_session* session, int32_t stream) {
  return static_cast<Http2StreamHandler*>(nghttp2_session_get_stream_user_data(session, stream));
}

// "HEADERS, stream 1, 34 bytes, flags 0x5".
std::string Describe(const nghttp2_frame_hd& head) {
  constexpr std::array<std::string_view, 10> kTypes = {
      "DATA",         "HEADERS", "PRIORITY", "RST_STREAM",    "SETTINGS",
      "PUSH_PROMISE", "PING",    "GOAWAY",   "WINDOW_UPDATE", "CONTINUATION"};
  const std::string type =
      head.type < kTypes.size() ? std::string(kTypes[head.type]) : "type " + std::to_string(head.type);
  char flags[8];
  std::snprintf(flags, sizeof(flags), "0x%x", head.flags);
  return type + ", stream " + std::to_string(head.stream_id) + ", " + std::to_string(head.length) +
         " bytes, flags " + flags;
}

// base64url without padding (RFC 7540 3.2.1). Empty when malformed.
std::string DecodeBase64Url(std::string_view text) {
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const size_t value = alphabet.find(c);
    if (value == std::string_view::npos) return {};
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    bytes.push_back(static_cast<char>(bits >> count & 0xff));
  }
  return bytes;
}

}  // namespace

// nghttp2's callbacks, all static; `user_data` is the session.
struct Http2Session::Callbacks {
  static Http2Session& Self(void* user_data) { return *static_cast<Http2Session*>(user_data); }

  // nghttp2 remembers no closed streams, to save their memory, so it would let frames on them pass.
  static int OnBeginFrame(nghttp2_session* session, const nghttp2_frame_hd* head, void* user_data) {
    Http2Session& self = Self(user_data);
    if (head->type != NGHTTP2_HEADERS || self.role_ != Role::kServer) return 0;
    if (head->stream_id > self.last_request_) {
      self.last_request_ = head->stream_id;
      return 0;
    }
    if (!self.IsGone(head->stream_id)) return 0;
    // RFC 9113 5.1.1: a stream that was skipped cannot be opened any more.
    const bool skipped = !self.closed_.Has(head->stream_id);
    nghttp2_session_terminate_session(session, skipped ? NGHTTP2_PROTOCOL_ERROR : NGHTTP2_STREAM_CLOSED);
    return 0;
  }

  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    Http2Session& self = Self(user_data);
    self.block_.Renew();
    self.block_bytes_ = 0;
    self.block_too_large_ = false;
    const bool request = frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
    if (!request) return 0;
    Http2StreamHandler* handler = self.events_.OnRequest(frame->hd.stream_id);
    if (handler == nullptr) {
      nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_REFUSED_STREAM);
      return 0;
    }
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, handler);
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* user_data) {
    Http2Session& self = Self(user_data);
    self.block_bytes_ += name_size + value_size + kFieldOverhead;
    if (self.block_bytes_ > kMaxHeaderListBytes || self.block_.size() >= kMaxFields) {
      self.block_too_large_ = true;
      // A list this long has been decoded from few bytes: there is no end to wait for.
      if (self.block_bytes_ <= kAbusiveHeaderListBytes) return 0;
      self.header_list_abused_ = true;
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
    self.block_.Add(View(name, name_size), View(value, value_size));
    return 0;
  }

  // A name or a value with a byte that may not be in one is malformed (RFC 9113 8.2.1).
  static int OnInvalidHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t*, size_t, const uint8_t*,
                             size_t, uint8_t, void*) {
    return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
  }

  static int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    Http2Session& self = Self(user_data);
    const bool ends = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
    switch (frame->hd.type) {
      case NGHTTP2_HEADERS:
        if (Http2StreamHandler* handler = HandlerOf(session, frame->hd.stream_id)) {
          handler->OnHeaders(self.block_, ends, self.block_too_large_);
          if (ends) handler->OnEnd();
        }
        break;
      case NGHTTP2_DATA:
        if (Http2StreamHandler* handler = HandlerOf(session, frame->hd.stream_id); handler != nullptr && ends)
          handler->OnEnd();
        break;
      case NGHTTP2_RST_STREAM:
        self.reset_by_peer_ = frame->hd.stream_id;
        if (Http2StreamHandler* handler = HandlerOf(session, frame->hd.stream_id)) handler->OnPeerReset();
        break;
      case NGHTTP2_SETTINGS:
        if (!(frame->hd.flags & NGHTTP2_FLAG_ACK)) self.events_.OnSettings();
        break;
      case NGHTTP2_PING:
        if (frame->hd.flags & NGHTTP2_FLAG_ACK) self.events_.OnPingAnswered();
        break;
      case NGHTTP2_GOAWAY:
        self.events_.OnGoAway(static_cast<Http2Error>(frame->goaway.error_code));
        break;
      default:
        break;
    }
    return 0;
  }

  static int OnData(nghttp2_session* session, uint8_t, int32_t stream, const uint8_t* data, size_t size,
                    void* user_data) {
    Http2Session& self = Self(user_data);
    nghttp2_session_consume_connection(session, size);
    if (Http2StreamHandler* handler = HandlerOf(session, stream)) {
      handler->OnData(View(data, size));
    } else {
      self.Consume(stream, size);
    }
    return 0;
  }

  static int OnStreamClose(nghttp2_session* session, int32_t stream, uint32_t error, void* user_data) {
    Http2Session& self = Self(user_data);
    const bool by_us = error != NGHTTP2_NO_ERROR && stream != self.reset_by_peer_;
    (by_us ? self.reset_by_us_ : self.closed_).Add(stream);
    Http2StreamHandler* handler = HandlerOf(session, stream);
    if (handler == nullptr) return 0;
    nghttp2_session_set_stream_user_data(session, stream, nullptr);
    handler->OnClosed(static_cast<Http2Error>(error));
    return 0;
  }

  static int OnFrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int, void* user_data) {
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
      Self(user_data).events_.OnUnsendable(frame->hd.stream_id);
    return 0;
  }

  // How much of a body goes into the next frame. The bytes themselves are taken by SendData, which copies
  // them once, right to where they are written from. With the last byte that is offered for now nghttp2 is
  // done with the body as it knows it, and forgets it: a silent stream costs it nothing. ResumeBody begins it
  // anew.
  static ssize_t ReadBody(nghttp2_session* session, int32_t stream, uint8_t*, size_t limit, uint32_t* flags,
                          nghttp2_data_source*, void* user_data) {
    Http2Session& self = Self(user_data);
    Http2StreamHandler* handler = HandlerOf(session, stream);
    if (handler == nullptr) return NGHTTP2_ERR_DEFERRED;  // being reset
    const Http2StreamHandler::Offer offer = handler->OfferBody();
    const size_t room = self.filling_.size() - self.filled_;
    const size_t fits = std::max(room, kLeastBodyRoom + kFrameHeadBytes) - kFrameHeadBytes;
    const size_t bytes = std::min({offer.bytes, limit, fits});
    *flags = NGHTTP2_DATA_FLAG_NO_COPY;
    if (bytes < offer.bytes) return static_cast<ssize_t>(bytes);
    *flags |= NGHTTP2_DATA_FLAG_EOF;
    if (!offer.last) *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    if (!offer.last || !offer.trailers) return static_cast<ssize_t>(bytes);
    Http2Fields trailers;
    handler->AppendTrailers(trailers);
    if (trailers.entries().empty()) return static_cast<ssize_t>(bytes);
    *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
    const std::vector<nghttp2_nv>& nvs = ToNvs(trailers);
    nghttp2_submit_trailer(session, stream, nvs.data(), nvs.size());
    // nghttp2 sends no empty frame before trailers, so SendData would not hear of this end.
    if (bytes == 0) handler->TakeBody(0);
    return static_cast<ssize_t>(bytes);
  }

  static int SendData(nghttp2_session* session, nghttp2_frame* frame, const uint8_t* frame_head,
                      size_t length, nghttp2_data_source*, void* user_data) {
    Http2Session& self = Self(user_data);
    Http2StreamHandler* handler = HandlerOf(session, frame->hd.stream_id);
    if (handler == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;  // reset since ReadBody
    if (self.filling_.size() - self.filled_ < kFrameHeadBytes + length) return NGHTTP2_ERR_WOULDBLOCK;
    const std::string_view bytes = handler->TakeBody(length);
    char* to = self.filling_.data() + self.filled_;
    std::memcpy(to, frame_head, kFrameHeadBytes);
    if (!bytes.empty()) std::memcpy(to + kFrameHeadBytes, bytes.data(), bytes.size());
    self.filled_ += kFrameHeadBytes + length;
    return 0;
  }

  static int TraceReceived(nghttp2_session* session, const nghttp2_frame* frame, void* user_data) {
    Self(user_data).trace_("received " + Describe(frame->hd));
    return OnFrame(session, frame, user_data);
  }
  static int TraceSent(nghttp2_session*, const nghttp2_frame* frame, void* user_data) {
    Self(user_data).trace_("sent " + Describe(frame->hd));
    return 0;
  }
  static int TraceRefused(nghttp2_session*, const nghttp2_frame* frame, int error, void* user_data) {
    Self(user_data).trace_("refused " + Describe(frame->hd) + ": " + nghttp2_strerror(error));
    return 0;
  }
  static int TraceError(nghttp2_session*, int, const char* message, size_t size, void* user_data) {
    Self(user_data).trace_(std::string(message, size));
    return 0;
  }

  static nghttp2_session_callbacks* MakeTraced() {
    nghttp2_session_callbacks* callbacks = Make();
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &TraceReceived);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &TraceSent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &TraceRefused);
    nghttp2_session_callbacks_set_error_callback2(callbacks, &TraceError);
    return callbacks;
  }

  static nghttp2_session_callbacks* Make() {
    nghttp2_session_callbacks* callbacks;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_frame_callback(callbacks, &OnBeginFrame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_invalid_header_callback(callbacks, &OnInvalidHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnData);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnStreamClose);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &OnFrameNotSent);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, &SendData);
    return callbacks;
  }

  static nghttp2_option* Options() {
    nghttp2_option* options;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    // nghttp2 drops a block over its limit without a word to the peer, so the limit must be above all that
    // naru forwards.
    nghttp2_option_set_max_send_header_block_length(options, kMaxSentHeadBytes);
#ifdef NARU_NGHTTP2_LIMITS_RESETS
    // Looser than resilience/abuse_guard.h, which decides; this one would not say ENHANCE_YOUR_CALM.
    nghttp2_option_set_stream_reset_rate_limit(options, 4000, 1000);
#endif
#ifdef NARU_NGHTTP2_LIMITS_CONTINUATIONS
    nghttp2_option_set_max_continuations(options, 64);
#endif
    return options;
  }
};

namespace {

void SubmitSettings(nghttp2_session* session, Http2Session::Role role) {
  if (role == Http2Session::Role::kServer) {
    const std::array<nghttp2_settings_entry, 4> settings = {{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, Http2Session::kMaxStreams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, Http2Session::kRequestWindowBytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, Http2Session::kMaxHeaderListBytes},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1},
    }};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  } else {
    const std::array<nghttp2_settings_entry, 3> settings = {{
        {NGHTTP2_SETTINGS_ENABLE_PUSH, 0},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, Http2Session::kAnswerWindowBytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, Http2Session::kMaxHeaderListBytes},
    }};
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
  }
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, Http2Session::kConnectionWindowBytes);
}

}  // namespace

Http2Session::Http2Session(Role role, Events& events, Http2Trace trace)
    : role_(role), events_(events), trace_(std::move(trace)), session_(nullptr, &DeleteSession) {
  // Made once and kept for the life of the process: every session reads them.
  static nghttp2_session_callbacks* const kPlain = Callbacks::Make();
  static nghttp2_session_callbacks* const kTraced = Callbacks::MakeTraced();
  nghttp2_session_callbacks* const callbacks = trace_ ? kTraced : kPlain;
  static nghttp2_option* const kOptions = Callbacks::Options();
  nghttp2_session* session = nullptr;
  if (role == Role::kServer) {
    nghttp2_session_server_new3(&session, callbacks, this, kOptions, Http2Memory());
  } else {
    nghttp2_session_client_new3(&session, callbacks, this, kOptions, Http2Memory());
  }
  session_.reset(session);
  SubmitSettings(session, role);
}

Http2Session::~Http2Session() = default;

// nghttp2 drops DATA on a stream that it does not know without a word, so that such frames are looked at
// before.
bool Http2Session::Receive(std::string_view bytes) {
  if (role_ == Role::kClient) return Feed(bytes);
  size_t fed = 0;
  bool reset = false;
  bool alive = true;
  scanner_.Scan(bytes, [&](const Http2FrameHead& frame, size_t begin) {
    reset |= frame.type == Http2FrameHead::kRstStream;
    if (frame.type != Http2FrameHead::kData || !alive) return;
    if (reset) {
      alive = Feed(bytes.substr(fed, begin - fed));
      fed = begin;
    }
    if (!alive || !IsGone(frame.stream)) return;
    nghttp2_session_terminate_session(session_.get(), NGHTTP2_STREAM_CLOSED);
    alive = false;
  });
  return alive && Feed(bytes.substr(fed));
}

bool Http2Session::IsGone(int32_t stream) const {
  return stream != 0 && stream <= last_request_ &&
         nghttp2_session_find_stream(session_.get(), stream) == nullptr && !reset_by_us_.Has(stream);
}

bool Http2Session::Feed(std::string_view bytes) {
  if (bytes.empty()) return IsAlive();
  const ssize_t used =
      nghttp2_session_mem_recv(session_.get(), reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size());
  if (used < 0) {
    flooded_ = used == NGHTTP2_ERR_FLOODED;
    const bool abused = flooded_ || header_list_abused_;
    nghttp2_session_terminate_session(session_.get(),
                                      abused ? NGHTTP2_ENHANCE_YOUR_CALM : NGHTTP2_PROTOCOL_ERROR);
    return false;
  }
  return IsAlive();
}

size_t Http2Session::Fill(std::span<char> into) {
  filling_ = into;
  filled_ = 0;
  while (true) {
    if (unsent_.empty()) {
      const uint8_t* frame = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_.get(), &frame);
      if (size <= 0) break;
      unsent_ = View(frame, static_cast<size_t>(size));
    }
    const size_t now = std::min(unsent_.size(), into.size() - filled_);
    std::memcpy(into.data() + filled_, unsent_.data(), now);
    filled_ += now;
    unsent_.remove_prefix(now);
    if (!unsent_.empty()) break;
  }
  return filled_;
}

bool Http2Session::WantsToSend() const {
  return !unsent_.empty() || nghttp2_session_want_write(session_.get()) != 0;
}

bool Http2Session::IsAlive() const {
  return nghttp2_session_want_read(session_.get()) != 0 || WantsToSend();
}

bool Http2Session::UpgradeFromHttp1(std::string_view settings_base64, bool is_head,
                                    Http2StreamHandler& handler) {
  const std::string settings = DecodeBase64Url(settings_base64);
  if (settings.empty() != settings_base64.empty()) return false;
  const int result =
      nghttp2_session_upgrade2(session_.get(), reinterpret_cast<const uint8_t*>(settings.data()),
                               settings.size(), is_head ? 1 : 0, nullptr);
  if (result != 0) return false;
  // nghttp2 takes no user data for it on this side.
  nghttp2_session_set_stream_user_data(session_.get(), 1, &handler);
  last_request_ = 1;
  return true;
}

int32_t Http2Session::SubmitRequest(const Http2Fields& fields, bool has_body, Http2StreamHandler& handler) {
  if (nghttp2_session_check_request_allowed(session_.get()) == 0) return -1;
  // Names that every request has are then one byte in all later ones.
  const std::vector<nghttp2_nv>& nvs = ToNvs(fields, !std::exchange(names_sent_, true));
  const nghttp2_data_provider body{{.ptr = nullptr}, &Callbacks::ReadBody};
  return nghttp2_submit_request(session_.get(), nullptr, nvs.data(), nvs.size(), has_body ? &body : nullptr,
                                &handler);
}

void Http2Session::SubmitAnswer(int32_t stream, const Http2Fields& fields, bool has_body) {
  const std::vector<nghttp2_nv>& nvs = ToNvs(fields);
  const uint8_t flags = has_body ? NGHTTP2_FLAG_NONE : NGHTTP2_FLAG_END_STREAM;
  nghttp2_submit_headers(session_.get(), flags, stream, nullptr, nvs.data(), nvs.size(), nullptr);
}

void Http2Session::SubmitInformational(int32_t stream, const Http2Fields& fields) {
  const std::vector<nghttp2_nv>& nvs = ToNvs(fields);
  nghttp2_submit_headers(session_.get(), NGHTTP2_FLAG_NONE, stream, nullptr, nvs.data(), nvs.size(), nullptr);
}

bool Http2Session::HasBegun(int32_t stream) const {
  return nghttp2_session_find_stream(session_.get(), stream) != nullptr;
}

bool Http2Session::IsOver(int32_t stream) const {
  nghttp2_stream* const known = nghttp2_session_find_stream(session_.get(), stream);
  if (known != nullptr) return nghttp2_stream_get_state(known) == NGHTTP2_STREAM_STATE_CLOSED;
  return stream <= last_request_;
}

void Http2Session::ResumeBody(int32_t stream) {
  if (!HasBegun(stream)) return;  // the request brings its body itself
  const nghttp2_data_provider body{{.ptr = nullptr}, &Callbacks::ReadBody};
  // Refused where a part of the body is still on its way, after which ReadBody is asked again.
  nghttp2_submit_data(session_.get(), NGHTTP2_FLAG_END_STREAM, stream, &body);
}

void Http2Session::Consume(int32_t stream, size_t bytes) {
  if (bytes > 0) nghttp2_session_consume_stream(session_.get(), stream, bytes);
}

void Http2Session::Reset(int32_t stream, Http2Error error) {
  Detach(stream);
  reset_by_us_.Add(stream);
  nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, stream, static_cast<uint32_t>(error));
}

bool Http2Session::Remembered::Has(int32_t stream) const {
  return std::find(streams.begin(), streams.end(), stream) != streams.end();
}

void Http2Session::Detach(int32_t stream) {
  nghttp2_session_set_stream_user_data(session_.get(), stream, nullptr);
}

bool IsHttp2SettingsField(std::string_view value) {
  constexpr size_t kSettingBytes = 6;  // RFC 9113 6.5.1
  const std::string settings = DecodeBase64Url(value);
  const bool malformed = settings.empty() && !value.empty();
  return !malformed && settings.size() % kSettingBytes == 0;
}

bool LooksLikeHttp2Settings(std::string_view bytes) {
  // RFC 9113 4.1: three bytes of length, type 4, no flags, stream 0.
  return bytes.size() >= kFrameHeadBytes && bytes[0] == 0 &&
         bytes.substr(3, 6) == std::string_view("\4\0\0\0\0\0", 6);
}

std::string_view Http2LibraryVersion() {
  return nghttp2_version(0)->version_str;
}

std::string_view WordOf(Http2Error error) {
  return nghttp2_http2_strerror(static_cast<uint32_t>(error));
}

void Http2Session::Ping() {
  nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
}

void Http2Session::AnnounceGoAway() {
  nghttp2_submit_shutdown_notice(session_.get());
}

void Http2Session::GoAway(Http2Error error) {
  if (error != Http2Error::kNoError) {
    nghttp2_session_terminate_session(session_.get(), static_cast<uint32_t>(error));
    return;
  }
  nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_.get()), NGHTTP2_NO_ERROR, nullptr,
                        0);
}

uint32_t Http2Session::peer_max_streams() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

bool Http2Session::peer_takes_extended_connect() const {
  return nghttp2_session_get_remote_settings(session_.get(), NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 1;
}

}  // namespace naru::http
