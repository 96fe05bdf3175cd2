// Chooses one endpoint of a service for an attempt.
//
// Candidates are the serving endpoints that this call has not tried, those that failed a moment ago left
// aside as long as at least half of all remain: with three endpoints, a dead one would otherwise be drawn
// beside the slow one in a third of all draws and make it look good. When none is left: serving ones already
// tried; when nothing serves at all: every endpoint (with two to eight tasks, "all ejected" must mean "try
// them all").
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

namespace naru::resilience {

enum class BalanceKind : uint8_t { kP2c, kLeastRequest, kRoundRobin };

// What the chooser sees of one endpoint.
struct Candidate {
  double load = 0;         // LatencyEstimate::Load; only for p2c
  uint32_t in_flight = 0;  // only for least-request
  bool serving = true;     // neither ejected nor unhealthy
  bool tried = false;      // by an earlier attempt of this call
  bool penalised = false;  // it failed a moment ago (LatencyEstimate::penalised); only for p2c
  uint32_t weight = 1;     // its share of the calls relative to the others, 1 to 65,535
};

// Two distinct eligible candidates, of which the lighter is to be taken; `second` is -1 when there is only
// one, or when the kind needs no comparison. `first` is -1 when there is no candidate at all.
struct Draw {
  int first = -1;
  int second = -1;

  bool operator==(const Draw&) const = default;
};

// Where weights differ, candidates are drawn in proportion to them, and loads are compared by weight.
//
// Random numbers and the round-robin position come in as arguments. Looks at nobody's load, so that it need
// be worked out for the two drawn only.
Draw DrawTwo(BalanceKind kind, std::span<const Candidate> candidates, uint64_t random,
             uint32_t round_robin_position);

// The whole choice, for candidates whose loads are filled in. Returns an index into `candidates`, or -1.
int Choose(BalanceKind kind, std::span<const Candidate> candidates, uint64_t random,
           uint32_t round_robin_position);

}  // namespace naru::resilience
