// The service behind the proxies of compare.sh: answers every request at once, so that the proxy is what is
// measured.
//
//   origin PORT    GET /1m is answered with 1 MiB, /100m with 100 MiB, everything else with 100 bytes;
//   keep-alive, pipelining, no bodies
//
// Not for anything but measuring: it reads no more of HTTP than where a head ends.
#include <sys/socket.h>

#include <cerrno>
#include <string>
#include <string_view>

#include "serve.h"

namespace {

constexpr size_t kReadBytes = 16 * 1024;

std::string Answer(size_t body_bytes) {
  return "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: text/plain\r\nContent-Length: " +
         std::to_string(body_bytes) + "\r\n\r\n" + std::string(body_bytes, 'x');
}

const std::string kSmall = Answer(100);
const std::string kLarge = Answer(1024 * 1024);
const std::string kHuge = Answer(100 * 1024 * 1024);

const std::string& AnswerTo(std::string_view request_line) {
  if (request_line.find(" /1m ") != request_line.npos) return kLarge;
  return request_line.find(" /100m ") != request_line.npos ? kHuge : kSmall;
}

class Connection {
 public:
  explicit Connection(int fd) : fd_(fd) {}

  bool ReadAll() {
    char buffer[kReadBytes];
    while (true) {
      const ssize_t count = recv(fd_, buffer, sizeof buffer, 0);
      if (count == 0) return false;
      if (count < 0) return errno == EAGAIN || errno == EINTR;
      unread_.append(buffer, static_cast<size_t>(count));
      TakeHeads();
      if (static_cast<size_t>(count) < sizeof buffer) return true;
    }
  }

  bool WriteAll() {
    while (answers_due_ > 0) {
      const ssize_t count = send(fd_, answer_->data() + sent_, answer_->size() - sent_, MSG_NOSIGNAL);
      if (count < 0) return true;  // reading tells whether the peer has gone
      sent_ += static_cast<size_t>(count);
      if (sent_ < answer_->size()) continue;
      sent_ = 0;
      --answers_due_;
    }
    return true;
  }

 private:
  void TakeHeads() {
    size_t end;
    while ((end = unread_.find("\r\n\r\n")) != std::string::npos) {
      const std::string_view head(unread_.data(), end);
      answer_ = &AnswerTo(head.substr(0, head.find('\r')));
      ++answers_due_;
      unread_.erase(0, end + 4);
    }
  }

  const int fd_;
  std::string unread_;                   // the part of a head that has come
  const std::string* answer_ = nullptr;  // being sent, from `sent_`
  size_t sent_ = 0;
  size_t answers_due_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  return ServeOnPort<Connection>(argc, argv);
}
