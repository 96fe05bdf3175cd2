// The HTTP/2 service behind the proxies of compare.sh: what origin.cc is for HTTP/1.
//
//   origin_http2 PORT    h2c with prior knowledge; GET /1m is answered with 1 MiB, /100m with 100 MiB,
//   everything else with 100 bytes
//
// One thread, one epoll loop and nghttp2. nghttpd needs nearly twice the time for an answer, and sharing a
// core with h2load it held the proxies back more. Linux only. Not for anything but measuring.
#include <nghttp2/nghttp2.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "serve.h"

namespace {

constexpr size_t kReadBytes = 64 * 1024;
constexpr size_t kWriteBytes = 256 * 1024;  // written at once, and kept for a slow reader
constexpr size_t kFrameHeadBytes = 9;
constexpr uint32_t kMaxStreams = 1000;
constexpr size_t kSmallBytes = 100;
constexpr size_t kLargeBytes = 1024 * 1024;
constexpr size_t kHugeBytes = 100 * kLargeBytes;

// The bytes of the body that are still to be sent are the user data of a stream.
size_t BytesDue(nghttp2_session* session, int32_t stream) {
  return reinterpret_cast<uintptr_t>(nghttp2_session_get_stream_user_data(session, stream));
}

void SetBytesDue(nghttp2_session* session, int32_t stream, size_t bytes) {
  nghttp2_session_set_stream_user_data(session, stream,
                                       reinterpret_cast<void*>(static_cast<uintptr_t>(bytes)));
}

// Says only how many bytes come next; Connection::AppendBody makes them.
ssize_t ReadBody(nghttp2_session* session, int32_t stream, uint8_t*, size_t room, uint32_t* flags,
                 nghttp2_data_source*, void*) {
  const size_t due = BytesDue(session, stream);
  const size_t count = std::min(due, room);
  SetBytesDue(session, stream, due - count);
  *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
  if (count == due) *flags |= NGHTTP2_DATA_FLAG_EOF;
  return static_cast<ssize_t>(count);
}

nghttp2_nv Field(std::string_view name, std::string_view value) {
  const auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

void Answer(nghttp2_session* session, int32_t stream) {
  const std::string length = std::to_string(BytesDue(session, stream));
  const nghttp2_nv fields[] = {Field(":status", "200"), Field("server", "origin"),
                               Field("content-type", "text/plain"), Field("content-length", length)};
  nghttp2_data_provider body{};
  body.read_callback = ReadBody;
  nghttp2_submit_response(session, stream, fields, std::size(fields), &body);
}

int OnHeader(nghttp2_session* session, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
             const uint8_t* value, size_t value_size, uint8_t, void*) {
  if (std::string_view(reinterpret_cast<const char*>(name), name_size) != ":path") return 0;
  const std::string_view path(reinterpret_cast<const char*>(value), value_size);
  const size_t bytes = path == "/1m" ? kLargeBytes : path == "/100m" ? kHugeBytes : kSmallBytes;
  SetBytesDue(session, frame->hd.stream_id, bytes);
  return 0;
}

int OnFrame(nghttp2_session* session, const nghttp2_frame* frame, void*) {
  const bool ends = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
  if (ends && (frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA)) {
    Answer(session, frame->hd.stream_id);
  }
  return 0;
}

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {
    nghttp2_session_server_new2(&session_, Callbacks(), this, Options());
    const nghttp2_settings_entry settings[] = {{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxStreams}};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  }
  Connection(const Connection&) = delete;
  ~Connection() { nghttp2_session_del(session_); }

  bool ReadAll() {
    static uint8_t buffer[kReadBytes];
    while (true) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count == 0) return false;
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      if (nghttp2_session_mem_recv(session_, buffer, static_cast<size_t>(count)) < 0) return false;
      if (static_cast<size_t>(count) < sizeof buffer) return true;
    }
  }

  bool WriteAll() {
    while (true) {
      if (sent_ == unsent_.size()) Fill();
      if (unsent_.empty()) return nghttp2_session_want_read(session_) != 0;
      const ssize_t count = send(fd_, unsent_.data() + sent_, unsent_.size() - sent_, MSG_NOSIGNAL);
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      sent_ += static_cast<size_t>(count);
    }
  }

 private:
  static const nghttp2_session_callbacks* Callbacks() {
    static nghttp2_session_callbacks* callbacks = [] {
      nghttp2_session_callbacks* made;
      nghttp2_session_callbacks_new(&made);
      nghttp2_session_callbacks_set_on_header_callback(made, OnHeader);
      nghttp2_session_callbacks_set_on_frame_recv_callback(made, OnFrame);
      nghttp2_session_callbacks_set_send_data_callback(made, AppendBody);
      return made;
    }();
    return callbacks;
  }

  static const nghttp2_option* Options() {
    static nghttp2_option* options = [] {
      nghttp2_option* made;
      nghttp2_option_new(&made);
      nghttp2_option_set_no_closed_streams(made, 1);
      return made;
    }();
    return options;
  }

  static int AppendBody(nghttp2_session*, nghttp2_frame*, const uint8_t* head, size_t count,
                        nghttp2_data_source*, void* connection) {
    std::string& unsent = static_cast<Connection*>(connection)->unsent_;
    if (unsent.size() >= kWriteBytes) return NGHTTP2_ERR_WOULDBLOCK;
    unsent.append(reinterpret_cast<const char*>(head), kFrameHeadBytes).append(count, 'x');
    return 0;
  }

  void Fill() {
    unsent_.clear();
    sent_ = 0;
    while (unsent_.size() < kWriteBytes) {
      const uint8_t* bytes;
      const ssize_t count = nghttp2_session_mem_send(session_, &bytes);
      if (count <= 0) return;
      unsent_.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(count));
    }
  }

  const int fd_;
  nghttp2_session* session_;
  std::string unsent_;  // from `sent_`
  size_t sent_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return ServeOnPort<Connection>(argc, argv);
}
