// Holds calls back that name a service which the configuration does not: until it is known whether
// `discovery.default` knows it, or for a little while.
//
// One object per worker. Somebody else, on another thread, asks and comes back with Answer.
#pragma once

#include <boost/intrusive/list.hpp>
#include <coroutine>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "sidecar/call/call.h"
#include "sidecar/net/scheduler.h"

namespace naru::call {

// What came of it.
struct Discovered {
  std::shared_ptr<const Snapshot> snapshot;  // knows the service; nothing: it is not known
  bool exists = true;                        // false: the source is sure that there is no such service
  std::string why_not;                       // a sentence, where there is no snapshot
};

class DiscoverService {
 public:
  // `ask` makes somebody call Answer on this worker's thread soon. May be empty: nothing is asked then.
  DiscoverService(net::Scheduler& scheduler, std::function<void(const std::string& name)> ask);
  ~DiscoverService();

  // `name` is a valid service name. Returns early when the call is cancelled.
  net::Task<Discovered> Find(Call& call, std::string name);

  // This worker's thread.
  void Answer(const std::string& name, const Discovered& answer);

 private:
  class Waiter;
  using Line = boost::intrusive::list<Waiter, boost::intrusive::constant_time_size<false>>;
  static constexpr size_t kMostNames = 256;  // waited for at once; calls that name more are refused

  net::Scheduler& scheduler_;
  const std::function<void(const std::string& name)> ask_;
  absl::flat_hash_map<std::string, std::unique_ptr<Line>> lines_;
};

}  // namespace naru::call
