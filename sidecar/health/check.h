// One way to ask one endpoint how it is, again and again. Used on the thread of the executor it was made
// with.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <string>
#include <utility>

#include "resilience/grade.h"

namespace naru::health {

struct CheckResult {
  resilience::Grade grade = resilience::Grade::kSuccess;  // neutral: naru could not ask
  std::string error;                                      // of all but a success: what was wrong

  static CheckResult Good() { return {}; }
  static CheckResult Bad(std::string error) { return {resilience::Grade::kFailure, std::move(error)}; }
};

class Check {
 public:
  virtual ~Check() = default;

  // Asks once, within the policy's timeout. Never begun before the last one has ended.
  virtual boost::asio::awaitable<CheckResult> Ask() = 0;

  // Lets the Ask that is going on end soon, whatever its result.
  virtual void Abandon() = 0;
};

}  // namespace naru::health
