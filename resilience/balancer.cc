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

double LoadOf(BalanceKind kind, const Candidate& candidate) {
  return kind == BalanceKind::kLeastRequest ? candidate.in_flight : candidate.load;
}

bool Lighter(BalanceKind kind, const Candidate& a, const Candidate& b) {
  return LoadOf(kind, a) * b.weight < LoadOf(kind, b) * a.weight;
}

Draw DrawDistinct(std::span<const Candidate> candidates, Eligible eligible, uint32_t count, uint64_t random) {
  const uint32_t first = Below(count, static_cast<uint32_t>(random >> 32));
  const int a = Nth(candidates, eligible, first);
  if (count == 1) return {a, -1};
  const uint32_t other = Below(count - 1, static_cast<uint32_t>(random));
  return {a, Nth(candidates, eligible, other >= first ? other + 1 : other)};
}

// The weights of the eligible, but for the one at `without`.
uint64_t TotalWeight(std::span<const Candidate> candidates, Eligible eligible, int without) {
  uint64_t total = 0;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (Fits(candidates[i], eligible) && static_cast<int>(i) != without) total += candidates[i].weight;
  }
  return total;
}

// Where a share in [0, 2^32) of the weights of the eligible falls.
int AtShare(std::span<const Candidate> candidates, Eligible eligible, int without, uint32_t share) {
  uint64_t left = share * TotalWeight(candidates, eligible, without) >> 32;
  for (size_t i = 0; i < candidates.size(); ++i) {
    if (!Fits(candidates[i], eligible) || static_cast<int>(i) == without) continue;
    if (left < candidates[i].weight) return static_cast<int>(i);
    left -= candidates[i].weight;
  }
  return -1;
}

// Turns spread by the golden ratio visit everybody in proportion and nobody twice in a row for long (Weyl's
// sequence).
constexpr uint32_t kGoldenShare = 2'654'435'769;

Draw DrawByWeight(BalanceKind kind, std::span<const Candidate> candidates, Eligible eligible, uint32_t count,
                  uint64_t random, uint32_t turn) {
  if (kind == BalanceKind::kRoundRobin) {
    return {AtShare(candidates, eligible, -1, turn * kGoldenShare), -1};
  }
  const int first = AtShare(candidates, eligible, -1, static_cast<uint32_t>(random >> 32));
  if (count == 1) return {first, -1};
  return {first, AtShare(candidates, eligible, first, static_cast<uint32_t>(random))};
}

bool WeightsDiffer(std::span<const Candidate> candidates) {
  return std::any_of(candidates.begin(), candidates.end(),
                     [&](const Candidate& c) { return c.weight != candidates[0].weight; });
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
    if (WeightsDiffer(candidates)) {
      return DrawByWeight(kind, candidates, eligible, count, random, round_robin_position);
    }
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
