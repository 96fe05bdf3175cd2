#include "sidecar/worker.h"

#include <pthread.h>

#include <utility>

#include "sidecar/call/http1_downstream.h"
#include "sidecar/call/http2_downstream.h"
#include "sidecar/net/short_slices.h"

namespace naru {
namespace {

// One writer: no need for a locked instruction.
void AddRelaxed(std::atomic<uint64_t>& counter, int change) {
  counter.store(counter.load(std::memory_order_relaxed) + static_cast<uint64_t>(static_cast<int64_t>(change)),
                std::memory_order_relaxed);
}

std::mt19937_64 SeededRandom() {
  std::random_device device;
  std::seed_seq seeds{device(), device(), device(), device()};
  return std::mt19937_64(seeds);
}

}  // namespace

Worker::Worker(WorkerOptions options, std::shared_ptr<const call::Snapshot> snapshot)
    : options_(std::move(options)),
      random_(SeededRandom()),
      snapshot_(std::move(snapshot)),
      upstream_pool_(loop_),
      http2_pool_(loop_, buffers_, options_.tracer),
      stack_({loop_,
              {loop_, buffers_, upstream_pool_, http2_pool_},
              options_.index,
              options_.nameless,
              options_.observer,
              random_,
              options_.wake_others,
              options_.discover}) {}

Worker::~Worker() = default;

void Worker::Start() {
  thread_ = std::thread([this] {
    net::AskForShortSlices();
    loop_.Run();
  });
  pthread_setname_np(thread_.native_handle(), ("naru-" + std::to_string(options_.index)).c_str());
}

void Worker::Stop() {
  if (!thread_.joinable()) return;
  loop_.Post([this] { AbortAll(); });
  thread_.join();
}

void Worker::UseSnapshot(std::shared_ptr<const call::Snapshot> snapshot) {
  loop_.Post([this, snapshot = std::move(snapshot)]() mutable { snapshot_ = std::move(snapshot); });
}

void Worker::AddListener(std::string key, int fd, call::AcceptedAt at) {
  loop_.Post([this, key = std::move(key), fd, at]() mutable {
    at.listener = ++last_listener_;
    net::Listener::Callbacks callbacks{[this, at](int accepted) { Accept(accepted, at); },
                                       [this](int error) { MakeRoom(error); }, options_.may_accept};
    listeners_[key] = {at.listener, std::make_unique<net::Listener>(loop_, fd, std::move(callbacks))};
  });
}

void Worker::RemoveListener(std::string key) {
  loop_.Post([this, key = std::move(key)] {
    const auto found = listeners_.find(key);
    if (found == listeners_.end()) return;
    const uint32_t number = found->second.number;
    listeners_.erase(found);
    for (call::DownstreamConnection& connection : connections_) {
      if (connection.accepted_at().listener == number) connection.Drain();
    }
  });
}

// HTTP/1 knows no way to say so that a request on its way could not cross.
void Worker::Drain() {
  loop_.Post([this] {
    for (call::DownstreamConnection& connection : connections_) {
      if (connection.http2()) connection.Drain();
    }
  });
}

void Worker::WakeWaiting(call::LimitConcurrency::LimitPtr limit) {
  loop_.Post([this, limit = std::move(limit)] { stack_.limits().Wake(limit); });
}

void Worker::Discovered(std::string name, call::Discovered answer) {
  loop_.Post([this, name = std::move(name), answer = std::move(answer)] {
    stack_.discovery().Answer(name, answer);
  });
}

void Worker::Accept(int fd, call::AcceptedAt at) {
  Serve(*new call::Http1Downstream(*this, fd, at));
}

void Worker::Continue(call::Http2Takeover takeover) {
  auto* connection = new call::Http2Downstream(*this, std::move(takeover));
  AddRelaxed(http2_count_, 1);
  Serve(*connection);
  if (stopping_) connection->Abort();
}

void Worker::Serve(call::DownstreamConnection& connection) {
  connections_.push_back(connection);
  AddRelaxed(connection_count_, 1);
  connection.Start();
}

// The oldest idle connections make room; their applications open new ones when they need them.
void Worker::MakeRoom(int error) {
  options_.exhausted(error);
  int closed = 0;
  for (call::DownstreamConnection& connection : connections_) {
    if (closed == kCloseIdlePerExhaustion) break;
    if (!connection.idle()) continue;
    connection.Abort();
    ++closed;
  }
}

void Worker::AbortAll() {
  stopping_ = true;
  listeners_.clear();
  for (call::DownstreamConnection& connection : connections_) connection.Abort();
  StopWhenEmpty();
}

void Worker::Gone(call::DownstreamConnection& connection) {
  if (connection.http2()) AddRelaxed(http2_count_, -1);
  connections_.erase(connections_.iterator_to(connection));
  delete &connection;
  AddRelaxed(connection_count_, -1);
  if (stopping_) StopWhenEmpty();
}

// Connections to endpoints, each with coroutines of its own, are cut once nobody needs them.
void Worker::StopWhenEmpty() {
  if (!connections_.empty()) return;
  http2_pool_.AbortAll([this] { loop_.Stop(); });
}

std::unique_ptr<call::CallBlock> Worker::TakeBlock() {
  if (free_blocks_.empty()) return std::make_unique<call::CallBlock>();
  std::unique_ptr<call::CallBlock> block = std::move(free_blocks_.back());
  free_blocks_.pop_back();
  return block;
}

void Worker::GiveBack(std::unique_ptr<call::CallBlock> block) {
  if (free_blocks_.size() >= kMaxFreeBlocks) return;
  block->call.Clear();
  if (block->out.capacity() > net::BufferPool::kSmallBytes) std::string().swap(block->out);
  free_blocks_.push_back(std::move(block));
}

void Worker::CountAbuse(resilience::AbuseKind kind) {
  AddRelaxed(abuse_[static_cast<size_t>(kind)], 1);
  if (options_.abused) options_.abused(kind);
}

void Worker::CountCall(int change) {
  AddRelaxed(calls_in_flight_, change);
  if (change > 0) AddRelaxed(calls_begun_, 1);
}

}  // namespace naru
