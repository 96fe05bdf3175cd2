#include "discovery/dns/dns_channel.h"

// What newer releases deprecate is what 1.18 has.
#define CARES_NO_DEPRECATED
#include <ares.h>
#include <netinet/in.h>
#include <sys/time.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstring>
#include <map>
#include <utility>

#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int kClassInternet = 1;
// What passes every network in one piece (DNS Flag Day 2020).
constexpr int kMostUdpBytes = 1232;

// One of c-ares' sockets. It stays c-ares' to close.
struct Socket {
  Socket(asio::io_context& io, int descriptor) : watched(io, descriptor) {}

  asio::posix::stream_descriptor watched;
  bool wants_read = false;
  bool wants_write = false;
  bool awaits_read = false;
  bool awaits_write = false;
  bool released = false;
};

ares_addr_port_node NodeOf(const Address& server) {
  ares_addr_port_node node{};
  node.family = server.is_v4() ? AF_INET : AF_INET6;
  if (server.is_v4()) {
    std::copy(server.ip.end() - sizeof(in_addr), server.ip.end(),
              reinterpret_cast<uint8_t*>(&node.addr.addr4));
  } else {
    std::copy(server.ip.begin(), server.ip.end(), reinterpret_cast<uint8_t*>(&node.addr.addr6));
  }
  node.udp_port = node.tcp_port = server.port;
  return node;
}

int SetServers(ares_channel channel, const std::vector<Address>& servers) {
  std::vector<ares_addr_port_node> nodes;
  for (const Address& server : servers) nodes.push_back(NodeOf(server));
  for (size_t i = 0; i + 1 < nodes.size(); ++i) nodes[i].next = &nodes[i + 1];
  return ares_set_servers_ports(channel, nodes.data());
}

absl::Status Failure(int status) {
  switch (status) {
    case ARES_ETIMEOUT:
      return absl::DeadlineExceededError("did not answer");
    case ARES_ECONNREFUSED:
      return absl::UnavailableError("could not be reached (connection refused, or no way there)");
    default:
      return absl::UnavailableError(Cat("could not be asked: ", std::string_view(ares_strerror(status))));
  }
}

}  // namespace

class DnsChannel::Impl : public std::enable_shared_from_this<Impl> {
 public:
  explicit Impl(asio::io_context& io) : io_(io), timer_(io) {}

  int Open(const std::vector<Address>& servers, const DnsChannelOptions& options);
  void Close();
  void Ask(const DnsQuestion& question, OnReply on_reply);

 private:
  struct Asked {
    std::shared_ptr<Impl> impl;
    OnReply on_reply;
  };

  static void OnSocketState(void* impl, ares_socket_t descriptor, int readable, int writable);
  static void OnAnswer(void* asked, int status, int timeouts, unsigned char* bytes, int size);

  void ChangeSocket(ares_socket_t descriptor, bool readable, bool writable);
  void Reply(OnReply on_reply, absl::StatusOr<std::string> reply);
  void Process(ares_socket_t readable, ares_socket_t writable);
  void Await();
  void AwaitRead(ares_socket_t descriptor, const std::shared_ptr<Socket>& socket);
  void AwaitWrite(ares_socket_t descriptor, const std::shared_ptr<Socket>& socket);
  void AwaitTimeout();

  asio::io_context& io_;
  asio::steady_timer timer_;
  ares_channel channel_ = nullptr;
  std::map<ares_socket_t, std::shared_ptr<Socket>> sockets_;
  bool closed_ = false;
};

int DnsChannel::Impl::Open(const std::vector<Address>& servers, const DnsChannelOptions& options) {
  ares_options own{};
  char no_file[] = "/dev/null";  // resolv.conf is read elsewhere
  own.flags = ARES_FLAG_NOCHECKRESP | ARES_FLAG_NOSEARCH | ARES_FLAG_NOALIASES | ARES_FLAG_EDNS;
  own.timeout =
      static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(options.timeout).count());
  own.tries = options.tries;
  own.ednspsz = kMostUdpBytes;
  own.sock_state_cb = &Impl::OnSocketState;
  own.sock_state_cb_data = this;
  own.resolvconf_path = no_file;
  int mask = ARES_OPT_FLAGS | ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_EDNSPSZ |
             ARES_OPT_SOCK_STATE_CB | ARES_OPT_RESOLVCONF | ARES_OPT_NOROTATE;
#ifdef ARES_OPT_QUERY_CACHE
  own.qcache_max_ttl = 0;  // what is believed, and how long, is decided here
  mask |= ARES_OPT_QUERY_CACHE;
#endif
  const int status = ares_init_options(&channel_, &own, mask);
  return status == ARES_SUCCESS ? SetServers(channel_, servers) : status;
}

