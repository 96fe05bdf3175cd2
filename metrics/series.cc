#include "metrics/series.h"

#include <cassert>

namespace naru::metrics {
namespace {

template <size_t N>
void AddAll(const std::array<Counter, N>& cells, std::array<uint64_t, N>& sums) {
  for (size_t i = 0; i < N; ++i) sums[i] += cells[i].Read();
}

}  // namespace

void CodeCounts::Count(uint8_t outcome, int code) {
  Counter* cell = FindOrAdd(KeyOf(outcome, code), kMaxCodes);
  if (cell == nullptr) cell = FindOrAdd(KeyOf(outcome, kOther), kMaxCodes + kMaxOutcomes);
  cell->Add();
}

void CodeCounts::ForEach(absl::FunctionRef<void(uint8_t, int, uint64_t)> visit) const {
  for (const Chunk* chunk = &first_; chunk != nullptr; chunk = chunk->next.Peek()) {
    for (size_t i = 0; i < Chunk::kSlots; ++i) {
      const uint32_t key = chunk->keys[i].load(std::memory_order_relaxed);
      if (key != 0)
        visit(static_cast<uint8_t>(key >> 16), static_cast<int>(key & 0xffff), chunk->counts[i].Read());
    }
  }
}

// The top bit tells a key from a free slot.
uint32_t CodeCounts::KeyOf(uint8_t outcome, int code) {
  const uint32_t low = code >= 0 && code < kFirstGrpc + kMaxGrpc ? static_cast<uint32_t>(code) : kOther;
  return uint32_t{1} << 31 | uint32_t{outcome} << 16 | low;
}

// Null when `limit` slots are taken and none has the key. A linear search: what is seen first, and so mostly
// often, is found first.
Counter* CodeCounts::FindOrAdd(uint32_t key, size_t limit) {
  size_t taken = 0;
  for (Chunk* chunk = &first_;; chunk = &chunk->next.Get()) {
    for (size_t i = 0; i < Chunk::kSlots; ++i, ++taken) {
      const uint32_t seen = chunk->keys[i].load(std::memory_order_relaxed);
      if (seen == key) return &chunk->counts[i];
      if (taken >= limit) return nullptr;
      if (seen != 0) continue;
      chunk->keys[i].store(key, std::memory_order_relaxed);
      return &chunk->counts[i];
    }
  }
}

void CallSeries::Record(const FinishedCall& call) {
  assert(call.outcome < kMaxOutcomes);
  Cells& cells = cells_.Get();
  cells.durations[call.outcome].Get(Bounds(kCallBounds)).Observe(call.duration);
  cells.codes.Count(call.outcome, call.code);
  cells.bytes_up.Add(call.bytes_up);
  cells.bytes_down.Add(call.bytes_down);
}

void CallSeries::AddTo(CallReading& reading) const {
  const Cells* cells = cells_.Peek();
  if (cells == nullptr) return;
  for (size_t outcome = 0; outcome < kMaxOutcomes; ++outcome) {
    const Histogram* histogram = cells->durations[outcome].Peek();
    if (histogram != nullptr) reading.durations[static_cast<uint8_t>(outcome)].Add(histogram->Read());
  }
  cells->codes.ForEach([&reading](uint8_t outcome, int code, uint64_t count) {
    reading.calls[{outcome, code}] += count;
  });
  if (!reading.bytes_up_down) reading.bytes_up_down.emplace(0, 0);
  reading.bytes_up_down->first += cells->bytes_up.Read();
  reading.bytes_up_down->second += cells->bytes_down.Read();
}

void CalleeSeries::RecordAttempt(uint8_t outcome) {
  assert(outcome < kMaxOutcomes);
  cells_.Get().attempts[outcome].Add();
}

void CalleeSeries::RecordRetry(uint8_t reason) {
  assert(reason < kMaxReasons);
  cells_.Get().retries[reason].Add();
}

void CalleeSeries::RecordSuppressedRetry(uint8_t reason) {
  assert(reason < kMaxReasons);
  cells_.Get().suppressed_retries[reason].Add();
}

void CalleeSeries::AddTo(CalleeReading& reading) const {
  const Cells* cells = cells_.Peek();
  if (cells == nullptr) return;
  reading.used = true;
  AddAll(cells->attempts, reading.attempts);
  AddAll(cells->retries, reading.retries);
  AddAll(cells->suppressed_retries, reading.suppressed_retries);
  reading.refused_public += cells->refused_public.Read();
  reading.overhead.Add(cells->overhead.Read());
}

}  // namespace naru::metrics
