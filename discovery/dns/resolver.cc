#include "discovery/dns/resolver.h"

#include <algorithm>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <fstream>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "discovery/dns/query_rate.h"
#include "discovery/dns/resolv_conf.h"
#include "discovery/text.h"

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Duration kReadConfEvery = std::chrono::seconds(1);
constexpr std::streamsize kMostConfBytes = 64 * 1024;

TimePoint Now() {
  return std::chrono::time_point_cast<Duration>(std::chrono::steady_clock::now());
}

// A file that cannot be read is an empty one, as it is for every other resolver.
std::string ReadText(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text(static_cast<size_t>(kMostConfBytes), '\0');
  file.read(text.data(), kMostConfBytes);
  text.resize(static_cast<size_t>(file.gcount()));
  return text;
}

std::string InWords(const std::vector<Address>& servers) {
  std::vector<std::string> words;
  for (const Address& server : servers) words.push_back(server.ToString());
  return Join(words, " or ");
}

// What is being asked, until its answer is given.
struct Asking {
  DnsQuestion question;  // as it was given
  Resolver::OnAnswer on_answer;
  std::vector<std::string> names;  // that it can mean
  size_t name = 0;                 // the one asked for now
  size_t refusals = 0;             // servers that answered that they cannot
  uint64_t channel = 0;            // the number of the one it was sent through
};

// Lives until the last reply, even when another one is in use by then.
struct OpenedChannel {
  std::unique_ptr<DnsChannel> channel;
  int awaited = 0;  // replies
};

}  // namespace

class Resolver::Impl : public std::enable_shared_from_this<Impl> {
 public:
  Impl(asio::io_context& io, ResolverOptions options) : io_(io), options_(std::move(options)), timer_(io) {}

  void Ask(DnsQuestion question, OnAnswer on_answer);
  void Close();

 private:
  using AskingPtr = std::shared_ptr<Asking>;

  void Enqueue(AskingPtr asking);
  void SendWaiting();
  void Send(const AskingPtr& asking);
  void OnReply(const AskingPtr& asking, const absl::StatusOr<std::string>& reply);
  void OnUnusable(const AskingPtr& asking, const absl::Status& why);
  void OnUsable(const AskingPtr& asking, DnsAnswer answer);
  void Finish(const AskingPtr& asking, absl::StatusOr<DnsAnswer> answer);
  void ReadServers();
  absl::StatusOr<OpenedChannel*> CurrentChannel();
  void LeaveChannel();
  void CountReply(uint64_t channel);

  asio::io_context& io_;
  const ResolverOptions options_;
  asio::steady_timer timer_;  // until the rate allows the next
  QueryRate rate_;
  std::deque<AskingPtr> waiting_;
  ResolvConf conf_;
  std::optional<TimePoint> conf_read_at_;
  std::vector<Address> servers_;  // in the order in which they are asked
  std::map<uint64_t, OpenedChannel> channels_;
  uint64_t current_ = 0;  // the number of the last one opened
  bool closed_ = false;
};

void Resolver::Impl::Ask(DnsQuestion question, OnAnswer on_answer) {
  ReadServers();
  auto asking = std::make_shared<Asking>();
  asking->names = options_.settings.search ? conf_.NamesFor(question.name) : std::vector{question.name};
  asking->question = std::move(question);
  asking->on_answer = std::move(on_answer);
  Enqueue(std::move(asking));
}

void Resolver::Impl::Close() {
  closed_ = true;
  timer_.cancel();
  channels_.clear();
  waiting_.clear();
}

// --- how fast ---

void Resolver::Impl::Enqueue(AskingPtr asking) {
  waiting_.push_back(std::move(asking));
  if (waiting_.size() == 1) asio::post(io_, [self = shared_from_this()] { self->SendWaiting(); });
}

void Resolver::Impl::SendWaiting() {
  while (!closed_ && !waiting_.empty() && rate_.Take(Now())) {
    const AskingPtr next = std::move(waiting_.front());
    waiting_.pop_front();
    Send(next);
  }
  if (closed_ || waiting_.empty()) return;
  timer_.expires_at(rate_.NextAt());
  timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->SendWaiting();
  });
}

// --- one question ---

