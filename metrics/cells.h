// The cells in which one worker counts: plain loads and stores of relaxed atomics, no lock prefix, no mutex.
//
// Every cell has exactly one writer, the worker that owns it; any number of threads may read it meanwhile. A
// reader may see a call in one cell and not yet in its neighbour, never a torn or decreasing number.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>

namespace naru::metrics {

class Counter {
 public:
  void Add(uint64_t n = 1) {
    cell_.store(cell_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  uint64_t Read() const { return cell_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> cell_ = 0;
};

// A T that comes into being when its single writer first needs it, so that what never happens costs a
// pointer.
template <class T>
class Lazy {
 public:
  Lazy() = default;
  Lazy(const Lazy&) = delete;
  Lazy& operator=(const Lazy&) = delete;
  ~Lazy() { delete Peek(); }

  template <class... Args>
  T& Get(Args&&... args) {
    T* value = value_.load(std::memory_order_relaxed);
    if (value == nullptr) {
      value = new T(std::forward<Args>(args)...);
      value_.store(value, std::memory_order_release);
    }
    return *value;
  }

  // Null until the writer has needed it.
  T* Peek() const { return value_.load(std::memory_order_acquire); }

 private:
  std::atomic<T*> value_ = nullptr;
};

using Bounds = std::span<const std::chrono::nanoseconds>;

// OpenTelemetry's bounds for HTTP begin at 5 ms; internal calls mostly take less, so four more stand below
// it.
inline constexpr std::array<std::chrono::nanoseconds, 14> kCallBounds = {
    std::chrono::microseconds(500), std::chrono::milliseconds(1),   std::chrono::microseconds(2500),
    std::chrono::milliseconds(5),   std::chrono::milliseconds(10),  std::chrono::milliseconds(25),
    std::chrono::milliseconds(50),  std::chrono::milliseconds(100), std::chrono::milliseconds(250),
    std::chrono::milliseconds(500), std::chrono::seconds(1),        std::chrono::milliseconds(2500),
    std::chrono::seconds(5),        std::chrono::seconds(10)};

// The time spent inside naru is tens of microseconds.
inline constexpr std::array<std::chrono::nanoseconds, 19> kOverheadBounds = {
    std::chrono::microseconds(10),  std::chrono::microseconds(25),   std::chrono::microseconds(50),
    std::chrono::microseconds(100), std::chrono::microseconds(250),  std::chrono::microseconds(500),
    std::chrono::milliseconds(1),   std::chrono::microseconds(2500), std::chrono::milliseconds(5),
    std::chrono::milliseconds(10),  std::chrono::milliseconds(25),   std::chrono::milliseconds(50),
    std::chrono::milliseconds(100), std::chrono::milliseconds(250),  std::chrono::milliseconds(500),
    std::chrono::seconds(1),        std::chrono::milliseconds(2500), std::chrono::seconds(5),
    std::chrono::seconds(10)};

inline constexpr size_t kMaxBuckets = kOverheadBounds.size() + 1;  // the last one has no upper bound

// What a histogram held when it was read. Readings of the same bounds add up.
struct HistogramReading {
  Bounds bounds;
  std::array<uint64_t, kMaxBuckets> counts = {};  // per bucket, not cumulative; counts[bounds.size()] is +Inf
  uint64_t sum_ns = 0;

  void Add(const HistogramReading& other);
  void Subtract(const HistogramReading& earlier);
  uint64_t Total() const;

  // The duration that a share `q` of the observations did not pass, interpolated inside its bucket; the
  // largest bound when it lies beyond; zero without observations.
  std::chrono::nanoseconds Quantile(double q) const;
};

class Histogram {
 public:
  // `bounds` ascend, are at most kMaxBuckets - 1, and outlive it.
  explicit Histogram(Bounds bounds) : bounds_(bounds) {}

  void Observe(std::chrono::nanoseconds duration) {
    size_t bucket = 0;
    while (bucket < bounds_.size() && duration > bounds_[bucket]) ++bucket;
    buckets_[bucket].Add();
    if (duration.count() > 0) sum_ns_.Add(static_cast<uint64_t>(duration.count()));
  }

  HistogramReading Read() const;

 private:
  const Bounds bounds_;
  std::array<Counter, kMaxBuckets> buckets_;
  Counter sum_ns_;
};

}  // namespace naru::metrics
