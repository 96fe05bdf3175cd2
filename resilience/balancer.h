// Chooses one endpoint of a service for an attempt.
//
// Candidates are the serving endpoints that this call has not tried. When none is left: serving ones already
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
};

// Random numbers and the round-robin position come in as arguments. Returns an index into `candidates`, or -1
// when it is empty. p2c and least-request draw two distinct eligible candidates and take the lighter one.
int Choose(BalanceKind kind, std::span<const Candidate> candidates, uint64_t random,
           uint32_t round_robin_position);

}  // namespace naru::resilience
