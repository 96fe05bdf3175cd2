// What a source says when it was asked, or of its own accord.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "discovery/endpoint.h"

namespace naru::discovery {

// What the source knows now, whole. Empty only where the source is sure that there is nothing.
struct Answer {
  std::vector<Endpoint> endpoints;  // in any order, unguarded
  bool exists = true;               // false: the source is sure that it knows no such service
  std::string squad;                // who owns the service, where the source says so
  std::string revision;             // what the source calls this state, for people; may be empty

  bool operator==(const Answer&) const = default;
};

// Nothing has changed since the last Answer.
struct Confirmed {
  bool operator==(const Confirmed&) const = default;
};

// Asking failed, or the answer made no sense.
struct Trouble {
  std::string detail;  // a sentence: what happened, where, what to do about it

  bool operator==(const Trouble&) const = default;
};

using Report = std::variant<Answer, Confirmed, Trouble>;

}  // namespace naru::discovery
