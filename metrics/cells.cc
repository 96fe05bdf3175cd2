#include "metrics/cells.h"

#include <cmath>
#include <numeric>

namespace naru::metrics {

void HistogramReading::Add(const HistogramReading& other) {
  bounds = other.bounds;
  for (size_t i = 0; i < counts.size(); ++i) counts[i] += other.counts[i];
  sum_ns += other.sum_ns;
}

void HistogramReading::Subtract(const HistogramReading& earlier) {
  for (size_t i = 0; i < counts.size(); ++i) counts[i] -= earlier.counts[i];
  sum_ns -= earlier.sum_ns;
}

uint64_t HistogramReading::Total() const {
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

std::chrono::nanoseconds HistogramReading::Quantile(double q) const {
  const double rank = q * static_cast<double>(Total());
  double below = 0;
  std::chrono::nanoseconds lower{0};
  for (size_t i = 0; i < bounds.size(); ++i) {
    const double inside = static_cast<double>(counts[i]);
    if (inside > 0 && below + inside >= rank) {
      const double share = (rank - below) / inside;
      return lower +
             std::chrono::nanoseconds(std::llround(share * static_cast<double>((bounds[i] - lower).count())));
    }
    below += inside;
    lower = bounds[i];
  }
  return Total() == 0 ? std::chrono::nanoseconds{0} : lower;
}

HistogramReading Histogram::Read() const {
  HistogramReading reading{bounds_};
  for (size_t i = 0; i < buckets_.size(); ++i) reading.counts[i] = buckets_[i].Read();
  reading.sum_ns = sum_ns_.Read();
  return reading;
}

}  // namespace naru::metrics
