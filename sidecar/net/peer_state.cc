#include "sidecar/net/peer_state.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

namespace naru::net {
namespace {

constexpr uint32_t kAllTcpStates = 0xffffffff;

struct Query {
  nlmsghdr header{};
  inet_diag_req_v2 request{};
};

void FillSide(const sockaddr_storage& address, uint16_t& port, uint32_t* ip) {
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    port = v4.sin_port;
    std::memcpy(ip, &v4.sin_addr, 4);
  } else {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    port = v6.sin6_port;
    std::memcpy(ip, &v6.sin6_addr, 16);
  }
}

// Asks for the socket at the other end: its source is our peer, its destination is us.
bool MakeQuery(int fd, Query& query) {
  sockaddr_storage ours{};
  sockaddr_storage theirs{};
  socklen_t our_size = sizeof(ours);
  socklen_t their_size = sizeof(theirs);
  if (getsockname(fd, reinterpret_cast<sockaddr*>(&ours), &our_size) < 0) return false;
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&theirs), &their_size) < 0) return false;
  if (ours.ss_family != AF_INET && ours.ss_family != AF_INET6) return false;
  query.header.nlmsg_len = sizeof(query);
  query.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  query.header.nlmsg_flags = NLM_F_REQUEST;
  query.request.sdiag_family = ours.ss_family;
  query.request.sdiag_protocol = IPPROTO_TCP;
  query.request.idiag_states = kAllTcpStates;
  query.request.id.idiag_cookie[0] = INET_DIAG_NOCOOKIE;
  query.request.id.idiag_cookie[1] = INET_DIAG_NOCOOKIE;
  FillSide(theirs, query.request.id.idiag_sport, query.request.id.idiag_src);
  FillSide(ours, query.request.id.idiag_dport, query.request.id.idiag_dst);
  return true;
}

PeerState Ask(int netlink, const Query& query) {
  if (send(netlink, &query, sizeof(query), 0) != sizeof(query)) return PeerState::kUnknown;
  alignas(nlmsghdr) char answer[1024];
  const ssize_t got = recv(netlink, answer, sizeof(answer), MSG_DONTWAIT);
  const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
  if (got < static_cast<ssize_t>(sizeof(nlmsghdr)) || header->nlmsg_type != SOCK_DIAG_BY_FAMILY)
    return PeerState::kUnknown;
  if (got < static_cast<ssize_t>(NLMSG_LENGTH(sizeof(inet_diag_msg)))) return PeerState::kUnknown;
  const auto* found = reinterpret_cast<const inet_diag_msg*>(answer + NLMSG_HDRLEN);
  // Without that connection the kernel names who listens on the peer's port: somebody else.
  if (found->idiag_state == TCP_LISTEN) return PeerState::kUnknown;
  return found->idiag_inode == 0 ? PeerState::kGone : PeerState::kOpen;
}

std::string DescribeUnixPeer(int fd) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  const bool known = getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid > 0;
  return known ? "unix, process " + std::to_string(peer.pid) : "unix";
}

}  // namespace

PeerState StateOfPeer(int fd) {
  Query query;
  if (!MakeQuery(fd, query)) return PeerState::kUnknown;
  const int netlink = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
  if (netlink < 0) return PeerState::kUnknown;
  const PeerState state = Ask(netlink, query);
  close(netlink);
  return state;
}

std::string DescribePeer(int fd) {
  sockaddr_storage peer{};
  socklen_t size = sizeof(peer);
  if (getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &size) < 0) return {};
  if (peer.ss_family == AF_UNIX) return DescribeUnixPeer(fd);
  char text[INET6_ADDRSTRLEN] = "";
  if (peer.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(peer);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  const auto& v6 = reinterpret_cast<const sockaddr_in6&>(peer);
  const std::string port = ":" + std::to_string(ntohs(v6.sin6_port));
  if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
    inet_ntop(AF_INET, &v6.sin6_addr.s6_addr[12], text, sizeof(text));
    return text + port;
  }
  inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
  return "[" + std::string(text) + "]" + port;
}

}  // namespace naru::net
