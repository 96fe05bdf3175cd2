#include "resilience/balancer.h"

#include <algorithm>

namespace naru::resilience {
namespace {

// Who may be chosen, best first.
enum class Eligible { kUnpenalised, kServingUntried, kServing, kEveryone };

bool Fits(const Candidate& candidate, Eligible eligible) {
  switch (eligible) {
    case Eligible::kUnpenalised:
      return candidate.serving && !candidate.tried && !candidate.penalised;
    case Eligible::kServingUntried:
      return candidate.serving && !candidate.tried;
    case Eligible::kServing:
      return candidate.serving;
    case Eligible::kEveryone:
      return true;
  }
  return true;
}

uint32_t Count(std::span<const Candidate> candidates, Eligible eligible) {
  return static_cast<uint32_t>(std::count_if(candidates.begin(), candidates.end(),
                                             [=](const Candidate& c) { return Fits(c, eligible); }));
}

// The index of the `nth` eligible candidate. Scanning again costs less than keeping a list of them.
int Nth(std::span<const Candidate> candidates, Eligible eligible, uint32_t nth) {
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (Fits(candidates[i], eligible) && nth-- == 0) return static_cast<int>(i);
  }
  return -1;
}

// A number below `bound` out of 32 random bits; the bias is below bound / 2^32.
uint32_t Below(uint32_t bound, uint32_t random) {
  return static_cast<uint32_t>(static_cast<uint64_t>(random) * bound >> 32);
}

bool Lighter(BalanceKind kind, const Candidate& a, const Candidate& b) {
  return kind == BalanceKind::kLeastRequest ? a.in_flight < b.in_flight : a.load < b.load;
}

Draw DrawDistinct(std::span<const Candidate> candidates, Eligible eligible, uint32_t count, uint64_t random) {
  const uint32_t first = Below(count, static_cast<uint32_t>(random >> 32));
  const int a = Nth(candidates, eligible, first);
  if (count == 1) return {a, -1};
  const uint32_t other = Below(count - 1, static_cast<uint32_t>(random));
  return {a, Nth(candidates, eligible, other >= first ? other + 1 : other)};
}

// Leaving aside more than half would overload the rest.
bool MayLeaveAside(uint32_t remaining, size_t all) {
  return 2 * remaining >= all;
}

}  // namespace

Draw DrawTwo(BalanceKind kind, std::span<const Candidate> candidates, uint64_t random,
             uint32_t round_robin_position) {
  for (const Eligible eligible :
       {Eligible::kUnpenalised, Eligible::kServingUntried, Eligible::kServing, Eligible::kEveryone}) {
    const uint32_t count = Count(candidates, eligible);
    if (count == 0) continue;
    if (eligible == Eligible::kUnpenalised && !MayLeaveAside(count, candidates.size())) continue;
    if (kind == BalanceKind::kRoundRobin)
      return {Nth(candidates, eligible, round_robin_position % count), -1};
    return DrawDistinct(candidates, eligible, count, random);
  }
  return {};
}

// Of equals the first drawn, so that ties are spread evenly.
int Choose(BalanceKind kind, std::span<const Candidate> candidates, uint64_t random,
           uint32_t round_robin_position) {
  const Draw draw = DrawTwo(kind, candidates, random, round_robin_position);
  if (draw.second < 0) return draw.first;
  const bool second_lighter = Lighter(kind, candidates[static_cast<size_t>(draw.second)],
                                      candidates[static_cast<size_t>(draw.first)]);
  return second_lighter ? draw.second : draw.first;
}

}  // namespace naru::resilience
