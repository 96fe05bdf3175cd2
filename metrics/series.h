// One worker's cells of one (service, route) and of one service: what the data path writes into.
//
// The registry owns them and keeps them at the same address for its life. One thread, the worker they were
// made for, records; the scraping thread reads. Memory is taken when something first happens: an idle route
// costs a pointer, an outcome never seen costs none.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "metrics/cells.h"

namespace naru::metrics {

// The lengths that the closed lists of a Vocabulary may have.
inline constexpr size_t kMaxOutcomes = 32;
inline constexpr size_t kMaxReasons = 16;

// How a call ended. `outcome` is an index into Vocabulary::outcomes.
struct FinishedCall {
  uint8_t outcome = 0;
  int code = 0;  // HTTP status, or CodeCounts::OfGrpc; 0: no answer was given
  std::chrono::nanoseconds duration{0};
  uint64_t bytes_up = 0;
  uint64_t bytes_down = 0;
};

// Counts by outcome and code. The code comes from the network, so the table is bounded: the first
// kMaxCodes pairs get a cell each, later ones share one cell an outcome.
class CodeCounts {
 public:
  static constexpr size_t kMaxCodes = 64;
  static constexpr int kOther = 0xffff;  // the code under which later pairs are counted

  static constexpr int kFirstGrpc = 1000;  // codes from here on are those of gRPC
  static constexpr int kMaxGrpc = 32;
  static constexpr int OfGrpc(int grpc_code) { return kFirstGrpc + grpc_code; }

  void Count(uint8_t outcome, int code);
  void ForEach(absl::FunctionRef<void(uint8_t outcome, int code, uint64_t count)> visit) const;

 private:
  // Slots come in small chunks, because nearly every route sees one or two codes for all its life.
  struct Chunk {
    static constexpr size_t kSlots = 8;
    std::array<std::atomic<uint32_t>, kSlots> keys = {};  // 0: free
    std::array<Counter, kSlots> counts;
    Lazy<Chunk> next;
  };
  static uint32_t KeyOf(uint8_t outcome, int code);
  Counter* FindOrAdd(uint32_t key, size_t limit);

  Chunk first_;
};

// What the cells of one label set held when they were read, added up over the workers.
struct CallReading {
  std::map<uint8_t, HistogramReading> durations;               // by outcome
  std::map<std::pair<uint8_t, int>, uint64_t> calls;           // by outcome and code
  std::optional<std::pair<uint64_t, uint64_t>> bytes_up_down;  // nothing before the first call
};

class CallSeries {
 public:
  void Record(const FinishedCall& call);

  void AddTo(CallReading& reading) const;

 private:
  struct Cells {
    Counter bytes_up;
    Counter bytes_down;
    CodeCounts codes;
    std::array<Lazy<Histogram>, kMaxOutcomes> durations;
  };
  Lazy<Cells> cells_;
};

struct CalleeReading {
  bool used = false;  // whether anything was ever recorded
  std::array<uint64_t, kMaxOutcomes> attempts = {};
  std::array<uint64_t, kMaxReasons> retries = {};
  std::array<uint64_t, kMaxReasons> suppressed_retries = {};
  uint64_t refused_public = 0;
  HistogramReading overhead;
};

// The arguments are indices into the lists of the registry's Vocabulary.
class CalleeSeries {
 public:
  void RecordAttempt(uint8_t outcome);
  void RecordRetry(uint8_t reason);
  void RecordSuppressedRetry(uint8_t reason);
  void RecordOverhead(std::chrono::nanoseconds overhead) { cells_.Get().overhead.Observe(overhead); }
  void RecordRefusedPublic() { cells_.Get().refused_public.Add(); }

  void AddTo(CalleeReading& reading) const;

 private:
  struct Cells {
    std::array<Counter, kMaxOutcomes> attempts;
    std::array<Counter, kMaxReasons> retries;
    std::array<Counter, kMaxReasons> suppressed_retries;
    Counter refused_public;
    Histogram overhead{kOverheadBounds};
  };
  Lazy<Cells> cells_;
};

}  // namespace naru::metrics