void Resolver::Impl::Send(const AskingPtr& asking) {
  const absl::StatusOr<OpenedChannel*> opened = CurrentChannel();
  if (!opened.ok()) return Finish(asking, opened.status());
  asking->channel = current_;
  ++(*opened)->awaited;
  (*opened)->channel->Ask({asking->names[asking->name], asking->question.type},
                          [weak = weak_from_this(), asking](const absl::StatusOr<std::string>& reply) {
                            if (const auto self = weak.lock()) self->OnReply(asking, reply);
                          });
}

void Resolver::Impl::OnReply(const AskingPtr& asking, const absl::StatusOr<std::string>& reply) {
  if (closed_) return;
  CountReply(asking->channel);
  if (!reply.ok()) {
    if (asking->channel == current_) LeaveChannel();
    return Finish(asking, reply.status());
  }
  const absl::StatusOr<DnsMessage> message = ParseDnsMessage(*reply);
  if (!message.ok()) {
    return OnUnusable(asking,
                      absl::UnavailableError(Cat("sent an answer that ", message.status().message())));
  }
  absl::StatusOr<DnsAnswer> answer =
      ReadDnsAnswer(*message, {asking->names[asking->name], asking->question.type});
  if (!answer.ok()) return OnUnusable(asking, answer.status());
  OnUsable(asking, *std::move(answer));
}

void Resolver::Impl::OnUnusable(const AskingPtr& asking, const absl::Status& why) {
  ++asking->refusals;
  if (asking->refusals >= servers_.size()) return Finish(asking, why);
  if (asking->channel == current_) {  // otherwise somebody did so meanwhile
    std::rotate(servers_.begin(), servers_.begin() + 1, servers_.end());
    LeaveChannel();
  }
  Enqueue(asking);
}

// A name that exists without such records ends the search, so that A and AAAA always are of one name.
void Resolver::Impl::OnUsable(const AskingPtr& asking, DnsAnswer answer) {
  if (answer.kind == DnsAnswer::Kind::kMissing && asking->name + 1 < asking->names.size()) {
    ++asking->name;
    return Enqueue(asking);
  }
  answer.said_by = InWords(servers_);
  Finish(asking, std::move(answer));
}

void Resolver::Impl::Finish(const AskingPtr& asking, absl::StatusOr<DnsAnswer> answer) {
  if (!answer.ok()) {
    answer = absl::Status(answer.status().code(),
                          Cat("cannot resolve ", asking->question.name, " (", WordOf(asking->question.type),
                              "): the DNS server ", InWords(servers_), " ", answer.status().message()));
  }
  asking->on_answer(std::move(answer));
}

// --- servers ---

void Resolver::Impl::ReadServers() {
  const TimePoint now = Now();
  if (conf_read_at_ && now - *conf_read_at_ < kReadConfEvery) return;
  const bool first = !conf_read_at_;
  conf_read_at_ = now;
  ResolvConf conf = ResolvConf::Parse(ReadText(options_.resolv_conf));
  if (!first && conf == conf_) return;
  conf_ = std::move(conf);
  servers_ = options_.settings.servers.empty() ? conf_.servers : options_.settings.servers;
  LeaveChannel();
}

absl::StatusOr<OpenedChannel*> Resolver::Impl::CurrentChannel() {
  const auto at = channels_.find(current_);
  if (at != channels_.end()) return &at->second;
  absl::StatusOr<std::unique_ptr<DnsChannel>> opened = DnsChannel::Open(io_, servers_, options_.channel);
  if (!opened.ok()) return opened.status();
  return &(channels_[current_] = {*std::move(opened)});
}

// The next question opens another one.
void Resolver::Impl::LeaveChannel() {
  const auto left = channels_.find(current_);
  if (left != channels_.end() && left->second.awaited == 0) channels_.erase(left);
  ++current_;
}

void Resolver::Impl::CountReply(uint64_t channel) {
  const auto at = channels_.find(channel);
  --at->second.awaited;
  if (at->second.awaited == 0 && channel != current_) channels_.erase(at);
}

Resolver::Resolver(asio::io_context& io, ResolverOptions options)
    : impl_(std::make_shared<Impl>(io, std::move(options))) {}

Resolver::~Resolver() {
  impl_->Close();
}

void Resolver::Ask(DnsQuestion question, OnAnswer on_answer) {
  impl_->Ask(std::move(question), std::move(on_answer));
}

}  // namespace naru::discovery