void DnsChannel::Impl::Close() {
  closed_ = true;
  timer_.cancel();
  if (channel_ != nullptr) ares_destroy(channel_);
  channel_ = nullptr;
}

void DnsChannel::Impl::Ask(const DnsQuestion& question, OnReply on_reply) {
  auto* asked = new Asked{shared_from_this(), std::move(on_reply)};  // OnAnswer deletes it, whatever happens
  ares_query(channel_, question.name.c_str(), kClassInternet, static_cast<int>(question.type),
             &Impl::OnAnswer, asked);
  Await();
}

void DnsChannel::Impl::OnAnswer(void* asked, int status, int, unsigned char* bytes, int size) {
  const std::unique_ptr<Asked> owned(static_cast<Asked*>(asked));
  absl::StatusOr<std::string> reply = Failure(status);
  if (bytes != nullptr) reply = std::string(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
  owned->impl->Reply(std::move(owned->on_reply), std::move(reply));
}

// Not from inside c-ares: whoever hears it may ask again, or close the channel.
void DnsChannel::Impl::Reply(OnReply on_reply, absl::StatusOr<std::string> reply) {
  if (closed_) return;
  asio::post(io_, [self = shared_from_this(), on_reply = std::move(on_reply), reply = std::move(reply)] {
    if (!self->closed_) on_reply(reply);
  });
}

// --- c-ares' sockets ---

void DnsChannel::Impl::OnSocketState(void* impl, ares_socket_t descriptor, int readable, int writable) {
  static_cast<Impl*>(impl)->ChangeSocket(descriptor, readable != 0, writable != 0);
}

// Neither readable nor writable: c-ares is about to close it.
void DnsChannel::Impl::ChangeSocket(ares_socket_t descriptor, bool readable, bool writable) {
  const auto at = sockets_.find(descriptor);
  if (!readable && !writable) {
    if (at == sockets_.end()) return;
    at->second->released = true;
    at->second->watched.release();
    sockets_.erase(at);
    return;
  }
  const auto& socket =
      at != sockets_.end() ? at->second : sockets_[descriptor] = std::make_shared<Socket>(io_, descriptor);
  socket->wants_read = readable;
  socket->wants_write = writable;
}

void DnsChannel::Impl::Process(ares_socket_t readable, ares_socket_t writable) {
  if (closed_) return;
  ares_process_fd(channel_, readable, writable);
  Await();
}

void DnsChannel::Impl::Await() {
  for (const auto& [descriptor, socket] : sockets_) {
    if (socket->wants_read && !socket->awaits_read) AwaitRead(descriptor, socket);
    if (socket->wants_write && !socket->awaits_write) AwaitWrite(descriptor, socket);
  }
  AwaitTimeout();
}

void DnsChannel::Impl::AwaitRead(ares_socket_t descriptor, const std::shared_ptr<Socket>& socket) {
  socket->awaits_read = true;
  const auto then = [self = shared_from_this(), descriptor, socket](error_code) {
    socket->awaits_read = false;
    if (!socket->released) self->Process(descriptor, ARES_SOCKET_BAD);
  };
  socket->watched.async_wait(asio::posix::stream_descriptor::wait_read, then);
}

void DnsChannel::Impl::AwaitWrite(ares_socket_t descriptor, const std::shared_ptr<Socket>& socket) {
  socket->awaits_write = true;
  const auto then = [self = shared_from_this(), descriptor, socket](error_code) {
    socket->awaits_write = false;
    if (!socket->released) self->Process(ARES_SOCKET_BAD, descriptor);
  };
  socket->watched.async_wait(asio::posix::stream_descriptor::wait_write, then);
}

void DnsChannel::Impl::AwaitTimeout() {
  timeval left{};
  if (ares_timeout(channel_, nullptr, &left) == nullptr) {
    timer_.cancel();
    return;
  }
  timer_.expires_after(std::chrono::seconds(left.tv_sec) + std::chrono::microseconds(left.tv_usec));
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->Process(ARES_SOCKET_BAD, ARES_SOCKET_BAD);
  });
}

// --- the outside ---

DnsChannel::DnsChannel(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

DnsChannel::~DnsChannel() {
  impl_->Close();
}

absl::StatusOr<std::unique_ptr<DnsChannel>> DnsChannel::Open(asio::io_context& io,
                                                             const std::vector<Address>& servers,
                                                             const DnsChannelOptions& options) {
  auto impl = std::make_shared<Impl>(io);
  const int status = impl->Open(servers, options);
  std::unique_ptr<DnsChannel> channel(new DnsChannel(std::move(impl)));
  if (status != ARES_SUCCESS) return Failure(status);
  return channel;
}

void DnsChannel::Ask(const DnsQuestion& question, OnReply on_reply) {
  impl_->Ask(question, std::move(on_reply));
}

}  // namespace naru::discovery
