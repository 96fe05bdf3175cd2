#include "discovery/host_lookup.h"

#include <netdb.h>

#include <boost/asio/error.hpp>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <deque>
#include <mutex>
#include <thread>
#include <utility>

namespace naru::discovery {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

error_code ErrorOf(int result, int error_number) {
  switch (result) {
    case 0:
      return {};
    case EAI_AGAIN:
      return asio::error::host_not_found_try_again;
    case EAI_FAIL:
      return asio::error::no_recovery;
    case EAI_MEMORY:
      return asio::error::no_memory;
    case EAI_SYSTEM:
      return {error_number, boost::system::system_category()};
    default:
      return asio::error::host_not_found;
  }
}

// Blocks.
error_code LookUp(const std::string& host, uint16_t port, HostLookup::Endpoints& endpoints) {
  addrinfo wanted{};
  wanted.ai_family = AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;
  wanted.ai_flags = AI_ADDRCONFIG;
  addrinfo* found = nullptr;
  const int result = getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found);
  const error_code error = ErrorOf(result, errno);
  if (result != 0) return error;
  for (const addrinfo* each = found; each != nullptr; each = each->ai_next) {
    asio::ip::tcp::endpoint endpoint;
    if (each->ai_addrlen > endpoint.capacity()) continue;
    endpoint.resize(each->ai_addrlen);
    std::memcpy(endpoint.data(), each->ai_addr, each->ai_addrlen);
    endpoints.push_back(endpoint);
  }
  freeaddrinfo(found);
  return {};
}

}  // namespace

struct HostLookup::Queue {
  struct Job {
    std::string host;
    uint16_t port;
    std::vector<OnFound> wanted_by;
  };

  explicit Queue(asio::any_io_executor executor) : executor(std::move(executor)) {}

  asio::any_io_executor executor;  // not touched once nobody is there any more
  std::mutex mutex;                // over what follows
  std::condition_variable changed;
  std::deque<Job> jobs;  // the first is being looked up
  bool has_thread = false;
  bool abandoned = false;
};

HostLookup::HostLookup(asio::any_io_executor executor)
    : queue_(std::make_shared<Queue>(std::move(executor))) {}

// What those who asked have left here is destroyed here too, on their thread.
HostLookup::~HostLookup() {
  std::deque<Queue::Job> dropped;
  std::lock_guard lock(queue_->mutex);
  queue_->abandoned = true;
  dropped.swap(queue_->jobs);
  queue_->executor = {};
  queue_->changed.notify_one();
}

void HostLookup::Find(const std::string& host, uint16_t port, OnFound on_found) {
  std::lock_guard lock(queue_->mutex);
  for (Queue::Job& job : queue_->jobs) {
    if (job.host != host || job.port != port) continue;
    job.wanted_by.push_back(std::move(on_found));
    return;
  }
  Queue::Job& job = queue_->jobs.emplace_back(Queue::Job{host, port, {}});
  job.wanted_by.push_back(std::move(on_found));
  queue_->changed.notify_one();
  if (queue_->has_thread) return;
  std::thread(&HostLookup::Work, queue_).detach();
  queue_->has_thread = true;  // not before it could be started
}

void HostLookup::Work(const std::shared_ptr<Queue>& queue) {
  std::unique_lock lock(queue->mutex);
  while (true) {
    queue->changed.wait(lock, [&queue] { return queue->abandoned || !queue->jobs.empty(); });
    if (queue->abandoned) return;
    const std::string host = queue->jobs.front().host;
    const uint16_t port = queue->jobs.front().port;
    lock.unlock();
    Endpoints endpoints;
    const error_code error = LookUp(host, port, endpoints);
    lock.lock();
    if (queue->abandoned) return;
    asio::post(queue->executor, [job = std::move(queue->jobs.front()), error, endpoints] {
      for (const OnFound& on_found : job.wanted_by) on_found(error, endpoints);
    });
    queue->jobs.pop_front();
  }
}

}  // namespace naru::discovery
